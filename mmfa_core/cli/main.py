"""Run a command and turn what happens into lines and an exit code.

In: arguments. Out: one JSON line on stdout, or one sentence on stderr. Knows nothing about what
the commands do.

Exit codes: 0 done; 1 something unexpected (with a reference); 2 bad input, in one sentence;
3 a batch that is done, but for cells that can't be made, or a file that verify finds altered;
4 a file that declares nothing to verify;
130 stopped with Ctrl-C, 143 by a request to end; a partial output is removed in both.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType

from mmfa_core.cli.commands import EXIT_CODE
from mmfa_core.cli.output import write_line
from mmfa_core.cli.parser import parse_arguments
from mmfa_core.errors import MMFAError, TooLongError

BAD_INPUT = 2
UNEXPECTED = 1
INTERRUPTED = 130
ENDED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    debug = os.environ.get("MMFA_DEBUG", "") not in ("", "0")
    parsed = argparse.Namespace()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)
    try:
        parsed = parse_arguments(arguments)
        debug = debug or parsed.debug
        done = {"command": parsed.command, **parsed.run(parsed)}
        code = int(done.pop(EXIT_CODE, 0))
        if os.environ.get("RANK", "0") == "0":  # torchrun starts several of us: one speaks
            write_line(done)
    except MMFAError as error:
        return _report(f"{error.message} {_hint(error, parsed)}".strip(), BAD_INPUT, debug=debug)
    except KeyboardInterrupt:
        return _report("Stopped; what was half made was removed.", INTERRUPTED, debug=False)
    except BrokenPipeError:  # the reader of our stdout has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNEXPECTED
    except Exception:  # noqa: BLE001  # the last resort: no person ever sees a traceback
        reference = secrets.token_hex(2).upper()
        sentence = f"Something went wrong (ref {reference}). Run it again with --debug to see what."
        return _report(sentence, UNEXPECTED, debug=debug)
    return code


def _hint(error: MMFAError, asked: argparse.Namespace) -> str:
    """Say what to do next; name the flag too, if this command has one that sets the limit."""
    if isinstance(error, TooLongError) and error.option in asked:
        return f"{error.hint.rstrip('.')}, or raise --{error.option.replace('_', '-')}."
    return error.hint


def _report(sentence: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    sys.stderr.write(sentence + "\n")
    return code


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(ENDED)

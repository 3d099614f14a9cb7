"""Errors made into sentences for people.

In: exceptions of handlers. Out: gr.Error with one sentence and what to do next, never a traceback
or a path. Knows nothing about what failed.
"""

from __future__ import annotations

import functools
import html
import inspect
import logging
import re
import secrets
from collections.abc import Callable, Generator
from typing import Any, ParamSpec, TypeVar, cast

import gradio as gr

from mmfa_core import MMFAError

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("studio")
_FOLDERS = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?[/\\](?:[^\s'\"<>:/\\]+[/\\])+")


def sentence(error: BaseException) -> str:
    """Say what went wrong, and what to do next, without naming a folder of this machine.

    Args:
        error: an MMFAError is told as it is; anything else gets a reference and goes to the log.

    Returns:
        One or two sentences of plain text.
    """
    if isinstance(error, MMFAError):
        return _FOLDERS.sub("", f"{error.message} {error.hint}".strip())
    reference = secrets.token_hex(2).upper()
    _log.error("ref %s: %s", reference, error, exc_info=error)
    return (
        f"Something went wrong (ref {reference}). What you had is kept: try again, and if it "
        "comes back, look for that reference in the log."
    )


def friendly(fn: Callable[P, R]) -> Callable[P, R]:
    """Show errors of a handler as sentences; what is on the screen stays.

    Put it nearest to the handler. A generator stays a generator, so that Cancel closes it.

    Args:
        fn: a plain function or a generator function.

    Returns:
        The same handler, which raises gr.Error and nothing else.
    """
    if inspect.isgeneratorfunction(fn):

        @functools.wraps(fn)
        def steps(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, Any]:
            try:
                return (yield from fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001 - the one place where all end
                raise as_gradio_error(error) from None

        return cast("Callable[P, R]", steps)

    @functools.wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return fn(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the one place where all end
            raise as_gradio_error(error) from None

    return call


def as_gradio_error(error: Exception) -> gr.Error:
    """Turn an exception into what Gradio shows; a gr.Error stays what it is."""
    if isinstance(error, gr.Error):
        return error
    title = "That can't be used" if isinstance(error, MMFAError) else "Sorry"
    text = html.escape(sentence(error), quote=False)
    return gr.Error(text, title=title, print_exception=False)

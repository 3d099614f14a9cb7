"""The command line of the ablations; scripts/ablate starts it.

In: arguments. Out: lines on stderr, one JSON line on stdout, an exit code.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmfa_core.ablation.figures import Limits
from mmfa_core.ablation.run import Plan, run_ablations
from mmfa_core.ablation.table import include, to_markdown
from mmfa_core.ablation.variants import BUDGETS, choose_variants
from mmfa_core.errors import ConfigError, MMFAError
from mmfa_core.evaluation.report import plain
from mmfa_core.evaluation.run import open_tools
from mmfa_core.training.run import read_settings

CONFIG = "ablation"  # of training/configs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ablations from the command line; returns the exit code, as cli/main.py lists them."""
    parser = argparse.ArgumentParser(prog="scripts/ablate", description="Run the ablations.")
    parser.add_argument("--data", type=Path, required=True, help="a corpus with held-out people")
    parser.add_argument("--output", type=Path, required=True, help="folder for runs and table")
    parser.add_argument("--budget", default="short", help=f"one of {', '.join(BUDGETS)}")
    parser.add_argument("--seeds", default="0,1", help="numbers, with commas between")
    parser.add_argument("--only", default="", help="names of variants, with commas between")
    parser.add_argument("--config", default=CONFIG, help="another base than the shipped one")
    parser.add_argument("--document", type=Path, help="put the table between its marks there")
    args = parser.parse_args(arguments)

    def report(line: dict[str, Any]) -> None:
        sys.stderr.write(json.dumps(line) + "\n")

    try:
        plan = Plan(
            data=args.data,
            output=args.output,
            variants=choose_variants(tuple(n for n in args.only.split(",") if n)),
            seeds=_seeds(args.seeds),
            budget=args.budget,
            base=read_settings(args.config),
            limits=Limits(),
            command=_command(args),
        )
        result = run_ablations(plan, report, lambda: open_tools(identity=True))
        if args.document is not None and not result["stopped"]:
            include(args.document, to_markdown(result))
    except MMFAError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; run it again to go on.\n")
        return 130
    sys.stdout.write(json.dumps(plain(result), ensure_ascii=False) + "\n")
    return 130 if result["stopped"] else 0


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError as error:
        raise ConfigError(f"--seeds is {text!r}.", "Give numbers such as 0,1.") from error
    if min(seeds) < 0:
        raise ConfigError(f"--seeds is {text!r}; seeds can't be below 0.", "Give such as 0,1.")
    return seeds


def _command(args: argparse.Namespace) -> str:
    """Write the command down again, with names instead of full paths."""
    words = ["scripts/ablate", "--data", args.data.name, "--output", args.output.name]
    words += ["--budget", args.budget, "--seeds", args.seeds]
    if args.only:
        words += ["--only", args.only]
    if args.config != CONFIG:
        words += ["--config", Path(args.config).name]
    return shlex.join(words)


if __name__ == "__main__":
    sys.exit(main())

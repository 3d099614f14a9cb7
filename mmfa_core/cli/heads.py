"""The command scripts/make_heads: synthetic heads from a seed, and mixtures of corpora.

In: arguments. Out: a folder of shards, progress on stderr, one JSON line on stdout. Knows nothing
about rendering.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from mmfa_core.cli.output import log_reporter, write_line
from mmfa_core.errors import ConfigError, MMFAError
from mmfa_core.synthetic.audit import audit_heads
from mmfa_core.synthetic.folder import Plan, fill_folder, open_folder
from mmfa_core.synthetic.maker import FEWEST_VIEWS, HeadMaker
from mmfa_core.synthetic.mixing import mix_corpora
from mmfa_core.synthetic.sheet import write_sheet

MOST_VIEWS = 64
MOST_PEOPLE = 100_000_000
PROGRESS_EVERY_S = 5.0
BAD_INPUT, INTERRUPTED = 2, 130

Report = Callable[[dict[str, Any]], None]


def make_heads(
    plan: Plan,
    *,
    sheet: Path | None = None,
    audit: bool = False,
    overwrite: bool = False,
    report: Report,
) -> dict[str, Any]:
    """Make people that aren't in the folder yet.

    Args:
        plan: what to make.
        sheet: a JPEG to draw some of them on.
        audit: whether to measure what is in the folder.
        overwrite: whether heads and a sheet that are there are replaced; otherwise heads are gone
            on with.
        report: gets how far it is, every few seconds.

    Returns:
        What the folder holds afterwards.

    Raises:
        ConfigError: for a number out of range.
        ResourceError: when the folder can't be used, or something isn't installed.
    """
    check_plan(plan)
    # Before the folder is touched: what renders may be missing.
    maker = HeadMaker(plan.seed, plan.views, flow=plan.flow)
    with maker:
        facts = open_folder(plan, overwrite=overwrite)
        start = last = time.monotonic()
        counts = {"people": 0, "pictures": 0, "rendered": 0}

        def told(person: dict[str, Any]) -> None:
            nonlocal last
            counts["people"] += 1
            counts["pictures"] += person["pictures"]
            counts["rendered"] += person["rendered"]
            now = time.monotonic()
            if now - last >= PROGRESS_EVERY_S:
                last = now
                report({"person": person["person"], **counts, "seconds": round(now - start, 1)})

        fill_folder(plan, facts, maker, told)
    shards = facts["shards"]
    result = {
        "folder": plan.folder.name,
        "seed": plan.seed,
        "views": plan.views,
        **{key: sum(s[key] for s in shards) for key in ("people", "kept", "pictures", "rendered")},
        "seconds": round(time.monotonic() - start, 1),
    }
    if sheet is not None:
        result["shown"] = write_sheet(plan.folder, sheet, overwrite=overwrite)
    if audit:
        result["audit"] = audit_heads(plan.folder)
    return result


def check_plan(plan: Plan) -> None:
    """Refuse numbers out of range.

    Raises:
        ConfigError: with the number and its range.
    """
    for name, value, least, most in (
        ("people", plan.people, 1, MOST_PEOPLE),
        ("views", plan.views, FEWEST_VIEWS, MOST_VIEWS),
        ("seed", plan.seed, 0, 2**31 - 1),
        ("first", plan.first, 0, MOST_PEOPLE),
    ):
        if not least <= value <= most:
            raise ConfigError(
                f"--{name} is {value}; it must be from {least} to {most}.", "Choose another one."
            )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of scripts/make_heads."""
    parser = argparse.ArgumentParser(prog="scripts/make_heads", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to fill or go on with")
    parser.add_argument("--people", type=int, default=100, help="how many (100)")
    parser.add_argument("--views", type=int, default=8, help="pictures to render of each (8)")
    parser.add_argument("--seed", type=int, default=7, help="of everything (7)")
    parser.add_argument("--first", type=int, default=0, help="number of the first person (0)")
    parser.add_argument("--sheet", type=Path, help="a JPEG to draw 24 of them on")
    parser.add_argument("--audit", action="store_true", help="measure faults of what is there")
    parser.add_argument("--flow", action="store_true", help="store what exact flow follows from")
    parser.add_argument("--overwrite", action="store_true", help="start anew")
    parser.add_argument(
        "--mix",
        type=Path,
        nargs="+",
        metavar="CORPUS",
        help="make no heads: join these corpora in --output by links",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = parse(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)  # people are small: more threads only get in the way
    try:
        if given.mix:
            done = mix_corpora(given.mix, given.output)
        else:
            size = given.views, given.first, given.people
            plan = Plan(given.output, given.seed, *size, flow=given.flow)
            report = log_reporter(wanted=False)
            done = make_heads(
                plan,
                sheet=given.sheet,
                audit=given.audit,
                overwrite=given.overwrite,
                report=report,
            )
    except MMFAError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; who is finished is kept: the same command goes on.\n")
        return INTERRUPTED
    write_line(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())

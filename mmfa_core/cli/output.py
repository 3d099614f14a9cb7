"""What the command line writes: JSON lines on stdout, and JSON files.

In: plain values. Out: lines and files. Knows nothing about commands.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRESS_EVERY_S = 0.2

ReportProgress = Callable[[str, int, int | None], None]  # stage, done, total if it is known


def write_line(values: dict[str, Any]) -> None:
    """Write one JSON line to stdout."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def progress_reporter(*, wanted: bool) -> ReportProgress:
    """Make a callback that writes progress lines, at most a few a second, or does nothing."""
    last: dict[str, float] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if not wanted or (done != total and now - last.get(stage, -1.0) < PROGRESS_EVERY_S):
            return
        last[stage] = now
        write_line({"progress": {"stage": stage, "done": done, "total": total}})

    return report


def log_reporter(*, wanted: bool) -> Callable[[dict[str, Any]], None]:
    """Make a callback for lines of a long run: progress lines if wanted, else to stderr."""

    def report(line: dict[str, Any]) -> None:
        if wanted:
            write_line({"progress": line})
        else:
            sys.stderr.write(json.dumps(line) + "\n")

    return report


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file that appears under its name only when it is complete.

    Raises:
        ResourceError: when it can't be written.
    """
    from mmfa_core.media import replace_text

    replace_text(path, json.dumps(values, indent=1) + "\n")

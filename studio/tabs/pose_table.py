"""The table of keyframes: rows that a person edits, and the Timeline that they say.

In: rows of cells. Out: a Timeline, or one sentence that names the row; and the other way round.
Knows nothing about components.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from mmfa_core import CONTROL_RANGES, EASINGS, Keyframe, MMFAError, MotionEdit, Timeline

Rows = list[list[Any]]

COLUMNS = {
    "yaw_deg": "Turn",
    "pitch_deg": "Nod",
    "roll_deg": "Tilt",
    "scale": "Size",
    "tx": "X",
    "ty": "Y",
    "expression_gain": "Expr",
    "frontalise": "Front",
}
TIME, EASING = "Second", "Easing"
HEADERS = [TIME, *(COLUMNS[name] for name in CONTROL_RANGES), EASING]
WIDTHS: list[str | int] = [76, 58, 54, 54, 56, 50, 50, 60, 66, 120]  # px
DATATYPES: list[Literal["number", "str"]] = ["number" for _ in HEADERS[:-1]]
DATATYPES.append("str")
USUAL_EASING = "ease in-out"
SAME_TIME_S = 0.005  # keyframes nearer than this are one

# Share of the length, and what is changed there.
PRESETS: dict[str, tuple[tuple[float, dict[str, float]], ...]] = {
    "Look around": (
        (0.0, {}),
        (0.3, {"yaw_deg": -15}),
        (0.7, {"yaw_deg": 15}),
        (1.0, {}),
    ),
    "Nod yes": (
        (0.0, {}),
        (0.2, {"pitch_deg": -10}),
        (0.4, {"pitch_deg": 6}),
        (0.6, {"pitch_deg": -10}),
        (0.8, {"pitch_deg": 4}),
        (1.0, {}),
    ),
    "Tilt and come closer": (
        (0.0, {}),
        (0.5, {"roll_deg": 8, "scale": 1.08}),
        (1.0, {}),
    ),
    "Let the expression fade": (
        (0.0, {}),
        (1.0, {"expression_gain": 0}),
    ),
}


def timeline_of(rows: Rows, seconds: float, fps: str, driver_s: float | None = None) -> Timeline:
    """Read the table; rows may stand in any order, empty ones are skipped.

    Args:
        rows: cells as in HEADERS; an empty cell means no change.
        seconds: length of the clip over a still, s.
        fps: its rate, a number or a fraction such as ``30000/1001``.
        driver_s: length of the clip that drives, s, in place of seconds; a keyframe may stand
            after its end.

    Returns:
        The timeline.

    Raises:
        MMFAError: a cell can't be used, or the rows together can't.
    """
    keyframes = []
    for number, row in enumerate(rows, start=1):
        if all(_blank(cell) for cell in row):
            continue
        try:
            keyframes.append(_keyframe(row))
        except MMFAError as error:
            raise MMFAError(f"Keyframe {number}: {error.message}", error.hint) from error
    keyframes.sort(key=lambda key: key.time_s)
    if driver_s is not None:
        seconds = max([driver_s, *(key.time_s for key in keyframes)])
    timeline = Timeline(keyframes=tuple(keyframes), fps=_rate(fps), seconds=seconds)
    timeline.check_reach()
    return timeline


def rows_of(timeline: Timeline) -> Rows:
    """Write a timeline as a table."""
    return [
        [
            _short(key.time_s),
            *(_short(getattr(key.edit, name)) for name in CONTROL_RANGES),
            key.easing,
        ]
        for key in timeline.keyframes
    ]


def with_row(rows: Rows, keyframe: Keyframe) -> Rows:
    """Add a keyframe in order of time, in place of one at the same time."""
    others = without_row(rows, keyframe.time_s)
    added = rows_of(Timeline(keyframes=(keyframe,), seconds=max(keyframe.time_s, 1)))
    return sorted([*others, *added], key=lambda row: _time(row) or 0.0)


def without_row(rows: Rows, time_s: float) -> Rows:
    """Leave out the keyframe at a time, and empty rows."""
    kept = [row for row in rows if not all(_blank(cell) for cell in row)]
    return [row for row in kept if (at := _time(row)) is None or abs(at - time_s) >= SAME_TIME_S]


def preset_rows(name: str, seconds: float) -> Rows:
    """Make the table of one of PRESETS, as long as the clip.

    Raises:
        MMFAError: there is no such preset.
    """
    if name not in PRESETS:
        raise MMFAError(f"There is no movement {name!r}.", f"Choose one of {', '.join(PRESETS)}.")
    keyframes = tuple(
        Keyframe(time_s=round(share * seconds, 2), edit=MotionEdit(**changes), easing=USUAL_EASING)
        for share, changes in PRESETS[name]
    )
    return rows_of(Timeline(keyframes=keyframes, seconds=max(seconds, keyframes[-1].time_s)))


def _keyframe(row: Sequence[Any]) -> Keyframe:
    cells = dict(zip(HEADERS, row, strict=False))
    values = {
        name: _number(cells.get(COLUMNS[name]), COLUMNS[name], limits.neutral)
        for name, limits in CONTROL_RANGES.items()
    }
    easing = cells.get(EASING)
    return Keyframe(
        time_s=_number(cells.get(TIME), "its time", None),
        edit=MotionEdit(**values),
        easing=USUAL_EASING if _blank(easing) else str(easing).strip().lower(),
    )


def _number(cell: Any, what: str, neutral: float | None) -> float:
    if _blank(cell) and neutral is not None:
        return neutral
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise MMFAError(
            f"{what} is {'empty' if _blank(cell) else repr(cell)}, not a number.", "Type a number."
        )
    return value


def _time(row: Sequence[Any]) -> float | None:
    try:
        return float(row[0])
    except (TypeError, ValueError):
        return None


def _rate(fps: Any) -> Any:
    """Take what looks like a plain number as one: the core reads fractions from text."""
    try:
        return float(fps)
    except (TypeError, ValueError):
        return fps


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or str(cell).strip() == ""


def _short(value: float) -> float:
    return round(value, 4)


EASING_NAMES = list(EASINGS)

"""What the numbers of the drive doctor mean for a person, and what would mend it.

In: ClipFacts. Out: Findings. Knows nothing about pictures or files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mmfa_core.inference.clip_facts import ClipFacts

LEVELS = ("warn", "note", "good")

CALM_START = 0.55  # unrest below which a start needs no mend
BETTER_BY = 0.2  # how much calmer another start has to be
TURNED_DEG = 12.0
WIDE_EXPRESSION = 0.35
SMALL_FACE_PX = 90
BLURRED = 0.11
LONG_TRAVEL = 0.45  # face sizes
LARGE_CHANGE = 1.22  # largest over smallest
STRONG_TREMBLE = 1.0  # hundredths of the face's size
SLOW_FPS = 15
SHORT_S = 0.5
LEAST_PART_S = 1.0  # a part that is shorter is not offered
STILL_DEG = 4.0
STILL_EXPRESSION = 0.08
SMOOTHER = 0.4


@dataclass(frozen=True)
class Mend:
    """Hold a change that helps.

    Attributes:
        label: what a button says.
        changes: AnimateOptions and their new values.
    """

    label: str
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """Hold one thing that a person should know about a clip.

    Attributes:
        topic: a word for it, such as ``cuts``.
        level: ``good``, ``note`` (worth a look) or ``warn`` (will spoil the result).
        sentence: for people.
        mend: what would help, or None.
    """

    topic: str
    level: str
    sentence: str
    mend: Mend | None = None


def list_findings(facts: ClipFacts) -> tuple[Finding, ...]:
    """Say what the numbers mean, the most pressing first."""
    checks: tuple[Callable[[ClipFacts], Finding | None], ...] = (
        _length, _cuts, _gaps, _start, _several, _blur, _size, _travel, _tremble, _rate, _still,
        _sound,
    )  # fmt: skip
    found = [finding for check in checks if (finding := check(facts)) is not None]
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))


def _length(facts: ClipFacts) -> Finding | None:
    begin, end = facts.part
    if end - begin > facts.max_seconds:
        upto = begin + facts.max_seconds
        return Finding(
            "length",
            "warn",
            f"{_time(end - begin)} is too long: at most {_time(facts.max_seconds)} can be animated "
            "at once.",
            Mend(f"Use the first {_time(facts.max_seconds)}", {"start_s": begin, "end_s": upto}),
        )
    if end - begin < SHORT_S:
        return Finding("length", "note", f"This is very short: {end - begin:.2f} s.")
    return None


def _cuts(facts: ClipFacts) -> Finding | None:
    if not facts.cuts:
        return None
    begin = facts.part[0]
    edges = [begin, *facts.cuts, begin + facts.looked_s]
    shots = [(b - a, a, b) for a, b in pairwise(edges)]
    length, a, b = max(shots)
    times = _list([_time(cut) for cut in facts.cuts])
    mend = Mend(f"Use the longest shot, {_time(a)} to {_time(b)}", {"start_s": a, "end_s": b})
    return Finding(
        "cuts",
        "warn",
        f"The picture cuts at {times}; the head will jump there.",
        mend if length >= LEAST_PART_S else None,
    )


def _gaps(facts: ClipFacts) -> Finding:
    if not facts.gaps:
        return Finding("face", "good", "The face is found all the time.")
    begin = facts.part[0]
    edges = [begin, *[edge for gap in facts.gaps for edge in gap], begin + facts.looked_s]
    spans = [(b - a, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    length, a, b = max(spans)
    share = f"{max(1, round(100 * (1 - facts.found_share)))} %"
    where = _list([f"{_time(s)} to {_time(e)}" for s, e in facts.gaps])
    return Finding(
        "face",
        "warn" if facts.found_share < 0.9 else "note",
        f"The face is missing in {share} of the frames ({where}); the last motion is held there.",
        Mend(f"Use {_time(a)} to {_time(b)}", {"start_s": a, "end_s": b})
        if length >= LEAST_PART_S
        else None,
    )


def _start(facts: ClipFacts) -> Finding:
    if facts.start_unrest < CALM_START or facts.start_unrest - facts.best_unrest < BETTER_BY:
        return Finding("start", "good", "It starts calm and facing the camera.")
    seen = []
    if abs(facts.start_yaw_deg) > TURNED_DEG:
        seen.append(f"the head turned {abs(facts.start_yaw_deg):.0f} degrees")
    if facts.start_expression > WIDE_EXPRESSION or not seen:
        seen.append("a strong expression")
    sentence = f"It starts with {' and '.join(seen)}; it is calmest at {_time(facts.best_s)}."
    end = facts.part[0] + facts.looked_s
    helps = facts.start_unrest - facts.early_unrest >= BETTER_BY
    if helps and end - facts.early_s >= LEAST_PART_S:
        mend = Mend(f"Start at {_time(facts.early_s)}", {"start_s": round(facts.early_s, 3)})
        return Finding("start", "note", sentence, mend)
    sentence += " In relative mode motion is compared with that frame anyway."
    return Finding("start", "note", sentence)


def _several(facts: ClipFacts) -> Finding | None:
    if facts.faces < 2:
        return None
    if facts.face_index is not None:
        chosen = f"There are {facts.faces} faces; number {facts.face_index} drives."
        return Finding("faces", "note", chosen)
    return Finding(
        "faces",
        "note",
        f"There are {facts.faces} faces; the largest one drives.",
        Mend("Use the next face", {"driving_face_index": 1}),
    )


def _blur(facts: ClipFacts) -> Finding:
    if facts.face_px < SMALL_FACE_PX:
        return Finding(
            "blur",
            "note",
            f"The face is small, about {facts.face_px:.0f} px: fine motion of lips and lids gets "
            "lost. Film it nearer.",
        )
    if facts.sharpness < BLURRED:
        return Finding(
            "blur", "note", "The face is blurred: fine motion of lips and lids gets lost."
        )
    return Finding("blur", "good", "The face is large and sharp enough.")


def _size(facts: ClipFacts) -> Finding | None:
    if facts.size_change < LARGE_CHANGE:
        return None
    return Finding(
        "size",
        "note",
        f"The head comes nearer or goes away: its size changes by "
        f"{100 * (facts.size_change - 1):.0f} %.",
        Mend("Keep the portrait's size", {"gain_scale": 0.0}),
    )


def _travel(facts: ClipFacts) -> Finding | None:
    if facts.head_travel < LONG_TRAVEL:
        return None
    return Finding(
        "travel",
        "note",
        f"The head moves about by {facts.head_travel:.1f} face widths; shoulders can't follow that "
        "far.",
        Mend("Keep the head in its place", {"gain_translation": 0.0}),
    )


def _tremble(facts: ClipFacts) -> Finding | None:
    if facts.tremble < STRONG_TREMBLE:
        return None
    return Finding(
        "tremble",
        "note",
        "The picture trembles, as from a camera in the hand.",
        Mend("Smooth more", {"smoothing": SMOOTHER}),
    )


def _rate(facts: ClipFacts) -> Finding | None:
    if facts.variable_rate:
        return Finding(
            "rate",
            "note",
            f"Its frames are unevenly spaced; they are evened out to {float(facts.fps):.4g} a "
            "second.",
        )
    if facts.fps < SLOW_FPS:
        return Finding(
            "rate",
            "note",
            f"It has only {float(facts.fps):.4g} frames a second and will look choppy.",
        )
    return None


def _still(facts: ClipFacts) -> Finding | None:
    if facts.turn_deg > STILL_DEG or facts.expression_range > STILL_EXPRESSION:
        return None
    return Finding("still", "note", "There is hardly any motion in it.")


def _sound(facts: ClipFacts) -> Finding:
    has = "It has sound, which is kept in step." if facts.has_sound else "It has no sound."
    return Finding("sound", "good", has)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 and seconds == round(seconds) else f"{seconds:.1f} s"


def _list(words: list[str], most: int = 3) -> str:
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

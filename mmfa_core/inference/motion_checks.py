"""What a motion file may hold: every value is checked before it is used.

In: what a stranger's file claims. Out: the same, checked, or one sentence. Knows nothing about how
the file is laid out.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from fractions import Fraction
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import UnreadableError
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack

PARTS: Final = tuple(f.name for f in dataclasses.fields(HeadMotion))
FPS_LIMITS = (Fraction(1, 86_400), Fraction(100_000))  # beyond what a clip's time stamps give
LONGEST_NAME = 100
NOT_IN_NAMES = "<>&\"'`[]\\"  # what pages and their markup read otherwise
# Far beyond what any face does, near enough that no sum overflows.
LIMITS = {"translation": (-10.0, 10.0), "scale": (0.01, 100.0), "expression_code": (-1e3, 1e3)}
SKEW = 1e-2  # how far a rotation may be from an orthonormal one
AGAIN = "Save it again from the clip."


def check_track(name: str, track: MotionTrack) -> None:
    """Check the values of a motion: finite, in their ranges, rotations that turn.

    Raises:
        UnreadableError: the first that isn't.
    """
    for motion in (track.frames, track.candidates):
        for key in PARTS:
            values = getattr(motion, key)
            if not np.isfinite(values).all():
                refuse(name, f"{key} has values that are no finite numbers")
            low, high = LIMITS.get(key, (-1.1, 1.1))
            if values.min() < low or values.max() > high:
                refuse(name, f"{key} has values outside {low:g} to {high:g}")
        square = motion.rotation @ motion.rotation.transpose(0, 2, 1)
        turned = np.linalg.det(motion.rotation) > 0
        if np.abs(square - np.eye(3)).max() > SKEW or not turned.all():
            refuse(name, "rotation has values that are no rotations")
    numbers = track.candidate_frames
    rising = all(a < b for a, b in itertools.pairwise(numbers))
    if not rising or numbers[0] < 0 or numbers[-1] >= len(track):
        refuse(name, f"candidate_frames are not rising numbers below {len(track)}")
    if not track.present.any():
        refuse(name, "there is no face in any frame")


def check_shape(
    name: str,
    key: str,
    values: NDArray[Any],
    kind: str,
    shape: tuple[int, ...],
    most: int | None = None,
) -> None:
    """Check type, shape and number of values of a tensor.

    Raises:
        UnreadableError: it has others.
    """
    if values.dtype != np.dtype(kind) or values.shape != shape:
        refuse(name, f"{key} has another type or shape than it must have")
    if not values.size:
        refuse(name, f"{key} is empty")
    if most is not None and values.size > most:
        refuse(name, f"{key} has {values.size} values; allowed are up to {most}")


def read_fps(name: str, text: Any) -> Fraction:
    """Read a rate that is written as an exact fraction.

    Raises:
        UnreadableError: it is none, or out of range.
    """
    found = isinstance(text, str) and re.fullmatch(r"[0-9]{1,12}(/0*[1-9][0-9]{0,8})?", text)
    low, high = FPS_LIMITS
    if not found or not low <= Fraction(text) <= high:
        refuse(name, f"fps is {show(text)}; allowed are {low} to {high} frames a second")
    return Fraction(text)


def read_word(name: str, key: str, text: Any) -> str:
    """Read the name or hash of a model.

    Raises:
        UnreadableError: it is empty, longer than LONGEST_NAME, or holds what can't be printed or
            is in NOT_IN_NAMES.
    """
    if not isinstance(text, str) or not text.strip() or plain_word(text) != text:
        refuse(name, f"{key} is {show(text)}, which is no name")
    return text


def plain_word(text: str) -> str:
    """Make of what people call a model a name that read_word takes; most stay as they are."""
    kept = (c if c.isprintable() and c not in NOT_IN_NAMES else "_" for c in text[:LONGEST_NAME])
    return "".join(kept) if text.strip() else "unnamed"


def show(value: Any) -> str:
    """Show a value of a stranger, not longer than a person would read."""
    if isinstance(value, dict | list):
        return "a nested value"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def refuse(name: str, reason: str) -> NoReturn:
    """Refuse a motion file for a reason.

    Raises:
        UnreadableError: always.
    """
    raise UnreadableError(f"{name} is not a motion file that can be used: {reason}.", AGAIN)

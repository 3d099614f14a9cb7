"""Edits over time: keyframes, the way from one to the next, and the edit at any moment.

In: keyframes, or their JSON. Out: MotionEdit at a time, and a function that adds it to motions.
Knows nothing about portraits, networks or files.
"""

from __future__ import annotations

import bisect
import dataclasses
import difflib
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mmfa_core.errors import ConfigError
from mmfa_core.inference.editing import edit_motion
from mmfa_core.motion import CONTROL_RANGES, Motion, MotionEdit

VERSION = 1
MOST_KEYFRAMES = 200
LONGEST_S = 600.0
FPS_LIMITS = (1, 120)

# Share of the way to the next keyframe, from the share of the time; each goes from 0 to 1.
EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda u: u,
    "ease in": lambda u: u * u,  # starts slowly
    "ease out": lambda u: u * (2 - u),  # ends slowly
    "ease in-out": lambda u: u * u * (3 - 2 * u),  # both
    "hold": lambda u: 0.0,  # jumps at the next keyframe
}


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """Say what a head should look like at a moment, and how it goes on from there.

    Attributes:
        time_s: seconds from the start of the clip, 0 to LONGEST_S.
        edit: the change at that moment.
        easing: one of EASINGS, from this keyframe to the next.

    Raises:
        ConfigError: for a time out of range or an unknown easing.
    """

    time_s: float
    edit: MotionEdit = field(default_factory=MotionEdit)
    easing: str = "ease in-out"

    def __post_init__(self) -> None:
        """Check time and easing."""
        if not _is_number(self.time_s) or not 0 <= self.time_s <= LONGEST_S:
            raise ConfigError(
                f"A keyframe is at {self.time_s!r} s; allowed are 0 to {LONGEST_S:g} s.",
                "Give it a time in that range.",
            )
        if self.easing not in tuple(EASINGS):  # compared, as a list from JSON can't be hashed
            raise ConfigError(
                f"easing is {self.easing!r}, not one of {', '.join(EASINGS)}.",
                f"Did you mean {_nearest(str(self.easing), EASINGS)!r}?",
            )


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Hold keyframes in order of time; before the first and after the last, values stay.

    Over a driving clip only the keyframes count: rate and length are the clip's own.

    Attributes:
        keyframes: 1 to MOST_KEYFRAMES, times rising.
        fps: frames a second of a clip over a still, exact, 1 to 120.
        seconds: its length, > 0, at most LONGEST_S.

    Raises:
        ConfigError: when one of these doesn't hold.
    """

    keyframes: tuple[Keyframe, ...]
    fps: Fraction = Fraction(25)
    seconds: float = 3.0

    def __post_init__(self) -> None:
        """Check the keyframes together, the rate and the length."""
        if not 1 <= len(self.keyframes) <= MOST_KEYFRAMES:
            raise ConfigError(
                f"The timeline has {len(self.keyframes)} keyframes; allowed are 1 to "
                f"{MOST_KEYFRAMES}.",
                "Set the sliders and add a keyframe."
                if not self.keyframes
                else "Remove some of them.",
            )
        object.__setattr__(self, "fps", _rate(self.fps))
        if not _is_number(self.seconds) or not 0 < self.seconds <= LONGEST_S:
            raise ConfigError(
                f"The clip would be {self.seconds!r} s long; allowed are above 0 to "
                f"{LONGEST_S:g} s.",
                "Choose a length in that range.",
            )
        times = [key.time_s for key in self.keyframes]
        for earlier, later in itertools.pairwise(times):
            if later <= earlier:
                what = "Two keyframes are" if later == earlier else "A keyframe is out of order"
                raise ConfigError(
                    f"{what} at {later:g} s; their times must rise.",
                    "Give each its own time, in order.",
                )

    def check_reach(self) -> None:
        """Refuse keyframes beyond the end of a clip over a still; a driver brings its own length.

        Raises:
            ConfigError: the last keyframe lies after ``seconds``.
        """
        last = self.keyframes[-1].time_s
        if last > self.seconds:
            raise ConfigError(
                f"The last keyframe is at {last:g} s, but the clip is {self.seconds:g} s long.",
                "Make the clip longer, or move the keyframe.",
            )

    @property
    def frames(self) -> int:
        """Return how many frames a clip over a still has; at least one."""
        return max(1, round(self.seconds * self.fps))

    def at(self, time_s: float) -> MotionEdit:
        """Return the edit at a moment; exactly a keyframe's own at its time.

        Equation: v = v_a + e(u) (v_b - v_a) with u = (t - t_a) / (t_b - t_a) and a's easing e.
        """
        times = [key.time_s for key in self.keyframes]
        after = bisect.bisect_right(times, time_s)
        if after == 0:
            return self.keyframes[0].edit
        start = self.keyframes[after - 1]
        if after == len(times) or time_s == start.time_s:
            return start.edit
        end = self.keyframes[after]
        share = EASINGS[start.easing]((time_s - start.time_s) / (end.time_s - start.time_s))
        return _between(start.edit, end.edit, share)

    def edits(self, fps: Fraction | None = None) -> Callable[[Motion], Motion]:
        """Make a function that adds the edit of each frame to the motions of a clip, in order.

        Args:
            fps: rate of that clip; None takes the timeline's own.

        Returns:
            A function from the next few motions, batch B, to the edited ones; it counts.
        """
        rate = self.fps if fps is None else fps
        shown = 0

        def adjust(motion: Motion) -> Motion:
            nonlocal shown
            edited = []
            for row in range(len(motion)):
                edited.append(edit_motion(motion[row : row + 1], self.at(float(shown / rate))))
                shown += 1
            return Motion.cat(edited)

        return adjust

    def with_keyframe(self, keyframe: Keyframe) -> Timeline:
        """Add a keyframe, in place of one at the same time if there is one."""
        others = [key for key in self.keyframes if key.time_s != keyframe.time_s]
        ordered = sorted([*others, keyframe], key=lambda key: key.time_s)
        return dataclasses.replace(self, keyframes=tuple(ordered))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the rate as an exact fraction, edits without neutral values."""
        return {
            "version": VERSION,
            "fps": str(self.fps),
            "seconds": self.seconds,
            "keyframes": [
                {"time_s": key.time_s, "easing": key.easing, "edit": _changes(key.edit)}
                for key in self.keyframes
            ],
        }

    @classmethod
    def from_json(cls, values: Any) -> Timeline:
        """Read what to_json gave, strictly.

        Args:
            values: an object with ``keyframes`` and, unless their defaults are meant, ``version``,
                ``fps`` (a number or a fraction such as "30000/1001") and ``seconds``.

        Raises:
            ConfigError: for unknown keys (with the nearest valid one) and values of a wrong kind
                or out of range.
        """
        _check_keys(values, ("keyframes",), ("version", "fps", "seconds"), "timeline")
        if values.get("version", VERSION) != VERSION:
            raise ConfigError(
                f"The timeline is of version {values['version']!r}; this program reads {VERSION}.",
                "Make it again, or update the program.",
            )
        if not isinstance(values["keyframes"], list):
            raise ConfigError("keyframes is not a list.", "Give a list of keyframes.")
        given = {name: values[name] for name in ("fps", "seconds") if name in values}
        return cls(keyframes=tuple(_keyframe(v) for v in values["keyframes"]), **given)


def _keyframe(values: Any) -> Keyframe:
    _check_keys(values, ("time_s",), ("easing", "edit"), "keyframe")
    edit = values.get("edit", {})
    _check_keys(edit, (), tuple(CONTROL_RANGES), "edit of a keyframe")
    for name, value in edit.items():
        if not _is_number(value):
            raise ConfigError(f"{name} is {value!r}, not a number.", "Give a number.")
    given = {name: values[name] for name in ("easing",) if name in values}
    return Keyframe(time_s=values["time_s"], edit=MotionEdit(**edit), **given)


def _between(start: MotionEdit, end: MotionEdit, share: float) -> MotionEdit:
    """Mix two edits; never outside of the two, whatever rounding does."""
    mixed = {}
    for name in CONTROL_RANGES:
        a, b = getattr(start, name), getattr(end, name)
        mixed[name] = min(max(a + share * (b - a), min(a, b)), max(a, b))
    return MotionEdit(**mixed)


def _changes(edit: MotionEdit) -> dict[str, float]:
    values = {name: getattr(edit, name) for name in CONTROL_RANGES}
    return {name: v for name, v in values.items() if v != CONTROL_RANGES[name].neutral}


def _rate(value: Any) -> Fraction:
    low, high = FPS_LIMITS
    rate = Fraction(0)
    if isinstance(value, Fraction):
        rate = value
    elif _is_number(value) and low <= value <= high:
        rate = Fraction(value).limit_denominator(1001)
    elif isinstance(value, str) and re.fullmatch(r"\d{1,9}(/0*[1-9]\d{0,8})?", value):
        rate = Fraction(value)
    if not low <= rate <= high:
        raise ConfigError(
            f"fps is {value if isinstance(value, Fraction) else repr(value)}; allowed are {low} to "
            f"{high} frames a second.",
            "Choose a rate in that range, such as 25.",
        )
    return rate


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_keys(values: Any, needed: tuple[str, ...], others: tuple[str, ...], what: str) -> None:
    if not isinstance(values, dict):
        raise ConfigError(f"The {what} is not a JSON object.", "Give names and values.")
    known = (*needed, *others)
    for key in values:
        if key not in known:
            raise ConfigError(
                f"The {what} has an unknown key {key!r}.", f"Did you mean {_nearest(key, known)!r}?"
            )
    for key in needed:
        if key not in values:
            raise ConfigError(f"The {what} has no {key}.", "Add it.")


def _nearest(word: str, known: Any) -> str:
    return str(difflib.get_close_matches(word, list(known), n=1, cutoff=0.0)[0])

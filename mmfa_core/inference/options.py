"""What a person can choose about an animation.

In: keywords. Out: AnimateOptions, or a ConfigError that names every problem at once.
Knows nothing about models or media.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmfa_core.errors import ConfigError

MODES = ("relative", "absolute")
PARTS = ("rotation", "translation", "scale", "expression")
EXPRESSION_SPACES = ("code", "offsets")
GAIN_LIMITS = (0.0, 2.0)
SIZE_LIMITS_PX = (64, 2048)


@dataclass(frozen=True, kw_only=True)
class AnimateOptions:
    """Choose how a portrait follows a clip (method.md section 6).

    A part with gain 0, or left out of ``parts``, stays the portrait's own.

    Raises:
        ConfigError: when a value is outside its range.
    """

    mode: str = "relative"  # relative: add the clip's changes; absolute: take its pose as it is
    parts: tuple[str, ...] = PARTS  # what the clip moves; the others are locked
    gain_rotation: float = 1.0  # factor 0..2 on the turn
    gain_translation: float = 1.0  # factor 0..2 on the shift
    gain_scale: float = 1.0  # factor 0..2 on the (logarithmic) growth
    gain_expression: float = 1.0  # factor 0..2 on the expression
    expression_space: str = "offsets"  # add expressions as offsets delta, or as codes z
    copy_scale: bool = False  # absolute mode: the clip's head size, not only its changes
    copy_translation: bool = False  # absolute mode: the clip's head place, not only its changes
    smoothing: float = 0.1  # one-euro filter, 0 (off) to 1 (strong)
    best_frame: bool = True  # start from the frame most like the portrait, not from the first
    face_index: int | None = None  # which face of the portrait, 0 = largest; None = 0, with a note
    driving_face_index: int | None = None  # the same for the face in the clip
    crop: tuple[float, float, float] | None = None  # portrait: x0, y0, side in px, by hand
    paste_back: bool = False  # put the moving face back into the whole portrait
    size_px: int | None = None  # side of the written face crops, 64..2048; None = the model's
    start_s: float = 0.0  # where the part of the clip that drives begins, s, >= 0
    end_s: float | None = None  # where it ends, s, > start_s; None = the clip's end
    max_seconds: float = 60.0  # longest part that drives, s, > 0
    overwrite: bool = False  # replace an output that is already there
    badge: bool = True  # lay a small visible badge over the frames that are written

    def __post_init__(self) -> None:
        """Raise one ConfigError that lists every value out of range."""
        gains = {part: getattr(self, f"gain_{part}") for part in PARTS}
        low, high = GAIN_LIMITS
        checks = [
            (self.mode in MODES, f"mode is {self.mode!r}, not one of {', '.join(MODES)}"),
            (
                set(self.parts) <= set(PARTS),
                f"parts are {', '.join(self.parts)}; known are {', '.join(PARTS)}",
            ),
            *(
                (low <= gain <= high, f"gain_{part} is {gain:g}, allowed are {low:g} to {high:g}")
                for part, gain in gains.items()
            ),
            (
                self.expression_space in EXPRESSION_SPACES,
                f"expression_space is {self.expression_space!r}, not one of "
                f"{', '.join(EXPRESSION_SPACES)}",
            ),
            (
                0 <= self.smoothing <= 1,
                f"smoothing is {self.smoothing:g}, allowed are 0 to 1",
            ),
            *(
                (index is None or index >= 0, f"{name} is {index}, it must not be negative")
                for name, index in (
                    ("face_index", self.face_index),
                    ("driving_face_index", self.driving_face_index),
                )
            ),
            (
                self.size_px is None
                or (
                    SIZE_LIMITS_PX[0] <= self.size_px <= SIZE_LIMITS_PX[1] and not self.size_px % 2
                ),
                f"size_px is {self.size_px}, allowed are even numbers from {SIZE_LIMITS_PX[0]} to "
                f"{SIZE_LIMITS_PX[1]}",
            ),
            (
                0 <= self.start_s < math.inf,
                f"start_s is {self.start_s:g}, it must not be negative, nor infinite",
            ),
            (
                self.end_s is None or self.start_s < self.end_s < math.inf,
                f"end_s is {self.end_s}, it must be above start_s, which is {self.start_s:g}, and "
                "not infinite",
            ),
            (self.max_seconds > 0, f"max_seconds is {self.max_seconds:g}, it must be above 0"),
        ]
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise ConfigError(f"An option can't be used: {'; '.join(problems)}.", "Correct it.")

    def gain(self, part: str) -> float:
        """Return the factor of one of PARTS, 0 when it is locked."""
        gain: float = getattr(self, f"gain_{part}") if part in self.parts else 0.0
        return gain

    def changed(self, **changes: Any) -> AnimateOptions:
        """Copy with some options changed.

        Raises:
            ConfigError: for an unknown option (with the nearest valid one) or a bad value.
        """
        names = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
                raise ConfigError(f"There is no option {name!r}.", f"Did you mean {near!r}?")
        return dataclasses.replace(self, **changes)


def build_options(options: AnimateOptions | None, changes: Mapping[str, Any]) -> AnimateOptions:
    """Take the given options, or the usual ones, with some changed; errors as for changed."""
    return (options or AnimateOptions()).changed(**changes)

"""What an animation reports about itself.

In: counts, times and notes. Out: AnimateResult, RenderUpdate and plain JSON values.
Knows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmfa_core.media import Frame


@dataclass(frozen=True, eq=False, kw_only=True)
class AnimateResult:
    """Tell what was done.

    Attributes:
        output: the file that was written, or None.
        frames_in: frames read from the driver.
        frames_out: frames made.
        fps_in: exact rate of the driver, frames a second; 0 for a picture.
        fps_out: exact rate of the output.
        seconds: by stage; stages run side by side, so that they may exceed ``total``.
        model_id: what people call the model.
        model_hash: short hash of its weights.
        reference_frame: number of the driving frame that motion was compared with, counted from
            the start of the part that drives.
        notes: what a person should know, such as spans without a face.
        signed: whether every file holds a signed manifest of how it was made; False without files.
        frames: the frames, if there was no output to write them to.
    """

    output: Path | None
    frames_in: int
    frames_out: int
    fps_in: Fraction
    fps_out: Fraction
    seconds: dict[str, float]
    model_id: str
    model_hash: str
    reference_frame: int
    notes: tuple[str, ...]
    signed: bool = False
    frames: tuple[Frame, ...] = field(default=(), repr=False)

    @property
    def speed_fps(self) -> float:
        """Return frames made a second, end to end, without the loading of the model."""
        return self.frames_out / max(self.seconds["total"], 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the frames as plain JSON values; rates as exact fractions."""
        return {
            "output": None if self.output is None else str(self.output),
            "frames": self.frames_out,
            "frames_in": self.frames_in,
            "fps_in": str(self.fps_in),
            "fps_out": str(self.fps_out),
            "speed_fps": round(self.speed_fps, 2),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "model_id": self.model_id,
            "model_hash": self.model_hash,
            "reference_frame": self.reference_frame,
            "signed": self.signed,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class RenderUpdate:
    """Tell how far an animation is.

    Attributes:
        stage: ``survey`` (the clip is looked through), ``render`` (or ``motion``, when only its
            motion is saved), or ``done``.
        done: frames of this stage that are finished.
        total: frames of this stage, if that is known.
        seconds_left: estimate for the whole, s, or None while there is nothing to go by.
        chunk: a finished mp4 that plays on its own: the frames since the chunk before.
        frame: the frame that was just made.
        result: what was done; only in the last update.
    """

    stage: str
    done: int
    total: int | None
    seconds_left: float | None = None
    chunk: Path | None = None
    frame: Frame | None = field(default=None, repr=False)
    result: AnimateResult | None = None

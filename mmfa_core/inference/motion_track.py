"""The motion of a clip without its pictures: what a motion file holds.

In: arrays. Out: MotionTrack, and batches of Motion. Knows nothing about files or clips.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.inference.engine import Engine
from mmfa_core.inference.render import BATCH
from mmfa_core.motion import Motion

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadMotion:
    """Hold what a head does in N frames; all float32.

    Attributes:
        rotation: (N, 3, 3), acts on column vectors, see geometry.rotation_from_pose.
        translation: (N, 2), normalised picture coordinates of the rigid centre.
        scale: (N, 1), size of the head, > 0, neutral 1.
        expression_code: (N, Z), in the code space of one model.
    """

    rotation: Numbers
    translation: Numbers
    scale: Numbers
    expression_code: Numbers

    def __len__(self) -> int:
        """Return N."""
        return len(self.scale)

    def __getitem__(self, rows: slice | list[int]) -> HeadMotion:
        """Take some of the frames."""
        return HeadMotion(**{f.name: getattr(self, f.name)[rows] for f in dataclasses.fields(self)})

    def to_motion(self, engine: Engine) -> Motion:
        """Give the frames their offsets; call it within computing().

        The offsets are decoded a batch at a time, as they were when the frames were estimated, so
        that they are the same to the last bit.
        """
        parts = [self[i : i + BATCH]._decoded(engine) for i in range(0, len(self), BATCH)]
        return parts[0] if len(parts) == 1 else Motion.cat(parts)

    def _decoded(self, engine: Engine) -> Motion:
        rotation, translation, scale, code = (
            torch.from_numpy(np.ascontiguousarray(getattr(self, f.name))).to(engine.device)
            for f in dataclasses.fields(self)
        )
        return Motion(rotation, translation, scale, code, engine.decode_as_estimated(code))

    @staticmethod
    def of(motion: Motion) -> HeadMotion:
        """Take a motion's numbers, without its offsets: they follow from the code."""
        names = [f.name for f in dataclasses.fields(HeadMotion)]
        return HeadMotion(**{name: _array(getattr(motion, name)) for name in names})

    @staticmethod
    def cat(parts: list[HeadMotion]) -> HeadMotion:
        """Join one after the other."""
        names = [f.name for f in dataclasses.fields(HeadMotion)]
        return HeadMotion(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


@dataclass(frozen=True, eq=False, kw_only=True)
class MotionTrack:
    """Hold the motion of a whole clip: nothing of its pictures, its sound or its name.

    Attributes:
        fps: frames a second, exact.
        present: (T,), whether the face was there; where not, the motion before it is held.
        frames: of the T frames.
        candidates: of the C frames that may become the reference. They were estimated from
            smaller pictures, so they are kept beside the frames: with them a portrait starts
            from the same reference as with the clip itself.
        candidate_frames: their numbers, rising.
        model_id: what people call the model that estimated the motion.
        model_hash: short hash of its weights: expression codes mean something to it alone.
    """

    fps: Fraction
    present: NDArray[np.bool_]
    frames: HeadMotion
    candidates: HeadMotion
    candidate_frames: tuple[int, ...]
    model_id: str
    model_hash: str

    def __len__(self) -> int:
        """Return T."""
        return len(self.present)

    @property
    def duration_s(self) -> float:
        """Return the length, s."""
        return float(len(self) / self.fps)

    def part(self, first: int, count: int) -> MotionTrack:
        """Take ``count`` frames from number ``first`` on.

        Without a candidate among them the first with a face takes its place; without any face
        there is no candidate left.
        """
        numbers = range(first, first + count)
        kept = [n for n, frame in enumerate(self.candidate_frames) if frame in numbers]
        present = self.present[first : first + count]
        frames = self.frames[first : first + count]
        seen = np.flatnonzero(present)[:1].tolist()
        return dataclasses.replace(
            self,
            present=present,
            frames=frames,
            candidates=self.candidates[kept] if kept else frames[seen],
            candidate_frames=tuple(self.candidate_frames[n] - first for n in kept) or tuple(seen),
        )

    def without_expression(self, code_length: int) -> MotionTrack:
        """Forget the expression codes: every frame gets a code of zeros, Z numbers."""

        def forget(motion: HeadMotion) -> HeadMotion:
            zeros = np.zeros((len(motion), code_length), np.float32)
            return dataclasses.replace(motion, expression_code=zeros)

        return dataclasses.replace(
            self, frames=forget(self.frames), candidates=forget(self.candidates)
        )


def _array(values: Tensor) -> Numbers:
    return np.asarray(values.float().cpu().numpy(), np.float32)

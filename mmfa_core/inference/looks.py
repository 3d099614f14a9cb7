"""What the drive doctor sees from frame to frame: new shots, and how the face moves.

In: frames and followed faces. Out: numbers. Knows nothing about what they mean for a person.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import Face, FaceTrack
from mmfa_core.media import Frame

SHOT_SIDE_PX = 24  # frames are compared at this size to find cuts
CUT_STEP = 22.0  # mean change of a pixel, of 255, from which it may be a cut
CUT_FACTOR = 4.0  # and how much more than the usual change that has to be
TURN_UNIT_DEG = 30.0  # a turn that is as bad for a start as a wide open mouth
# How much each part of an expression counts against a calm start.
CALM = {
    "jawOpen": 1.0,
    "mouthSmileLeft": 0.5,
    "mouthSmileRight": 0.5,
    "mouthPucker": 0.3,
    "mouthFunnel": 0.5,
    "eyeBlinkLeft": 0.4,
    "eyeBlinkRight": 0.4,
    "browInnerUp": 0.2,
}


class ShotChanges:
    """Measure how much the picture changes from frame to frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._steps: list[float] = [0.0]

    def watch(self, frames: Iterable[Frame]) -> Generator[Frame]:
        """Pass frames on and compare each with the one before."""
        for frame in frames:
            small = _small(frame)
            if self._last is not None:
                self._steps.append(float(np.abs(small - self._last).mean()))
            self._last = small
            yield frame

    def cuts(self) -> list[int]:
        """List the frames that begin a new shot."""
        steps = np.array(self._steps)
        usual = float(np.median(steps))
        return [
            number
            for number, step in enumerate(steps)
            if step > max(CUT_STEP, CUT_FACTOR * usual)
            and step
            >= 1.5 * max([*steps[max(0, number - 2) : number], *steps[number + 1 : number + 3]])
        ]


def _small(frame: Frame) -> NDArray[np.float32]:
    """Average blocks of a frame: about (24, 24, 3)."""
    height, width = (max(1, side // SHOT_SIDE_PX) for side in frame.shape[:2])
    rows, columns = frame.shape[0] // height, frame.shape[1] // width
    # Two lines of every block are enough, and cost less than all of them.
    picked = frame[: rows * height, : columns * width]
    blocks = picked.reshape(rows, height, columns, width, 3)[:, :: max(1, height // 2)]
    small: NDArray[np.float32] = blocks.mean((1, 3), dtype=np.float32)
    return small


@dataclass(frozen=True, eq=False)
class Looks:
    """Hold the looks that found the face.

    Attributes:
        numbers: of their frames.
        faces: what was found.
        expression: (N,), 0 calm to about 1.
        unrest: (N,), expression and turn together.
    """

    numbers: list[int]
    faces: list[Face]
    expression: NDArray[np.float64]
    unrest: NDArray[np.float64]

    @staticmethod
    def of(track: FaceTrack) -> Looks:
        """Take the looks of a track that found the face."""
        pairs = zip(track.frame_numbers, track.faces, strict=True)
        found = [(number, face) for number, face in pairs if face is not None]
        faces = [face for _, face in found]
        expression = np.array(
            [sum(w * face.blendshape(name) for name, w in CALM.items()) for face in faces]
        )
        turns = np.array([np.hypot(f.pose.yaw_deg, f.pose.roll_deg / 2) for f in faces])
        unrest = expression + turns / TURN_UNIT_DEG
        return Looks([number for number, _ in found], faces, expression, unrest)

    def calmest(self, within: float = 1.0) -> int:
        """Find the look with the least unrest in the first part of the clip."""
        last = self.numbers[0] + within * (self.numbers[-1] - self.numbers[0])
        count = sum(number <= last for number in self.numbers)
        return int(self.unrest[: max(1, count)].argmin())

    @property
    def face_px(self) -> float:
        """Return the usual size of the face, px."""
        return float(np.median([face.box.side for face in self.faces]))

    def travel(self) -> float:
        """Measure how far the head goes from its usual place and back, in face sizes."""
        middles = np.array([face.box.centre for face in self.faces])
        low, high = np.percentile(middles, (5, 95), axis=0)
        return float(np.hypot(*(high - low))) / self.face_px

    def size_change(self) -> float:
        """Measure the largest size over the smallest, 1 for a head that stays."""
        # Width and height together: the jaw changes one and a turn the other.
        sizes = [np.sqrt((f.box.x1 - f.box.x0) * (f.box.y1 - f.box.y0)) for f in self.faces]
        low, high = np.percentile(sizes, (5, 95))
        return float(high / low)

    def turn_deg(self) -> float:
        """Measure how far the head turns, degrees."""
        angles = np.array([(f.pose.yaw_deg, f.pose.pitch_deg, f.pose.roll_deg) for f in self.faces])
        return float(np.ptp(angles, axis=0).max())

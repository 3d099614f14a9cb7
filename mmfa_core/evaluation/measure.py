"""Measure faces in frames with the landmarker, and compare them with the driver's.

In: frames. Out: Measured, and columns for a FrameTable.
Knows nothing about models; the landmarker is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmfa_core.evaluation import signals
from mmfa_core.evaluation.efflite import EffLite0
from mmfa_core.evaluation.identity import Describe
from mmfa_core.evaluation.table import ASKED

Floats = NDArray[np.float32]
Frames = NDArray[np.uint8]
Progress = Callable[[str, int, int | None], None]  # what is being done, how many, of how many
ANGLES = ("yaw", "pitch", "roll")


class SeenFace(Protocol):
    """What is read of a face; face.Face has it."""

    @property
    def landmarks(self) -> Floats:
        """Return (478, 3), px."""

    @property
    def blendshapes(self) -> Floats:
        """Return (52,)."""

    @property
    def pose(self) -> tuple[float, float, float]:
        """Return yaw, pitch, roll, degrees."""


Detect = Callable[[Frames], SeenFace | None]  # a frame (H, W, 3) uint8 to the face in its middle


@dataclass(frozen=True)
class Tools:
    """Hold what measures outputs, loaded once.

    Attributes:
        detect: the landmarker, on a picture that is a face crop.
        efflite: features for the EffLite0 distance.
        describe: identity descriptors; None when dlib is not installed.
    """

    detect: Detect
    efflite: EffLite0
    describe: Describe | None


@dataclass(frozen=True)
class Measured:
    """Hold what the landmarker sees; a frame without a face is NaN everywhere.

    Attributes:
        landmarks: (n, 478, 3), px.
        blendshapes: (n, 52).
        pose_deg: (n, 3), yaw, pitch, roll.
    """

    landmarks: Floats
    blendshapes: Floats
    pose_deg: Floats

    @property
    def found(self) -> NDArray[np.bool_]:
        """Say where a face was found, (n,)."""
        return np.isfinite(self.pose_deg[:, 0])

    def __getitem__(self, rows: Sequence[int] | slice) -> Measured:
        """Take some of the frames."""
        return Measured(self.landmarks[rows], self.blendshapes[rows], self.pose_deg[rows])

    def repeat(self, count: int) -> Measured:
        """Repeat one measured frame."""
        return self[[0] * count]

    def only_where(self, known: NDArray[np.bool_]) -> Measured:
        """Take for missing what was measured where ``known`` (n,) is False."""
        parts = self.landmarks, self.blendshapes, self.pose_deg
        return Measured(
            *(np.where(known.reshape(-1, *[1] * (part.ndim - 1)), part, np.nan) for part in parts)
        )


def measure_faces(detect: Detect, frames: Frames) -> Measured:
    """Run the landmarker on frames (n, H, W, 3)."""
    landmarks = np.full((len(frames), 478, 3), np.nan, np.float32)
    blendshapes = np.full((len(frames), 52), np.nan, np.float32)
    pose_deg = np.full((len(frames), 3), np.nan, np.float32)
    for row, frame in enumerate(frames):
        face = detect(np.ascontiguousarray(frame))
        if face is not None:
            landmarks[row] = face.landmarks
            blendshapes[row] = face.blendshapes
            pose_deg[row] = face.pose
    return Measured(landmarks, blendshapes, pose_deg)


def motion_columns(output: Measured, driver: Measured) -> dict[str, NDArray[np.float64]]:
    """List what should follow the driver, each beside what was asked.

    Args:
        output: n frames.
        driver: the n frames that drove them.

    Returns:
        yaw, pitch, roll (degrees), lip_gap, eye_gap, jawOpen, smile, blink; (n,) each.
    """
    columns: dict[str, NDArray[np.float64]] = {}
    for suffix, measured in (("", output), (ASKED, driver)):
        for axis, name in enumerate(ANGLES):
            columns[name + suffix] = measured.pose_deg[:, axis].astype(np.float64)
        columns["lip_gap" + suffix] = signals.lip_gap(measured.landmarks)
        columns["eye_gap" + suffix] = signals.eye_gap(measured.landmarks)
        for name, values in signals.group_blendshapes(measured.blendshapes).items():
            columns[name + suffix] = values
    return columns


def error_columns(output: Measured, driver: Measured) -> dict[str, NDArray[np.float64]]:
    """Measure how far outputs are from the driver.

    Returns:
        expression_error (mean absolute difference of blendshapes), pose_error_deg (mean of yaw,
        pitch and roll), found (1 or 0 where the driver's face is found); (n,) each.
    """
    expression = np.abs(output.blendshapes - driver.blendshapes).astype(np.float64).mean(1)
    turn = np.abs(output.pose_deg - driver.pose_deg).astype(np.float64)
    turn = np.minimum(turn, 360 - turn)
    found = np.where(driver.found, output.found, np.nan)
    return {"expression_error": expression, "pose_error_deg": turn.mean(1), "found": found}


def describe_some(
    describe: Describe, frames: Frames, measured: Measured, rows: Sequence[int]
) -> Floats:
    """Describe the identity in a few frames, NaN (n, 128) for the others."""
    descriptors = np.full((len(frames), 128), np.nan, np.float32)
    for row in rows:
        descriptors[row] = describe(frames[row], measured.landmarks[row])
    return descriptors

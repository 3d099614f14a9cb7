"""Faces as values, and the choice among several.

In: landmarks, blendshapes and head-pose matrices. Out: `Face`. Knows nothing about how a face is
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import NoFaceError

Floats = NDArray[np.float32]

# The order of `Face.blendshapes`. Left and right are the person's own.
BLENDSHAPE_NAMES = tuple(
    """_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
    cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight
    eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight
    eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
    mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel
    mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker
    mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft
    mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight
    noseSneerLeft noseSneerRight""".split()  # noqa: SIM905 (a list of 52 strings is no clearer)
)


class FacePose(NamedTuple):
    """Hold a head's rotation in degrees.

    Convention:
        yaw + turns the face to the picture's right, pitch + lifts it, roll + tilts its top to the
        picture's left (counter-clockwise on screen).
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True)
class FaceBox:
    """Hold the box round a face's landmarks, in px of the picture, x right and y down."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def side(self) -> float:
        """The larger of width and height, in px."""
        return max(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, (x, y) in px."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def distance(self, other: FaceBox) -> float:
        """Measure the way between two middles, in sizes of the larger face."""
        (ax, ay), (bx, by) = self.centre, other.centre
        return float(np.hypot(ax - bx, ay - by)) / max(self.side, other.side, 1e-6)


@dataclass(frozen=True, eq=False)
class Face:
    """Hold a face that was found.

    Attributes:
        box: box round the landmarks, px.
        landmarks: (478, 3) x, y in px of the picture and z in the same scale, smaller is nearer.
        blendshapes: (52,) in [0, 1], in the order of `BLENDSHAPE_NAMES`.
        pose: rotation of the head, seen from a camera in front of the face's own crop.
        matrix: (4, 4) head pose: x right, y up, z to the viewer, in cm.
    """

    box: FaceBox
    landmarks: Floats
    blendshapes: Floats
    pose: FacePose
    matrix: Floats

    def blendshape(self, name: str) -> float:
        """Look up one blendshape by its name, such as jawOpen."""
        return float(self.blendshapes[BLENDSHAPE_NAMES.index(name)])


def compose_face(landmarks: Floats, blendshapes: Floats, matrix: Floats) -> Face:
    """Put a face together, working out its box and pose.

    Args:
        landmarks: (478, 3) px.
        blendshapes: (52,) in [0, 1].
        matrix: (4, 4) head pose.

    Returns:
        The face.
    """
    (x0, y0), (x1, y1) = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    box = FaceBox(float(x0), float(y0), float(x1), float(y1))
    return Face(box, landmarks, blendshapes, pose_of(matrix), matrix)


def pose_of(matrix: Floats) -> FacePose:
    """Read yaw, pitch and roll from a head-pose matrix.

    Equation: R = Ry(yaw) Rx(-pitch) Rz(roll).

    Args:
        matrix: (4, 4) or (3, 3), x right, y up, z to the viewer; a scale is allowed.

    Returns:
        The rotation in degrees.
    """
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return FacePose(
        yaw_deg=float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2]))),
        pitch_deg=float(np.degrees(np.arcsin(np.clip(rotation[1, 2], -1, 1)))),
        roll_deg=float(np.degrees(np.arctan2(rotation[1, 0], rotation[1, 1]))),
    )


def choose_face(
    faces: Sequence[Face], index: int | None = None, what: str = "the portrait"
) -> tuple[Face, str | None]:
    """Choose one face: the one asked for, or else the largest.

    Args:
        faces: faces, largest first.
        index: 0 for the largest, 1 for the next, and so on; None if nobody chose.
        what: the picture or clip, as the sentences name it.

    Returns:
        The face, and a sentence to show if there were several and nobody chose.

    Raises:
        NoFaceError: there is no face, or not as many as asked for.
    """
    if not faces:
        raise NoFaceError(
            f"No face was found in {what}.",
            "Use one that shows a face larger and from the front, or place the crop by hand.",
        )
    last = len(faces) - 1
    if index is None:
        note = f"{len(faces)} faces were found in {what}; the largest was taken. "
        note += f"Choose another with a face number from 0 to {last}."
        return faces[0], note if last else None
    if not 0 <= index <= last:
        held = f"{len(faces)} faces (numbers 0 to {last})" if last else "one face (number 0)"
        raise NoFaceError(
            f"Face number {index} was asked for, but {what} has {held}.", "Choose another number."
        )
    return faces[index], None

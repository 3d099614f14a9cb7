"""Explicit edits of one portrait, and the report of its keypoints.

In: an encoded source and a MotionEdit. Out: Motion to render, or a KeypointReport.
Knows nothing about files or faces in big pictures.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.geometry import pose_from_rotation, rotation_from_pose
from mmfa_core.inference.dots import PLAIN, RADIUS, RIM, stamp
from mmfa_core.model import MMFA
from mmfa_core.motion import HeadPose, Motion, MotionEdit

Points = NDArray[np.float32]
# Out of the picture's plane a generated head turns by less than its keypoints do (measured on
# portraits of the training split, docs/LOG.md), so keypoints are turned further than was asked.
TURN_GAIN = 1.15
# No portrait shows what lies behind a head, so beyond this yaw a further turn counts less.
WIDEST_YAW_DEG = 36.0
SHARE_BEYOND = 0.25


def edit_motion(motion: Motion, edit: MotionEdit) -> Motion:
    """Apply what a person asked to change to a portrait's own motion.

    Angles are added to yaw, pitch and roll, so that they are read off the picture and not off the
    head; yaw and pitch are multiplied by TURN_GAIN first, and of a yaw beyond WIDEST_YAW_DEG
    only SHARE_BEYOND is added: so a head that looks aside turns on slowly and never back.
    frontalise shrinks the own angles before that: with 1 and no angles R is the identity.
    expression_gain multiplies the decoded offsets and not the code: 0 is exactly the canonical
    face, 1 exactly the portrait's own expression, and 2 exactly twice its offsets.

    Args:
        motion: batch B.
        edit: the same for each.

    Returns:
        Motion, batch B; a neutral edit returns equal values.
    """
    rotation = motion.rotation
    if edit.yaw_deg or edit.pitch_deg or edit.roll_deg or edit.frontalise:
        pose = pose_from_rotation(rotation)
        own = 1 - edit.frontalise
        rotation = rotation_from_pose(
            HeadPose(
                _turn_on(own * pose.yaw_deg, TURN_GAIN * edit.yaw_deg),
                own * pose.pitch_deg + TURN_GAIN * edit.pitch_deg,
                own * pose.roll_deg + edit.roll_deg,
            )
        )
    return dataclasses.replace(
        motion,
        rotation=rotation,
        translation=motion.translation + motion.translation.new_tensor([edit.tx, edit.ty]),
        scale=motion.scale * edit.scale,
        expression_offsets=motion.expression_offsets * edit.expression_gain,
    )


def _turn_on(yaw_deg: Tensor, more_deg: float) -> Tensor:
    """Add to a yaw, less beyond WIDEST_YAW_DEG; adding 0 changes nothing."""

    def shown(angle_deg: Tensor) -> Tensor:
        within = angle_deg.clamp(-WIDEST_YAW_DEG, WIDEST_YAW_DEG)
        return within + SHARE_BEYOND * (angle_deg - within)

    return yaw_deg + shown(yaw_deg + more_deg) - shown(yaw_deg)


@dataclass(frozen=True, eq=False, kw_only=True)
class KeypointReport:
    """Tell what the model sees in one portrait.

    Coordinates are normalised in the face crop: x right, y down, z away, [-1, 1].

    Attributes:
        canonical: (K, 3), identity only: neutral and frontal.
        expressed: (K, 3), canonical with the expression, head frame.
        posed: (K, 3), with scale, rotation and translation too.
        yaw_deg: degrees, + turns the face to the picture's right.
        pitch_deg: degrees, + turns the face up.
        roll_deg: degrees, + turns counter-clockwise on the screen.
        scale: size of the head, neutral 1.
        translation: x and y of the head.
        expression_code: Z numbers.
        crop: x0, y0 and side of the face crop in the portrait, px.
        picture: the face crop with the posed keypoints as dots.
        notes: what a person should know, such as which face was taken.
    """

    canonical: Points
    expressed: Points
    posed: Points
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    scale: float
    translation: tuple[float, float]
    expression_code: tuple[float, ...]
    crop: tuple[float, float, float]
    picture: NDArray[np.uint8] = dataclasses.field(repr=False)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return everything but the picture as plain JSON values, rounded to 5 digits."""
        values = dataclasses.asdict(self)
        del values["picture"]
        return {name: _plain(value) for name, value in values.items()}

    def __str__(self) -> str:
        """Describe pose, size and place in one line."""
        return (
            f"yaw {self.yaw_deg:+.1f}, pitch {self.pitch_deg:+.1f}, roll {self.roll_deg:+.1f} "
            f"degrees; scale {self.scale:.3f}; translation {self.translation[0]:+.3f}, "
            f"{self.translation[1]:+.3f}; {len(self.posed)} keypoints"
        )


def report_keypoints(
    model: MMFA,
    source: EncodedSource,
    crop: tuple[float, float, float],
    picture: NDArray[np.uint8],
    notes: tuple[str, ...] = (),
) -> KeypointReport:
    """Compose the keypoints of a source step by step.

    Args:
        model: gives the keypoint formula and its gauge.
        source: batch 1.
        crop: x0, y0 and side in the portrait, px.
        picture: the face crop, (H, W, 3).
        notes: to be passed on.

    Returns:
        The report.
    """
    motion = source.motion
    pose = pose_from_rotation(motion.rotation)
    at_rest = dataclasses.replace(
        motion,
        rotation=torch.eye(3, device=motion.rotation.device)[None],
        translation=torch.zeros_like(motion.translation),
        scale=torch.ones_like(motion.scale),
    )
    posed = _array(model.keypoints(source.canonical_keypoints, motion))
    return KeypointReport(
        canonical=_array(source.canonical_keypoints),
        expressed=_array(model.keypoints(source.canonical_keypoints, at_rest)),
        posed=posed,
        yaw_deg=float(pose.yaw_deg),
        pitch_deg=float(pose.pitch_deg),
        roll_deg=float(pose.roll_deg),
        scale=float(motion.scale),
        translation=(float(motion.translation[0, 0]), float(motion.translation[0, 1])),
        expression_code=tuple(motion.expression_code[0].tolist()),
        crop=crop,
        picture=draw_points(picture, posed),
        notes=notes,
    )


def draw_points(picture: NDArray[np.uint8], points: Points) -> NDArray[np.uint8]:
    """Draw keypoints as dots with a dark rim.

    Args:
        picture: (H, W, 3).
        points: (K, 2 or 3), xy normalised; those outside are cut off.

    Returns:
        A new picture of the same size.
    """
    drawn = picture.astype(np.float32)
    radius = max(1.5, RADIUS * picture.shape[1])
    for reach, colour in ((radius + 1, RIM), (radius, PLAIN)):
        stamp(drawn, points, reach, np.full((len(points), 3), colour, np.float32))
    return np.asarray(drawn.round(), np.uint8)


def _array(points: Tensor) -> Points:
    return np.asarray(points[0].float().cpu().numpy(), np.float32)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return round(value, 5) if isinstance(value, float) else value

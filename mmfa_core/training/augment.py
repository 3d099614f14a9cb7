"""Augmentation that can't move a label away from its picture.

In: pictures with labels. Out: the same, turned in the plane, scaled, shifted, mirrored or
recoloured. Knows nothing about networks.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.geometry import (
    rotation_from_pose,
)
from mmfa_core.motion import HeadPose

TRUST_GRID = 64  # rows and columns of Labelled.trust


@dataclass(frozen=True)
class Labelled:
    """Hold pictures with their labels.

    Attributes:
        pictures: (B, 3, H, W), [0, 1].
        rotation: (B, 3, 3).
        scale: (B, 1).
        translation: (B, 2).
        canonical: (B, G, 3), neutral identity.
        offsets: (B, G, 3), expression in the head frame.
        landmarks: (B, 478, 3), normalised picture coordinates.
        trust: (B, 1, TRUST_GRID, TRUST_GRID), [0, 1], 0 where a made picture is made up.
    """

    pictures: Tensor
    rotation: Tensor
    scale: Tensor
    translation: Tensor
    canonical: Tensor
    offsets: Tensor
    landmarks: Tensor
    trust: Tensor

    def replace(self, **changes: Tensor) -> Labelled:
        """Copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def select(self, rows: Tensor) -> Labelled:
        """Take some rows of the batch."""
        return Labelled(*(getattr(self, f.name)[rows] for f in dataclasses.fields(self)))

    def put(self, rows: Tensor, other: Labelled) -> Labelled:
        """Replace some rows of the batch."""
        changed = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name).clone()
            value[rows] = getattr(other, f.name)
            changed[f.name] = value
        return Labelled(**changed)

    @staticmethod
    def cat(parts: list[Labelled]) -> Labelled:
        """Join along the batch."""
        return Labelled(
            *(torch.cat([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Labelled))
        )


def colour_table(rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.uint8]:
    """Draw a random look-up table of brightness, contrast, gamma and tint.

    Returns:
        (3, 256) uint8, one table a channel.
    """
    levels = np.arange(256) / 255
    gamma = np.exp(rng.normal(0, 0.18 * strength))
    gain = 1 + rng.normal(0, 0.12 * strength)
    lift = rng.normal(0, 0.04 * strength)
    tint = 1 + rng.normal(0, 0.05 * strength, 3)
    table = np.clip(levels[None] ** gamma * gain * tint[:, None] + lift, 0, 1)
    return np.asarray(table * 255 + 0.5, np.uint8)


def move_picture(
    picture: NDArray[np.uint8],
    table: NDArray[np.uint8] | None,
    flip: bool,
    similarity: tuple[float, float, float, float],
) -> NDArray[np.uint8]:
    """Recolour, mirror, turn, scale and shift one picture about its centre, in that order.

    Args:
        picture: (H, W, 3) uint8, square.
        table: of colour_table, or None.
        flip: mirror left to right.
        similarity: roll in degrees counter-clockwise, factor, shift right and down, normalised.

    Returns:
        (3, H, W) uint8; the border is repeated outside.
    """
    side = picture.shape[0]
    roll_deg, scale, right, down = similarity
    if table is not None:
        picture = np.asarray(cv2.LUT(picture, np.ascontiguousarray(table.T)[None]), np.uint8)
    if flip:
        picture = np.ascontiguousarray(picture[:, ::-1])
    cos, sin = math.cos(math.radians(roll_deg)) / scale, math.sin(math.radians(roll_deg)) / scale
    middle = (side - 1) / 2
    # Output pixel q shows input R^-1 (q - c - u) / a + c, with u in px.
    x0, y0 = middle + right * side / 2, middle + down * side / 2
    matrix = np.array(
        [
            [cos, -sin, middle - cos * x0 + sin * y0],
            [sin, cos, middle - sin * x0 - cos * y0],
        ]
    )
    moved = cv2.warpAffine(
        picture,
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.ascontiguousarray(moved.transpose(2, 0, 1))


def move_labels(batch: Labelled, roll_deg: Tensor, scale: Tensor, shift: Tensor) -> Labelled:
    """Turn, scale and shift labels about the picture's centre; pictures stay as they are.

    Args:
        batch: pictures with labels.
        roll_deg: (B,), degrees counter-clockwise.
        scale: (B, 1), factor.
        shift: (B, 2), normalised.

    Returns:
        The batch with moved labels.
    """
    zero = torch.zeros_like(roll_deg)
    turn = rotation_from_pose(HeadPose(zero, zero, roll_deg))  # (B, 3, 3)
    landmarks = scale[:, :, None] * (batch.landmarks @ turn.transpose(1, 2))
    flat = turn[:, :2, :2].transpose(1, 2)
    return batch.replace(
        rotation=turn @ batch.rotation,
        scale=scale * batch.scale,
        translation=scale * (batch.translation[:, None] @ flat)[:, 0] + shift,
        landmarks=landmarks + F.pad(shift, (0, 1))[:, None],
    )


def mirror_labels(batch: Labelled, landmark_twins: Tensor, guide_twins: Tensor) -> Labelled:
    """Mirror labels left to right; pictures stay as they are.

    Args:
        batch: pictures with labels.
        landmark_twins: (478,) index of each landmark's twin on the other side.
        guide_twins: (G,) the same for guided keypoints.

    Returns:
        The mirrored batch.
    """
    flip = torch.tensor([-1.0, 1.0, 1.0])
    return batch.replace(
        rotation=flip[:, None] * batch.rotation * flip,
        translation=batch.translation * flip[:2],
        canonical=batch.canonical[:, guide_twins] * flip,
        offsets=batch.offsets[:, guide_twins] * flip,
        landmarks=batch.landmarks[:, landmark_twins] * flip,
    )

"""Terms on motion, keypoints and expression.

In: estimates and labels as tensors. Out: scalars. Knows nothing about pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmfa_core.geometry import pose_from_rotation

# Pitch is read worst on people nobody has seen (within clips r .96 and slope .85 against the
# landmarker's; yaw .98 and .99): its errors count more than those of yaw and roll.
PITCH_WEIGHT = 2.5


def pose_errors(rotation: Tensor, label: Tensor) -> Tensor:
    """Subtract the label's yaw, pitch and roll from those of (B, 3, 3) rotations: (B, 3), degrees.

    Errors of pitch count PITCH_WEIGHT times.
    """
    mine, theirs = pose_from_rotation(rotation), pose_from_rotation(label)
    angles = [
        mine.yaw_deg - theirs.yaw_deg,
        PITCH_WEIGHT * (mine.pitch_deg - theirs.pitch_deg),
        mine.roll_deg - theirs.roll_deg,
    ]
    return torch.stack(angles, -1)


def pose_distance(rotation: Tensor, label: Tensor) -> Tensor:
    """Average |yaw, pitch, roll difference| / 90 degrees over (B, 3, 3) rotations."""
    return pose_errors(rotation, label).abs().mean() / 90


def point_distance(points: Tensor, label: Tensor, weights: Tensor) -> Tensor:
    """Average |difference| of points (B, K, C), weighted by (K,)."""
    return ((points - label).abs().mean(-1) * weights).mean() / weights.mean()


def gap_errors(points: Tensor, label: Tensor, gaps: tuple[tuple[int, int], ...]) -> Tensor:
    """Compare the distances between G pairs of points (B, K, 3) with the label: (B, G), signed."""
    first = [i for i, _ in gaps]
    second = [j for _, j in gaps]
    mine = (points[:, first] - points[:, second]).norm(dim=-1)
    theirs = (label[:, first] - label[:, second]).norm(dim=-1)
    errors: Tensor = mine - theirs
    return errors


def gaussian_kl(mean: Tensor, logvar: Tensor, free: float = 0.05) -> Tensor:
    """KL(N(mean, exp logvar) || N(0, I)) a dimension, in nats, at least ``free``; (B, Z) each."""
    each = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean(0)
    return each.clamp_min(free).mean()


def keypoint_prior(points: Tensor, least: float = 0.01) -> Tensor:
    """Push keypoints (B, K, 3) apart: sum of max(0, least - |x_i - x_j|^2), i != j."""
    squares = ((points[:, :, None] - points[:, None]) ** 2).sum(-1)
    away = torch.eye(points.shape[1], device=points.device)
    return (least - squares - least * away).clamp_min(0).sum((1, 2)).mean()

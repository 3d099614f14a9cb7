"""Labelled heads that several tests of the training data turn and move."""

from __future__ import annotations

import numpy as np
import torch

from mmfa_core.geometry import compose_keypoints, rotation_from_pose
from mmfa_core.training.augment import TRUST_GRID, Labelled
from mmfa_core.training.teacher import GUIDES
from tests.helpers import pose
from tests.synthetic import expression, make_person

SIDE = 256


def head(count: int = 1, **angles: float) -> Labelled:
    """Make labelled heads with all 478 landmarks posed exactly; pictures are empty."""
    rng = np.random.default_rng(2)
    shapes = np.zeros(52)
    shapes[[25, 44]] = 0.4
    people = [make_person(rng) for _ in range(count)]
    canonical = torch.tensor(np.stack(people)).float()
    offsets = torch.tensor(np.stack([expression(p, shapes) for p in people])).float()
    rotation = rotation_from_pose(pose(**angles)).expand(count, -1, -1)
    scale, place = torch.full((count, 1), 0.75), torch.tensor([[0.03, -0.1]]).expand(count, -1)
    landmarks = compose_keypoints(canonical, offsets, rotation, place, scale)
    guides = list(GUIDES)
    return Labelled(
        torch.zeros(count, 3, SIDE, SIDE),
        rotation,
        scale,
        place,
        canonical[:, guides],
        offsets[:, guides],
        landmarks,
        torch.ones(count, 1, TRUST_GRID, TRUST_GRID),
    )


def posed_guides(batch: Labelled) -> torch.Tensor:
    """Pose identity and expression by the labels; must be the guided landmarks."""
    return compose_keypoints(
        batch.canonical, batch.offsets, batch.rotation, batch.translation, batch.scale
    )

"""Small things that many tests use: a tiny architecture, dots to look for, plain loops."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from mmfa_core.config import ModelConfig
from mmfa_core.geometry import rotation_from_pose
from mmfa_core.model import MMFA, build_model
from mmfa_core.motion import HeadPose, Motion

T = TypeVar("T")


def run_apart(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine in a thread of its own: the browser tests keep a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def tiny_config(**changes: object) -> ModelConfig:
    """Describe the smallest model that still has every part; 64-px pictures, 50 keypoints."""
    tiny = ModelConfig(
        name="tiny",
        size_px=64,
        motion_size_px=32,
        motion_widths=(8, 12, 16),
        motion_blocks=(0, 1, 1),
        crop_size_px=32,
        expression_widths=(8, 12, 16),
        expression_blocks=(0, 1, 1),
        expression_features=16,
        expression_code=8,
        appearance_widths=(8, 12),
        appearance_blocks=(0, 1),
        dense_widths=(8, 12),
        dense_blocks=1,
        decoder_blocks=(1, 1),
        hint_regions=((20, 21, 24), (22, 23, 25), (26, 27, 34, 35)),
    )
    return dataclasses.replace(tiny, **changes)  # type: ignore[arg-type]


def awake_model(**changes: object) -> MMFA:
    """Build a tiny model whose zero-initialised layers are not zero, so that nothing is hidden."""
    torch.manual_seed(3)
    model = build_model(tiny_config(**changes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    return model


def pose(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> HeadPose:
    """Make a head pose of batch 1 from numbers in degrees."""
    return HeadPose(*(torch.tensor([float(v)]) for v in (yaw, pitch, roll)))


def random_rotation(count: int, degrees: float = 40.0) -> Tensor:
    """Draw rotations, (count, 3, 3)."""
    angles = degrees * (2 * torch.rand(3, count) - 1)
    return rotation_from_pose(HeadPose(*angles))


def random_motion(count: int, keypoints: int = 50, code: int = 8) -> Motion:
    """Draw motions of a sensible size."""
    return Motion(
        random_rotation(count),
        0.2 * torch.randn(count, 2),
        torch.exp(0.1 * torch.randn(count, 1)),
        torch.randn(count, code),
        0.05 * torch.randn(count, keypoints, 3),
    )


def dots(points: Tensor, side: int, sigma_px: float = 2.0) -> Tensor:
    """Draw one dot a channel.

    Args:
        points: (G, 2), normalised, xy.
        side: of the square picture, px.
        sigma_px: of each dot.

    Returns:
        (G, side, side), peak 1.
    """
    places = (2 * torch.arange(side) + 1) / side - 1
    sigma = 2 * sigma_px / side
    across = torch.exp(-((places - points[:, :1]) ** 2) / (2 * sigma**2))
    down = torch.exp(-((places - points[:, 1:2]) ** 2) / (2 * sigma**2))
    return down[:, :, None] * across[:, None, :]


def find_dots(pictures: Tensor) -> Tensor:
    """Find the centre of the dot of each channel: (G, side, side) to (G, 2), normalised."""
    side = pictures.shape[-1]
    places = (2 * torch.arange(side) + 1) / side - 1
    bright = (pictures - 0.1).clamp_min(0)
    total = bright.sum((1, 2))
    return torch.stack(((bright.sum(1) @ places) / total, (bright.sum(2) @ places) / total), -1)


def as_uint8(channels: Tensor) -> np.ndarray:
    """Turn (3, H, W) in [0, 1] to (H, W, 3) uint8."""
    return (255 * channels.permute(1, 2, 0) + 0.5).byte().numpy()

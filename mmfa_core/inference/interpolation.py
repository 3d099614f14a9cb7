"""Paths between two expressions in the code of the VAE.

In: two expression codes. Out: codes along a path. Knows nothing about pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmfa_core.errors import ConfigError

PATHS = ("linear", "slerp")
STEP_LIMITS = (2, 1000)
SMALL_ANGLE = 1e-3  # radians; below it, and near opposite codes, slerp is linear
SMALL_LENGTH = 1e-6  # a code as short as this has no direction


def interpolate_codes(start: Tensor, end: Tensor, steps: int, path: str = "linear") -> Tensor:
    """Walk from one expression code to another in equal steps.

    Equation: linear: (1 - a) z_A + a z_B. slerp: the direction turns evenly from z_A's to z_B's
    and the length changes linearly. Both ends are exactly z_A and z_B.

    Args:
        start: z_A, (1, Z).
        end: z_B, (1, Z).
        steps: number of codes, ends included, 2..1000.
        path: one of PATHS.

    Returns:
        (steps, Z).

    Raises:
        ConfigError: for another path or number of steps.
    """
    if path not in PATHS:
        raise ConfigError(
            f"path is {path!r}, not one of {', '.join(PATHS)}.", "Choose one of them."
        )
    low, high = STEP_LIMITS
    if not low <= steps <= high:
        raise ConfigError(f"steps is {steps}; allowed are {low} to {high}.", "Choose one of them.")
    share = torch.linspace(0, 1, steps, device=start.device)[:, None]  # (steps, 1)
    codes = slerp(start, end, share) if path == "slerp" else start + share * (end - start)
    return torch.cat((start, codes[1:-1], end))


def slerp(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Turn evenly from one code's direction to another's, with the length changing linearly.

    Args:
        start: (1, Z).
        end: (1, Z).
        share: (steps, 1), 0 = start, 1 = end.

    Returns:
        (steps, Z); linear where a code has no direction or the two are (anti)parallel.
    """
    lengths = start.norm(dim=-1, keepdim=True), end.norm(dim=-1, keepdim=True)
    from_, to = (c / n.clamp_min(SMALL_LENGTH) for c, n in zip((start, end), lengths, strict=True))
    angle = torch.acos((from_ * to).sum(-1, keepdim=True).clamp(-1, 1))
    parallel = not SMALL_ANGLE < float(angle) < torch.pi - SMALL_ANGLE
    if parallel or min(float(n) for n in lengths) < SMALL_LENGTH:
        return start + share * (end - start)
    direction = (torch.sin((1 - share) * angle) * from_ + torch.sin(share * angle) * to) / (
        torch.sin(angle)
    )
    code: Tensor = direction * (lengths[0] + share * (lengths[1] - lengths[0]))
    return code

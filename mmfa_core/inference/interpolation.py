"""Paths between two expressions in the code of the VAE.

In: two expression codes. Out: codes along a path. Knows nothing about pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mmfa_core.errors import ConfigError

PATHS = ("linear", "slerp")
STEP_LIMITS = (2, 1000)
SMALL_ANGLE = 1e-3  # radians; below it, and near opposite codes, slerp is linear
SMALL_LENGTH = 1e-6  # a code as short as this has no direction
FINE_STEPS = 100  # by which the length of a path in keypoints is measured

Decode = Callable[[Tensor], Tensor]  # (N, Z) to offsets (N, K, 3)


def interpolate_codes(
    start: Tensor, end: Tensor, steps: int, path: str = "linear", decode: Decode | None = None
) -> Tensor:
    """Walk from one expression code to another in equal steps.

    Equation: linear: (1 - a) z_A + a z_B. slerp: the direction turns evenly from z_A's to z_B's
    and the length changes linearly. Both ends are exactly z_A and z_B. The a are evenly spaced,
    or with ``decode`` such that the keypoints' offsets move as far (root of the sum of squares) in
    every step: equal steps of a code aren't equal steps of a face.

    Args:
        start: z_A, (1, Z).
        end: z_B, (1, Z).
        steps: number of codes, ends included, 2..1000.
        path: one of PATHS.
        decode: of the model; None leaves the steps equal in the code.

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
    if decode is not None:
        share = _even_shares(start, end, share, path, decode)
    return torch.cat((start, _walk(start, end, share, path)[1:-1], end))


def _walk(start: Tensor, end: Tensor, share: Tensor, path: str) -> Tensor:
    return slerp(start, end, share) if path == "slerp" else start + share * (end - start)


def _even_shares(start: Tensor, end: Tensor, share: Tensor, path: str, decode: Decode) -> Tensor:
    """Find where on a path shares (steps, 1) of its length in keypoint offsets lie."""
    fine = torch.linspace(0, 1, FINE_STEPS + 1, device=start.device)[:, None]
    moves = decode(_walk(start, end, fine, path)).float().diff(dim=0).flatten(1).norm(dim=1)
    length = np.concatenate(([0.0], moves.double().cumsum(0).cpu().numpy()))
    if not length[-1] > 0:
        return share
    wanted = share[:, 0].double().cpu().numpy() * length[-1]
    found = np.interp(wanted, length, fine[:, 0].double().cpu().numpy())
    return torch.from_numpy(found).to(share)[:, None]


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

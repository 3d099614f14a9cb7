"""The refinement: a second look at the pose-aligned face crop.

In: features of the crop. Out: pose, place and size relative to the crop, and a correction of the
canonical keypoints. The crop shows the head upright, centred and larger than the whole picture
does, so that what is left to estimate is small. Knows nothing about how the crop was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Correction:
    """Hold what the crop tells.

    Attributes:
        yaw_deg: (B,), degrees.
        pitch_deg: (B,), degrees.
        roll_deg: (B,), degrees, beyond the roll of the crop.
        shift: (B, 2), in the crop's axes, in units of the crop's head scale.
        growth: (B, 1), factor on the crop's head scale, > 0.
        identity: (B, K, 3), added to the canonical keypoints.
    """

    yaw_deg: Tensor
    pitch_deg: Tensor
    roll_deg: Tensor
    shift: Tensor
    growth: Tensor
    identity: Tensor


class Refinement(nn.Module):
    """Read pose, place, size and identity off the crop's features."""

    def __init__(self, hidden: int, keypoints: int) -> None:
        """Build for ``hidden`` features and K = ``keypoints``."""
        super().__init__()
        self.motion = nn.Linear(hidden, 6)
        self.identity = nn.Linear(hidden, 3 * keypoints)
        for head in (self.motion, self.identity):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def forward(self, hidden: Tensor) -> Correction:
        """Map (B, hidden) to a Correction."""
        raw = self.motion(hidden).float()
        return Correction(
            90 * torch.tanh(raw[:, 0]),
            90 * torch.tanh(raw[:, 1]),
            30 * torch.tanh(raw[:, 2]),
            0.5 * torch.tanh(raw[:, 3:5]),
            torch.exp(0.5 * torch.tanh(raw[:, 5:6])),
            0.2 * self.identity(hidden).float().view(len(hidden), -1, 3),
        )

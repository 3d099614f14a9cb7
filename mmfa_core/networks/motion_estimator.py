"""The motion estimator and the canonical keypoint detector, on one light backbone.

In: whole pictures, small. Out: raw head pose, scale, translation and canonical keypoints.
Knows nothing about expressions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfa_core.motion import HeadPose
from mmfa_core.networks.blocks import Pointwise, Pyramid, activate, linear


class MotionEstimator(nn.Module):
    """Estimate pose, scale and translation of a head, and its canonical keypoints.

    Equation: s = exp(0.5 tanh a), t = tanh b, angles 90 tanh c degrees (method.md section 2).
    """

    def __init__(
        self, size_px: int, widths: Sequence[int], blocks: Sequence[int], keypoints: int
    ) -> None:
        """Build for square pictures of ``size_px`` and K = ``keypoints``."""
        super().__init__()
        self.keypoints = keypoints
        self.pyramid = Pyramid(widths, blocks)
        side = size_px // 4 // 2 ** (len(widths) - 1)
        self.squeeze = Pointwise(widths[-1], 32)
        self.shared = linear(32 * side * side, 256)
        self.motion = nn.Linear(256, 6)
        self.identity = nn.Linear(256, 3 * keypoints)
        self.mean_keypoints = nn.Parameter(_spread(keypoints))
        for head in (self.motion, self.identity):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def forward(self, picture: Tensor) -> tuple[HeadPose, Tensor, Tensor, Tensor]:
        """Estimate motion and identity.

        Args:
            picture: (B, 3, size_px, size_px), [0, 1].

        Returns:
            Head pose; translation (B, 2); scale (B, 1); canonical keypoints before the gauge
            (B, K, 3).
        """
        features = activate(self.squeeze(self.pyramid(picture)[-1])).flatten(1)
        code = activate(self.shared(features)).float()
        raw = self.motion(code)
        angles = 90 * torch.tanh(raw[:, :3])
        canonical = self.mean_keypoints + 0.2 * self.identity(code).view(-1, self.keypoints, 3)
        return (
            HeadPose(angles[:, 0], angles[:, 1], angles[:, 2]),
            torch.tanh(raw[:, 3:5]),
            torch.exp(0.5 * torch.tanh(raw[:, 5:6])),
            canonical,
        )


def _spread(count: int) -> Tensor:
    """Spread points evenly over the near half of an ellipsoid, by the golden angle."""
    index = torch.arange(count) + 0.5
    angle = index * 2.399963
    radius = (index / count).sqrt()
    depth = -0.5 * (1 - radius**2).clamp_min(0).sqrt()
    return torch.stack((0.5 * radius * angle.cos(), 0.6 * radius * angle.sin(), depth), -1)

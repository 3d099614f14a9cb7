"""Hints of what eyes and mouth do, drawn where they are in the driving pose.

In: expression offsets of source and driving, posed keypoints. Out: a feature map at 1/4 size.
A lid moves by less than one place of the flow, so the generator is told how open an eye is
instead of having to see it in the flow. Knows nothing about pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfa_core.geometry import make_grid
from mmfa_core.networks.blocks import SLOPE, linear, zero

HIDDEN = 96
REACH = 0.11  # start of the radius of a region, in units of the head's scale
SHAPES = 3  # maps a region: its Gaussian, and that times x and y


class ExpressionHints(nn.Module):
    """Draw one embedding of the expression a region, faded with the distance to its centre."""

    def __init__(self, keypoints: int, regions: Sequence[Sequence[int]], width: int) -> None:
        """Build for K = ``keypoints``; each region is a group of keypoint indices."""
        super().__init__()
        self.regions = [list(region) for region in regions]
        self.width = width
        last = nn.Linear(HIDDEN, len(regions) * SHAPES * width)
        zero(last)
        self.embed = nn.Sequential(linear(6 * keypoints, HIDDEN), nn.LeakyReLU(SLOPE), last)
        sizes = torch.tensor([REACH * len(r) ** 0.5 / 2 for r in self.regions])
        self.log_reach = nn.Parameter(sizes.log())

    def forward(
        self, source: Tensor, driving: Tensor, posed: Tensor, scale: Tensor, side: int
    ) -> Tensor:
        """Draw the hints.

        Args:
            source: gauged expression offsets of the source, (B, K, 3).
            driving: the same of the driving picture, (B, K, 3).
            posed: driving keypoints, (B, K, 3).
            scale: of the driving head, (B, 1).
            side: rows and columns of the map.

        Returns:
            (B, width, side, side).
        """
        seen = 10 * torch.cat((source, driving), 1).flatten(1)  # offsets are about a tenth
        embedded = self.embed(seen).float().view(-1, len(self.regions) * SHAPES, self.width)
        centres = torch.stack([posed[:, region, :2].mean(1) for region in self.regions], 1)
        reach = (scale * self.log_reach.exp())[:, :, None]  # (B, R, 1)
        line = make_grid(1, side, posed.device)[0, :, 0]
        across = (line - centres[..., :1]) / reach  # (B, R, side)
        down = (line - centres[..., 1:]) / reach
        bell_x, bell_y = torch.exp(-0.5 * across**2), torch.exp(-0.5 * down**2)
        rows = torch.stack((bell_y, bell_y, bell_y * down), 2).flatten(1, 2)  # (B, 3 R, side)
        columns = torch.stack((bell_x, bell_x * across, bell_x), 2).flatten(1, 2)
        maps = rows[..., :, None] * columns[..., None, :]  # (B, 3 R, side, side)
        drawn = torch.einsum("brhw,brc->bhwc", maps, embedded)
        return drawn.permute(0, 3, 1, 2)

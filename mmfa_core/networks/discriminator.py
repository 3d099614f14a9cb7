"""The discriminator: multi-scale patches; used in training only.

In: pictures. Out: a patch score map a scale, and the features on the way.
Knows nothing about motion.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mmfa_core.networks.blocks import activate


class PatchDiscriminator(nn.Module):
    """Score patches of pictures at ``scales`` sizes, each half of the one before."""

    def __init__(self, width: int = 32, scales: int = 2) -> None:
        """Build ``scales`` towers of four convolutions that start at ``width`` channels."""
        super().__init__()
        self.towers = nn.ModuleList(
            nn.ModuleList(
                [
                    spectral_norm(nn.Conv2d(3, width, 4, 2, 1)),
                    spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)),
                    spectral_norm(nn.Conv2d(2 * width, 4 * width, 4, 2, 1)),
                    spectral_norm(nn.Conv2d(4 * width, 1, 3, 1, 1)),
                ]
            )
            for _ in range(scales)
        )

    def forward(self, picture: Tensor) -> list[list[Tensor]]:
        """Map (B, 3, H, W) in [0, 1] to, a scale, the list of features with the score last."""
        results = []
        scaled = picture * 2 - 1
        for tower in self.towers:
            maps = []
            features = scaled
            layers = list(tower.children())
            for layer in layers[:-1]:
                features = activate(layer(features))
                maps.append(features)
            maps.append(layers[-1](features))
            results.append(maps)
            scaled = F.avg_pool2d(scaled, 2)
        return results

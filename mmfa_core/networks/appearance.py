"""The appearance encoder: what a source looks like, computed once a source.

In: a picture. Out: feature maps at 1/4 and 1/8 of its size, and for wide models a 3-D volume.
Knows nothing about motion.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmfa_core.networks.blocks import Pyramid


class AppearanceEncoder(nn.Module):
    """Encode a source to feature maps at several scales."""

    def __init__(
        self,
        widths: Sequence[int],
        blocks: Sequence[int],
        volume_depth: int = 1,
        volume_width: int = 0,
    ) -> None:
        """Build for ``widths`` channels a scale; a volume of depth 1 means none."""
        super().__init__()
        self.depth = volume_depth
        self.pyramid = Pyramid(widths, blocks)
        self.volume = (
            nn.Conv2d(widths[-1], volume_depth * volume_width, 1) if volume_depth > 1 else None
        )

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) in [0, 1] to maps, finest first; a volume (B, C, D, h, w) comes last."""
        maps: list[Tensor] = self.pyramid(picture)
        if self.volume is not None:
            flat = self.volume(maps[-1])
            maps = [*maps, flat.view(len(flat), -1, self.depth, *flat.shape[-2:])]
        return maps

"""The multi-scale generator: warped features to a picture.

In: source picture and features, dense motion, hints of what eyes and mouth do. Out: a picture.
Knows nothing about keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.geometry import resize_flow, warp
from mmfa_core.networks.blocks import Merge, Pointwise, Residual, activate, conv, zero
from mmfa_core.networks.dense_motion import DenseMotion

LIGHT_GAIN = 0.5  # most that relighting may brighten or darken, as a share


@dataclass(frozen=True)
class Generated:
    """Hold a generated picture and what it was made of.

    Attributes:
        picture: (B, 3, H, W), [0, 1]: blend * lit + (1 - blend) * painted, clamped; lit is the
            warped source, times 1 + light where a model relights.
        warped: (B, 3, H, W), the source along the flow, in its own light.
        painted: (B, 3, H, W), what the generator invents.
        blend: (B, 1, H, W), [0, 1], 1 = the warped source is kept.
        motion: the dense motion that was used.
    """

    picture: Tensor
    warped: Tensor
    painted: Tensor
    blend: Tensor
    motion: DenseMotion


class Generator(nn.Module):
    """Decode warped features at 1/8 and 1/4 and blend with the full-resolution warped source."""

    def __init__(
        self,
        appearance: Sequence[int],
        hidden: int,
        blocks: Sequence[int],
        volume_channels: int = 0,
        *,
        relight: bool = False,
    ) -> None:
        """Build for appearance widths at 1/4 and 1/8; ``blocks`` likewise.

        A head that turns is shaded anew. With ``relight`` the warped source is multiplied by a
        smooth map, three channels at 1/8 of the picture, so that its detail stays while its
        light changes; otherwise only what is painted can.
        """
        super().__init__()
        fine, coarse = appearance
        self.enter = conv(coarse + hidden + volume_channels, coarse)
        self.inner = nn.Sequential(*(Residual(coarse) for _ in range(blocks[1])))
        self.up = Pointwise(coarse, fine)
        self.merge = Merge((fine, fine, 48), fine)
        self.outer = nn.Sequential(*(Residual(fine) for _ in range(blocks[0])))
        self.paint = conv(fine, 49)
        self.paint.weight.data.mul_(0.1)  # the blend starts at sigmoid(1.5): the warped source
        self.light = conv(fine, 3) if relight else None
        if self.light is not None:
            zero(self.light)  # starts without a change

    def forward(
        self,
        source: Tensor,
        features: Sequence[Tensor],
        motion: DenseMotion,
        hints: Tensor | None = None,
    ) -> Generated:
        """Generate pictures.

        Args:
            source: (B, 3, H, W), [0, 1].
            features: appearance maps at 1/4 and 1/8, and a volume in wide models.
            motion: dense motion at 1/4.
            hints: (B, C, H / 4, W / 4) of networks/hints.py, C the appearance width at 1/4; None
                for models without them.

        Returns:
            Generated.
        """
        height, width = source.shape[-2:]
        fine, coarse = features[0], features[1]
        warped = warp(source, resize_flow(motion.flow, height, width))
        flow_half = F.avg_pool2d(motion.flow.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        inside = [
            warp(coarse, flow_half.to(coarse.dtype)) * motion.occlusion_masks[1].to(coarse.dtype),
            motion.hidden,
        ]
        if len(features) > 2:
            inside.append(warp_volume(features[2], motion, flow_half))
        deep = self.inner(activate(self.enter(torch.cat(inside, 1))))
        lifted = F.interpolate(self.up(activate(deep)), scale_factor=2, mode="nearest")
        near = warp(fine, motion.flow.to(fine.dtype)) * motion.occlusion_masks[0].to(fine.dtype)
        seen = F.pixel_unshuffle(warped.to(near.dtype) * 2 - 1, 4)
        merged = self.merge(lifted, near, seen)
        if hints is not None:
            merged = merged + hints.to(merged.dtype)
        decoded = activate(self.outer(merged))
        out = self.paint(decoded)
        base = F.interpolate(
            F.avg_pool2d(warped, 4), (height, width), mode="bilinear", align_corners=False
        )
        painted = torch.add(base, F.pixel_shuffle(out[:, :48], 4).float(), alpha=0.5)
        keep = (out[:, 48:].float() + 1.5).sigmoid()
        blend = F.interpolate(keep, (height, width), mode="bilinear", align_corners=False)
        lit = warped
        if self.light is not None:
            light = F.avg_pool2d(self.light(decoded).float(), 2)
            gain = 1 + LIGHT_GAIN * torch.tanh(light)
            lit = warped * F.interpolate(
                gain, (height, width), mode="bilinear", align_corners=False
            )
        picture = torch.lerp(painted, lit, blend).clamp(0, 1)
        return Generated(picture, warped, painted, blend, motion)


def warp_volume(volume: Tensor, motion: DenseMotion, flow: Tensor) -> Tensor:
    """Turn a 3-D feature volume with the head and slide it along the 2-D flow.

    Convention: depth places are in [-1, 1] like x and y, ``align_corners=False``.

    Args:
        volume: (B, C, D, h, w).
        motion: gives the relative affine map of the head.
        flow: (B, h, w, 2), the 2-D flow at the size of the volume.

    Returns:
        (B, C * D, h, w), the depth folded into channels.
    """
    count, width, depth, rows, columns = volume.shape
    z = (2 * torch.arange(depth, device=volume.device) + 1) / depth - 1
    slope = motion.rotation_3d[:, :, 2]  # (B, 3): how x, y, z in the source change with depth
    place = torch.cat(
        (
            flow[:, None] + z.view(1, -1, 1, 1, 1) * slope[:, None, None, None, :2],
            (z.view(1, -1, 1, 1, 1) * slope[:, None, None, None, 2:]).expand(
                count, depth, rows, columns, 1
            ),
        ),
        -1,
    )  # (B, D, h, w, 3)
    turned = F.grid_sample(
        volume, place.to(volume.dtype), padding_mode="border", align_corners=False
    )
    return turned.reshape(count, width * depth, rows, columns)

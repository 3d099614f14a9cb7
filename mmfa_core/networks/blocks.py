"""Small parts that several networks share.

In: feature maps. Out: feature maps. Knows nothing about faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1  # of the leaky rectifier, below 0
LayerT = TypeVar("LayerT", nn.Conv2d, nn.Linear)


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """Build a 3x3 convolution that keeps the size (or halves it with stride 2)."""
    return _scaled(nn.Conv2d(inputs, outputs, 3, stride, 1))


class Pointwise(nn.Module):
    """Mix channels place by place: a 1x1 convolution as one matrix product.

    On a CPU with one thread PyTorch takes a slow path for 1x1 convolutions; with channels last
    the product needs no copy.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build for ``inputs`` to ``outputs`` channels."""
        super().__init__()
        layer = _scaled(nn.Conv2d(inputs, outputs, 1))
        self.weight = layer.weight
        self.bias = layer.bias

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        mixed = F.linear(features.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return mixed.permute(0, 3, 1, 2)


class Merge(nn.Module):
    """Mix the channels of several maps place by place, without copying them side by side first.

    Equal to Pointwise on their concatenation, whose copies cost more than the product itself.
    """

    def __init__(self, inputs: Sequence[int], outputs: int) -> None:
        """Build for maps of ``inputs`` channels each, to ``outputs`` channels."""
        super().__init__()
        layer = Pointwise(sum(inputs), outputs)
        self.inputs = tuple(inputs)
        self.weight = layer.weight
        self.bias = layer.bias

    def forward(self, *maps: Tensor) -> Tensor:
        """Map (B, inputs[i], H, W) each to (B, outputs, H, W)."""
        weights = torch.split(self.weight.flatten(1), list(self.inputs), 1)
        bias = self.bias
        mixed: Tensor | None = None
        for features, weight in zip(maps, weights, strict=True):
            part = F.linear(features.permute(0, 2, 3, 1), weight, bias)
            mixed, bias = part if mixed is None else mixed + part, None
        if mixed is None:
            raise ValueError("there is no map to mix")
        return mixed.permute(0, 3, 1, 2)


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Build a linear layer."""
    return _scaled(nn.Linear(inputs, outputs))


def _scaled(layer: LayerT) -> LayerT:
    """Start weights so that features keep their variance: no network here normalises."""
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def zero(layer: nn.Conv2d | nn.Linear, bias: float = 0.0) -> None:
    """Start a layer at 0, with a constant bias."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def activate(features: Tensor) -> Tensor:
    """Apply the one activation of all networks."""
    return F.leaky_relu(features, SLOPE)


class Residual(nn.Module):
    """Add two convolutions to their input; without normalisation, starting near identity."""

    def __init__(self, width: int, gain: float = 0.2) -> None:
        """Build the block for ``width`` channels; ``gain`` scales the second convolution."""
        super().__init__()
        self.first = conv(width, width)
        self.second = conv(width, width)
        self.second.weight.data.mul_(gain)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        change: Tensor = self.second(activate(self.first(activate(features))))
        return features + change


class Pyramid(nn.Module):
    """Reduce a picture to feature maps at 1/4, 1/8, ... of its size."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        """Build one scale a width, with as many residual blocks as ``blocks`` says."""
        super().__init__()
        self.unshuffle = nn.PixelUnshuffle(4)
        stages = []
        inputs = 48
        for scale, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            first = conv(inputs, width, stride=1 if scale == 0 else 2)
            stages.append(nn.Sequential(first, *(Residual(width) for _ in range(count))))
            inputs = width
        self.stages = nn.ModuleList(stages)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) in [0, 1] to a list of (B, widths[i], H / 4 / 2^i, W / 4 / 2^i)."""
        features = self.unshuffle(picture * 2 - 1)
        maps = []
        for stage in self.stages:
            features = activate(stage(features))
            maps.append(features)
        return maps

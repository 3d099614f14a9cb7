"""Adversarial terms: hinge, and L1 on the discriminator's features.

In: the discriminator's features of generated and real pictures. Out: scalars.
Knows nothing about the discriminator's layers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(fakes: list[list[Tensor]], reals: list[list[Tensor]]) -> Tensor:
    """Hinge loss of the discriminator, averaged over scales; the score map comes last."""
    parts = [
        F.relu(1 + fake[-1]).mean() + F.relu(1 - real[-1]).mean()
        for fake, real in zip(fakes, reals, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_loss(fakes: list[list[Tensor]], reals: list[list[Tensor]]) -> dict[str, Tensor]:
    """Hinge loss of the generator, and the distance of features to those of the real pictures.

    Args:
        fakes: features of generated pictures; the first ones are of the real pictures' scenes,
            further ones have no real picture to match.
        reals: features of real pictures.

    Returns:
        The terms adversarial and feature_matching.
    """
    score = torch.stack([-fake[-1].mean() for fake in fakes]).mean()
    features = [
        (f[: len(r)] - r.detach()).abs().mean()
        for fake, real in zip(fakes, reals, strict=True)
        for f, r in zip(fake[:-1], real[:-1], strict=True)
    ]
    return {"adversarial": score, "feature_matching": torch.stack(features).mean()}

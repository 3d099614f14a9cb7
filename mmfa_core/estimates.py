"""What networks find in pictures: typed values that the model hands from one to the next.

In: tensors. Out: EncodedSource, CropPlace, Coarse, Estimate. Knows nothing about networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mmfa_core.motion import Motion


@dataclass(frozen=True)
class EncodedSource:
    """Hold what is computed once a source.

    Attributes:
        picture: (B, 3, H, W), [0, 1].
        features: appearance maps, finest first.
        canonical_keypoints: x_c, (B, K, 3), gauged.
        motion: the source's own motion.
    """

    picture: Tensor
    features: list[Tensor]
    canonical_keypoints: Tensor
    motion: Motion


@dataclass(frozen=True)
class CropPlace:
    """Say where a head is, as far as cutting its crop needs.

    Attributes:
        roll_deg: (B,), degrees counter-clockwise.
        translation: (B, 2), normalised.
        scale: (B, 1), > 0.
    """

    roll_deg: Tensor
    translation: Tensor
    scale: Tensor


@dataclass(frozen=True)
class Coarse:
    """Hold what the whole picture tells.

    Attributes:
        rotation: (B, 3, 3).
        place: roll, translation and scale.
        canonical_keypoints: (B, K, 3), before the gauge.
    """

    rotation: Tensor
    place: CropPlace
    canonical_keypoints: Tensor


@dataclass(frozen=True)
class Estimate:
    """Hold everything that is estimated of pictures.

    Attributes:
        motion: refined by the face crop.
        canonical_keypoints: x_c, (B, K, 3), gauged.
        coarse: what came before the crop.
        features: e, (B, E).
        mean: of the expression code, (B, Z).
        logvar: of the expression code, (B, Z).
    """

    motion: Motion
    canonical_keypoints: Tensor
    coarse: Coarse
    features: Tensor
    mean: Tensor
    logvar: Tensor

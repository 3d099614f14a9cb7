"""The squares of a picture that the perceptual and the adversarial term see.

In: pairs, generated pictures, noise. Out: crops. Knows nothing about networks or terms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.losses.reconstruction import crop_squares
from mmfa_core.networks.generator import Generated
from mmfa_core.training.batches import Pair
from mmfa_core.training.crossing import Crossed
from mmfa_core.training.teacher import EYES, GUIDES, MOUTH

FACE_CROP_PX = 96
PAINTED_ABOVE = 0.5  # of a standard normal number: 31 % of the crops
HEAD_MIDDLE = (0.0, 0.15)  # of crops anywhere on the head, from the rigid centre, s = 1
HEAD_REACH = (0.5, 0.55)  # their standard deviation: temples, ears and what is behind them too


def cut_pairs(pair: Pair, generated: Generated, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Cut one square a picture, half of them at eyes and mouth, half anywhere on the head.

    Args:
        pair: batch B; what its trust leaves out is the same in both crops.
        generated: of the same pairs.
        noise: (2 B, 4), standard normal.

    Returns:
        Generated and true crops, (B, 3, h, h) each; h is FACE_CROP_PX, or the side of smaller
        pictures.
    """
    count = len(pair.driving.scale)
    noise, other = noise[:count], noise[count:]
    guides = pair.driving.landmarks[:, list(GUIDES), :2]
    centre = _choose_places(guides, pair.driving.translation, pair.driving.scale, noise)
    side = min(FACE_CROP_PX, *generated.picture.shape[-2:])
    truth = pair.driving.pictures
    trust = F.interpolate(
        pair.driving.trust, truth.shape[-2:], mode="bilinear", align_corners=False
    )
    # Where the blend keeps the warped source, what is painted would see no gradient, stay soft
    # and never be chosen: so a share of the crops shows the painted picture alone.
    alone = (other[:, 0] > PAINTED_ABOVE)[:, None, None, None]
    picture = torch.where(alone, generated.painted.clamp(0, 1), generated.picture)
    shown = torch.lerp(truth, picture, trust)
    return crop_squares(shown, centre, side), crop_squares(truth, centre, side)


def cut_crossed(crossed: Crossed, noise: Tensor) -> Tensor:
    """Cut one square a crossed picture, as cut_pairs does; (C, 3, h, h), h as there.

    Args:
        crossed: C pictures.
        noise: (at least C, 4), standard normal.

    Returns:
        Crops.
    """
    noise = noise[: len(crossed.picture)]
    side = min(FACE_CROP_PX, *crossed.picture.shape[-2:])
    guides = crossed.keypoints[:, : len(GUIDES), :2]
    centre = _choose_places(guides, crossed.translation, crossed.scale, noise)
    return crop_squares(crossed.picture, centre, side)


def _choose_places(guides: Tensor, translation: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
    """Choose places (B, 2): half between eyes and mouth, half anywhere on and beside the head.

    Args:
        guides: guided points, (B, G, 2).
        translation: where the heads are, (B, 2).
        scale: how large they are, (B, 1).
        noise: (B, 4), standard normal.

    Returns:
        Places, normalised.
    """
    eyes, mouth = guides[:, list(EYES)].mean(1), guides[:, list(MOUTH)].mean(1)
    share = (0.5 + 0.5 * noise[:, :1]).clamp(-0.2, 1.2)
    fine = eyes + share * (mouth - eyes) + 0.15 * noise[:, 1:3]
    shift = noise.new_tensor(HEAD_REACH) * noise[:, 1:3].clamp(-2, 2)
    head = translation + scale * (noise.new_tensor(HEAD_MIDDLE) + shift)
    return torch.where(noise[:, 3:4] > 0, fine, head)

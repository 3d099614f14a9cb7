"""Cross-identity terms: portraits that show another person's motion, read back from the picture.

In: encoded sources and the motion of other pairs of the batch. Out: terms and the pictures.
There is no true picture of one person with the motion of another, so a judge (the averaged model,
which no gradient changes) reads pose, expression and identity back from what was generated
(method.md section 4, cross-identity terms). Knows nothing about data.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.losses.motion import gap_errors, pose_distance
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion

SHARE = 0.25  # of a batch is crossed: a picture more costs as much as a pair


@dataclass(frozen=True)
class Crossed:
    """Hold what crossing gave for C of the pairs.

    Attributes:
        terms: cross_pose, cross_expression, cross_identity.
        picture: (C, 3, H, W), [0, 1].
        keypoints: where the keypoints of the pictures should be, (C, K, 3).
        translation: where the heads should be, (C, 2).
        scale: how large they should be, (C, 1).
    """

    terms: dict[str, Tensor]
    picture: Tensor
    keypoints: Tensor
    translation: Tensor
    scale: Tensor


def cross_identities(
    model: MMFA,
    judge: MMFA,
    source: EncodedSource,
    driving: Motion,
    gaps: tuple[tuple[int, int], ...] = (),
) -> Crossed | None:
    """Show the first sources with the motion of the pairs after them, and read the pictures back.

    Only appearance, flow and painting learn from it: motion and identity are taken as they are,
    or an encoder could please the judge by asking for less.

    Args:
        model: generates.
        judge: reads back; its weights take no gradient.
        source: encoded sources, batch B.
        driving: motion of the driving pictures of the same pairs, batch B.
        gaps: pairs of keypoints whose distance counts besides; method.md section 5.

    Returns:
        Crossed; None for a batch of one, where nobody else is.
    """
    count = min(max(1, round(SHARE * len(driving))), len(driving) - 1)
    if count < 1:
        return None
    canonical = source.canonical_keypoints[:count].detach()
    own = EncodedSource(
        source.picture[:count],
        [features[:count] for features in source.features],
        canonical,
        _detached(source.motion[:count]),
    )
    asked = _detached(driving[1 : count + 1])
    picture = model.render(own, asked).picture
    found = judge.estimate(_with_grey_gradient(picture))
    where = canonical, asked.rotation, asked.scale
    mine = judge.head_expression(found.motion.expression_offsets, *where)
    wanted = model.head_expression(asked.expression_offsets, *where)
    expression = (mine - wanted).abs().mean()
    if gaps:
        errors = gap_errors(canonical + mine, canonical + wanted, gaps)
        expression = expression + errors.abs().mean()
    terms = {
        "cross_pose": pose_distance(found.motion.rotation, asked.rotation),
        "cross_expression": expression,
        "cross_identity": (found.canonical_keypoints - canonical).abs().mean(),
    }
    with torch.no_grad():
        keypoints = model.keypoints(canonical, asked)
    return Crossed(terms, picture, keypoints, asked.translation, asked.scale)


def _with_grey_gradient(picture: Tensor) -> Tensor:
    """Let a gradient change how bright pixels of (B, 3, H, W) are, and not their hue.

    With its full gradient the judge was soon pleased by purple lips and lids.
    """
    grey = picture.mean(1, keepdim=True)
    return picture.detach() + (grey - grey.detach())


def _detached(motion: Motion) -> Motion:
    return Motion(
        motion.rotation.detach(),
        motion.translation.detach(),
        motion.scale.detach(),
        motion.expression_code.detach(),
        motion.expression_offsets.detach(),
    )

"""Which driving frame movements are counted from: frame 0 of method.md section 6.

In: an encoded portrait, and the survey of a driver or motions. Out: one of the frames.
Knows nothing about files or pictures.

Two people at rest differ more in their offsets than one person does between a shut and a slightly
open mouth. So expressions are compared by how wide and how high eyes and mouth are when each is
shown on the portrait's own face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.inference.survey import Survey
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion

# What counts as much as each of the others: a turn, ...
TURN_UNIT_DEG = 15.0
# ... a change of a region's standard deviation across and down the head, whose radius is 1, ...
SHAPE_UNITS = (0.02, 0.01)
# ... and, in models that know no regions, the root mean square of all offsets.
OFFSET_UNIT = 0.01


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """Hold frame 0 of method.md section 6.

    Attributes:
        motion: batch 1.
        frame: its number in the part that drives.
    """

    motion: Motion
    frame: int


def choose_reference(
    model: MMFA, source: EncodedSource, survey: Survey, *, best_frame: bool
) -> Reference:
    """Choose the frame that the driver's changes are counted from.

    Args:
        model: that encoded the portrait.
        source: the portrait, batch 1.
        survey: of the driver.
        best_frame: take the frame most like the portrait; else the first with a face.

    Returns:
        The frame.
    """
    chosen = nearest_frame(model, source, survey.candidates) if best_frame else 0
    return Reference(
        motion=survey.candidates[chosen : chosen + 1], frame=survey.candidate_frames[chosen]
    )


def nearest_frame(model: MMFA, source: EncodedSource, candidates: Motion) -> int:
    """Find the driving frame that is most like the portrait in pose and expression.

    Args:
        model: whose regions are eyes and mouth.
        source: the portrait, batch 1.
        candidates: batch B.

    Returns:
        Its index in the batch.
    """
    own = source.motion
    between = candidates.rotation @ own.rotation.transpose(1, 2)
    trace = between.diagonal(dim1=1, dim2=2).sum(-1)
    turn_deg = torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1, 1)))
    with torch.no_grad():
        change = _face_shape(model, source, candidates.expression_offsets) - _face_shape(
            model, source, own.expression_offsets
        )
    distance = (turn_deg / TURN_UNIT_DEG) ** 2 + (change**2).sum(-1)
    return int(distance.argmin())


def _face_shape(model: MMFA, source: EncodedSource, offsets: Tensor) -> Tensor:
    """Measure expressions (B, K, 3) as they would look on a portrait, in units that count alike.

    Returns (B, 2 R) for R regions, (B, 3 K) for a model without regions.
    """
    canonical = source.canonical_keypoints.expand_as(offsets)
    shown = model.gauge_expression(offsets, canonical)
    if not model.config.hint_regions:
        return shown.flatten(1) / (OFFSET_UNIT * math.sqrt(shown.shape[1]))
    flat = (canonical + shown)[..., :2]
    units = torch.tensor(SHAPE_UNITS, device=flat.device)
    regions = [list(region) for region in model.config.hint_regions]
    return torch.cat([flat[:, region].std(1, unbiased=False) / units for region in regions], -1)

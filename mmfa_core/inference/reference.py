"""Which driving frame movements are counted from: frame 0 of method.md section 6.

In: an encoded portrait and the motion of driving frames. Out: one of the frames.
Knows nothing about files or pictures.

Two people at rest differ more in their offsets than one person does between a shut and a slightly
open mouth. So expressions are compared by how wide and how high eyes and mouth are when each is
shown on the portrait's own face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmfa_core.model import MMFA, EncodedSource
from mmfa_core.motion import Motion

# What counts as much as each of the others: a turn, ...
TURN_UNIT_DEG = 15.0
# ... a change of a region's standard deviation across and down the head, whose radius is 1, ...
SHAPE_UNITS = (0.02, 0.01)
# ... and, in models that know no regions, the root mean square of all offsets.
OFFSET_UNIT = 0.01

Shape = Callable[[Tensor], Tensor]  # offsets (B, K, 3) -> numbers that tell expressions apart


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """Hold frame 0 of method.md section 6.

    Attributes:
        motion: batch 1.
        frame: its number in the part that drives.
    """

    motion: Motion
    frame: int


def nearest_frame(source: Motion, candidates: Motion, shape: Shape) -> int:
    """Find the driving frame that is most like the portrait in pose and expression.

    Args:
        source: batch 1.
        candidates: batch B.
        shape: of face_shape.

    Returns:
        Its index in the batch.
    """
    between = candidates.rotation @ source.rotation.transpose(1, 2)
    trace = between.diagonal(dim1=1, dim2=2).sum(-1)
    turn_deg = torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1, 1)))
    change = shape(candidates.expression_offsets) - shape(source.expression_offsets)
    distance = (turn_deg / TURN_UNIT_DEG) ** 2 + (change**2).sum(-1)
    return int(distance.argmin())


def face_shape(model: MMFA, source: EncodedSource) -> Shape:
    """Make the measure of expressions, as they would look on a portrait.

    Args:
        model: whose regions are eyes and mouth.
        source: the portrait, batch 1.

    Returns:
        A function from offsets (B, K, 3) to (B, 2 R) for R regions, in units that count alike;
        to (B, 3 K) for a model without regions.
    """
    regions = [list(region) for region in model.config.hint_regions]

    def measure(offsets: Tensor) -> Tensor:
        canonical = source.canonical_keypoints.expand_as(offsets)
        shown = model.gauge_expression(offsets, canonical)
        if not regions:
            every: Tensor = shown.flatten(1) / (OFFSET_UNIT * shown.shape[1] ** 0.5)
            return every
        flat = (canonical + shown)[..., :2]
        units = torch.tensor(SHAPE_UNITS, device=flat.device)
        return torch.cat([flat[:, r].std(1, unbiased=False) / units for r in regions], -1)

    return measure


def find_reference(model: MMFA, source: EncodedSource, candidates: Motion) -> int:
    """Find the driving frame, of batch B, that is most like an encoded portrait."""
    with torch.no_grad():
        return nearest_frame(source.motion, candidates, face_shape(model, source))

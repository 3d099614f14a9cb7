"""The named weighted sum of loss terms.

In: terms by name. Out: one number to minimise, and plain numbers for the log.
Knows nothing about how a term is made.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weigh every term; 0 leaves a term out. Sources: method.md section 4, training.md section 4.

    Lengths are in normalised coordinates unless a line says otherwise.
    """

    pose: float = 20.0  # L1 to the teacher's angles, degrees / 90
    size: float = 3.0  # L1 of log scale to the teacher's
    place: float = 8.0  # L1 of translation to the teacher's
    guide: float = 15.0  # L1 of projected keypoints to landmarks
    canonical: float = 6.0  # L1 of canonical keypoints to the clip's neutral face
    canonical_consistency: float = 4.0  # L1 between the x_c of two pictures of one person
    offsets: float = 15.0  # L1 of gauged offsets to the teacher's expression
    gaps: float = 15.0  # L1 of openings and mouth width, and of their change between the pair
    deformation: float = 0.05  # mean |delta|
    kl: float = 5e-4  # KL to N(0, I), nats a dimension
    vae: float = 1.0  # delta(e_hat) against detached delta(e)
    equivariance: float = 0.0  # keypoints under a known warp
    similarity: float = 0.0  # size, pose and place under a known turn, size and shift
    expression_invariance: float = 0.0  # L1 of e under new colours and a known similarity
    keypoint_prior: float = 0.0  # keypoints keep apart
    flow: float = 6.0  # L1 of the flow at landmarks
    pixel: float = 3.0  # L1 at full size, weighted to the face
    pixel_small: float = 1.0  # L1 at a quarter of the size
    warped: float = 0.7  # L1 of the warped source
    painted: float = 0.7  # L1 of the painted picture
    invented: float = 0.0  # share of the picture that is painted and not warped
    openings: float = 0.0  # L1 of the painted picture inside mouth and eyes
    revealed: float = 0.0  # warped share of mouth and eyes that open or shut
    cross_pose: float = 0.0  # pose of another person's motion, read back from the picture
    cross_expression: float = 0.0  # expression offsets and gaps of it, read back
    cross_identity: float = 0.0  # L1 of the canonical keypoints that are read back
    perceptual: float = 0.0  # feature distance on crops of the face
    adversarial: float = 0.0  # hinge on crops of the face
    feature_matching: float = 0.0  # L1 on the discriminator's features


def weighted_sum(terms: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """Sum terms by their weights.

    Args:
        terms: scalars; each name is a field of LossWeights.
        weights: the weights.

    Returns:
        Scalar.

    Raises:
        ValueError: for a term without a weight.
    """
    known = {f.name for f in dataclasses.fields(weights)}
    unknown = set(terms) - known
    if unknown:
        raise ValueError(f"no weight for {sorted(unknown)}")
    parts = [getattr(weights, name) * value for name, value in terms.items()]
    return torch.stack(parts).sum()

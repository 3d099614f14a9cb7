"""Terms that need no label: what must follow when a picture is changed in a known way.

In: the model and pictures. Out: scalars by the names of LossWeights (method.md section 4:
equivariance, known similarity, expression invariance).
Knows nothing about landmarks, pairs or generated pictures.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.estimates import Estimate
from mmfa_core.geometry import (
    full_precision,
    make_grid,
    rotation_from_pose,
    similarity_grid,
    warp,
)
from mmfa_core.losses.motion import pose_distance
from mmfa_core.losses.terms import LossWeights
from mmfa_core.model import MMFA
from mmfa_core.motion import HeadPose
from mmfa_core.training.spline import apply_spline, fit_spline

BEND_AFFINE = 0.08  # standard deviation of the entries of the affine part, minus identity
BEND_SHIFT = 0.06  # of the shift, normalised
BEND_LOCAL = 0.03  # of the displacement of each of 4 x 4 places, normalised
ROLL_DEG, LOG_SIZE, SHIFT = 12.0, 0.12, 0.1  # of the known similarity
LEAST_SPREAD = 0.1  # standard deviation of every feature of e over a batch


@dataclass(frozen=True)
class Bend:
    """Hold a known affine and small thin-plate map T of the plane, one a picture.

    Convention: the bent picture shows at place p what the original shows at T(p), so a point of
    the bent picture is carried back to the original by T.

    Attributes:
        places: (B, P, 2), where the spline is given.
        spline: (B, P + 3, 2), its coefficients.
    """

    places: Tensor
    spline: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """Map points (1 or B, Q, 2) of bent pictures to the originals, (B, Q, 2)."""
        return points + apply_spline(self.spline, self.places, points)

    def picture(self, pictures: Tensor) -> Tensor:
        """Bend pictures (B, C, H, W)."""
        rows, columns = pictures.shape[-2:]
        grid = make_grid(rows, columns, pictures.device).view(1, -1, 2)
        return warp(pictures, self(grid).view(-1, rows, columns, 2))


@dataclass(frozen=True)
class Similarity:
    """Hold a known turn, size and shift of the plane: x' = a R x + u, one a picture.

    Attributes:
        roll_deg: (B,), degrees counter-clockwise on the screen.
        factor: a, (B, 1), > 0.
        shift: u, (B, 2), normalised.
    """

    roll_deg: Tensor
    factor: Tensor
    shift: Tensor

    @property
    def rotation(self) -> Tensor:
        """R as (B, 3, 3)."""
        zero = torch.zeros_like(self.roll_deg)
        return rotation_from_pose(HeadPose(zero, zero, self.roll_deg))

    def points(self, points: Tensor) -> Tensor:
        """Move points (B, Q, 2)."""
        with full_precision(points):
            turned = points @ self.rotation[:, :2, :2].transpose(1, 2)
        return self.factor[:, :, None] * turned + self.shift[:, None]

    def picture(self, pictures: Tensor) -> Tensor:
        """Move pictures (B, C, H, W); the border is repeated outside."""
        with full_precision(pictures):
            back = self.rotation[:, :2, :2].transpose(1, 2)
            centre = -(back @ self.shift[:, :, None])[:, :, 0] / self.factor
        rows, columns = pictures.shape[-2:]
        return warp(
            pictures, similarity_grid(centre, 1 / self.factor, -self.roll_deg, rows, columns)
        )


def invariance_terms(
    model: MMFA, pictures: Tensor, weights: LossWeights, noise: Tensor
) -> dict[str, Tensor]:
    """Compute the terms that have a weight.

    Args:
        model: the model.
        pictures: (B, 3, H, W), [0, 1], real ones.
        weights: with ``equivariance``, ``similarity`` and ``expression_invariance``.
        noise: any tensor; all randomness is a function of its bytes.

    Returns:
        Scalars by the names of LossWeights; empty when no term has a weight.
    """
    moves = weights.similarity > 0 or weights.expression_invariance > 0
    if weights.equivariance <= 0 and not moves:
        return {}
    generator = torch.Generator().manual_seed(_seed(noise))
    plain = model.estimate(pictures)
    terms = {}
    if weights.equivariance > 0:
        bend = draw_bend(pictures, generator)
        terms["equivariance"] = equivariance(
            model, plain, model.estimate(bend.picture(pictures)), bend
        )
    if moves:
        known = draw_similarity(pictures, generator)
        moved = known.picture(recolour(pictures, generator))
        found = model.estimate(moved)
        terms["similarity"] = similarity(plain, found, known)
        terms["expression_invariance"] = expression_invariance(plain.features, found.features)
    return terms


def equivariance(model: MMFA, plain: Estimate, bent: Estimate, bend: Bend) -> Tensor:
    """Compare keypoints of bent pictures, carried back, with those of the originals.

    Equation: mean |T(x[:2] of the bent picture) - x[:2] of the original|.
    """
    before = model.keypoints(plain.canonical_keypoints, plain.motion)[..., :2]
    after = model.keypoints(bent.canonical_keypoints, bent.motion)[..., :2]
    return (bend(after) - before).abs().mean()


def similarity(plain: Estimate, moved: Estimate, known: Similarity) -> Tensor:
    """Compare size, pose and place of moved pictures with what the known move says.

    Equation: |log s' - log(a s)| + |angles(R') - angles(R_u R)| / 90 + |t' - (a R_u t + u)|, means.
    """
    one, other = plain.motion, moved.motion
    with full_precision(one.rotation):
        rotation = known.rotation @ one.rotation
    place = known.points(one.translation[:, None])[:, 0]
    size = (other.scale.log() - one.scale.log() - known.factor.log()).abs().mean()
    return size + pose_distance(other.rotation, rotation) + (other.translation - place).abs().mean()


def expression_invariance(plain: Tensor, moved: Tensor) -> Tensor:
    """Compare e (B, E) of two views of the same faces; a floor on its spread forbids collapse."""
    both = torch.cat((plain, moved)).float()
    spread = (both.var(0, unbiased=False) + 1e-6).sqrt()
    return (plain - moved).abs().mean() + F.relu(LEAST_SPREAD - spread).mean()


def draw_bend(pictures: Tensor, generator: torch.Generator) -> Bend:
    """Draw an affine map with a small thin-plate bend for each picture."""
    count = len(pictures)
    places = make_grid(4, 4).view(1, -1, 2) * 4 / 3  # the outermost ones on the border
    affine = BEND_AFFINE * torch.randn(count, 2, 2, generator=generator)
    shift = BEND_SHIFT * torch.randn(count, 1, 2, generator=generator)
    local = BEND_LOCAL * torch.randn(count, places.shape[1], 2, generator=generator)
    places = places.expand(count, -1, -1)
    spline = fit_spline(places, places @ affine.transpose(1, 2) + shift + local)
    return Bend(places.to(pictures.device), spline.to(pictures.device))


def draw_similarity(pictures: Tensor, generator: torch.Generator) -> Similarity:
    """Draw a turn, a size and a shift for each picture."""
    noise = torch.randn(len(pictures), 4, generator=generator).to(pictures.device)
    return Similarity(
        ROLL_DEG * noise[:, 0], (LOG_SIZE * noise[:, 1:2]).exp(), SHIFT * noise[:, 2:]
    )


def recolour(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Change gamma, gain and lift of every channel of pictures (B, 3, H, W), [0, 1]."""
    noise = torch.randn(3, len(pictures), 3, 1, 1, generator=generator).to(pictures.device)
    gamma, gain, lift = (0.15 * noise[0]).exp(), (0.1 * noise[1]).exp(), 0.03 * noise[2]
    return (gain * pictures.clamp_min(1e-3) ** gamma + lift).clamp(0, 1)


def _seed(noise: Tensor) -> int:
    digest = hashlib.sha256(noise.detach().float().cpu().contiguous().numpy().tobytes()).digest()
    return int.from_bytes(digest[:7], "big")

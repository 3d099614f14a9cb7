"""What one step minimises: terms of a batch of pairs, by stage.

In: Pair. Out: loss and terms. One ``forward`` a step, so that DistributedDataParallel can wrap it.
Knows nothing about optimisers, files or time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.estimates import Coarse, CropPlace, EncodedSource, Estimate
from mmfa_core.geometry import pose_from_rotation, resize_flow, warp
from mmfa_core.losses.motion import (
    gap_errors,
    gaussian_kl,
    keypoint_prior,
    point_distance,
    pose_distance,
    pose_errors,
)
from mmfa_core.losses.reconstruction import (
    Features,
    face_weights,
    feature_distance,
    flow_distance,
    opening_maps,
    openness,
    weighted_l1,
)
from mmfa_core.losses.terms import LossWeights
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion
from mmfa_core.networks.dense_motion import DenseMotion
from mmfa_core.networks.generator import Generated
from mmfa_core.training.augment import TRUST_GRID, Labelled
from mmfa_core.training.batches import Pair
from mmfa_core.training.crops import cut_crossed, cut_pairs
from mmfa_core.training.crossing import Crossed, cross_identities
from mmfa_core.training.hard_cases import pair_errors
from mmfa_core.training.invariances import invariance_terms
from mmfa_core.training.teacher import EYES, GAPS, GUIDES, MOUTH

CROP_JITTER = (0.06, 0.06, 0.06)  # roll in rad, scale, place in units of the scale
# Corners, upper and lower edge of each opening: lips, right eye, left eye.
OPENINGS = ((78, 308, 13, 14), (33, 133, 159, 145), (362, 263, 386, 374))
LEAST_OPENING = 0.2  # height over width of the map of an opening that is shut
FULL_CHANGE = 0.12  # change of height over width that can't be warped at all
# Landmarks of lips and eyes weigh more in the flow term.
SHARP_LANDMARKS = (
    *(61, 291, 0, 17, 13, 14, 37, 267, 39, 269, 40, 270, 185, 409, 78, 308, 80, 310, 81, 311),
    *(82, 312, 84, 314, 87, 317, 88, 318, 91, 321, 95, 324, 146, 375, 178, 402, 181, 405, 191),
    *(415, 33, 133, 159, 145, 160, 144, 158, 153, 157, 154, 173, 155, 246, 7, 161, 163),
    *(362, 263, 386, 374, 385, 380, 387, 373, 384, 381, 398, 382, 466, 249, 388, 390),
)


@dataclass(frozen=True)
class StepResult:
    """Hold what a step computed.

    Attributes:
        terms: scalars by the names of LossWeights.
        generated: pictures of the joint stage, or None.
        face_crops: generated and true crops of faces, (B + C, 3, h, h) and (B, 3, h, h); the C
            last ones are of pictures that have no truth. h is crops.FACE_CROP_PX, or the side
            of smaller pictures.
        errors: (B,) of the pairs by hard_cases.pair_errors, of the generated picture or, where
            nothing is painted, of the warped one; None where nothing is moved. No term.
    """

    terms: dict[str, Tensor]
    generated: Generated | None = None
    face_crops: tuple[Tensor, Tensor] | None = None
    errors: Tensor | None = None


class PairObjective(nn.Module):
    """Compute the terms of a batch of pairs."""

    def __init__(
        self,
        model: MMFA,
        *,
        teacher: bool,
        perceptual: Features | None = None,
        judge: MMFA | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            model: learns.
            teacher: False uses no landmark but the pose.
            perceptual: features of the perceptual term; None leaves it out.
            judge: reads crossed pictures back; None leaves the cross-identity terms out.
        """
        super().__init__()
        self.model = model
        self.teacher = teacher
        self.perceptual = perceptual
        self._judge = (judge,)  # in a tuple: it is no part of what learns
        weights = torch.ones(len(GUIDES))
        weights[list(EYES)] = 2.0
        weights[list(MOUTH)] = 2.0
        places = torch.ones(478)
        places[list(SHARP_LANDMARKS)] = 2.5
        self.register_buffer("guide_weights", weights, persistent=False)
        self.register_buffer("place_weights", places, persistent=False)
        self.guide_weights: Tensor
        self.place_weights: Tensor

    def forward(
        self,
        pair: Pair,
        weights: LossWeights,
        noise: Tensor,
        *,
        joint: bool,
        frozen: bool = False,
        paint: bool = True,
    ) -> StepResult:
        """Compute the terms.

        Args:
            pair: the batch, B pairs.
            weights: only terms with a weight are computed.
            noise: (2 B, Z + 4): standard normal, for z and for the jitter of the face crop;
                zeros take the means.
            joint: also show the source with the driving motion.
            frozen: take the encoders as they are: no term of theirs, no jitter, no sampling.
            paint: generate pictures; False only warps the source, for the terms ``warped`` and
                ``flow``, which costs a third.

        Returns:
            StepResult.
        """
        if frozen:
            with torch.no_grad():
                found = self.model.estimate_closely(
                    torch.cat((pair.source.pictures, pair.driving.pictures))
                )
            terms: dict[str, Tensor] = {}
        else:
            found, terms = self._estimate(pair, weights, noise, joint)
        if not joint:
            return StepResult(_weighed(terms, weights))
        source = self._source(pair, found)
        driving = found.motion[len(pair.source.scale) :]
        if not paint:
            warped, errors = self._warp_terms(pair, self.model.move(source, driving))
            return StepResult(_weighed(terms | warped, weights), errors=errors)
        return self._generate(pair, source, driving, weights, noise, terms)

    def _estimate(
        self, pair: Pair, weights: LossWeights, noise: Tensor, joint: bool
    ) -> tuple[Estimate, dict[str, Tensor]]:
        """Estimate motion and identity of both pictures, with the terms of the encoders."""
        both = Labelled.cat([pair.source, pair.driving])
        size = self.model.config.expression_code
        coarse = self.model.estimate_coarse(both.pictures)
        place = self._crop_place(both, coarse, noise[:, size:], joint)
        found = self.model.estimate(both.pictures, coarse, place, noise[:, :size])
        motion, canonical = found.motion, found.canonical_keypoints
        terms = self._motion_terms(both, found)
        terms["kl"] = gaussian_kl(found.mean, found.logvar)
        direct = self.model.expression_vae.decode_features(found.features)
        terms["vae"] = (motion.expression_offsets - direct.detach()).abs().mean()
        if self.teacher:
            terms["offsets"] = terms["offsets"] + self._offset_term(both, direct, canonical)
        terms |= invariance_terms(self.model, pair.driving.pictures, weights, noise)
        return found, terms

    def _source(self, pair: Pair, found: Estimate) -> EncodedSource:
        count = len(pair.source.scale)
        return EncodedSource(
            pair.source.pictures,
            self.model.appearance(pair.source.pictures),
            found.canonical_keypoints[:count],
            found.motion[:count],
        )

    def _generate(
        self,
        pair: Pair,
        source: EncodedSource,
        driving: Motion,
        weights: LossWeights,
        noise: Tensor,
        terms: dict[str, Tensor],
    ) -> StepResult:
        """Generate the driving pictures, and add the terms of what was generated."""
        size = self.model.config.expression_code
        generated = self.model.render(source, driving)
        terms |= self._picture_terms(pair, generated)
        crossed = self._cross(source, driving, weights)
        if crossed is not None:
            terms |= crossed.terms
        crops = None
        if weights.perceptual > 0 or weights.adversarial > 0:
            crops = cut_pairs(pair, generated, noise[:, size:])
            if self.perceptual is not None:
                terms["perceptual"] = feature_distance(self.perceptual, *crops)
            if crossed is not None and self.teacher:
                strange = cut_crossed(crossed, noise[:, size:])
                crops = torch.cat((crops[0], strange)), crops[1]
        kept = _weighed(terms, weights)
        errors = pair_errors(generated.picture, pair.driving.pictures, self._trust(pair))
        return StepResult(kept, generated, crops, errors)

    def _crop_place(self, both: Labelled, coarse: Coarse, noise: Tensor, joint: bool) -> CropPlace:
        """Cut by the labels while the estimator is young, by the estimates later; jittered."""
        place = coarse.place
        if not joint and self.teacher:
            roll = pose_from_rotation(both.rotation).roll_deg
            place = CropPlace(roll, both.translation, both.scale)
        strength = 0.4 if joint else 1.0
        roll_rad, size, shift = (strength * j for j in CROP_JITTER)
        return CropPlace(
            place.roll_deg + torch.rad2deg(roll_rad * noise[:, 0]),
            place.translation + shift * place.scale * noise[:, 2:4],
            place.scale * torch.exp(size * noise[:, 1:2]),
        )

    def _motion_terms(self, both: Labelled, found: Estimate) -> dict[str, Tensor]:
        model = self.model
        motion, canonical = found.motion, found.canonical_keypoints
        count = len(canonical) // 2
        terms = {
            "pose": self._pose_term(motion.rotation, both.rotation)
            + 0.3 * pose_distance(found.coarse.rotation, both.rotation),
            "canonical_consistency": (canonical[:count] - canonical[count:]).abs().mean(),
            "deformation": motion.expression_offsets.abs().mean(),
        }
        swapped = torch.cat((canonical[:count], canonical[:count]))  # x_c of the source for both
        points = model.keypoints(swapped, motion)
        terms["keypoint_prior"] = keypoint_prior(points)
        if not self.teacher:
            return terms
        guides = len(GUIDES)
        truth = both.landmarks[:, list(GUIDES)]
        flat, depth = points[:, :guides, :2], points[:, :guides, 2:]
        depth_truth = truth[..., 2:] - truth[:, :11, 2:].mean(1, keepdim=True)
        terms["guide"] = point_distance(flat, truth[..., :2], self.guide_weights) + (
            0.2 * point_distance(depth, depth_truth, self.guide_weights)
        )
        coarse = found.coarse.place
        terms["size"] = (motion.scale.log() - both.scale.log()).abs().mean() + (
            coarse.scale.log() - both.scale.log()
        ).abs().mean()
        terms["place"] = (motion.translation - both.translation).abs().mean() + (
            coarse.translation - both.translation
        ).abs().mean()
        terms["canonical"] = (canonical[:, :guides] - both.canonical).abs().mean()
        terms["offsets"] = self._offset_term(both, motion.expression_offsets, canonical)
        expressed = both.canonical + both.offsets
        # As in rendering: the driving expression opens the eyes and lips of the source's face.
        offsets = model.head_expression(
            motion.expression_offsets, swapped, both.rotation, both.scale
        )
        mine = swapped[:, :guides] + offsets[:, :guides]
        gaps = gap_errors(mine, expressed, GAPS)
        # How wide a mouth is at rest, one picture of a person doesn't tell; its change two do.
        terms["gaps"] = gaps.abs().mean() + (gaps[:count] - gaps[count:]).abs().mean()
        return terms

    def _pose_term(self, rotation: Tensor, label: Tensor) -> Tensor:
        """Compare poses of sources and driving pictures, and how pose changed between them.

        Where a face at rest looks, up or down, one picture of a person hardly tells.
        """
        errors = pose_errors(rotation, label)
        count = len(errors) // 2
        changes = errors[:count] - errors[count:]
        return (0.5 * errors.abs().mean() + 0.25 * changes.abs().mean()) / 90

    def _offset_term(self, both: Labelled, offsets: Tensor, canonical: Tensor) -> Tensor:
        offsets = self.model.head_expression(offsets, canonical.detach(), both.rotation, both.scale)
        return point_distance(offsets[:, : len(GUIDES)], both.offsets, self.guide_weights)

    def _cross(
        self, source: EncodedSource, driving: Motion, weights: LossWeights
    ) -> Crossed | None:
        (judge,) = self._judge
        wanted = weights.cross_pose + weights.cross_expression + weights.cross_identity
        if judge is None or not wanted > 0:
            return None
        gaps = GAPS if self.teacher else ()
        return cross_identities(self.model, judge, source, driving, gaps)

    def _trust(self, pair: Pair) -> Tensor:
        """Weigh places of the driving picture, (B, 1, TRUST_GRID, TRUST_GRID)."""
        points = pair.driving.landmarks[:, list(GUIDES), :2]
        weights = face_weights(points, (*EYES, *MOUTH), TRUST_GRID, TRUST_GRID)
        return weights * pair.driving.trust

    def _warp_terms(self, pair: Pair, motion: DenseMotion) -> tuple[dict[str, Tensor], Tensor]:
        """Compare the source, moved at half the size, with the truth; also pair by pair, (B,)."""
        before, truth = (F.avg_pool2d(p.pictures, 2) for p in (pair.source, pair.driving))
        warped = warp(before, resize_flow(motion.flow, *truth.shape[-2:]))
        trust = self._trust(pair)
        terms = {"warped": weighted_l1(warped, truth, trust)}
        if self.teacher:
            terms["flow"] = self._flow_term(pair, motion)
        return terms, pair_errors(warped, truth, trust)

    def _flow_term(self, pair: Pair, motion: DenseMotion) -> Tensor:
        places, sources = (p.landmarks[..., :2] for p in (pair.driving, pair.source))
        return flow_distance(motion.flow, places, sources, self.place_weights)

    def _picture_terms(self, pair: Pair, generated: Generated) -> dict[str, Tensor]:
        truth = pair.driving.pictures
        weights = self._trust(pair)
        full = F.interpolate(weights, truth.shape[-2:], mode="bilinear", align_corners=False)
        small = F.avg_pool2d(truth, 4)
        terms = {
            "pixel": weighted_l1(generated.picture, truth, full),
            "pixel_small": weighted_l1(F.avg_pool2d(generated.picture, 4), small, weights),
            "warped": weighted_l1(
                F.avg_pool2d(generated.warped, 2), F.avg_pool2d(truth, 2), full[..., ::2, ::2]
            ),
            "painted": weighted_l1(generated.painted, truth, full),
            "invented": 1 - generated.blend.mean(),
        }
        if self.teacher:
            terms |= self._opening_terms(pair, generated)
            terms["flow"] = self._flow_term(pair, generated.motion)
        return terms

    def _opening_terms(self, pair: Pair, generated: Generated) -> dict[str, Tensor]:
        """Weigh the inside of mouth and eyes: teeth and lids can't be warped out of closed ones."""
        openings = torch.tensor(OPENINGS, device=generated.blend.device)
        side = generated.blend.shape[-1] // 2
        before, now = (p.landmarks[:, openings, :2] for p in (pair.source, pair.driving))
        open_before, open_now = openness(before), openness(now)
        drawn = opening_maps(now, open_before.clamp_min(LEAST_OPENING), side, side)
        change = ((open_now - open_before).abs() / FULL_CHANGE).clamp(max=1)[..., None, None]
        inside = drawn.amax(1, keepdim=True)  # (B, 1, side, side)
        changed = (drawn * change).amax(1, keepdim=True)
        error = F.avg_pool2d((generated.painted - pair.driving.pictures).abs(), 2)
        weights = inside * F.interpolate(pair.driving.trust, (side, side), mode="bilinear")
        blend = F.avg_pool2d(generated.blend, 2)
        return {
            "openings": (error.mean(1, keepdim=True) * weights).sum() / inside.sum(),
            "revealed": (blend * changed).sum() / inside.sum(),
        }


def _weighed(terms: dict[str, Tensor], weights: LossWeights) -> dict[str, Tensor]:
    """Leave out terms without a weight."""
    return {name: term for name, term in terms.items() if getattr(weights, name) > 0}

"""The model: networks wired together; build_model is the only reader of ModelConfig.

In: pictures as tensors. Out: motion, keypoints, generated pictures.
Knows nothing about files, faces in big pictures, or training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.config import ModelConfig
from mmfa_core.estimates import Coarse, CropPlace, EncodedSource, Estimate
from mmfa_core.geometry import (
    compose_keypoints,
    full_precision,
    gauge_canonical,
    gauge_offsets,
    head_offsets,
    mean_rotation,
    pose_from_rotation,
    rotation_from_pose,
    similarity_grid,
    warp,
)
from mmfa_core.motion import HeadPose, Motion
from mmfa_core.networks.appearance import AppearanceEncoder
from mmfa_core.networks.dense_motion import DenseMotion, DenseMotionNetwork
from mmfa_core.networks.expression import ExpressionEncoder, ExpressionVAE
from mmfa_core.networks.generator import Generated, Generator
from mmfa_core.networks.hints import ExpressionHints
from mmfa_core.networks.motion_estimator import MotionEstimator
from mmfa_core.networks.refinement import Refinement

# How far off each face crop is cut that inference looks at: shift across and down in sizes of the
# head, growth, roll in degrees. The first, which tells the expression, is not off; the others are
# about as far off as the jitter that the encoders were trained with.
VIEWS = (
    (0.0, 0.0, 0.0, 0.0),
    (0.08, 0.08, 0.05, 3.0),
    (-0.08, 0.08, -0.05, -3.0),
    (0.08, -0.08, -0.05, 3.0),
    (-0.08, -0.08, 0.05, -3.0),
)


class MMFA(nn.Module):
    """Wire the networks of method.md section 3; ``forward`` is the network of a training pair."""

    def __init__(self, config: ModelConfig) -> None:
        """Build every network with fresh weights."""
        super().__init__()
        self.config = config
        self.motion_estimator = MotionEstimator(
            config.motion_size_px, config.motion_widths, config.motion_blocks, config.keypoints
        )
        self.expression_encoder = ExpressionEncoder(
            config.crop_size_px,
            config.expression_widths,
            config.expression_blocks,
            config.expression_features,
        )
        self.expression_vae = ExpressionVAE(
            config.expression_features, config.expression_code, config.keypoints
        )
        self.refinement = Refinement(ExpressionEncoder.HIDDEN, config.keypoints)
        self.appearance = AppearanceEncoder(
            config.appearance_widths,
            config.appearance_blocks,
            config.volume_depth,
            config.volume_width,
        )
        self.dense_motion = DenseMotionNetwork(
            config.keypoints,
            config.appearance_widths[1],
            config.appearance_widths[0],
            config.dense_widths,
            config.dense_blocks,
            turn_affine=config.turn_affine,
        )
        self.generator = Generator(
            config.appearance_widths,
            config.dense_widths[0],
            config.decoder_blocks,
            config.volume_width * config.volume_depth if config.volume_depth > 1 else 0,
            relight=config.relight,
        )
        self.hints = (
            ExpressionHints(config.keypoints, config.hint_regions, config.appearance_widths[0])
            if config.hint_regions
            else None
        )
        subset = range(config.keypoints) if config.gauge == "all" else config.rigid_keypoints
        self.register_buffer("rigid", torch.tensor(list(subset)), persistent=False)
        self.rigid: Tensor

    def estimate_coarse(self, pictures: Tensor) -> Coarse:
        """Estimate from the whole picture, small, enough to cut the face crop.

        Args:
            pictures: (B, 3, H, W), [0, 1].

        Returns:
            Coarse.
        """
        size = self.config.motion_size_px
        small = F.interpolate(pictures, (size, size), mode="area")
        pose, translation, scale, canonical = self.motion_estimator(small)
        place = CropPlace(pose.roll_deg, translation, scale)
        return Coarse(rotation_from_pose(pose), place, canonical)

    def gauge_identity(self, canonical: Tensor) -> Tensor:
        """Fix centre and size of canonical keypoints (B, K, 3), if the configuration says so."""
        if self.config.gauge == "off":
            return canonical
        return gauge_canonical(canonical, self.rigid, self.config.radius)

    def gauge_expression(self, offsets: Tensor, canonical: Tensor) -> Tensor:
        """Keep offsets (B, K, 3) from moving the head of canonical keypoints, if configured."""
        if self.config.gauge == "off":
            return offsets
        return gauge_offsets(offsets, canonical, self.rigid)

    def head_expression(
        self, offsets: Tensor, canonical: Tensor, rotation: Tensor, scale: Tensor
    ) -> Tensor:
        """Gauge offsets, and turn them from the frame of the formula to that of the head.

        Args:
            offsets: delta, (B, K, 3).
            canonical: x_c, (B, K, 3), gauged.
            rotation: of the head that the offsets belong to, (B, 3, 3).
            scale: of it, (B, 1).

        Returns:
            (B, K, 3).
        """
        gauged = self.gauge_expression(offsets, canonical)
        return head_offsets(canonical, gauged, rotation, scale, self.config.formula)

    def cut_face(self, pictures: Tensor, place: CropPlace) -> Tensor:
        """Cut the pose-aligned face crop.

        Args:
            pictures: (B, 3, H, W), [0, 1].
            place: where the head is; no gradient flows into it.

        Returns:
            (B, 3, crop_size_px, crop_size_px).
        """
        config = self.config
        roll, scale = place.roll_deg.detach(), place.scale.detach()
        angle = torch.deg2rad(roll)
        below = torch.stack((angle.sin(), angle.cos()), -1) * (config.crop_drop * scale)
        size = config.crop_size_px
        centre = place.translation.detach() + below
        return warp(pictures, similarity_grid(centre, config.crop_half * scale, roll, size, size))

    def estimate(
        self,
        pictures: Tensor,
        coarse: Coarse | None = None,
        place: CropPlace | None = None,
        noise: Tensor | None = None,
    ) -> Estimate:
        """Estimate everything about pictures: coarsely, then from the face crop.

        Args:
            pictures: (B, 3, H, W), [0, 1].
            coarse: of estimate_coarse, when it is known already.
            place: where to cut the crop; training jitters it. None takes the coarse estimate.
            noise: (B, Z) for sampling the expression code; None takes the mean.

        Returns:
            Estimate.
        """
        coarse = coarse or self.estimate_coarse(pictures)
        place = place or coarse.place
        features, hidden = self.expression_encoder(self.cut_face(pictures, place))
        found = self.refinement(hidden)
        pose = HeadPose(found.yaw_deg, found.pitch_deg, place.roll_deg + found.roll_deg)
        angle = torch.deg2rad(place.roll_deg)
        across = torch.stack((angle.cos(), -angle.sin()), -1)  # the crop's x axis
        down = torch.stack((angle.sin(), angle.cos()), -1)
        shift = found.shift[:, :1] * across + found.shift[:, 1:] * down
        mean, logvar = self.expression_vae.encode(features)
        code = mean
        if noise is not None:
            code = self.expression_vae.reparameterise(mean, logvar, noise)
        motion = Motion(
            rotation_from_pose(pose),
            place.translation + place.scale * shift,
            place.scale * found.growth,
            code,
            self.expression_vae.decode(code),
        )
        canonical = self.gauge_identity(coarse.canonical_keypoints + found.identity)
        return Estimate(motion, canonical, coarse, features, mean, logvar)

    def estimate_closely(self, pictures: Tensor) -> Estimate:
        """Estimate as inference does: from several face crops, each cut a little off.

        What one crop gets wrong of pose, place and identity is partly chance of how it was cut, and
        cancels in the mean. The expression is that of the middle crop: a mean would be flatter.

        Args:
            pictures: (B, 3, H, W), [0, 1].

        Returns:
            Estimate.
        """
        count, views = len(pictures), len(VIEWS)
        coarse = self.estimate_coarse(pictures)
        middle, off = coarse.place, coarse.place.scale.new_tensor(VIEWS)[:, None]  # (V, 1, 4)
        place = CropPlace(
            (middle.roll_deg + off[..., 3]).flatten(),
            (middle.translation + middle.scale * off[..., :2]).flatten(0, 1),
            (middle.scale * (1 + off[..., 2:3])).flatten(0, 1),
        )
        repeated = Coarse(
            coarse.rotation.repeat(views, 1, 1),
            place,
            coarse.canonical_keypoints.repeat(views, 1, 1),
        )
        found = self.estimate(pictures.repeat(views, 1, 1, 1), repeated)

        def by_view(values: Tensor) -> Tensor:
            return values.reshape(views, count, *values.shape[1:])

        def mean(values: Tensor) -> Tensor:
            return by_view(values).mean(0)

        code = found.mean[:count]
        motion = Motion(
            mean_rotation(by_view(found.motion.rotation)),
            mean(found.motion.translation),
            mean(found.motion.scale),
            code,
            self.expression_vae.decode(code),
        )
        canonical = self.gauge_identity(mean(found.canonical_keypoints))
        return Estimate(
            motion, canonical, coarse, found.features[:count], code, found.logvar[:count]
        )

    def estimate_motion(self, pictures: Tensor) -> Motion:
        """Estimate the motion in pictures as inference does, without identity.

        Args:
            pictures: (B, 3, H, W), [0, 1].

        Returns:
            Motion whose expression code is the posterior mean.
        """
        return self.estimate_closely(pictures).motion

    def encode_source(self, pictures: Tensor) -> EncodedSource:
        """Compute all that depends on the source alone; (B, 3, H, W) in [0, 1]."""
        found = self.estimate_closely(pictures)
        return EncodedSource(
            pictures, self.appearance(pictures), found.canonical_keypoints, found.motion
        )

    def keypoints(self, canonical: Tensor, motion: Motion) -> Tensor:
        """Pose an identity by a motion.

        Args:
            canonical: x_c of the identity, (B, K, 3), gauged.
            motion: of any picture.

        Returns:
            x, (B, K, 3).
        """
        offsets = self.gauge_expression(motion.expression_offsets, canonical)
        return self._pose(canonical, offsets, motion)

    def _pose(self, canonical: Tensor, offsets: Tensor, motion: Motion) -> Tensor:
        """Pose an identity with gauged offsets, each (B, K, 3), by the rest of a motion."""
        return compose_keypoints(
            canonical,
            offsets,
            motion.rotation,
            motion.translation,
            motion.scale,
            self.config.formula,
        )

    def move(self, source: EncodedSource, driving: Motion) -> DenseMotion:
        """Find where each place of the driven picture comes from; batches must agree.

        Args:
            source: encoded source, batch B.
            driving: motion to show, batch B.

        Returns:
            DenseMotion, at a quarter of the picture's size.
        """
        own_offsets, _, posed = self._driven(source, driving)
        return self._move(source, driving, own_offsets, posed)

    def render(self, source: EncodedSource, driving: Motion) -> Generated:
        """Generate the source with another motion; batches must agree.

        Args:
            source: encoded source, batch B.
            driving: motion to show, batch B.

        Returns:
            Generated pictures (B, 3, H, W).
        """
        own_offsets, offsets, posed = self._driven(source, driving)
        motion = self._move(source, driving, own_offsets, posed)
        hints = None
        if self.hints is not None:
            side = motion.flow.shape[1]
            hints = self.hints(own_offsets, offsets, posed, driving.scale, side)
        generated: Generated = self.generator(source.picture, source.features, motion, hints)
        return generated

    def _driven(self, source: EncodedSource, driving: Motion) -> tuple[Tensor, Tensor, Tensor]:
        """Gauge own and driving offsets by the source, and pose it; each (B, K, 3)."""
        canonical = source.canonical_keypoints
        own_offsets, offsets = (
            self.gauge_expression(m.expression_offsets, canonical) for m in (source.motion, driving)
        )
        return own_offsets, offsets, self._pose(canonical, offsets, driving)

    def _move(
        self, source: EncodedSource, driving: Motion, own_offsets: Tensor, posed: Tensor
    ) -> DenseMotion:
        own = source.motion
        ratio = (own.scale / driving.scale)[:, :, None]
        with full_precision(ratio):
            turn = own.rotation @ driving.rotation.transpose(1, 2)
        motion: DenseMotion = self.dense_motion(
            source.features[1],
            self._pose(source.canonical_keypoints, own_offsets, own),
            posed,
            ratio * turn,
            own.translation,
            driving.translation,
        )
        return motion

    def forward(self, source: Tensor, driving: Tensor) -> Generated:
        """Generate from a pair of pictures, each (B, 3, H, W) in [0, 1]."""
        return self.render(self.encode_source(source), self.estimate_motion(driving))

    def expand(self, source: EncodedSource, count: int) -> EncodedSource:
        """Repeat an encoded source of batch 1 without copying, for ``count`` driving frames."""
        motion = source.motion
        return EncodedSource(
            source.picture.expand(count, -1, -1, -1),
            [f.expand(count, *f.shape[1:]) for f in source.features],
            source.canonical_keypoints.expand(count, -1, -1),
            Motion(
                motion.rotation.expand(count, -1, -1),
                motion.translation.expand(count, -1),
                motion.scale.expand(count, -1),
                motion.expression_code.expand(count, -1),
                motion.expression_offsets.expand(count, -1, -1),
            ),
        )


def build_model(config: ModelConfig) -> MMFA:
    """Build a model with fresh weights; the only place that turns a config into networks."""
    return MMFA(config)


def pose_of(motion: Motion) -> HeadPose:
    """Read the head pose of a motion, in degrees."""
    return pose_from_rotation(motion.rotation)

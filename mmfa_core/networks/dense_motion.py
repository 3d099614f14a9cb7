"""Dense motion: from posed keypoints of source and driving to a flow and occlusion masks.

In: keypoints, the relative rotation and scale, source features. Out: DenseMotion.
Knows nothing about where keypoints come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfa_core.geometry import full_precision, gaussian_maps, make_grid, warp
from mmfa_core.networks.blocks import Pointwise, Residual, activate, conv, zero

HEAT_SIGMA = 0.06  # of the maps that the network sees, normalised
BACKGROUND_LOGIT = -4.0  # start of the background's logit: wins beyond about 3 sigma
HEAD_LOGIT = -2.0  # start of the rigid head's logit at its centre
POINT_LOG_SIGMA = -2.3  # about 0.1, normalised: how far a keypoint reaches at first
HEAD_LOG_SIGMA = -1.2  # about 0.3: how far the rigid head reaches at first, hair included
RESIDUAL_GAIN = 0.1  # normalised; size of the correction that the network may add to the flow


@dataclass(frozen=True)
class DenseMotion:
    """Hold how every place moves.

    Attributes:
        flow: (B, h, w, 2) at 1/4 of the picture, where to sample in the source.
        occlusion_masks: finest first, (B, 1, h_i, w_i), 1 = visible in the source.
        hidden: (B, C, h/2, w/2), features for the generator.
        background: (B, 1, h, w), weight of the background's candidate.
        rotation_3d: (B, 3, 3) relative affine map of the head, driving to source.
    """

    flow: Tensor
    occlusion_masks: list[Tensor]
    hidden: Tensor
    background: Tensor
    rotation_3d: Tensor


class DenseMotionNetwork(nn.Module):
    """Mix K + 2 candidate motions to one flow.

    Equation: candidate k is x_s,k + A (g - x_d,k) with A = (s_s / s_d) [R_s R_d^-1] upper left 2x2
    (weak perspective, method.md section 3); one candidate more for the rigid head (all of it
    turns about its centre) and one for the background (g stays). The softmax starts from the
    distance to each driving keypoint, so that the flow is sensible before any training; the
    network corrects the logits and adds a small residual flow.
    """

    def __init__(
        self,
        keypoints: int,
        features: int,
        fine_features: int,
        widths: Sequence[int],
        blocks: int,
        *,
        turn_affine: bool = True,
    ) -> None:
        """Build for K = ``keypoints``; feature counts are those at 1/8 and 1/4 of the picture.

        ``turn_affine`` False takes A = (s_s / s_d) I instead, for ablations.
        """
        super().__init__()
        fine, coarse = widths
        self.keypoints = keypoints
        self.turn_affine = turn_affine
        self.reduce = Pointwise(features, 32)
        self.enter = conv(keypoints + 2 * 32 + 2, fine)
        self.down = conv(fine, coarse, stride=2)
        self.inner = nn.Sequential(*(Residual(coarse) for _ in range(blocks)))
        self.up = conv(coarse, fine)
        self.outer = nn.Sequential(*(Residual(fine) for _ in range(blocks)))
        self.head = conv(fine, keypoints + 2 + 2 + 2)
        zero(self.head)  # occlusion masks start at sigmoid(2): visible
        reach = torch.full((keypoints + 1,), POINT_LOG_SIGMA)
        reach[-1] = HEAD_LOG_SIGMA
        self.log_sigma = nn.Parameter(reach)
        self.still_logits = nn.Parameter(torch.tensor([HEAD_LOGIT, BACKGROUND_LOGIT]))

    def forward(
        self,
        features: Tensor,
        source_keypoints: Tensor,
        driving_keypoints: Tensor,
        affine: Tensor,
        source_centre: Tensor,
        driving_centre: Tensor,
    ) -> DenseMotion:
        """Estimate the flow from driving places to source places.

        Args:
            features: source features at 1/8, (B, C, h, w).
            source_keypoints: x_s, (B, K, 3).
            driving_keypoints: x_d, (B, K, 3).
            affine: (s_s / s_d) R_s R_d^-1, (B, 3, 3).
            source_centre: t_s, (B, 2).
            driving_centre: t_d, (B, 2).

        Returns:
            DenseMotion at twice the rows and columns of ``features`` (masks at both sizes).
        """
        rows, columns = features.shape[-2:]
        flat = affine[:, :2, :2] if self.turn_affine else _only_size(affine)
        points_s, points_d = source_keypoints[..., :2], driving_keypoints[..., :2]
        origins = torch.cat((points_d, driving_centre[:, None]), 1)
        prior = self._prior_logits(origins, 2 * rows, 2 * columns)  # (B, K + 2, 2h, 2w)
        parts = (points_s, points_d, flat, source_centre, driving_centre)
        start = _mix(F.avg_pool2d(prior, 2).softmax(1), *parts)
        reduced = activate(self.reduce(features))
        heat = gaussian_maps(points_d, HEAT_SIGMA, rows, columns) - gaussian_maps(
            points_s, HEAT_SIGMA, rows, columns
        )
        moves = (start - make_grid(rows, columns, start.device)).permute(0, 3, 1, 2)
        seen = torch.cat((heat, reduced, warp(reduced, start), 4 * moves), 1)
        fine = activate(self.enter(seen.to(reduced.dtype)))
        coarse = self.inner(activate(self.down(fine)))
        lifted = F.interpolate(coarse, (rows, columns), mode="nearest")
        hidden = self.outer(fine + activate(self.up(lifted)))
        out = self.head(activate(hidden)).float()
        large = F.interpolate(
            out, (2 * rows, 2 * columns), mode="bilinear", align_corners=False
        )  # (B, K + 6, 2h, 2w)
        count = self.keypoints + 2
        weights = (prior + 4 * large[:, :count]).softmax(1)
        flow = _mix(weights, *parts)
        flow = flow + RESIDUAL_GAIN * torch.tanh(large[:, count : count + 2]).permute(0, 2, 3, 1)
        return DenseMotion(
            flow,
            [(large[:, -2:-1] + 2).sigmoid(), (out[:, -1:] + 2).sigmoid()],
            hidden,
            weights[:, -1:],
            affine,
        )

    def _prior_logits(self, points: Tensor, rows: int, columns: int) -> Tensor:
        """Start the softmax from the distance to the keypoints and the head's centre (last)."""
        y = (2 * torch.arange(rows, device=points.device) + 1) / rows - 1
        x = (2 * torch.arange(columns, device=points.device) + 1) / columns - 1
        sharp = (-0.5 * torch.exp(-2 * self.log_sigma))[:, None]
        across = sharp * (x - points[..., :1]) ** 2  # (B, K + 1, columns)
        down = sharp * (y - points[..., 1:2]) ** 2  # (B, K + 1, rows)
        near = down[..., :, None] + across[..., None, :]
        head_logit, background_logit = self.still_logits
        background = background_logit.expand(len(points), 1, rows, columns)
        return torch.cat((near[:, :-1], near[:, -1:] + head_logit, background), 1)


def _only_size(affine: Tensor) -> Tensor:
    """Keep the ratio of scales of (s_s / s_d) R, (B, 3, 3), and drop its turn: (B, 2, 2)."""
    ratio: Tensor = affine[:, 0].norm(dim=-1)  # a row of R has length 1
    return ratio[:, None, None] * torch.eye(2, device=affine.device)


def _mix(
    weights: Tensor,
    points_s: Tensor,
    points_d: Tensor,
    flat: Tensor,
    centre_s: Tensor,
    centre_d: Tensor,
) -> Tensor:
    """Mix candidates without building them: (1 - m_b) A g + m_b g + sum m_k (x_s,k - A x_d,k).

    Args:
        weights: (B, K + 2, h, w), keypoints first, then rigid head, then background.
        points_s: (B, K, 2).
        points_d: (B, K, 2).
        flat: A, (B, 2, 2).
        centre_s: (B, 2), where the rigid head turns about in the source.
        centre_d: (B, 2), the same in the driving picture.

    Returns:
        (B, h, w, 2).
    """
    rows, columns = weights.shape[-2:]
    grid = make_grid(rows, columns, weights.device)
    origin_s = torch.cat((points_s, centre_s[:, None]), 1)
    origin_d = torch.cat((points_d, centre_d[:, None]), 1)
    with full_precision(weights):
        shifts = origin_s - origin_d @ flat.transpose(1, 2)  # (B, K + 1, 2)
        mixed = torch.einsum("bkhw,bkc->bhwc", weights[:, :-1], shifts)
        turned = torch.einsum("hwc,bdc->bhwd", grid, flat)
    still = weights[:, -1][..., None]
    return (1 - still) * turned + still * grid + mixed

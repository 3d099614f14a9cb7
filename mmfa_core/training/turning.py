"""Portraits turned in depth: one picture becomes a pair of wide pose.

In: portraits with landmarks. Out: the same heads turned, sized, shifted and re-expressed, with
labels and a map of where the result can be trusted. Knows nothing about networks.

The surface is a thin-plate spline of the landmarks' depth that ends in a ring of hair. Its points
are turned, drawn far to near (so that a nose hides a cheek), and what nothing covers is filled from
round about. Unlike a plane warp this does not fold at 30 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.geometry import make_grid, resize_flow, rotation_from_pose, warp
from mmfa_core.motion import HeadPose
from mmfa_core.training.augment import Labelled
from mmfa_core.training.spline import apply_spline, fit_spline
from mmfa_core.training.teacher import GUIDES, RIGID

SPLINE_GRID = 40  # rows and columns where the splines are evaluated
DRAW_GRID = 144  # rows and columns of the drawn map
LEAST_STRETCH = 0.35  # a place that shows less of the source than this is stretched too far
# Landmarks beside the guides whose depth shapes the surface: outline, nose, cheeks.
# fmt: off
OUTLINE = (
    338, 332, 284, 251, 389, 454, 323, 288, 365, 379, 378, 400, 377, 148, 176, 149, 150, 136, 58,
    93, 234, 162, 21, 54, 103, 109, 4, 5, 195, 197, 48, 278, 64, 294, 50, 280, 101, 330, 36, 266,
    187, 411, 123, 352, 147, 376,
)
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
# fmt: on
KNOTS = (*GUIDES, *(p for p in OUTLINE if p not in GUIDES))
# Rings of hair: half width, half height, depth at the sides, and at top and bottom; s = 1.
RINGS = ((0.6, 0.74, 0.52, 0.3), (0.95, 1.1, 0.65, 0.55))
RING_POINTS = 12
CENTRE_DOWN = 0.1  # of the rings below the rigid centre
NECK = (1.0, 1.5)  # down from the rigid centre: where the turn begins to fade, and has faded
FADE = (1.25, 2.0)  # the same round about, in sizes of the inner ring
CLEAR = (1.12, 1.7)  # the rings' least distance from the middle, in radii of the face's edge
SEEN_THROUGH = 0.2  # a place this much behind its neighbours is seen through a gap of theirs


@dataclass(frozen=True)
class Change:
    """Say how heads change, B of them.

    Attributes:
        turn_deg: (B, 3), yaw, pitch and roll to add, degrees; sensible up to about 35.
        scale: (B, 1), factor on the head's size.
        shift: (B, 2), normalised, added to the head's place.
        offsets: (B, G, 3), the new expression in the head frame.
    """

    turn_deg: Tensor
    scale: Tensor
    shift: Tensor
    offsets: Tensor


def turn_portraits(batch: Labelled, change: Change) -> Labelled:
    """Turn the heads of portraits in depth and change their expressions.

    Args:
        batch: portraits with labels.
        change: what to do.

    Returns:
        The new pictures with labels; ``trust`` is 0 where the picture had to be made up.
    """
    yaw, pitch, roll = change.turn_deg.unbind(-1)
    turn = rotation_from_pose(HeadPose(yaw, pitch, roll))
    scale, translation = change.scale * batch.scale, batch.translation + change.shift
    moved = _express(batch, change.offsets)  # (B, 478, 3), still in the old pose

    def turned(points: Tensor) -> Tensor:
        """Turn points (B, N, 3), depth counted from the rigid centre."""
        arms = points - F.pad(batch.translation, (0, 1))[:, None]
        away = F.pad(translation, (0, 1))[:, None]
        return change.scale[:, :, None] * (arms @ turn.transpose(1, 2)) + away

    depth = batch.landmarks[:, list(GUIDES[:RIGID]), 2:].mean(1, keepdim=True)
    centred = moved - F.pad(depth, (2, 0))
    start = make_grid(DRAW_GRID, DRAW_GRID)
    share = _share(batch, start)
    surface = _surface(batch, centred, start, share)  # (B, n, n, 3)
    posed = turned(surface.flatten(1, 2)).view_as(surface)
    ends = torch.lerp(surface[..., :2], posed[..., :2], share[..., None])
    depths = posed[..., 2] + (1 - share)  # the still part lies behind
    drawn = [
        _draw(start.numpy(), end.numpy(), z.numpy()) for end, z in zip(ends, depths, strict=True)
    ]
    field = torch.from_numpy(np.stack([d[0] for d in drawn]))
    trust = torch.from_numpy(np.stack([d[1] for d in drawn]))[:, None]
    height, width = batch.pictures.shape[-2:]
    landmarks = turned(centred)
    landmarks[..., 2:] += change.scale[:, :, None] * depth
    return batch.replace(
        pictures=warp(batch.pictures, resize_flow(field, height, width)),
        rotation=turn @ batch.rotation,
        scale=scale,
        translation=translation,
        offsets=change.offsets,
        landmarks=landmarks,
        trust=F.interpolate(trust, batch.trust.shape[-2:], mode="area"),
    )


def _express(batch: Labelled, offsets: Tensor) -> Tensor:
    """Move all landmarks by the change of expression, in the old pose; (B, 478, 3)."""
    moves = (offsets - batch.offsets) @ batch.rotation.transpose(1, 2) * batch.scale[:, :, None]
    guides = batch.landmarks[:, list(GUIDES), :2]
    distance = torch.cdist(batch.landmarks[..., :2], guides)
    weights = 1 / (distance**2 + 1e-7)
    return batch.landmarks + (weights / weights.sum(-1, keepdim=True)) @ moves


def _rings(batch: Labelled, centred: Tensor) -> Tensor:
    """Place rings of hair round the head, depth from the rigid centre; (B, N, 3).

    On the far side of a turned head a ring would lie behind the face: there it is moved out to
    the face's edge and takes its depth, so that the surface stays a function of the place.
    """
    angles = torch.arange(RING_POINTS) * (2 * torch.pi / RING_POINTS)
    oval = centred[:, list(OVAL)]  # (B, O, 3)
    middle = oval[..., :2].mean(1, keepdim=True)
    edge = oval[..., :2] - middle
    parts = []
    for (wide, high, side, end), clear in zip(RINGS, CLEAR, strict=True):
        across, down = wide * angles.cos(), CENTRE_DOWN + high * angles.sin()
        ring = torch.stack((across, down, side + (end - side) * angles.sin().abs()), -1)
        posed = batch.scale[:, :, None] * (ring @ batch.rotation.transpose(1, 2))
        posed = posed + F.pad(batch.translation, (0, 1))[:, None]
        arms = posed[..., :2] - middle
        alike = F.normalize(arms, dim=-1) @ F.normalize(edge, dim=-1).transpose(1, 2)
        nearest = alike.argmax(-1, keepdim=True)  # (B, N, 1), the edge in the same direction
        least = clear * edge.norm(dim=-1).gather(1, nearest[..., 0])[..., None]
        depth = oval[..., 2].gather(1, nearest[..., 0])[..., None]
        length = arms.norm(dim=-1, keepdim=True)
        hidden = length < least
        place = torch.where(hidden, middle + arms / length.clamp_min(1e-3) * least, posed[..., :2])
        parts.append(torch.cat((place, torch.where(hidden, depth, posed[..., 2:])), -1))
    return torch.cat(parts, 1)


def _surface(batch: Labelled, centred: Tensor, grid: Tensor, share: Tensor) -> Tensor:
    """Find where the surface at each place of the picture goes with the expression, and its depth.

    Args:
        batch: portraits.
        centred: landmarks after the expression, depth from the rigid centre, (B, 478, 3).
        grid: (n, n, 2), the places.
        share: (B, n, n), how much each of them moves with the head.

    Returns:
        (B, n, n, 3): place after the expression, and depth.
    """
    rings = _rings(batch, centred)
    before = batch.landmarks[:, list(KNOTS), :2]
    after = centred[:, list(KNOTS)]
    places = torch.cat((before, rings[..., :2]), 1)
    values = torch.cat((F.pad(after[..., :2] - before, (0, 1)) + F.pad(after[..., 2:], (2, 0)),
                        F.pad(rings[..., 2:], (2, 0))), 1)  # fmt: skip
    spline = fit_spline(places, values)
    coarse = apply_spline(spline, places, make_grid(SPLINE_GRID, SPLINE_GRID).view(1, -1, 2))
    coarse = coarse.view(-1, SPLINE_GRID, SPLINE_GRID, 3).permute(0, 3, 1, 2)
    fine = F.interpolate(coarse, grid.shape[:2], mode="bicubic", align_corners=False)
    fine = fine.permute(0, 2, 3, 1)
    return torch.cat((grid + share[..., None] * fine[..., :2], fine[..., 2:]), -1)


def _share(batch: Labelled, grid: Tensor) -> Tensor:
    """Say how much each place moves with the head: 1 on it, 0 far away and on the chest.

    Args:
        batch: portraits.
        grid: (n, n, 2), places.

    Returns:
        (B, n, n).
    """
    arms = (grid[None] - batch.translation[:, None, None]) / batch.scale[:, :, None, None]
    # Only the roll matters here: across and down along the head.
    down = F.normalize(batch.rotation[:, :2, 1], dim=-1)
    across = torch.stack((down[:, 1], -down[:, 0]), -1)
    x = (arms * across[:, None, None]).sum(-1)
    y = (arms * down[:, None, None]).sum(-1)
    wide, high = RINGS[0][:2]
    round_about = torch.sqrt((x / wide) ** 2 + ((y - CENTRE_DOWN) / high) ** 2)
    return _fall(round_about, *FADE) * _fall(y, *NECK)


def _fall(values: Tensor, first: float, last: float) -> Tensor:
    share = ((last - values) / (last - first)).clamp(0, 1)
    return share**2 * (3 - 2 * share)


def _draw(
    start: NDArray[np.float32], end: NDArray[np.float32], depth: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw where each place comes from, nearer points over farther ones.

    Args:
        start: (n, n, 2), places of the points in the source.
        end: (n, n, 2), where they go.
        depth: (n, n), larger is farther.

    Returns:
        The flow (n, n, 2), and (n, n) trust: 0 where nothing was drawn or it is stretched far.
    """
    side = len(start)
    order = np.argsort(-depth, axis=None, kind="stable")
    goal, origin = end.reshape(-1, 2)[order], start.reshape(-1, 2)[order]
    cell = np.floor((goal + 1) * (side / 2)).astype(np.int64)
    inside = ((cell >= 0) & (cell < side)).all(-1)
    cell, goal, origin = cell[inside], goal[inside], origin[inside]
    centre = (2 * cell + 1) / side - 1
    flow = np.zeros((side, side, 2), np.float32)
    behind = np.full((side, side), np.float32(np.inf))
    flow[cell[:, 1], cell[:, 0]] = origin - (goal - centre)  # the nearest is written last
    behind[cell[:, 1], cell[:, 0]] = depth.reshape(-1)[order][inside]
    nearest = cv2.erode(behind, np.ones((3, 3), np.uint8))
    known = (behind < nearest + SEEN_THROUGH).astype(np.float32)
    # A single cell that nothing fell into is only a gap between points that moved apart.
    covered = cv2.blur(known, (3, 3)) > 0.5
    flow = _fill(flow, known)
    flow = cv2.GaussianBlur(flow - start, (3, 3), 0.8) + start
    shown = np.stack(np.gradient(flow, 2 / side, axis=(0, 1)), -1)  # (n, n, xy, axis)
    area = np.abs(shown[..., 0, 0] * shown[..., 1, 1] - shown[..., 0, 1] * shown[..., 1, 0])
    trust = (covered & (area > LEAST_STRETCH)).astype(np.float32)
    return flow.astype(np.float32), np.asarray(cv2.blur(trust, (3, 3)), np.float32)


def _fill(flow: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill what is not known from round about, outwards from what is."""
    known = known.copy()
    while known.min() == 0:
        weight = cv2.blur(known, (3, 3))
        spread = cv2.blur(flow * known[..., None], (3, 3))
        new = (known == 0) & (weight > 0)
        if not new.any():
            return flow
        flow[new] = spread[new] / weight[new][:, None]
        known[new] = 1
    return flow

"""Terms on pictures and flows.

In: pictures, flows and landmarks. Out: scalars. Knows nothing about networks.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.geometry import gaussian_maps, make_grid

Features = Callable[[Tensor], list[Tensor]]

LEAST_WIDTH = 1e-3  # of an opening, normalised


def face_weights(points: Tensor, sharp: tuple[int, ...], rows: int, columns: int) -> Tensor:
    """Weigh places of a picture: 1 outside, more on the face, most at eyes and mouth.

    Args:
        points: (B, G, 2) guided landmarks, normalised.
        sharp: indices of the points at eyes and mouth.
        rows: height, px.
        columns: width, px.

    Returns:
        (B, 1, rows, columns), mean 1.
    """
    face = gaussian_maps(points, 0.12, rows, columns).amax(1, keepdim=True)
    fine = gaussian_maps(points[:, list(sharp)], 0.05, rows, columns).amax(1, keepdim=True)
    weights = 1 + 2 * face + 4 * fine
    return weights / weights.mean((1, 2, 3), keepdim=True)


def openness(points: Tensor) -> Tensor:
    """Measure how open mouth and eyes are: height over width.

    Args:
        points: (B, N, 4, 2), normalised: two corners, upper and lower edge of each opening.

    Returns:
        (B, N), >= 0.
    """
    first, last, upper, lower = points.unbind(2)
    gap = (lower - upper).norm(dim=-1)
    ratio: Tensor = gap / (last - first).norm(dim=-1).clamp_min(LEAST_WIDTH)
    return ratio


def opening_maps(points: Tensor, least: Tensor | float, rows: int, columns: int) -> Tensor:
    """Draw the openings of a face (mouth, eyes) as soft ellipses.

    Args:
        points: (B, N, 4, 2), normalised: two corners, upper and lower edge of each opening.
        least: height over width that is drawn at least, (B, N) or one for all.
        rows: height, px.
        columns: width, px.

    Returns:
        (B, N, rows, columns), about 1 inside and 0 outside.
    """
    across = points[:, :, 1] - points[:, :, 0]
    width = across.norm(dim=-1).clamp_min(LEAST_WIDTH)
    height = openness(points).clamp_min(least) * width
    x_axis = across / width[..., None]
    y_axis = torch.stack((-x_axis[..., 1], x_axis[..., 0]), -1)
    middle = points.mean(2)
    grid = make_grid(rows, columns, points.device)
    arms = grid[None, None] - middle[:, :, None, None]  # (B, N, rows, columns, 2)
    x = (arms * x_axis[:, :, None, None]).sum(-1) / (0.5 * width)[..., None, None]
    y = (arms * y_axis[:, :, None, None]).sum(-1) / (0.5 * height)[..., None, None]
    return torch.sigmoid(6 * (1.15 - torch.sqrt(x**2 + y**2 + 1e-6)))


def weighted_l1(picture: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Average |difference| of (B, C, H, W), weighted by (B, 1, h, w) resized to H x W."""
    error = (picture - truth).abs().mean(1, keepdim=True)
    if weights.shape[-1] != error.shape[-1]:
        weights = F.interpolate(weights, error.shape[-2:], mode="bilinear", align_corners=False)
    return (error * weights).mean()


def flow_distance(flow: Tensor, places: Tensor, sources: Tensor, weights: Tensor) -> Tensor:
    """Compare a flow with known correspondences.

    Args:
        flow: (B, h, w, 2), where to sample in the source.
        places: (B, P, 2), output places, normalised.
        sources: (B, P, 2), where they come from.
        weights: (P,).

    Returns:
        Average |difference| over the places inside the picture.
    """
    found = F.grid_sample(
        flow.permute(0, 3, 1, 2), places[:, None], padding_mode="border", align_corners=False
    )[:, :, 0].transpose(1, 2)
    inside = (places.abs().amax(-1) < 1).float() * weights
    return ((found - sources).abs().mean(-1) * inside).sum() / inside.sum().clamp_min(1)


def crop_squares(picture: Tensor, centre: Tensor, size: int) -> Tensor:
    """Cut one square of ``size`` px a picture, at the nearest whole pixels.

    Args:
        picture: (B, C, H, W).
        centre: (B, 2), normalised.
        size: px, at most H and W.

    Returns:
        (B, C, size, size).
    """
    height, width = picture.shape[-2:]
    scale = torch.tensor([width, height], device=centre.device)
    corner = ((centre.detach() + 1) / 2 * scale - size / 2).round().long()
    left = corner[:, 0].clamp(0, width - size).tolist()
    top = corner[:, 1].clamp(0, height - size).tolist()
    return torch.stack(
        [p[:, y : y + size, x : x + size] for p, x, y in zip(picture, left, top, strict=True)]
    )


def feature_distance(features: Features, pictures: Tensor, truth: Tensor) -> Tensor:
    """Average |difference| of features of (B, 3, h, w) pictures, over layers."""
    with torch.no_grad():
        wanted = features(truth)
    found = features(pictures)
    return torch.stack([(a - b).abs().mean() for a, b in zip(found, wanted, strict=True)]).mean()

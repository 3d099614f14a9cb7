"""Keypoints drawn on pictures: dots with a rim, and fading trails.

In: a picture and normalised points. Out: a picture. Knows nothing about models.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import resize_frame
from mmfa_core.media import Frame

Points = NDArray[np.float32]
RADIUS = 0.011  # of the picture's side
RIM = (24, 24, 24)
PLAIN = (255, 214, 64)
TRAIL_FRAMES = 12  # how long a trail is
TRAIL_STEPS = 4  # dots between two frames


def point_colours(canonical: Points) -> NDArray[np.float32]:
    """Give each keypoint a colour by where it is on the face, so that it is known again anywhere.

    Args:
        canonical: (K, 2 or 3), normalised.

    Returns:
        (K, 3), 0 to 255.
    """
    angle = np.arctan2(canonical[:, 1] - 0.15, canonical[:, 0])
    hues = (angle / (2 * np.pi)) % 1
    rows = [colorsys.hsv_to_rgb(float(hue), 0.62, 1.0) for hue in hues]
    return np.asarray(rows, np.float32) * 255


def draw_keypoints(
    picture: Frame,
    points: Points,
    *,
    colours: NDArray[np.float32] | None = None,
    trail: Points | None = None,
    side_px: int = 512,
) -> Frame:
    """Draw keypoints on a picture that is made larger first, so that dots are crisp.

    Args:
        picture: (H, H, 3), the face crop.
        points: (K, 2 or 3), xy normalised; what lies outside is left out.
        colours: (K, 3), 0 to 255; None draws all in yellow.
        trail: (T, K, 2 or 3), where they were before, oldest first.
        side_px: of the result.

    Returns:
        (side_px, side_px, 3).
    """
    drawn = resize_frame(picture, side_px, side_px).astype(np.float32)
    shades = np.broadcast_to(np.asarray(PLAIN, np.float32), (len(points), 3))
    shades = shades if colours is None else colours
    radius = RADIUS * side_px
    if trail is not None and len(trail):
        way = np.concatenate((trail[..., :2], points[None, :, :2]))  # (T + 1, K, 2), oldest first
        parts = np.arange(TRAIL_STEPS)[:, None, None] / TRAIL_STEPS
        places = way[:-1, None] + parts * (way[1:] - way[:-1])[:, None]  # (T, steps, K, 2)
        ages = (np.arange(len(trail)) + 1) / len(way)
        opacity = np.broadcast_to(0.7 * ages[:, None, None], places.shape[:3]).ravel()
        many = np.broadcast_to(shades, (*places.shape[:3], 3)).reshape(-1, 3)
        stamp(drawn, places.reshape(-1, 2), 0.45 * radius, many, opacity)
    rim = np.broadcast_to(np.asarray(RIM, np.float32), shades.shape)
    stamp(drawn, points, radius + 0.004 * side_px, rim)
    stamp(drawn, points, radius, shades)
    return np.asarray(drawn.round().clip(0, 255), np.uint8)


def stamp(
    drawn: NDArray[np.float32],
    points: Points,
    radius: float,
    colours: NDArray[np.float32],
    opacity: NDArray[np.float64] | float = 1.0,
) -> None:
    """Lay soft-edged dots over a picture, in place: all dots at once, by their pixels.

    Args:
        drawn: (H, W, 3), 0 to 255.
        points: (N, 2 or 3), xy normalised; what lies outside is left out.
        radius: px.
        colours: (N, 3), 0 to 255.
        opacity: of each dot, 0 to 1.
    """
    height, width = drawn.shape[:2]
    places = (points[:, :2] + 1) * np.array([width, height]) / 2 - 0.5  # px, (N, 2)
    corner = np.floor(places).astype(int)
    reach = int(np.ceil(radius))
    for dy in range(-reach, reach + 2):
        for dx in range(-reach, reach + 2):
            x, y = corner[:, 0] + dx, corner[:, 1] + dy
            away = np.hypot(x - places[:, 0], y - places[:, 1])
            cover = opacity * np.clip(radius + 0.5 - away, 0, 1)
            seen = (cover > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
            old = drawn[y[seen], x[seen]]
            drawn[y[seen], x[seen]] = old + cover[seen, None] * (colours[seen] - old)

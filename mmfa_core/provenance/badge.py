"""The visible badge: a small pill with the letters AI, in the lower right corner.

In: frames. Out: frames of the same size. Drawn from distances to lines, so that it needs no font
and is smooth at every size; light letters on a dark pill with a light rim are seen everywhere.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from mmfa_core.media import Frame

Plane = NDArray[np.float32]  # (h, w)

HEIGHT_SHARE = 0.065  # of the shorter side of the frame
LEAST_PX = 14  # below this the letters can't be read
MARGIN_SHARE = 0.4  # of the badge's height
SMALLEST_FRAME_PX = 32  # a shorter side below this has no room
WIDTH = 1.75  # of the pill, in its heights
STROKE = 0.055  # half the width of a letter's line, in heights of the pill
RIM = 0.055
PILL_OPACITY = 0.7
RIM_OPACITY = 0.55
DARK, LIGHT = 12.0, 250.0  # of 255
# Ends of the letters' lines: x0, y0, x1, y1 in heights of the pill, from its upper left corner.
LETTERS = (
    (0.50, 0.75, 0.74, 0.26),  # A
    (0.74, 0.26, 0.98, 0.75),
    (0.59, 0.58, 0.89, 0.58),
    (1.22, 0.26, 1.22, 0.75),  # I
)


def draw_badge(frame: Frame) -> Frame:
    """Lay the badge over a frame.

    Args:
        frame: (H, W, 3) uint8.

    Returns:
        A new frame of the same size; one whose shorter side is under 32 px has no room for a badge
        and is returned as it is.
    """
    height, width = frame.shape[:2]
    if min(height, width) < SMALLEST_FRAME_PX:
        return frame
    top, left, kept, added = _badge(height, width)
    corner = np.s_[top : top + kept.shape[0], left : left + kept.shape[1]]
    marked = frame.copy()
    marked[corner] = (frame[corner] * kept + added).astype(np.uint8)
    return marked


@functools.lru_cache(maxsize=32)
def _badge(height: int, width: int) -> tuple[int, int, NDArray[np.float32], NDArray[np.float32]]:
    """Draw the badge for one size of frames.

    Returns:
        Its top and left in px, what is kept of the frame, (h, w, 1), and what is added to that,
        (h, w, 1), rounding included.
    """
    side = min(height, width)
    tall = max(LEAST_PX, round(HEIGHT_SHARE * side))
    wide = round(WIDTH * tall)
    margin = round(MARGIN_SHARE * tall)
    y, x = (axis.astype(np.float32) + 0.5 for axis in np.mgrid[:tall, :wide])
    pixel = 1.0 / tall
    points = np.stack((x, y), -1) * np.float32(pixel)
    # A pill is what lies within half its height of a line.
    edge = 0.5 - _distance(points, (0.5, 0.5, WIDTH - 0.5, 0.5))
    pill = _smooth(edge, pixel)
    rim = pill - _smooth(edge - RIM, pixel)
    letters = np.max([_smooth(STROKE - _distance(points, line), pixel) for line in LETTERS], 0)
    light = np.maximum(rim * RIM_OPACITY, letters)
    dark = pill * PILL_OPACITY * (1 - light)
    kept, added = (1 - light) * (1 - pill * PILL_OPACITY), light * LIGHT + dark * DARK + 0.5
    return height - margin - tall, width - margin - wide, kept[..., None], added[..., None]


def _distance(points: NDArray[np.float32], line: tuple[float, float, float, float]) -> Plane:
    """Measure how far points are from a line between two ends, (h, w, 2) to (h, w)."""
    start, end = (np.array(ends, np.float32) for ends in (line[:2], line[2:]))
    along = end - start
    share = ((points - start) @ along / (along @ along)).clip(0, 1)
    distance: Plane = np.linalg.norm(points - start - share[..., None] * along, axis=-1)
    return distance


def _smooth(inside: Plane, pixel: float) -> Plane:
    """Turn depths inside a shape to opacities, with an edge one pixel wide."""
    opacity: Plane = (inside / pixel + 0.5).clip(0, 1)
    return opacity

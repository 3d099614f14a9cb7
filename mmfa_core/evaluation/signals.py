"""Metrics of landmarks, blendshapes and poses, and the statistics over them.

In: arrays of measurements. Out: numbers. Knows nothing about pictures, models or files.

Missing measurements are NaN; every statistic leaves them out. A correlation without variation on
one side is 0: a still output follows nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# Indices of the 478 landmarks. Left and right are those of the picture.
LIPS = (13, 14)  # inner lips, upper and lower
EYES = ((159, 145), (386, 374))  # upper and lower lid
EYE_CORNERS = (33, 263)  # outer ones
RIGID = (6, 9, 10, 21, 33, 67, 127, 133, 151, 168, 197, 251, 263, 297, 356, 362)

# Indices of the 52 blendshapes.
BLENDSHAPE_GROUPS = {"jawOpen": (25,), "smile": (44, 45), "blink": (9, 10)}


def group_blendshapes(blendshapes: Floats) -> dict[str, Doubles]:
    """Average the blendshapes (n, 52) of each of BLENDSHAPE_GROUPS to (n,)."""
    return {
        name: np.asarray(blendshapes[:, list(which)], np.float64).mean(1)
        for name, which in BLENDSHAPE_GROUPS.items()
    }


def lip_gap(landmarks: Floats) -> Doubles:
    """Measure how far the mouth is open, in distances of the outer eye corners.

    Args:
        landmarks: (n, 478, 3), px; depth counts, so that a turned head measures the same.

    Returns:
        (n,), 0 = shut.
    """
    return _distance(landmarks, *LIPS) / _distance(landmarks, *EYE_CORNERS)


def eye_gap(landmarks: Floats) -> Doubles:
    """Measure how far the eyes are open (their mean), in the unit of lip_gap(); (n,)."""
    gaps = sum(_distance(landmarks, *eye) for eye in EYES) / len(EYES)
    return np.asarray(gaps / _distance(landmarks, *EYE_CORNERS))


def head_centre(landmarks: Floats) -> Doubles:
    """Average the rigid landmarks (n, 478, 3) to a centre (n, 2), px."""
    return np.asarray(landmarks[:, list(RIGID), :2].mean(1), np.float64)


def head_size(landmarks: Floats) -> Doubles:
    """Measure the RMS radius of the rigid landmarks in space.

    An expression or a turn of the head should leave it alone.

    Args:
        landmarks: (n, 478, 3), px.

    Returns:
        (n,), px.
    """
    points = np.asarray(landmarks[:, list(RIGID)], np.float64)
    arms = points - points.mean(1, keepdims=True)
    return np.asarray(np.sqrt((arms**2).sum(-1).mean(1)))


def face_box_size(landmarks: Floats) -> Doubles:
    """Measure the longer side of the box round all landmarks (n, 478, 3); (n,), px."""
    flat = np.asarray(landmarks[..., :2], np.float64)
    return np.asarray((flat.max(1) - flat.min(1)).max(1))


def landmark_distance(landmarks: Floats, truth: Floats) -> Doubles:
    """Average the distance of landmarks in the picture's plane (AKD).

    Args:
        landmarks: (n, 478, 3), px.
        truth: (n, 478, 3), px.

    Returns:
        (n,), px.
    """
    flat = np.asarray(landmarks - truth, np.float64)[..., :2]
    return np.asarray(np.sqrt((flat**2).sum(-1)).mean(-1))


def jitter(landmarks: Floats) -> float:
    """Average the second difference of landmarks of consecutive frames, in head sizes.

    Args:
        landmarks: (T, 478, 3), px.

    Returns:
        Mean absolute value; NaN with fewer than 3 frames.
    """
    if len(landmarks) < 3:
        return float("nan")
    flat = np.asarray(landmarks[..., :2], np.float64) / mean(head_size(landmarks))
    return mean(np.abs(flat[2:] - 2 * flat[1:-1] + flat[:-2]))


def mean(values: Doubles | Floats) -> float:
    """Average what is not missing; NaN when all is."""
    kept = np.asarray(values, np.float64)
    kept = kept[np.isfinite(kept)]
    return float(kept.mean()) if kept.size else float("nan")


def correlation(answered: Doubles, asked: Doubles) -> float:
    """Correlate two series (n,); in [-1, 1], 0 when one of them doesn't vary."""
    both = np.isfinite(answered) & np.isfinite(asked)
    if both.sum() < 3:
        return float("nan")
    a, b = answered[both] - answered[both].mean(), asked[both] - asked[both].mean()
    spread = float(np.sqrt((a**2).sum() * (b**2).sum()))
    # Rounding of the landmarker's floats is no variation.
    return float((a * b).sum() / spread) if spread > 1e-9 * both.sum() else 0.0


def within_correlation(answered: Doubles, asked: Doubles, groups: NDArray[np.int64]) -> float:
    """Correlate the changes inside groups (clips): the mean of each group is taken off first.

    So an output that only keeps the look of its source scores 0.

    Args:
        answered: (n,).
        asked: (n,).
        groups: (n,), which clip; groups with fewer than 2 measurements are left out.

    Returns:
        [-1, 1].
    """
    a, b = np.full(len(answered), np.nan), np.full(len(asked), np.nan)
    both = np.isfinite(answered) & np.isfinite(asked)
    for group in np.unique(groups):
        mine = both & (groups == group)
        if mine.sum() >= 2:
            a[mine] = answered[mine] - answered[mine].mean()
            b[mine] = asked[mine] - asked[mine].mean()
    return correlation(a, b)


def slope(answered: Doubles, asked: Doubles) -> float:
    """Fit answered = slope * asked + constant by least squares; 1 = as asked, 0 = no answer."""
    both = np.isfinite(answered) & np.isfinite(asked)
    if both.sum() < 2:
        return float("nan")
    b = asked[both] - asked[both].mean()
    total = float((b**2).sum())
    return float((answered[both] * b).sum() / total) if total > 0 else float("nan")


def monotone_share(answered: Doubles, direction: float = 1.0) -> float:
    """Count the steps that go in a direction.

    Args:
        answered: (n,), along a sweep.
        direction: its sign is the direction.

    Returns:
        [0, 1]; NaN with fewer than two measurements.
    """
    steps = np.diff(answered[np.isfinite(answered)])
    return float((steps * direction > 0).mean()) if len(steps) else float("nan")


def evenness(landmarks: Floats) -> float:
    """Divide the largest step of landmarks along a path by the mean step; 1 = even.

    Args:
        landmarks: (n, 478, 3), px.

    Returns:
        At least 1; NaN when nothing moves or something is missing.
    """
    steps = landmark_distance(landmarks[1:], landmarks[:-1])
    if not np.isfinite(steps).all() or steps.mean() < 1e-6:
        return float("nan")
    return float(steps.max() / steps.mean())


def _distance(landmarks: Floats, first: int, second: int) -> Doubles:
    arm = np.asarray(landmarks[:, first] - landmarks[:, second], np.float64)
    return np.asarray(np.sqrt((arm**2).sum(-1)))

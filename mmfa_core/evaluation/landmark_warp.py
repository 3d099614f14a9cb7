"""The landmark warp: what can be done without learning, the row that a model has to beat.

In: pictures and the landmarks of source and driver. Out: the source with the driver's landmarks.
Knows nothing about models.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.evaluation.heldout import to_frames, to_tensor
from mmfa_core.geometry import warp

Floats = NDArray[np.float32]
ANCHORS_A_SIDE = 5  # still points on each side of the picture, corners included


def landmark_flow(source_points: Floats, driving_points: Floats, rows: int, columns: int) -> Tensor:
    """Make the flow that carries the source's landmarks to the driver's.

    The driver's landmarks and the anchors on the picture's border are triangulated (Delaunay);
    each triangle moves by its affine map, so that the background stays at the border and bends
    between it and the face.

    Convention: as geometry.warp: places of the source, normalised, ``align_corners=False``.

    Args:
        source_points: (P, 2), px.
        driving_points: (P, 2), px.
        rows: height of the picture, px.
        columns: width of the picture, px.

    Returns:
        (1, rows, columns, 2).
    """
    from scipy.interpolate import LinearNDInterpolator

    size = np.array([columns, rows], np.float64)
    side = np.linspace(0, 1, ANCHORS_A_SIDE)
    ends = np.full_like(side, side[0]), np.full_like(side, side[-1])
    edge = np.concatenate(
        [np.stack(pair, -1) for end in ends for pair in ((side, end), (end, side))]
    )
    anchors = np.unique(edge, axis=0) * size
    inside = ((driving_points > 0) & (driving_points < size)).all(-1)
    to = np.concatenate((driving_points[inside], anchors))
    start = np.concatenate((source_points[inside], anchors))
    y, x = np.mgrid[:rows, :columns] + 0.5
    places = LinearNDInterpolator(to, start)(x, y)  # (rows, columns, 2), px
    return torch.from_numpy(2 * places / size - 1).float()[None]


def warp_by_landmarks(source: Tensor, source_points: Floats, driving_points: Floats) -> Tensor:
    """Warp one source to the landmarks of several drivers.

    Args:
        source: (1, 3, H, W), [0, 1].
        source_points: (P, 2 or 3), px.
        driving_points: (n, P, 2 or 3), px.

    Returns:
        (n, 3, H, W), [0, 1].
    """
    rows, columns = source.shape[-2:]
    flows = [
        landmark_flow(source_points[:, :2], points[:, :2], rows, columns)
        for points in driving_points
    ]
    return warp(source.expand(len(flows), -1, -1, -1), torch.cat(flows))


def warp_where_known(
    frame: NDArray[np.uint8], own: Floats, targets: Floats
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Warp one frame to measured landmarks; where some are missing it is left unmoved.

    Args:
        frame: (H, W, 3).
        own: its landmarks, (P, 2 or 3), px; NaN where no face was found.
        targets: (n, P, 2 or 3), px; NaN likewise.

    Returns:
        Frames (n, H, W, 3); and where they were warped, (n,).
    """
    known = np.array([bool(np.isfinite(points + own).all()) for points in targets])
    frames = np.repeat(frame[None], len(targets), 0)
    if known.any():
        frames[known] = to_frames(warp_by_landmarks(to_tensor(frame[None]), own, targets[known]))
    return frames, known

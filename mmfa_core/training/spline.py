"""Thin-plate splines: smooth displacements that are given at some places.

In: places and displacements. Out: displacements anywhere. Knows nothing about faces.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.geometry import full_precision

SMOOTHING = 1e-4  # keeps places that nearly coincide apart


def fit_spline(places: Tensor, values: Tensor) -> Tensor:
    """Fit thin-plate splines with a little smoothing.

    Args:
        places: (B, P, 2), normalised, not all on a line.
        values: (B, P, N), N numbers at each place, such as a displacement.

    Returns:
        (B, P + 3, N) coefficients.
    """
    count = places.shape[1]
    squares = ((places[:, :, None] - places[:, None]) ** 2).sum(-1)
    plane = F.pad(places, (1, 0), value=1.0)  # (B, P, 3)
    top = torch.cat((_kernel(squares) + SMOOTHING * torch.eye(count), plane), 2)
    bottom = F.pad(plane.transpose(1, 2), (0, 3))
    system = torch.cat((top, bottom), 1).double()
    solution: Tensor = torch.linalg.solve(system, F.pad(values, (0, 0, 0, 3)).double())
    return solution.float()


def apply_spline(spline: Tensor, places: Tensor, points: Tensor) -> Tensor:
    """Evaluate splines.

    Args:
        spline: (B, P + 3, N), of fit_spline.
        places: (B, P, 2), the same that were fitted.
        points: (1 or B, Q, 2), normalised.

    Returns:
        (B, Q, N) values.
    """
    points = points.expand(len(places), -1, -1)
    plane = F.pad(points, (1, 0), value=1.0)
    with full_precision(points):
        squares = torch.cdist(points, places) ** 2
        return torch.cat((_kernel(squares), plane), 2) @ spline


def _kernel(squares: Tensor) -> Tensor:
    return squares * torch.log(squares + 1e-9)

"""How far an edit of one factor moves the others.

In: frames of sweeps. Out: factors, their spread, the decoupling matrix.
Knows nothing about models.

The landmarker measures every factor again, and it is not perfect itself: when a picture is only
turned, scaled or shifted, it still sees other angles and expressions. similarity_sweep makes such
pictures, so that its own leak can be told from the model's.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.evaluation import signals
from mmfa_core.evaluation.heldout import to_frames, to_tensor
from mmfa_core.evaluation.measure import Frames, Measured
from mmfa_core.geometry import make_grid, pose_from_rotation, rotation_from_pose, warp
from mmfa_core.motion import CONTROL_RANGES, HeadPose

Doubles = NDArray[np.float64]
STEPS = 5  # of a sweep, both ends and the middle included
FACTORS = ("yaw_deg", "pitch_deg", "roll_deg", "scale", "tx", "ty", "expression")
IN_PLANE = ("roll_deg", "scale", "tx", "ty")


def sweep_values(control: str) -> Doubles:
    """List the values (STEPS,) of a sweep over a default range, the neutral one in the middle."""
    limits = CONTROL_RANGES[control]
    half = STEPS // 2 + 1
    return np.concatenate(
        (
            np.linspace(limits.low, limits.neutral, half),
            np.linspace(limits.neutral, limits.high, half)[1:],
        )
    )


def half_range(control: str) -> float:
    """Return half the default range of a control, the unit of its factor."""
    limits = CONTROL_RANGES[control]
    return (limits.high - limits.low) / 2


def measure_factors(measured: Measured, size_px: int) -> dict[str, Doubles]:
    """Re-estimate every factor, in units of half its default range.

    Args:
        measured: n frames of one sweep.
        size_px: side of the frames.

    Returns:
        Names of FACTORS to (n,); ``expression`` to (n, 52), the blendshapes themselves. Scale is
        relative to the frame in the middle.
    """
    centre = 2 * signals.head_centre(measured.landmarks) / size_px
    size = signals.head_size(measured.landmarks)
    natural = {
        "yaw_deg": measured.pose_deg[:, 0].astype(np.float64),
        "pitch_deg": measured.pose_deg[:, 1].astype(np.float64),
        "roll_deg": measured.pose_deg[:, 2].astype(np.float64),
        "scale": size / size[len(size) // 2],
        "tx": centre[:, 0],
        "ty": centre[:, 1],
    }
    factors = {name: values / half_range(name) for name, values in natural.items()}
    return factors | {"expression": measured.blendshapes.astype(np.float64)}


def spreads_of(factors: dict[str, Doubles]) -> list[float]:
    """Measure how much each of FACTORS varies along a sweep."""
    return [spread_of(factors[name]) for name in FACTORS]


def spread_of(values: Doubles) -> float:
    """Measure the standard deviation along a sweep; of several series, the root of the mean.

    Args:
        values: (n,) or (n, series); frames with something missing are left out.

    Returns:
        At least 0; NaN with fewer than 2 frames.
    """
    kept = values[np.isfinite(values.reshape(len(values), -1)).all(1)]
    return float(np.sqrt(kept.var(0).mean())) if len(kept) > 1 else float("nan")


def decoupling_matrix(spreads: Doubles, own: Doubles) -> Doubles:
    """Divide each column by the factor's response to its own edit.

    Args:
        spreads: (rows, F), how much factor j varies while something else is swept.
        own: (F,), how much it varies while it is swept itself.

    Returns:
        (rows, F): how much of its own response each factor shows; 1 where a row is the factor's
        own, 0 elsewhere at best; NaN for a factor without a response.
    """
    return np.asarray(spreads / np.where(own > 1e-6, own, np.nan))


def similarity_sweep(frame: Frames, centre: tuple[float, float], factor: str) -> Frames:
    """Turn, scale or shift a whole picture about the head's centre.

    Args:
        frame: (H, W, 3).
        centre: of the head, xy, normalised.
        factor: one of IN_PLANE.

    Returns:
        (STEPS, H, W, 3), edited as sweep_values says; the border is repeated.
    """
    rows, columns = frame.shape[:2]
    middle = torch.tensor(centre, dtype=torch.float32)
    away = make_grid(rows, columns) - middle  # (H, W, 2)
    flows = []
    for value in sweep_values(factor):
        asked = {"roll_deg": 0.0, "scale": 1.0, "tx": 0.0, "ty": 0.0, factor: float(value)}
        angle = math.radians(asked["roll_deg"])
        back = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        shifted = away - torch.tensor([asked["tx"], asked["ty"]])
        flows.append(middle + shifted @ back.T / asked["scale"])
    picture = to_tensor(frame[None]).expand(STEPS, -1, -1, -1)
    return to_frames(warp(picture, torch.stack(flows)))


def undo_turn(measured: Measured) -> Measured:
    """Turn the heads of a similarity_sweep of roll back, but for roll itself.

    A whole picture that is turned changes yaw and pitch too where the head is not frontal, as
    roll is the first of the three angles; what is left after this is the landmarker's error.

    Args:
        measured: STEPS frames.

    Returns:
        The same with yaw and pitch as before the turn.
    """
    asked = torch.from_numpy(sweep_values("roll_deg")).float()
    flat = torch.zeros_like(asked)
    seen = rotation_from_pose(HeadPose(*torch.from_numpy(measured.pose_deg).float().unbind(1)))
    before = pose_from_rotation(rotation_from_pose(HeadPose(flat, flat, -asked)) @ seen)
    pose = torch.stack((before.yaw_deg, before.pitch_deg, before.roll_deg + asked), 1)
    return dataclasses.replace(measured, pose_deg=pose.numpy())


def average_spreads(spreads: Doubles) -> Doubles:
    """Average over portraits (P, ...), leaving out what is NaN."""
    known = np.isfinite(spreads)
    total: Doubles = np.where(known, spreads, 0).sum(0)
    return np.asarray(total / np.where(known.any(0), known.sum(0), np.nan))

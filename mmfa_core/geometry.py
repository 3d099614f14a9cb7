"""Pure functions on points, rotations, grids and warps.

In: tensors. Out: tensors. Knows nothing about networks, files or people.

Convention (the only place where it is written):
    Picture coordinates are normalised: x right, y down, both in [-1, 1], ``align_corners=False``
    (pixel i of n is at (2 i + 1) / n - 1). The third axis points away from the viewer, so that
    the frame is right-handed. Rotations act on column vectors; with points as rows that is
    ``points @ rotation.T``. A flow says where to sample in the source for each output place.
    yaw + turns the face to the picture's right, pitch + turns it up, roll + turns it
    counter-clockwise on the screen.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.motion import HeadPose


def full_precision(tensor: Tensor) -> torch.autocast:
    """Keep products of rotations and places out of autocast: half precision costs half a pixel."""
    return torch.autocast(tensor.device.type, enabled=False)


def rotation_from_pose(pose: HeadPose) -> Tensor:
    """Turn head angles into rotation matrices.

    Equation: R = D Ry(yaw) Rx(-pitch) Rz(roll) D with D = diag(1, -1, -1), that is the
    landmarker's order in its own frame (y up, z to the viewer) seen in ours (y down, z away).

    Args:
        pose: angles in degrees, each (B,).

    Returns:
        (B, 3, 3), det 1.
    """
    yaw, pitch, roll = (
        torch.deg2rad(a.float()) for a in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    )
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    cy, sy, cp, sp, cr, sr = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin()
    about_y = _matrix(cy, zero, -sy, zero, one, zero, sy, zero, cy)
    about_x = _matrix(one, zero, zero, zero, cp, sp, zero, -sp, cp)
    about_z = _matrix(cr, sr, zero, -sr, cr, zero, zero, zero, one)
    with full_precision(yaw):
        return about_y @ about_x @ about_z


def pose_from_rotation(rotation: Tensor) -> HeadPose:
    """Read the angles of a rotation; the inverse of rotation_from_pose for |pitch| < 90.

    Args:
        rotation: (B, 3, 3).

    Returns:
        Angles in degrees, each (B,).
    """
    pitch = torch.asin(rotation[:, 1, 2].clamp(-1, 1))
    yaw = torch.atan2(-rotation[:, 0, 2], rotation[:, 2, 2])
    roll = torch.atan2(-rotation[:, 1, 0], rotation[:, 1, 1])
    return HeadPose(torch.rad2deg(yaw), torch.rad2deg(pitch), torch.rad2deg(roll))


def angles_from_rotation(rotation: Tensor) -> Tensor:
    """Read yaw, pitch and roll of (B, 3, 3) side by side, (B, 3) degrees."""
    pose = pose_from_rotation(rotation)
    return torch.stack((pose.yaw_deg, pose.pitch_deg, pose.roll_deg), -1)


def rotation_from_angles(angles_deg: Tensor) -> Tensor:
    """Turn (B, 3) yaw, pitch and roll, degrees, into (B, 3, 3)."""
    return rotation_from_pose(HeadPose(*angles_deg.unbind(-1)))


def mean_rotation(rotations: Tensor) -> Tensor:
    """Average rotations that are near each other, (V, B, 3, 3) to (B, 3, 3).

    Equation: the rotation nearest to the mean matrix M = U S V^T, which is U V^T as long as M keeps
    orientation, as it does for turns of less than 90 degrees between any two.
    """
    with full_precision(rotations):
        u, _, vh = torch.linalg.svd(rotations.float().mean(0))
        nearest: Tensor = u @ vh
        return nearest


def compose_keypoints(
    canonical_keypoints: Tensor,
    expression_offsets: Tensor,
    rotation: Tensor,
    translation: Tensor,
    scale: Tensor,
    formula: str = "mmfa",
) -> Tensor:
    """Pose canonical keypoints.

    Equation: method.md section 2. ``mmfa``: x = s ((x_c + delta) R^T) + t; ``liveportrait``:
    x = s (x_c R^T + delta) + t; ``facevid2vid``: x = x_c R^T + t + delta.

    Args:
        canonical_keypoints: x_c, (B, K, 3).
        expression_offsets: delta, (B, K, 3); in the head frame for ``mmfa``.
        rotation: R, (B, 3, 3).
        translation: t, (B, 2), x and y.
        scale: s, (B, 1).
        formula: one of config.FORMULAS.

    Returns:
        x, (B, K, 3), normalised.
    """
    shift = F.pad(translation, (0, 1))[:, None]  # (B, 1, 3)
    turn = rotation.transpose(1, 2)
    factor = scale[:, :, None]
    with full_precision(turn):
        if formula == "mmfa":
            return factor * ((canonical_keypoints + expression_offsets) @ turn) + shift
        if formula == "liveportrait":
            return factor * (canonical_keypoints @ turn + expression_offsets) + shift
        if formula == "facevid2vid":
            return canonical_keypoints @ turn + shift + expression_offsets
    raise ValueError(f"unknown formula {formula!r}")


def head_offsets(
    canonical_keypoints: Tensor,
    expression_offsets: Tensor,
    rotation: Tensor,
    scale: Tensor,
    formula: str = "mmfa",
) -> Tensor:
    """Turn the offsets of a formula to those that pose the same keypoints by ``mmfa``.

    Only so can labels, which are in the head frame, teach another formula without telling it
    something wrong. ``liveportrait``: delta R; ``facevid2vid``: (x_c R^T + delta) R / s - x_c.

    Args:
        canonical_keypoints: x_c, (B, K, 3).
        expression_offsets: delta of the formula, (B, K, 3).
        rotation: R, (B, 3, 3).
        scale: s, (B, 1), > 0.
        formula: one of config.FORMULAS.

    Returns:
        (B, K, 3), in the head frame; for ``mmfa`` the offsets themselves.
    """
    if formula == "mmfa":
        return expression_offsets
    with full_precision(rotation):
        turned_back = expression_offsets @ rotation
    if formula == "liveportrait":
        return turned_back
    if formula == "facevid2vid":
        return (canonical_keypoints + turned_back) / scale[:, :, None] - canonical_keypoints
    raise ValueError(f"unknown formula {formula!r}")


def gauge_canonical(points: Tensor, subset: Tensor, radius: float) -> Tensor:
    """Centre and size canonical keypoints by a subset of them.

    Args:
        points: (B, K, 3).
        subset: (S,) indices of the keypoints that fix the gauge.
        radius: RMS distance from the centre that the subset gets, > 0.

    Returns:
        (B, K, 3) whose subset has zero mean and that radius.
    """
    chosen = points[:, subset]
    centre = chosen.mean(1, keepdim=True)
    size = ((chosen - centre) ** 2).sum(-1).mean(1).clamp_min(1e-8).sqrt()[:, None, None]
    return (points - centre) * (radius / size)


def gauge_offsets(offsets: Tensor, canonical_keypoints: Tensor, subset: Tensor) -> Tensor:
    """Take out of expression offsets what would move, size or turn the head.

    Equation: delta - (m + a x_c + w x x_c), where m, a and w are the least-squares shift, growth
    and small turn of the subset (method.md section 2, gauge fixing).

    Args:
        offsets: delta, (B, K, 3).
        canonical_keypoints: x_c, (B, K, 3), gauged by the same subset.
        subset: (S,) indices of the keypoints that fix the gauge, at least 3 not on a line.

    Returns:
        (B, K, 3).
    """
    points = canonical_keypoints[:, subset].float()
    moves = offsets[:, subset].float()
    centre = points.mean(1, keepdim=True)
    shift = moves.mean(1, keepdim=True)
    arms = points - centre
    squares = (arms**2).sum((1, 2))
    growth = (arms * (moves - shift)).sum((1, 2)) / squares.clamp_min(1e-8)
    eye = torch.eye(3, device=arms.device)
    with full_precision(arms):
        inertia = squares[:, None, None] * eye - arms.transpose(1, 2) @ arms
        torque = torch.linalg.cross(arms, moves - shift).sum(1)  # (B, 3)
        turn = torch.linalg.solve(inertia + 1e-6 * eye, torque[:, :, None])[:, :, 0]
    all_arms = canonical_keypoints.float() - centre
    turned = torch.linalg.cross(turn[:, None].expand_as(all_arms), all_arms)
    similarity: Tensor = shift + growth[:, None, None] * all_arms + turned
    return offsets - similarity


def make_grid(rows: int, columns: int, device: torch.device | str = "cpu") -> Tensor:
    """List the places of the pixels of a picture.

    Returns:
        (rows, columns, 2), xy in [-1, 1], ``align_corners=False``.
    """
    y = (2 * torch.arange(rows, device=device) + 1) / rows - 1
    x = (2 * torch.arange(columns, device=device) + 1) / columns - 1
    return torch.stack((x[None].expand(rows, -1), y[:, None].expand(-1, columns)), -1)


def gaussian_maps(points: Tensor, sigma: float, rows: int, columns: int) -> Tensor:
    """Draw one Gaussian a point, as the outer product of two 1-D ones.

    Args:
        points: (B, K, 2), xy normalised.
        sigma: standard deviation, normalised, > 0.
        rows: height of the maps, px.
        columns: width of the maps, px.

    Returns:
        (B, K, rows, columns), peak 1.
    """
    y = (2 * torch.arange(rows, device=points.device) + 1) / rows - 1
    x = (2 * torch.arange(columns, device=points.device) + 1) / columns - 1
    across = torch.exp(-((x - points[..., :1]) ** 2) / (2 * sigma**2))  # (B, K, columns)
    down = torch.exp(-((y - points[..., 1:2]) ** 2) / (2 * sigma**2))  # (B, K, rows)
    return down[..., :, None] * across[..., None, :]


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Sample a picture along a flow.

    Convention: ``flow[b, i, j]`` is the place (x, y) in ``picture`` that goes to output row i,
    column j; normalised, ``align_corners=False``, the border is repeated outside.

    Args:
        picture: (B, C, H, W).
        flow: (B, h, w, 2).

    Returns:
        (B, C, h, w).
    """
    return F.grid_sample(picture, flow, padding_mode="border", align_corners=False)


def resize_flow(flow: Tensor, rows: int, columns: int) -> Tensor:
    """Resize a flow bilinearly, extending it linearly beyond the outermost places.

    Only the displacement is resized (a flow of identity stays exactly identity).

    Args:
        flow: (B, h, w, 2).
        rows: new height, px.
        columns: new width, px.

    Returns:
        (B, rows, columns, 2).
    """
    small = make_grid(flow.shape[1], flow.shape[2], flow.device)
    moves = (flow - small).permute(0, 3, 1, 2)
    large = F.interpolate(moves, (rows, columns), mode="bilinear", align_corners=False)
    return large.permute(0, 2, 3, 1) + make_grid(rows, columns, flow.device)


def similarity_grid(
    centre: Tensor, half: Tensor, roll_deg: Tensor, rows: int, columns: int
) -> Tensor:
    """Make the flow that cuts an upright square out of a turned one.

    Args:
        centre: (B, 2), centre of the square in the picture, xy normalised.
        half: (B, 1), half side of the square, normalised.
        roll_deg: (B,), degrees; the square is turned counter-clockwise on the screen by this.
        rows: output height, px.
        columns: output width, px.

    Returns:
        (B, rows, columns, 2) for warp().
    """
    angle = torch.deg2rad(roll_deg)
    cos, sin = angle.cos() * half[:, 0], angle.sin() * half[:, 0]
    matrix = torch.stack(
        (torch.stack((cos, sin, centre[:, 0]), -1), torch.stack((-sin, cos, centre[:, 1]), -1)), 1
    )  # (B, 2, 3)
    grid: Tensor = F.affine_grid(matrix, [len(centre), 1, rows, columns], align_corners=False)
    return grid


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, -1).reshape(-1, 3, 3)

"""Meshes, normals, rotations and cameras.

In: arrays. Out: arrays. Knows nothing about heads.

Convention:
    x right, y up, z to the viewer; m. Yaw, pitch and roll as in `mmfa_core.face.faces.FacePose`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
NEAR_M, FAR_M = 0.15, 6.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """Hold triangles with what the shaders draw them by.

    Attributes:
        vertices: (V, 3) m.
        faces: (F, 3).
        rest: (V, 3) places by which textures are drawn.
        region: (V, 4) weights; their meaning depends on the shader.
    """

    vertices: Floats
    faces: Ints
    rest: Floats
    region: Floats


def grid_faces(rows: int, columns: int, *, closed: bool) -> Ints:
    """Join a grid of vertices (row by row) by triangles; ``closed`` joins the last column."""
    across = columns if closed else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a = row * columns + column
    b = row * columns + (column + 1) % columns
    c, d = a + columns, b + columns
    faces = np.stack((np.stack((a, c, b), -1), np.stack((b, c, d), -1)), -2)
    return faces.reshape(-1, 3).astype(np.int32)


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Average the normals of the triangles round each vertex, by area; (V, 3) unit."""
    corners = vertices[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    index = faces.ravel()
    sums = [
        np.bincount(index, np.repeat(flat[:, axis], 3), minlength=len(vertices))
        for axis in range(3)
    ]
    normals = np.stack(sums, -1)
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-12), np.float32)


def rotations(angles_deg: NDArray[np.float64]) -> Floats:
    """Build rotations from yaw, pitch and roll.

    Equation: R = Ry(yaw) Rx(-pitch) Rz(roll).

    Args:
        angles_deg: (..., 3).

    Returns:
        (..., 3, 3), acting on column vectors.
    """
    yaw, pitch, roll = np.moveaxis(np.deg2rad(angles_deg), -1, 0)
    pitch = -pitch
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(values, -1).reshape(*yaw.shape, 3, 3)

    about_y = matrix(
        np.cos(yaw), zero, np.sin(yaw), zero, one, zero, -np.sin(yaw), zero, np.cos(yaw)
    )
    about_x = matrix(
        one, zero, zero, zero, np.cos(pitch), -np.sin(pitch), zero, np.sin(pitch), np.cos(pitch)
    )
    about_z = matrix(
        np.cos(roll), -np.sin(roll), zero, np.sin(roll), np.cos(roll), zero, zero, zero, one
    )
    return (about_y @ about_x @ about_z).astype(np.float32)


def fit_similarity(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Fit target = A source + b by a rotation, a scale and a shift; both (N, 3)."""
    a, b = source.mean(0), target.mean(0)
    u, s, vt = np.linalg.svd((target - b).T @ (source - a))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(sign)).sum() / ((source - a) ** 2).sum()
    matrix = (scale * u @ sign @ vt).astype(np.float32)
    return matrix, (b - matrix @ a).astype(np.float32)


def perspective(middle: tuple[float, float], half_m: float, distance_m: float) -> Floats:
    """Build the camera of a crop: far away along +z, its square centred on ``middle``.

    Args:
        middle: x, y of the middle of the picture in the plane z = 0, m.
        half_m: half the side of the picture in that plane, m.
        distance_m: from the plane.

    Returns:
        (4, 4), from m to clip coordinates.
    """
    shift = np.eye(4)
    shift[:3, 3] = (-middle[0], -middle[1], -distance_m)
    focal = distance_m / half_m
    depth = FAR_M - NEAR_M
    lens = np.zeros((4, 4))
    lens[0, 0] = lens[1, 1] = focal
    lens[2, 2], lens[2, 3] = -(FAR_M + NEAR_M) / depth, -2 * FAR_M * NEAR_M / depth
    lens[3, 2] = -1
    return (lens @ shift).astype(np.float32)


def parallel(direction: Floats, middle: Floats, half_m: float) -> Floats:
    """Build the view of a light far away; (4, 4).

    Args:
        direction: (3,) unit, to the light.
        middle: (3,) of what it shows, m.
        half_m: half the side of what it shows.
    """
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.95 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, direction)
    right /= np.linalg.norm(right)
    axes = np.stack((right, np.cross(direction, right), direction))
    view = np.eye(4)
    view[:3, :3] = axes / half_m
    view[2, :3] *= -0.5  # nearer to the light is less deep
    view[:3, 3] = -view[:3, :3] @ middle
    return view.astype(np.float32)

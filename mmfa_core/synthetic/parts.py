"""What the head model lacks: teeth, eyeballs, neck and shoulders.

In: the mean head's measures. Out: meshes that fit the mean head. Knows nothing about pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmfa_core.synthetic.geometry import Floats, Ints, Mesh, grid_faces

Doubles = NDArray[np.float64]

# Widths and heights of the teeth from the middle to the back, m (usual adult values).
UPPER_WIDTHS = (0.0085, 0.0066, 0.0076, 0.0070, 0.0066, 0.0098, 0.0090)
LOWER_WIDTHS = (0.0053, 0.0058, 0.0068, 0.0070, 0.0070, 0.0105, 0.0098)
UPPER_HEIGHTS = (0.0102, 0.0090, 0.0100, 0.0085, 0.0080, 0.0072, 0.0068)
LOWER_HEIGHTS = (0.0088, 0.0090, 0.0105, 0.0085, 0.0080, 0.0072, 0.0068)
# The arch of the mean head: where the front teeth stand, half its width, its depth, m.
ARCH_FRONT = (0.6595, 0.1475)
ARCH_HALF, ARCH_DEPTH = 0.0265, 0.038
GUM_M = 0.009
STEPS = 9  # columns of vertices a tooth
# Round a tooth: height from gum to edge (1), and how far out of the arch, m.
PROFILE = (
    (-1.0, -0.0070), (-0.65, -0.0012), (-0.2, 0.0014), (0.05, 0.0014), (0.25, 0.0021),
    (0.5, 0.0023), (0.75, 0.0020), (0.92, 0.0013), (1.0, 0.0003), (1.0, -0.0012), (0.6, -0.0030),
    (0.0, -0.0050),
)  # fmt: skip
EYE_ROWS, EYE_COLUMNS = 24, 32
BODY_ROWS = 26


@dataclass(frozen=True)
class Body:
    """Describe neck and shoulders.

    Attributes:
        neck_m: radius of the neck, across.
        shoulder_m: half the width of the shoulders.
        slope_m: how far the shoulders' ends lie under the base of the neck.
        collar_m: height of the collar over the base of the neck.
        v_neck: how much deeper the collar is in front, m.
    """

    neck_m: float = 0.056
    shoulder_m: float = 0.21
    slope_m: float = 0.055
    collar_m: float = 0.0
    v_neck: float = 0.02


def build_teeth(*, upper: bool, width: float = 1.0, unevenness: float = 0.0, seed: int = 0) -> Mesh:
    """Build a row of teeth with its gum, in the mean head.

    Args:
        upper: of the upper jaw; otherwise the lower one.
        width: factor on the arch.
        unevenness: how crooked the teeth are, m.
        seed: of what is uneven.

    Returns:
        A mesh whose ``rest`` holds the number of the tooth, the height on it and the depth in the
        mouth, as the shader of teeth takes it.
    """
    rng = np.random.default_rng(seed)
    widths = UPPER_WIDTHS if upper else LOWER_WIDTHS
    heights = UPPER_HEIGHTS if upper else LOWER_HEIGHTS
    sign = -1.0 if upper else 1.0  # upper teeth point down
    edges = np.concatenate(([0.0], np.cumsum(widths)))
    number = np.linspace(-len(widths), len(widths), 2 * len(widths) * STEPS + 1)
    tooth = np.minimum(np.abs(number).astype(int), len(widths) - 1)
    along = np.sign(number) * np.interp(np.abs(number), np.arange(len(edges)), edges)
    x, z, out = _arch(along, width, 0.0 if upper else -0.0022)
    local = 2 * (np.abs(number) - tooth) - 1  # [-1, 1] within a tooth
    crook = np.array([rng.normal(0, unevenness, 2) for _ in range(2 * len(widths))])
    which = np.clip(np.floor(number).astype(int) + len(widths), 0, 2 * len(widths) - 1)
    height = np.array(heights)[tooth] * (1 - 0.14 * np.abs(local) ** 3) + crook[which, 0]
    round_m = -0.0009 * local**2 + crook[which, 1]
    level = ARCH_FRONT[0] + (-0.0012 if upper else -0.0043)
    rows = []
    for up, thick in PROFILE:
        down = up * height if up > 0 else up * GUM_M
        reach = thick + (round_m if up > 0 else 0.0)
        y = level + sign * (down - np.array(heights)[tooth])
        rows.append(np.stack((x + out[:, 0] * reach, y, z + out[:, 1] * reach), -1))
    vertices = np.stack(rows).astype(np.float32)
    rest = np.stack(
        np.broadcast_arrays(
            number[None] + 100.0,  # no negative numbers for the shader
            np.array([up for up, _ in PROFILE])[:, None],
            (ARCH_FRONT[1] - z)[None],
        ),
        -1,
    )
    faces = grid_faces(len(PROFILE), len(number), closed=False)
    count = vertices.shape[0] * vertices.shape[1]
    return Mesh(
        vertices.reshape(-1, 3),
        faces if upper else faces[:, ::-1],
        rest.reshape(-1, 3).astype(np.float32),
        np.zeros((count, 4), np.float32),
    )


def _arch(along: Doubles, width: float, back: float) -> tuple[Doubles, Doubles, Doubles]:
    """Walk along the parabola of a jaw: x, z and the direction out of the mouth."""
    fine = np.linspace(0, 1.35, 400)
    px, pz = ARCH_HALF * width * fine, -ARCH_DEPTH * fine**2 * (0.55 + 0.45 * fine**2)
    length = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(px), np.diff(pz)))))
    at = np.interp(np.abs(along), length, fine)
    x = np.sign(along) * np.interp(at, fine, px)
    z = np.interp(at, fine, pz) + ARCH_FRONT[1] + back
    slope_x, slope_z = np.gradient(x), np.gradient(z)
    size = np.hypot(slope_x, slope_z)
    return x, z, np.stack((-slope_z / size, slope_x / size), -1)


def build_eyeball() -> Mesh:
    """Build a ball of radius 1 whose front is +z; ``rest`` holds directions from its middle."""
    polar = np.linspace(0, np.pi * 0.62, EYE_ROWS)
    turn = np.linspace(0, 2 * np.pi, EYE_COLUMNS, endpoint=False)
    sine = np.sin(polar)[:, None]
    ball = np.stack(
        (sine * np.cos(turn), sine * np.sin(turn), np.cos(polar)[:, None] + 0 * turn), -1
    )
    vertices = ball.reshape(-1, 3).astype(np.float32)
    faces = grid_faces(EYE_ROWS, EYE_COLUMNS, closed=True)
    return Mesh(vertices, faces, vertices, np.zeros((len(vertices), 4), np.float32))


def build_body(border: Floats, body: Body) -> tuple[Mesh, Floats]:
    """Build neck, shoulders and chest below the head's open edge.

    Args:
        border: (N, 3) the edge, in order, m.
        body: measures.

    Returns:
        The mesh, ``region`` holding m below the collar and the angle round the body; and (V,) how
        much each vertex turns with the head, [0, 1].
    """
    middle = border.mean(0)
    angle = np.arctan2(border[:, 2] - middle[2], border[:, 0] - middle[0])
    base = middle[1] - 0.055  # of the neck
    t = np.linspace(0, 1, BODY_ROWS)[:, None]
    neck = np.clip(t / 0.35, 0, 1)
    flare = np.clip((t - 0.25) / 0.5, 0, 1)
    flare = flare * flare * (3 - 2 * flare)
    chest = np.clip((t - 0.7) / 0.3, 0, 1)
    across = body.neck_m + (body.shoulder_m - body.neck_m) * flare
    deep = body.neck_m * 1.05 + (0.115 - body.neck_m) * flare
    back = -0.012 * neck - 0.014 * flare
    power = 2 + 0.8 * flare  # the shoulders are squarer than an ellipse
    cosine, sine = np.cos(angle)[None], np.sin(angle)[None]
    size = (np.abs(cosine) ** power + np.abs(sine) ** power) ** (-1 / power)
    y = base - body.slope_m * flare + 0.052 * (1 - neck) - 0.30 * chest - 0.012 * flare * (sine > 0)
    ring = np.stack(
        (
            middle[0] + across * size * cosine,
            y + 0 * cosine,
            middle[2] + back + deep * size * sine,
        ),
        -1,
    )
    ease = (neck * neck * (3 - 2 * neck))[..., None]
    vertices = border[None] * (1 - ease) + ring * ease
    collar = base + body.collar_m - body.v_neck * np.clip(sine, 0, 1) ** 4
    region = np.zeros((*vertices.shape[:2], 4))
    region[..., 0] = collar - vertices[..., 1]
    region[..., 1] = angle
    follow = np.broadcast_to((1 - np.clip(t / 0.45, 0, 1)) ** 1.5, vertices.shape[:2])
    faces = grid_faces(BODY_ROWS, len(border), closed=True)
    flat = vertices.reshape(-1, 3).astype(np.float32)
    return (
        Mesh(flat, _outward(faces, flat, middle), flat, region.reshape(-1, 4).astype(np.float32)),
        follow.reshape(-1).astype(np.float32),
    )


def _outward(faces: Ints, vertices: Floats, middle: Floats) -> Ints:
    """Turn all triangles over when they look inwards."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = corners.mean(1) - middle
    outward[:, 1] = 0
    return faces if (normal * outward).sum() > 0 else np.ascontiguousarray(faces[:, ::-1])

"""Hair as shells: layers over the scalp, and curtains that hang from it, full of holes.

In: a style and a posed head. Out: meshes. What is a strand and what a hole, the shader decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmfa_core.synthetic.anatomy import Anatomy
from mmfa_core.synthetic.geometry import Floats, Mesh, grid_faces

CROWN = (0.0, 0.835, 0.01)
SKULL = (0.0, 0.755, 0.035)  # middle, m
SHELLS, LAYERS = 6, 4
CURTAIN_ROWS, CURTAIN_COLUMNS = 22, 40


@dataclass(frozen=True)
class HairStyle:
    """Describe a hairdo; all lengths in m on the mean head.

    Attributes:
        volume: thickness over the scalp; 0 is bald.
        front: height of the front hairline.
        slope: how steeply the hairline falls to the nape.
        recession: how far it recedes at the temples.
        ragged: noise of the hairline.
        fringe: how far hair hangs down over the forehead.
        length: of the curtain below the ears; 0 has none.
        opening_deg: from the face's middle to the curtain's edge.
        bulk: how far the curtain stands off.
        parting: angle of the crown's whorl, rad.
        waves: how wavy, [0, 1].
        seed: of the noise.
    """

    volume: float = 0.02
    front: float = 0.80
    slope: float = 0.9
    recession: float = 0.0
    ragged: float = 0.006
    fringe: float = 0.0
    length: float = 0.0
    opening_deg: float = 70.0
    bulk: float = 0.012
    parting: float = 0.0
    waves: float = 0.2
    seed: int = 0


def build_cap(anatomy: Anatomy, style: HairStyle) -> tuple[Mesh, Floats, Floats]:
    """Lay shells over the scalp.

    Returns:
        The mesh, whose vertices still lie on the template; the rows (V,) of the head's vertices
        that they stand on; and how far (V,) they stand off, m.
    """
    template = anatomy.template
    line = hairline(template, style)
    ears = (np.abs(template[:, 0]) > 0.0725) & (template[:, 1] < 0.765)
    skin = anatomy.regions["inside"] < 0.5
    inside = (line > -0.012) & skin & ~ears
    faces = anatomy.faces[inside[anatomy.faces].all(1)]
    rows, compact = np.unique(faces, return_inverse=True)
    compact = compact.reshape(-1, 3)
    rest = template[rows]
    edge = np.clip(line[rows] / 0.022, -1, 1)
    rng = np.random.default_rng(style.seed)
    lumps = _waves(rest, rng, 45.0)
    grown = style.volume * (0.35 + 0.65 * np.clip(edge, 0, 1)) * (1 + 0.35 * lumps)
    azimuth = np.arctan2(rest[:, 0] - CROWN[0], rest[:, 2] - CROWN[2]) + style.parting
    polar = np.linalg.norm(rest - np.array(CROWN, np.float32), axis=1)
    across = azimuth + style.waves * 0.15 * np.sin(polar * 90 + 3 * lumps)
    region = np.stack((0 * across, polar, across, edge), -1)
    heights = np.linspace(0.04, 1, SHELLS)
    parts = np.repeat(region[None], SHELLS, 0)
    parts[..., 0] = heights[:, None]
    offsets = heights[:, None] * grown[None]
    all_faces = (compact[None] + (np.arange(SHELLS) * len(rows))[:, None, None]).reshape(-1, 3)
    return (
        Mesh(
            np.tile(rest, (SHELLS, 1)),
            all_faces.astype(np.int32),
            np.tile(rest, (SHELLS, 1)),
            parts.reshape(-1, 4).astype(np.float32),
        ),
        np.tile(rows, SHELLS),
        offsets.reshape(-1).astype(np.float32),
    )


def hairline(places: Floats, style: HairStyle) -> Floats:
    """Tell how far places of the mean head lie inside the hairline, m; (V,)."""
    side = np.abs(places[:, 0])
    ahead = np.clip((places[:, 2] - 0.03) / 0.07, 0, 1)
    temple = np.clip((side - 0.015) / 0.035, 0, 1)
    line = places[:, 1] - style.front + style.slope * (0.13 - places[:, 2])
    line = line - style.recession * temple * ahead
    noise = _waves(places, np.random.default_rng(style.seed + 1), 110.0)
    hang = style.fringe * ahead * (1 - 0.4 * temple)
    return np.asarray(line + hang + style.ragged * noise, np.float32)


def build_curtain(style: HairStyle) -> tuple[Mesh, Floats]:
    """Hang long hair from the sides and the back of the mean head.

    Returns:
        The mesh, and how much each vertex turns with the head (V,), [0, 1].
    """
    rng = np.random.default_rng(style.seed + 2)
    down = np.linspace(0, 1, CURTAIN_ROWS)[:, None]
    opening = np.deg2rad(style.opening_deg)
    turn = np.linspace(opening, 2 * np.pi - opening, CURTAIN_COLUMNS)[None]
    top, bottom = SKULL[1] + 0.075, 0.70 - style.length
    meshes, follows = [], []
    for layer in range(LAYERS):
        depth = layer / (LAYERS - 1)
        y = top + (bottom - top) * down + 0 * turn
        above = np.clip((y - SKULL[1]) / 0.098, 0, 0.985)
        round_m = np.sqrt(1 - above**2)
        below = np.clip((SKULL[1] - y) / 0.12, 0, 1)
        swing = 0.006 * style.waves * np.sin(9 * turn + 70 * y + rng.uniform(0, 6))
        off = style.volume * 0.5 + style.bulk * (0.2 + 0.8 * depth) + swing
        sides = (0.076 + off) * round_m + 0.010 * below
        ahead = (0.094 + off) * round_m - 0.026 * below
        open_more = np.deg2rad(9) * depth  # outer layers end further back, so the edge is thin
        angle = turn + open_more * np.cos(turn / 2)
        vertices = np.stack(
            (SKULL[0] + sides * np.sin(angle), y, SKULL[2] - 0.012 + ahead * np.cos(angle)), -1
        )
        margin = np.minimum(turn - opening, 2 * np.pi - opening - turn) / 0.25
        ends = (1 - down) / 0.18 + 0.25 * np.sin(17 * turn + 3 * np.sin(31 * turn))
        start = down / 0.08
        edge = np.clip(np.minimum(np.minimum(margin + 0 * down, ends), start + 0 * turn), -1, 1)
        region = np.stack(
            np.broadcast_arrays(
                0.25 + 0.75 * depth + 0 * y,
                (top - y),
                turn + 0.10 * style.waves * np.sin(60 * y + 2 * turn),
                edge,
            ),
            -1,
        )
        flat = vertices.reshape(-1, 3).astype(np.float32)
        meshes.append((flat, region.reshape(-1, 4)))
        follows.append(np.clip((y - 0.52) / 0.16, 0.25, 1).reshape(-1))
    faces = grid_faces(CURTAIN_ROWS, CURTAIN_COLUMNS, closed=False)
    count = CURTAIN_ROWS * CURTAIN_COLUMNS
    vertices = np.concatenate([part for part, _ in meshes])
    return (
        Mesh(
            vertices,
            np.concatenate([faces + i * count for i in range(LAYERS)]).astype(np.int32),
            vertices,
            np.concatenate([part for _, part in meshes]).astype(np.float32),
        ),
        np.concatenate(follows).astype(np.float32),
    )


def _waves(places: Floats, rng: np.random.Generator, frequency: float) -> Floats:
    """Sum a few waves of random directions: smooth noise in about [-1, 1]; (V,)."""
    total = np.zeros(len(places))
    for _ in range(5):
        total += np.sin(places @ rng.normal(0, frequency, 3) + rng.uniform(0, 2 * np.pi))
    return np.asarray(total / 3, np.float32)

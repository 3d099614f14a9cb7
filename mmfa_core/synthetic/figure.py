"""A person's meshes, posed for one act.

In: Person, Act. Out: Posed. Knows nothing about pictures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmfa_core.synthetic.anatomy import REGIONS, Anatomy, eyeball
from mmfa_core.synthetic.fitting import (
    Mouth,
    bound_skull,
    move_jaw,
    place_teeth,
    shut_lips,
)
from mmfa_core.synthetic.geometry import (
    Floats,
    Mesh,
    fit_similarity,
    rotations,
    vertex_normals,
)
from mmfa_core.synthetic.hair import build_cap, build_curtain
from mmfa_core.synthetic.parts import build_body, build_eyeball, build_teeth
from mmfa_core.synthetic.performance import Act
from mmfa_core.synthetic.person import Person

PIVOT = (0.0, 0.650, 0.020)  # of the head's turning, on the mean head, m
JAW_GAIN, JAW_POWER = 1.2, 0.75  # of Anny's open jaw by the one asked for
EYEBALL_SIZE = 0.985  # of the model's own, so that closed lids cover it


@dataclass(frozen=True, eq=False)
class Surface:
    """Hold one mesh as it is drawn.

    Attributes:
        kind: skin, teeth, tongue, left_eye, right_eye, hair or body.
        vertices: (V, 3) posed, m.
        normals: (V, 3).
        mesh: faces, places of textures and weights.
        turned: (V, 3) where the vertices would be if the surface turned as what is painted on it
            does, m: a gaze moves the iris over an eyeball that stands still.
    """

    kind: str
    vertices: Floats
    normals: Floats
    mesh: Mesh
    turned: Floats | None = None

    @property
    def places(self) -> Floats:
        """Where each vertex's spot of the person is, (V, 3) m."""
        return self.vertices if self.turned is None else self.turned


@dataclass(frozen=True, eq=False)
class Posed:
    """Hold all surfaces of a person in one act.

    Attributes:
        surfaces: what to draw.
        gaze: (3,) unit, posed.
        head: (4, 4) from a place on the unposed head to its posed place, m.
    """

    surfaces: tuple[Surface, ...]
    gaze: Floats
    head: Floats

    @property
    def rotation(self) -> Floats:
        """Rotation of the head, (3, 3)."""
        return self.head[:3, :3]


class Figure:
    """Hold a person's shapes, ready to be posed."""

    def __init__(self, anatomy: Anatomy, person: Person) -> None:
        """Shape head, hair and clothes."""
        self.anatomy = anatomy
        self.person = person
        neutral = anatomy.person(person.phenotype, person.changes)
        # The person's own height doesn't matter: put the eyes where the mean head's are.
        middles, _ = eyeball(neutral, anatomy.eyes)
        wanted, _ = eyeball(anatomy.template, anatomy.eyes)
        neutral = neutral + (wanted.mean(0) - middles.mean(0))
        self.mouth = Mouth(anatomy)
        self.neutral = shut_lips(self.mouth, bound_skull(anatomy, neutral))
        self._rows = place_teeth(self.mouth, self.neutral)
        self._whole = fit_similarity(anatomy.template, self.neutral)
        width, uneven = person.teeth
        seed = person.hair.seed
        self._teeth = [
            build_teeth(upper=upper, width=width, unevenness=uneven, seed=seed)
            for upper in (True, False)
        ]
        self._ball = build_eyeball()
        self._body, self._follow = build_body(self.neutral[anatomy.border], person.body)
        self._cap = build_cap(anatomy, person.hair) if person.hair.volume > 0 else None
        self._curtain = build_curtain(person.hair) if person.hair.length > 0 else None
        region = np.stack([anatomy.regions[name] for name in REGIONS], -1)
        self._skin = Mesh(anatomy.template, anatomy.faces, anatomy.template, region)
        self._tongue = Mesh(anatomy.template, anatomy.tongue, anatomy.template, region)

    def pose(self, act: Act) -> Posed:
        """Pose the person."""
        weights = open_jaw(act.weights)
        head = self.neutral + self.anatomy.expression(weights)
        angles = np.array(act.pose_deg, np.float64)
        rotation = rotations(angles)
        surfaces: list[Surface] = []
        shift = np.array([*act.shift_m, 0.0], np.float32)

        def add(kind: str, mesh: Mesh, vertices: Floats, follow: Floats | None = None) -> None:
            normals = vertex_normals(vertices, mesh.faces)
            turned = _turn(vertices, angles, follow)
            normals = _turn(normals, angles, follow, about=False)
            surfaces.append(
                Surface(
                    kind,
                    turned + shift * (1.0 if follow is None else follow[:, None]),
                    normals,
                    mesh,
                )
            )

        add("skin", self._skin, head)
        add("tongue", self._tongue, head)
        matrix, offset = self._rows
        jaw_matrix, jaw_offset = move_jaw(self.mouth, self.neutral, weights)
        for upper, mesh in zip((True, False), self._teeth, strict=True):
            placed = mesh.vertices @ matrix.T + offset
            if not upper:
                placed = placed @ jaw_matrix.T + jaw_offset
            add("teeth", mesh, placed)
        middles, radius = eyeball(self.neutral, self.anatomy.eyes)
        look = rotations(np.array([*act.gaze_deg, 0.0]))
        gaze = look[:, 2]
        for kind, middle in zip(("left_eye", "right_eye"), middles, strict=True):
            ball = EYEBALL_SIZE * radius * self._ball.vertices
            add(kind, self._ball, middle + ball)
            turned = _turn(middle + ball @ look.T, angles, None) + shift
            surfaces[-1] = dataclasses.replace(surfaces[-1], turned=turned)
        if self._cap is not None:
            mesh, rows, offsets = self._cap
            normals = vertex_normals(head, self.anatomy.faces)
            add("hair", mesh, head[rows] + normals[rows] * offsets[:, None])
        if self._curtain is not None:
            mesh, follow = self._curtain
            matrix, offset = self._whole
            add("hair", mesh, mesh.vertices @ matrix.T + offset, follow)
        add("body", self._body, self._body.vertices, self._follow)
        to_place = np.eye(4, dtype=np.float32)
        to_place[:3, :3] = rotation
        to_place[:3, 3] = _turn(np.zeros((1, 3), np.float32), angles, None)[0]
        to_place[:2, 3] += np.array(act.shift_m, np.float32)
        return Posed(tuple(surfaces), (rotation @ gaze).astype(np.float32), to_place)

    def lips(self, posed: Posed) -> Floats:
        """Find the inner edges of upper and lower lip, in the middle, of a posed skin; (2, 3) m."""
        skin = next(surface for surface in posed.surfaces if surface.kind == "skin")
        middle = len(self.mouth.columns) // 2
        return skin.vertices[[edge[middle] for edge in self.mouth.edges]]


def open_jaw(weights: Mapping[str, float]) -> dict[str, float]:
    """Turn expressions as asked for into Anny's, whose open jaws the landmarker reads too small."""
    jaw = weights.get("jawOpen", 0.0)
    return {**weights, **({"jawOpen": JAW_GAIN * jaw**JAW_POWER} if jaw else {})}


def _turn(
    places: Floats, angles: NDArray[np.float64], follow: Floats | None, *, about: bool = True
) -> Floats:
    """Turn places about the pivot, or directions; ``follow`` turns each by a share only."""
    pivot = np.array(PIVOT, np.float32) * about
    if follow is None:
        return np.asarray((places - pivot) @ rotations(angles).T + pivot, np.float32)
    each = rotations(follow[:, None] * angles)
    return np.asarray(np.einsum("vij,vj->vi", each, places - pivot) + pivot, np.float32)

"""The head model: shapes of a person and of an expression as sums of Anny's CC0 shapes.

In: weights of named shape changes. Out: vertices. Knows nothing about pictures.

Convention:
    Metres; x to the picture's right (the person's left), y up, z to the viewer. The head looks
    along +z.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.errors import ResourceError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

LID_RIM_M = 0.0022  # skin this near to the surface of the eyeball is the rim of a lid
REGIONS = ("lips", "inside", "rim", "jaw")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Hold the head model. V vertices of the skin, F triangles.

    Attributes:
        faces: (F, 3) triangles of the skin, inside of the mouth included.
        tongue: (G, 3) triangles of the tongue.
        template: (V, 3) the mean head, m; a vertex's place here is what textures are drawn by.
        regions: how much each vertex belongs to each of `REGIONS`, (V,) in [0, 1]: the red of the
            lips, the inside of mouth, nose and sockets, the rims of the lids, what the jaw moves.
        eyes: rows of the vertices of the left and the right eyeball.
        actions: (52, V, 3) what each expression adds, m.
        action_names: their ARKit names.
        change_names: Anny's local changes, by which people differ.
        border: rows of the vertices round the cut neck, in order.
    """

    faces: Ints
    tongue: Ints
    template: Floats
    regions: Mapping[str, Floats]
    eyes: tuple[Ints, Ints]
    actions: Floats
    action_names: tuple[str, ...]
    change_names: tuple[str, ...]
    border: Ints
    _model: Any  # Anny's torch module

    def person(self, phenotype: Mapping[str, float], changes: Mapping[str, float]) -> Floats:
        """Shape the neutral head of a person.

        Args:
            phenotype: Anny's phenotypes, such as age and gender, in [0, 1].
            changes: Anny's local changes, such as nose-hump-incr, in [-1, 1].

        Returns:
            (V, 3) m.
        """
        model = self._model
        with torch.no_grad():
            weights = model.get_phenotype_blendshape_coefficients(
                **phenotype, local_changes=dict(changes)
            )
            moved = torch.einsum("n,nvc->vc", weights[0], model.blendshapes)
        return _ours((model.template_vertices + moved).numpy())

    def expression(self, weights: Mapping[str, float]) -> Floats:
        """Add up expressions; (V, 3) m to add to a neutral head."""
        rows = [self.action_names.index(name) for name in weights]
        values = np.array(list(weights.values()), np.float32)
        return np.asarray(np.einsum("n,nvc->vc", values, self.actions[rows]), np.float32)


@cache
def load_anatomy() -> Anatomy:
    """Load the head model.

    The first time on a machine Anny reads its thousands of small files, which takes a minute or
    more; it keeps what it read in its cache (``ANNY_CACHE_DIR``, or ``~/.cache/anny``).

    Raises:
        ResourceError: when Anny isn't installed.
    """
    model = _load_model()
    labels = [label.partition(":")[2] for label in model.blendshape_labels]
    names = tuple(model.facial_action_labels)
    shapes = model.blendshapes.numpy()
    template = _ours(model.template_vertices.numpy())
    faces = model.faces.numpy().astype(np.int32)
    part = _components(faces, len(template))
    sizes = np.bincount(part)
    order = np.argsort(-sizes)  # skin, tongue, and the two eyeballs
    skin = part == order[0]
    eyes = sorted(
        (np.flatnonzero(part == p).astype(np.int32) for p in order[2:4]),
        key=lambda rows: -template[rows, 0].mean(),
    )
    skin_faces = faces[skin[faces[:, 0]]]
    return Anatomy(
        faces=skin_faces,
        tongue=faces[part[faces[:, 0]] == order[1]],
        template=template,
        regions=_regions(model, template, shapes, labels, (eyes[0], eyes[1])),
        eyes=(eyes[0], eyes[1]),
        actions=_ours(shapes[[labels.index(name) for name in names]]),
        action_names=names,
        change_names=tuple(model.local_change_labels),
        border=_border(skin_faces, template),
        _model=model,
    )


def _load_model() -> Any:
    """Load Anny's head, keeping what its libraries greet with out of our output."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            import anny
        except ImportError as error:
            raise ResourceError(
                "The head model Anny isn't installed.",
                "Install what synthetic heads need: pip install -e '.[heads]'.",
            ) from error
        return anny.create_head_model(
            local_changes="all", facial_actions=True, triangulate_faces=True, all_phenotypes=True
        )


def eyeball(vertices: Floats, eyes: tuple[Ints, Ints]) -> tuple[Floats, float]:
    """Find the middles (2, 3) of the eyeballs, left first, and their radius, m."""
    left, right = (vertices[rows] for rows in eyes)
    middle = (left.min(0) + left.max(0)) / 2
    radius = float((left.max(0) - left.min(0))[:2].mean() / 2)
    other = (right.min(0) + right.max(0)) / 2
    other[2] = middle[2]  # only the front half of the right eyeball is in the model
    return np.stack((middle, other)), radius


def _ours(vertices: NDArray[np.float32]) -> Floats:
    """Turn Anny's axes (x, back, up) into ours."""
    x, y, z = np.moveaxis(vertices, -1, 0)
    return np.stack((x, z, -y), -1).astype(np.float32)


def _components(faces: Ints, count: int) -> Ints:
    """Give each connected part of a mesh a number; (V,)."""
    label = np.arange(count)
    while True:
        least = label[faces].min(1)
        before = label.copy()
        for corner in range(3):
            np.minimum.at(label, faces[:, corner], least)
        label = label[label]
        if (label == before).all():
            return np.unique(label, return_inverse=True)[1].astype(np.int32)


def _border(faces: Ints, template: Floats) -> Ints:
    """Put the vertices of the one open edge of the skin in order."""
    edges = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    _, first, count = np.unique(np.sort(edges, 1), axis=0, return_index=True, return_counts=True)
    following = dict(edges[first[count == 1]].tolist())
    loop = [min(following, key=lambda v: float(template[v, 1]))]
    while (ahead := following[loop[-1]]) != loop[0]:
        loop.append(ahead)
    return np.array(loop, np.int32)


def _regions(
    model: Any,
    template: Floats,
    shapes: NDArray[np.float32],
    labels: list[str],
    eyes: tuple[Ints, Ints],
) -> dict[str, Floats]:
    def moved(*names: str) -> Floats:
        ways = [np.linalg.norm(shapes[labels.index(name)], axis=-1) for name in names]
        return np.asarray(np.max([way / way.max() for way in ways], 0), np.float32)

    import anny.paths

    cavities = torch.load(
        anny.paths.get_anny_root_dir() / "data/template_mesh_internal_cavities.pth",
        weights_only=True,
    )
    base = model.base_mesh_vertex_indices.numpy()
    inside = np.isin(base, cavities["vertex_indices"]).astype(np.float32)
    middles, radius = eyeball(template, eyes)
    away = np.min([np.linalg.norm(template - middle, axis=1) for middle in middles], 0) - radius
    rim = np.clip(1 - away / LID_RIM_M, 0, 1).astype(np.float32) * (1 - inside)
    blink = moved("eyeBlinkLeft", "eyeBlinkRight")  # most at the edges of the upper lids
    rim = np.maximum(rim, np.clip((blink - 0.80) / 0.12, 0, 1))
    bones = list(model.bone_labels)
    carried = model.vertex_bone_indices.numpy() == bones.index("jaw")
    jaw = (model.vertex_bone_weights.numpy() * carried).sum(1).astype(np.float32)
    lips = moved("mouth-upperlip-volume-incr", "mouth-lowerlip-volume-incr")
    return {"lips": lips, "inside": inside, "rim": rim, "jaw": jaw}

"""The labels of made people as arrays: one file a person, and many of them in a shard.

In: MadePerson. Out: dictionaries of arrays, and files that are complete or not there. Knows
nothing about folders.

The arrays are described in docs/heads.md; what a corpus's reader needs has the names and types of
every corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mmfa_core.media import replace_file
from mmfa_core.synthetic.anatomy import Anatomy
from mmfa_core.synthetic.correspondence import pack_labels
from mmfa_core.synthetic.maker import (
    MadePerson,
    View,
    encode_parts,
    encode_picture,
    measure_sharpness,
)
from mmfa_core.synthetic.renderer import PARTS

Arrays = dict[str, NDArray[Any]]

# Of the pictures: what the landmarker says, as in every corpus; then what the renderer knows.
PICTURE_COLUMNS: dict[str, tuple[str, tuple[int, ...]]] = {
    "lm": ("f2", (478, 3)),
    "bs": ("f2", (52,)),
    "pose": ("f4", (3,)),
    "mat": ("f4", (4, 4)),
    "box": ("f4", (4,)),
    "sharp": ("f4", ()),
    "t": ("f4", ()),
    "true_pose": ("f4", (3,)),
    "true_expression": ("f4", (52,)),
    "true_gaze": ("f4", (2,)),
    "true_head": ("f4", (4, 4)),
    "true_camera": ("f4", (4, 4)),
}
PHENOTYPES = (
    *("gender", "age", "muscle", "weight", "height", "proportions"),
    *("african", "asian", "caucasian"),
)


def person_arrays(made: MadePerson, anatomy: Anatomy) -> Arrays:
    """Collect the labels and the encoded pictures of a person's kept views.

    Returns:
        `PICTURE_COLUMNS` with one row a picture; ``len`` and ``data``, the JPEGs one after the
        other; ``parts_len`` and ``parts_data``, the PNGs of their parts; ``true_identity`` and
        ``true_phenotype``; ``person``, the number; ``rendered``, how many views there were; of
        people with pictures made for flow also the arrays of `correspondence.pack_labels`.
    """
    kept = made.kept
    rows = [_picture_row(view, anatomy) for view in kept]
    arrays: Arrays = {
        key: np.array([row[key] for row in rows], np.float64).reshape(-1, *shape).astype(kind)
        for key, (kind, shape) in PICTURE_COLUMNS.items()
    }
    for prefix, files in (
        ("", [encode_picture(view.rendered.picture) for view in kept]),
        ("parts_", [encode_parts(view.rendered.parts) for view in kept]),
    ):
        arrays[f"{prefix}len"] = np.array([len(data) for data in files], np.int32)
        arrays[f"{prefix}data"] = np.frombuffer(b"".join(files), np.uint8)
    changes, phenotype = made.person.changes, made.person.phenotype
    identity = [changes.get(name, 0.0) for name in anatomy.change_names]
    arrays["true_identity"] = np.array(identity, np.float32)
    arrays["true_phenotype"] = np.array([phenotype[name] for name in PHENOTYPES], np.float32)
    arrays["person"] = np.array(made.number, np.int64)
    arrays["rendered"] = np.array(len(made.views), np.int32)
    seen = [view.rendered.seen for view in kept if view.rendered.seen is not None]
    places = [view.places for view in kept if view.places is not None]
    if made.faces is not None and kept:
        arrays |= pack_labels(seen, made.faces, places)
    return arrays


def shard_arrays(people: Sequence[Arrays], clips: Sequence[str], anatomy: Anatomy) -> Arrays:
    """Join the arrays of people, but for the JPEGs, which belong into the shard's tar.

    Args:
        people: of `person_arrays`, each with at least one picture.
        clips: the name of each.
        anatomy: whose names of expressions and changes the columns have.
    """
    counts = [len(person["len"]) for person in people]
    joined = (*PICTURE_COLUMNS, "len", "parts_len", "parts_data")
    table: Arrays = {key: np.concatenate([p[key] for p in people]) for key in joined}
    ends = np.cumsum(table["parts_len"], dtype=np.int64)
    table["parts_off"] = ends - table["parts_len"]
    table["clip"] = np.repeat(np.arange(len(people), dtype=np.int32), counts)
    table["clips"] = np.array(list(clips))
    for key in ("person", "true_identity", "true_phenotype"):
        table[key] = np.stack([person[key] for person in people])
    table["expression_names"] = np.array(anatomy.action_names)
    table["identity_names"] = np.array(anatomy.change_names)
    table["phenotype_names"] = np.array(PHENOTYPES)
    table["part_names"] = np.array(PARTS)
    return table


def pictures_of(person: Arrays) -> Iterable[bytes]:
    """Give the JPEGs of a person, one after the other."""
    data = person["data"].tobytes()
    for end, size in zip(np.cumsum(person["len"]), person["len"], strict=True):
        yield data[end - size : end]


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays to an .npz; the same arrays give the same bytes.

    Raises:
        ResourceError: when the disk refuses.
    """
    named: dict[str, Any] = dict(arrays)
    replace_file(path, lambda file: np.savez(file, **named))


def load_arrays(path: Path) -> Arrays | None:
    """Read arrays; None when the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {key: data[key] for key in data.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _picture_row(view: View, anatomy: Anatomy) -> dict[str, Any]:
    face, act = view.face, view.act
    if face is None:
        raise ValueError("a view without a face isn't kept")
    points = view.landmarks
    flat = points[:, :2]
    return {
        "lm": points,
        "bs": face.blendshapes,
        "pose": face.pose,
        "mat": face.matrix,
        "box": (*flat.min(0), *flat.max(0)),
        "sharp": measure_sharpness(view.rendered.picture, points),
        "t": view.number,
        "true_pose": act.pose_deg,
        "true_expression": [act.weights.get(name, 0.0) for name in anatomy.action_names],
        "true_gaze": act.gaze_deg,
        "true_head": view.head,
        "true_camera": view.rendered.camera,
    }

"""Audit a folder of heads: are teeth in mouths, and does the landmarker read what was asked for?

In: a folder of heads. Out: figures. Knows nothing about how heads are made.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.errors import ResourceError
from mmfa_core.face import BLENDSHAPE_NAMES
from mmfa_core.synthetic.listing import read_index
from mmfa_core.synthetic.tables import Arrays, load_arrays

LOWER_LIP = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)  # landmarks of its outer edge
INNER_LIPS, NOSE = (13, 14), (168, 2)  # landmarks: upper and lower lip, both ends of the nose
BELOW_PX = 3.0  # teeth lower than this under the lower lip are outside
FRONTAL_DEG = 25.0  # of yaw; further to the side the landmarker's scores fade
EXPRESSIONS = ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "mouthPucker", "browInnerUp")


def audit_heads(folder: Path) -> dict[str, Any]:
    """Measure a folder of heads.

    Returns:
        ``pictures``; ``teeth_outside`` and ``teeth_outside_people``, how many show teeth below
        the lower lip's landmarks, and ``teeth_outside_px``, how many such pixels there are in
        all; ``asked_and_read``, correlations of weights asked for with the landmarker's scores;
        the same of ``jawOpen`` with yaw below `FRONTAL_DEG`, and with the distance of the inner
        lips' landmarks over the nose's length.

    Raises:
        ResourceError: when it isn't a folder of heads.
    """
    outside: list[int] = []
    people: list[str] = []
    asked, read, gaps, yaws = [], [], [], []
    for shard in sorted({row["shard"] for row in read_index(folder)}):
        table = load_arrays(folder / f"{shard}.npz")
        if table is None or "parts_off" not in table:
            raise ResourceError(f"The shard {shard} isn't one of heads.", "Give made heads.")
        outside += [_teeth_below(table, row) for row in range(len(table["lm"]))]
        people += table["clips"][table["clip"]].tolist()
        names = table["expression_names"].tolist()
        asked.append(table["true_expression"][:, [names.index(name) for name in EXPRESSIONS]])
        read.append(table["bs"][:, [BLENDSHAPE_NAMES.index(name) for name in EXPRESSIONS]])
        points = table["lm"].astype(np.float32)
        lips, nose = (np.diff(points[:, ends], axis=1)[:, 0] for ends in (INNER_LIPS, NOSE))
        gaps.append(np.linalg.norm(lips, axis=1) / np.linalg.norm(nose, axis=1))
        yaws.append(np.abs(table["true_pose"][:, 0]))
    if not outside:
        raise ResourceError(f"{folder.name} holds no heads.", "Ask for more people.")
    wanted, seen = (np.concatenate(parts).astype(np.float64) for parts in (asked, read))
    frontal = np.concatenate(yaws) < FRONTAL_DEG
    return {
        "pictures": len(outside),
        "teeth_outside": int(np.count_nonzero(outside)),
        "teeth_outside_people": len({p for p, n in zip(people, outside, strict=True) if n}),
        "teeth_outside_px": sum(outside),
        "asked_and_read": {
            name: _correlation(wanted[:, i], seen[:, i]) for i, name in enumerate(EXPRESSIONS)
        },
        "jaw_frontal": _correlation(wanted[frontal, 0], seen[frontal, 0]),
        "jaw_and_lips": _correlation(wanted[:, 0], np.concatenate(gaps)),
    }


def _teeth_below(table: Arrays, row: int) -> int:
    """Count the pixels of teeth below the lower lip."""
    start, size = int(table["parts_off"][row]), int(table["parts_len"][row])
    with Image.open(io.BytesIO(table["parts_data"][start : start + size].tobytes())) as image:
        parts = np.asarray(image)
    teeth = table["part_names"].tolist().index("teeth")
    rows, columns = np.nonzero(parts == teeth)
    x, y = table["lm"][row, list(LOWER_LIP), :2].astype(np.float64).T
    order = np.argsort(x)
    return int(np.sum(rows > np.interp(columns, x[order], y[order]) + BELOW_PX))


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    if len(one) < 2 or not one.std() or not other.std():
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 3)

"""A contact sheet of made heads: what figures can't say.

In: a folder of heads. Out: one JPEG to look at. Knows nothing about how heads are made.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from mmfa_core.errors import ResourceError
from mmfa_core.media import check_output, replace_file
from mmfa_core.synthetic.listing import read_index

CELL_PX, COLUMNS, MOST = 160, 8, 24
QUALITY = 85


def write_sheet(folder: Path, path: Path, *, overwrite: bool = False) -> int:
    """Draw up to 24 people, each in another of their views.

    Args:
        folder: of heads.
        path: JPEG to write.
        overwrite: whether an existing one may be replaced.

    Returns:
        How many people are shown.

    Raises:
        MediaError: the name has another ending.
        ResourceError: there is nobody to show, or the file can't be written.
    """
    check_output(path, overwrite=overwrite, suffixes=(".jpg", ".jpeg"))
    rows = read_index(folder)
    if not rows:
        raise ResourceError(f"{folder.name} holds no heads to show.", "Ask for more people.")
    chosen = [rows[i] for i in np.linspace(0, len(rows) - 1, min(MOST, len(rows))).astype(int)]
    lines = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(chosen)) * CELL_PX, lines * CELL_PX), "white")
    for place, row in enumerate(chosen):
        view = int(row["first"]) + place % int(row["n"])
        with Image.open(io.BytesIO(_read_picture(folder / row["shard"], view))) as picture:
            cell = picture.convert("RGB").resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
        sheet.paste(cell, (place % COLUMNS * CELL_PX, place // COLUMNS * CELL_PX))
    replace_file(path, lambda file: sheet.save(file, "JPEG", quality=QUALITY, optimize=True))
    return len(chosen)


def _read_picture(shard: Path, row: int) -> bytes:
    try:
        with np.load(shard.with_suffix(".npz"), allow_pickle=False) as labels:
            start, size = int(labels["off"][row]), int(labels["len"][row])
        with shard.with_suffix(".tar").open("rb") as file:
            file.seek(start)
            return file.read(size)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ResourceError(
            f"The shard {shard.name} is missing or damaged.", "Make the heads again."
        ) from error

"""What tests of provenance share: frames, origins, and writers of every kind of marked file."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmfa_core.media import ClipWriter, GifWriter, Marking, write_picture
from mmfa_core.provenance import Ingredient, Origin, hash_settings

RATE = Fraction(30000, 1001)
SUFFIXES = (".mp4", ".gif", ".png", ".jpg", ".webp")
ORIGIN = Origin(
    operation="animate",
    model_id="tiny",
    model_hash="0123456789ab",
    settings_hash=hash_settings({"mode": "relative"}),
    ingredients=(
        Ingredient(role="portrait", sha256="a1" * 32),
        Ingredient(role="driving", sha256="b2" * 32, hashed="pixels"),
    ),
)


def shaded(count: int = 1, side: int = 96) -> list[NDArray[np.uint8]]:
    """Make frames that fade from dark to light and differ from each other."""
    down = np.linspace(30, 220, side, dtype=np.float32)[:, None, None]
    across = np.linspace(0, 30, side * 3, dtype=np.float32).reshape(1, side, 3)
    return [(down + across - 3 * number).clip(0, 255).astype(np.uint8) for number in range(count)]


def write_marked(path: Path, mark: Marking | None) -> Path:
    """Write a few frames (or one) as the ending says."""
    if path.suffix not in (".mp4", ".gif"):
        return write_picture(path, shaded()[0], mark=mark)
    with (
        ClipWriter(path, 96, 96, RATE, mark=mark)
        if path.suffix == ".mp4"
        else GifWriter(path, 96, 96, RATE, mark=mark)
    ) as writer:
        for frame in shaded(6):
            writer.write(frame)
    return path


def boxes(data: bytes) -> Iterator[tuple[str, int, int]]:
    """List the outer boxes of an mp4: kind, first byte and the byte after the last."""
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big") or len(data) - place
        yield data[place + 4 : place + 8].decode("latin-1"), place, place + size
        place += size

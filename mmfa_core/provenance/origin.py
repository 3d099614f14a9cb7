"""How a file was made, as it is declared: the model, the settings and the sources, by hash.

In: files, pixels and settings. Out: Origin, without any name, path or picture of a source.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmfa_core.errors import UnreadableError
from mmfa_core.media import Frame

TOOL = "MMFA Studio"
PORTRAIT = "portrait"
DRIVING = "driving"
EXPRESSION = "expression"
HASHED = ("file", "pixels")
_CHUNK = 1 << 20
# They decide what is accepted, where a result goes and how it is marked, not what it shows.
_NOT_SETTINGS = ("badge", "max_seconds", "overwrite")


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """Name a source by its hash.

    Attributes:
        role: ``portrait`` (whose picture it is), ``driving`` (whose motion it is) or
            ``expression`` (whose expression it is).
        sha256: hex digest.
        hashed: ``file``, so that `sha256sum` finds the same; or ``pixels``, of a source that came
            as an array: its rows of RGB bytes.
    """

    role: str
    sha256: str
    hashed: str = "file"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Say how a file was made.

    Attributes:
        operation: such as ``animate`` or ``edit``.
        model_id: what people call the model.
        model_hash: short hash of its weights.
        settings_hash: SHA-256 of the settings, see hash_settings.
        ingredients: the sources.
    """

    operation: str
    model_id: str
    model_hash: str
    settings_hash: str
    ingredients: tuple[Ingredient, ...] = ()


def hash_file(path: Path, role: str) -> Ingredient:
    """Hash a file, whatever its size.

    Raises:
        UnreadableError: it can't be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise UnreadableError(f"{path.name} can't be read.", "Check that it is there.") from error
    return Ingredient(role=role, sha256=digest.hexdigest())


def hash_pixels(frame: Frame, role: str) -> Ingredient:
    """Hash the pixels of a picture that came without a file, (H, W, 3) uint8."""
    pixels = hashlib.sha256(np.ascontiguousarray(frame).data.cast("B"))
    return Ingredient(role=role, sha256=pixels.hexdigest(), hashed="pixels")


def hash_settings(*settings: Any) -> str:
    """Hash settings: dataclasses and plain values, as JSON with sorted keys.

    Equal settings have equal hashes, wherever they were given. Where a result goes and how it is
    marked doesn't count.

    Returns:
        SHA-256, hex digest.
    """
    text = json.dumps([_plain(value) for value in settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k not in _NOT_SETTINGS}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 1 and 1.0 are the same choice
    return value

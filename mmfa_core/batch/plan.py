"""Plan a batch: which portrait follows which clip, under which name, and what makes it the same.

In: media files, options and the hash of a model. Out: the cells of a grid. Writes nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.batch.discover import CLIPS, PICTURES, MediaFile, find_media
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.still import is_picture

KEY_VERSION = 1  # raise it when the same files and options give other frames
STEM_BYTES = 60  # two of them, with their hashes, are a name; a file system allows 255


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Hold one clip of the grid.

    Attributes:
        source: the portrait.
        driving: the clip or picture that it follows.
        output: name of the result, inside the folder of results.
        key: hash of all that the result depends on; another key is another result.
    """

    source: MediaFile
    driving: MediaFile
    output: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hold the grid.

    Attributes:
        sources: its rows.
        drivings: its columns.
        cells: all of them, row by row.
        passed_over: (name, reason) of files that are neither.
    """

    sources: tuple[MediaFile, ...]
    drivings: tuple[MediaFile, ...]
    cells: tuple[Cell, ...]
    passed_over: tuple[tuple[str, str], ...]


def build_plan(
    sources: str | Path,
    drivings: str | Path,
    output: Path,
    options: AnimateOptions,
    model_hash: str,
    dtype: str | None = None,
) -> Plan:
    """Find the files and lay out the grid.

    Args:
        sources: folder of portraits.
        drivings: folder of clips, or of pictures that drive.
        output: folder of the results.
        options: how portraits follow.
        model_hash: of the weights.
        dtype: what networks compute in; None, whatever the machine does fast.

    Returns:
        The plan.

    Raises:
        NotFoundError: a folder is missing.
        MediaError: a folder holds nothing that can be used.
    """
    rows = find_media(sources, PICTURES, "picture", output)
    columns = find_media(drivings, (*CLIPS, *PICTURES), "clip", output)
    settings = {k: v for k, v in dataclasses.asdict(options).items() if k != "overwrite"}
    if dtype is not None:
        settings["dtype"] = dtype
    cells = [
        Cell(
            source=source,
            driving=driving,
            output=f"{row}__{column}{'.png' if is_picture(driving.path) else '.mp4'}",
            key=_key(source, driving, settings, model_hash),
        )
        for source, row in zip(rows.files, readable_names(rows.files), strict=True)
        for driving, column in zip(columns.files, readable_names(columns.files), strict=True)
    ]
    return Plan(
        sources=rows.files,
        drivings=columns.files,
        cells=tuple(cells),
        passed_over=(*rows.passed_over, *columns.passed_over),
    )


def readable_names(files: Sequence[MediaFile]) -> list[str]:
    """Name each file by its place in its folder; alike names get a few letters of a hash.

    The names are plain, at most STEM_BYTES long besides the hash, and differ also where upper
    and lower case are the same.
    """
    stems = [_plain(file.name) for file in files]
    alike = Counter(stem.casefold() for stem in stems)
    return [
        stem if alike[stem.casefold()] == 1 else f"{stem}~{_short_hash(file.name)}"
        for stem, file in zip(stems, files, strict=True)
    ]


def _plain(name: str) -> str:
    stem = unicodedata.normalize("NFC", str(Path(name).with_suffix("")))
    words = re.sub(r"[^\w.-]+", "-", stem)
    single = re.sub(r"__+", "_", words)  # two of them part the source from the driving
    return single.strip("-._").encode()[:STEM_BYTES].decode(errors="ignore") or "file"


def _key(source: MediaFile, driving: MediaFile, settings: dict[str, Any], model_hash: str) -> str:
    values = [KEY_VERSION, source.digest, driving.digest, settings, model_hash]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def by_row(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Group cells by their source's name, in order."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.source.name, []).append(cell)
    return rows

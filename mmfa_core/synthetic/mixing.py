"""Several corpora as one: a folder of links to their shards, with one index.

In: folders of corpora. Out: a folder that `train --data` takes; no picture is copied. Knows
nothing about heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmfa_core.errors import ResourceError
from mmfa_core.media import unwritable
from mmfa_core.synthetic.correspondence import ENDING
from mmfa_core.synthetic.listing import read_index, write_index


def mix_corpora(folders: Sequence[Path], output: Path) -> dict[str, Any]:
    """Join corpora; their splits stay as they are.

    Args:
        folders: at least one, each with an index.
        output: missing or empty.

    Returns:
        How many clips and pictures the mixture has, ``clips`` and ``pictures``.

    Raises:
        ResourceError: when a folder isn't a corpus, two of them have a clip or shard of the same
            name, or the output can't be written.
    """
    rows: list[dict[str, str]] = []
    columns: dict[str, None] = {}  # keeps the order
    shards: dict[str, Path] = {}
    names: set[str] = set()
    for folder in folders:
        part = read_index(folder)
        for shard in sorted({row["shard"] for row in part}):
            _refuse_twice(shard in shards, f"A shard named {shard}")
            shards[shard] = folder
        for row in part:
            _refuse_twice(row["clip"] in names, f"A clip named {row['clip']}")
            names.add(row["clip"])
            columns.update(dict.fromkeys(row))
        rows += part
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise ResourceError(f"{output.name} isn't empty.", "Choose a new or empty folder.")
        for shard, folder in shards.items():
            for ending in ("tar", "npz"):
                target = (folder / f"{shard}.{ending}").resolve(strict=True)
                (output / target.name).symlink_to(target)
            labels = (folder / f"{shard}.{ENDING}").resolve()
            if labels.exists():
                (output / labels.name).symlink_to(labels)
    except OSError as error:
        raise unwritable(output, error) from error
    write_index(output, rows, tuple(columns))
    return {"clips": len(rows), "pictures": sum(int(row["n"]) for row in rows)}


def _refuse_twice(twice: bool, what: str) -> None:
    if twice:
        raise ResourceError(f"{what} is in two of the folders.", "Mix each corpus once.")

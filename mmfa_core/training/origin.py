"""What data a run was begun with, so that it never goes on with other pictures unnoticed.

In: the folder of a run and that of its data. Out: a small file beside the state, or one sentence.
Knows nothing about what is in either. A path is kept as a digest: a run may be shown to others.
"""

from __future__ import annotations

import json
from pathlib import Path

from mmfa_core.errors import MismatchError
from mmfa_core.media import replace_text
from mmfa_core.training.people import digest
from mmfa_core.training.state import has_state

DATA_NAME = "data.json"
SHOWN = 8  # letters of the digest in a folder's name


def digest_data(data: Path) -> str:
    """Name a data folder by where it is, whatever way it was written; 20 letters and digits."""
    return digest(str(data.resolve()))


def usual_folder(cache: Path, model: str, data: Path) -> Path:
    """Choose the folder of a run that wasn't given one: one for each model and data folder."""
    return cache / f"{model}-{digest_data(data)[:SHOWN]}"


def claim_folder(folder: Path, data: Path, *, write: bool = True) -> None:
    """Note the data that a run is begun with, or check that it goes on with the same.

    A state without a note, as older versions left it, is gone on with and gets one.

    Args:
        folder: of the run, there already.
        data: folder that is trained on, as it was asked for.
        write: whether this process is the one that writes.

    Raises:
        MismatchError: the folder holds a run that was begun with another data folder.
        ResourceError: the note can't be written.
    """
    note, asked = folder / DATA_NAME, digest_data(data)
    known = _read(note)
    if known == asked:
        return
    if known is not None and has_state(folder):
        raise MismatchError(
            f"The training in {folder.name} was begun with another data folder than {data.name}.",
            f"Give another --output; if it is the same data in another place, delete {DATA_NAME} "
            f"in {folder.name} and run it again.",
        )
    if write:
        replace_text(note, json.dumps({"data": asked}) + "\n")


def _read(note: Path) -> str | None:
    try:
        values = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = values.get("data") if isinstance(values, dict) else None
    return found if isinstance(found, str) else None

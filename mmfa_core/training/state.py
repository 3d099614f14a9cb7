"""The training state on disk: everything that an exact resume needs.

In: tensors and plain numbers. Out: one file, replaced atomically, with the one before kept.
Knows nothing about how a step is made.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import torch

from mmfa_core.errors import MismatchError, ResourceError

STATE_VERSION = 1
STATE_NAME = "state.pt"
PREVIOUS_NAME = "state.previous.pt"


def save_state(folder: Path, values: dict[str, Any]) -> None:
    """Write a state atomically; a kill at any moment leaves this one or the one before.

    Args:
        folder: where the state lives.
        values: tensors, numbers, strings, and dicts or lists of them.

    Raises:
        ResourceError: when the disk refuses.
    """
    target, fresh = folder / STATE_NAME, folder / f"{STATE_NAME}.new"
    try:
        with fresh.open("wb") as file:
            torch.save({"version": STATE_VERSION, **values}, file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            target.replace(folder / PREVIOUS_NAME)
        fresh.replace(target)
    except (OSError, RuntimeError) as error:
        fresh.unlink(missing_ok=True)
        raise ResourceError(
            "The training state can't be written.",
            "Check the space and the permissions of the output folder; the last state is kept.",
        ) from error


def has_state(folder: Path) -> bool:
    """Tell whether a folder holds a state, sound or not."""
    return any((folder / name).exists() for name in (STATE_NAME, PREVIOUS_NAME))


def load_state(folder: Path) -> dict[str, Any] | None:
    """Read the newest state, or the one before when a kill left no newest.

    Returns:
        The values, or None when there is no state.

    Raises:
        MismatchError: when a state is there and is damaged or of another version.
    """
    for name in (STATE_NAME, PREVIOUS_NAME):
        path = folder / name
        if not path.exists():
            continue
        try:
            with zipfile.ZipFile(path) as parts:  # torch.load itself checks no sums
                if parts.testzip() is not None:
                    raise zipfile.BadZipFile("a checksum is wrong")
            values: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            version = values.get("version")
        except Exception as error:  # damage takes many shapes
            raise MismatchError(
                f"The training state {name} is damaged.",
                f"Delete it to go on from {PREVIOUS_NAME}, or both to start again.",
            ) from error
        if version != STATE_VERSION:
            raise MismatchError(
                f"The training state is of version {version}; this program reads {STATE_VERSION}.",
                "Start again in an empty folder, from the shipped weights.",
            )
        return values
    return None

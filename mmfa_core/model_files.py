"""The files of a model: their names, and whether they are what their checksums say.

In: a folder. Out: nothing, or an error. Knows nothing about tensors, so that finding a model needs
no torch.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from mmfa_core.config import read_json
from mmfa_core.errors import ConfigError, MismatchError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
HASHES = "hashes.json"
HASH_LETTERS = 12  # of the SHA-256 that names a set of weights
PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
LOAD_AGAIN = "Copy or download the model again."


def check_hashes(folder: Path, weights_hash: str | None = None) -> None:
    """Compare the files of a model with the checksums beside them.

    Args:
        folder: with all three files.
        weights_hash: SHA-256 of the weights if it is known already.

    Raises:
        MismatchError: when a file is not what hashes.json says.
    """
    with as_mismatch():
        wanted = read_json(folder / HASHES)
    found = {
        WEIGHTS: weights_hash or hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        CONFIG: hashlib.sha256((folder / CONFIG).read_bytes()).hexdigest(),
    }
    for name, value in found.items():
        if wanted.get(name) != value:
            raise MismatchError(
                f"{name} is damaged: its SHA-256 starts with {value[:HASH_LETTERS]} and not with "
                f"{str(wanted.get(name))[:HASH_LETTERS]}.",
                LOAD_AGAIN,
            )


def pickle_error(name: str) -> MismatchError:
    """Build the refusal of a file that running code could hide in."""
    return MismatchError(
        f"{name} is a pickle, and pickles are never opened because they can run code.",
        f"Use a folder with {WEIGHTS}, {CONFIG} and {HASHES}.",
    )


@contextlib.contextmanager
def as_mismatch() -> Iterator[None]:
    """Turn the error of a JSON file into that of a model."""
    try:
        yield
    except ConfigError as error:
        raise MismatchError(error.message, LOAD_AGAIN) from error

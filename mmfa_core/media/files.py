"""What pictures and clips have in common: frames, and files that exist or may be written.

In: file names. Out: checked paths, or one sentence. Knows nothing about PIL or ffmpeg.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import MediaError, ResourceError, UnreadableError

Frame = NDArray[np.uint8]  # (H, W, 3), sRGB
STEM_BYTES = 80  # of a name, in the name of its hidden file; a file system allows 255 in all


def check_output(path: str | Path, *, overwrite: bool, suffixes: tuple[str, ...]) -> Path:
    """Check, before any work is done, that an output may be written.

    Args:
        path: where to write.
        overwrite: whether an existing file may be replaced.
        suffixes: endings of the name that are possible, such as `CLIP_SUFFIXES`.

    Returns:
        The path.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, the folder is missing or can't be written.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise MediaError(
            f"{path.name} ends in {path.suffix or 'nothing'}; "
            f"the possible endings are {', '.join(suffixes)}.",
            f"Name it {path.stem or 'result'}{suffixes[0]}.",
        )
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except OSError as error:  # the name is too long, or the folder may not be entered
        raise unwritable(path, error) from error
    if path.is_dir():
        raise ResourceError(f"{path.name} is a folder.", "Choose another name.")
    if path.exists() and not overwrite:
        raise ResourceError(
            f"{path.name} is already there and was kept.",
            "Choose another name, or use --overwrite.",
        )
    if not path.parent.is_dir():
        raise ResourceError(
            f"There is no folder named {path.parent.name} to write {path.name} to.",
            "Make it first.",
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise unwritable(path)
    return path


def check_frame(frame: Frame) -> None:
    """Refuse an array that is no frame: a programmer's mistake."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"a frame is (H, W, 3) uint8, not {frame.shape} {frame.dtype}")


def existing(path: str | Path, what: str) -> Path:
    """Check that a file to read is there and may be opened."""
    path = Path(path)
    try:
        if path.is_file():
            with path.open("rb"):
                return path
    except OSError as error:
        raise UnreadableError(f"{path.name} can't be opened.", "Check its permissions.") from error
    reason = "is not a file" if path.exists() else "is not there"
    raise UnreadableError(f"The {what} {path.name} {reason}.", "Check the name and the folder.")


def part_file(path: Path) -> Path:
    """Make an empty hidden file beside the output, under a name that nobody else uses."""
    stem = os.fsencode(path.stem)[:STEM_BYTES].decode(errors="ignore")
    part = path.with_name(f".{stem}-{secrets.token_hex(4)}.part{path.suffix}")
    try:
        part.touch(exist_ok=False)
    except OSError as error:
        raise unwritable(path, error) from error
    return part


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file that appears under its name only when it is complete.

    Raises:
        ResourceError: when the disk refuses.
    """
    part = part_file(path)
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write text as UTF-8; else as `replace_file`."""
    replace_file(path, lambda file: file.write(text.encode("utf-8")))


def unwritable(path: Path, error: OSError | None = None) -> ResourceError:
    """Say that an output can't be written."""
    reason = f" ({error.strerror})" if error is not None and error.strerror else ""
    return ResourceError(
        f"{path.name} can't be written to its folder{reason}.",
        "Choose another folder, or make room and check its permissions.",
    )

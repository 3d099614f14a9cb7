"""Frames that were made here, written as marked files: a picture, a clip, a folder of pictures.

In: frames, and what they were made with. Out: files and Saved. Knows nothing about how frames are
made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mmfa_core.errors import MediaError, ResourceError
from mmfa_core.media import (
    OUTPUT_SUFFIXES,
    PICTURE_SUFFIXES,
    Frame,
    check_output,
    open_output,
    write_picture,
)
from mmfa_core.provenance import Mark

USUAL_FPS = Fraction(12)
NUMBERED = "[0-9][0-9][0-9].png"  # pictures of a folder that was written here


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Tell what was written.

    Attributes:
        output: the file or folder.
        signed: whether every file holds a signed manifest of how it was made.
        notes: what a person should know.
    """

    output: Path
    signed: bool
    notes: tuple[str, ...] = ()


def save_frames(
    output: Path,
    frames: Frame | Sequence[Frame],
    mark: Mark,
    *,
    fps: Fraction = USUAL_FPS,
    overwrite: bool = False,
) -> Saved:
    """Write frames by the ending of the name; see Animator.save."""
    ending = output.suffix.lower()
    if not isinstance(frames, Sequence):
        write_picture(output, frames, overwrite=overwrite, mark=mark)
    elif ending in PICTURE_SUFFIXES:
        raise MediaError(
            f"{output.name} is one picture, but there are {len(frames)} frames.",
            f"Name a folder, or {output.stem}{OUTPUT_SUFFIXES[0]}.",
        )
    elif ending and not output.is_dir():
        check_output(output, overwrite=overwrite, suffixes=OUTPUT_SUFFIXES)
        height, width = frames[0].shape[:2]
        size = (width, height)
        with open_output(output, size, fps, overwrite=overwrite, mark=mark) as writer:
            for frame in frames:
                writer.write(frame)
    else:
        _save_folder(output, frames, mark, overwrite=overwrite)
    return Saved(output=output, signed=mark.signed, notes=mark.notes)


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that can't take pictures, before they are made.

    Raises:
        ResourceError: it is a file, its own folder is missing, or it holds pictures of this kind
            and ``overwrite`` is False.
    """
    if folder.is_file():
        raise ResourceError(f"{folder.name} is a file, not a folder.", "Choose another name.")
    if not overwrite and any(folder.glob(NUMBERED)):
        raise ResourceError(
            f"{folder.name} already holds pictures, which were kept.",
            "Choose another folder, or use --overwrite.",
        )
    if not folder.is_dir() and not folder.parent.is_dir():
        raise ResourceError(
            f"There is no folder named {folder.parent.name} to make {folder.name} in.",
            "Make it first.",
        )


def _save_folder(folder: Path, frames: Sequence[Frame], mark: Mark, *, overwrite: bool) -> None:
    """Write numbered pictures; those of a longer set that they replace go, too."""
    check_folder(folder, overwrite=overwrite)
    old = set(folder.glob(NUMBERED))
    new = [folder / f"{number:03d}.png" for number in range(len(frames))]
    was_there = folder.is_dir()
    _make_folder(folder)
    try:
        for path, frame in zip(new, frames, strict=True):
            write_picture(path, frame, overwrite=overwrite, mark=mark)
    except BaseException:
        for path in set(new) - old:
            path.unlink(missing_ok=True)
        if not was_there:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    for path in old - set(new):
        path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        ResourceError: it can't be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"The folder {folder.name} can't be made: {error.strerror}.", "Choose another place."
        ) from error

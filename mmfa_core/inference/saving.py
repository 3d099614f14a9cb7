"""Frames that were made here, written as marked files: a picture, a clip, a folder of pictures.

In: frames, and what they were made with. Out: files and Saved. Knows nothing about how frames are
made.
"""

from __future__ import annotations

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
        make_folder(output)
        for number, frame in enumerate(frames):
            write_picture(output / f"{number:03d}.png", frame, overwrite=overwrite, mark=mark)
    return Saved(output=output, signed=mark.signed, notes=mark.notes)


def make_folder(folder: Path) -> None:
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

"""The writer of a file, chosen by the ending of its name.

In: a name and what the file is to hold. Out: a FrameWriter. Knows nothing about how it writes.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from mmfa_core.media.marking import Marking
from mmfa_core.media.sequences import (
    GIF_SUFFIX,
    PICTURES_SUFFIX,
    FrameWriter,
    GifWriter,
    PicturesWriter,
)
from mmfa_core.media.writer import ClipWriter


def open_output(
    path: str | Path,
    size: tuple[int, int],
    fps: Fraction,
    sound_from: str | Path | None = None,
    *,
    sound_start_s: float = 0.0,
    overwrite: bool = False,
    keep_partial: bool = False,
    mark: Marking | None = None,
) -> FrameWriter:
    """Choose the writer of a file by the ending of its name.

    Args:
        path: a clip, a .gif, or a .zip of PNG pictures.
        size: width and height of the frames, px.
        fps: frames per second, exact.
        sound_from: a clip whose sound a clip gets; None for silence.
        sound_start_s: where the sound begins, in seconds after that clip's first frame.
        overwrite: whether an existing file may be replaced.
        keep_partial: whether to keep what was written when an exception ends the work.
        mark: marks frames and file.

    Returns:
        The writer, not yet begun.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, or the folder can't be written.
    """
    ending = Path(path).suffix.lower()
    how: dict[str, Any] = {"overwrite": overwrite, "keep_partial": keep_partial, "mark": mark}
    if ending == PICTURES_SUFFIX:
        return PicturesWriter(path, **how)
    if ending == GIF_SUFFIX:
        return GifWriter(path, *size, fps, **how)
    return ClipWriter(path, *size, fps, sound_from, sound_start_s=sound_start_s, **how)

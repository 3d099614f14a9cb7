"""Frames out, one at a time, to what is no clip: an animated GIF, or a zip of PNG pictures.

In: frames of one size. Out: one finished file, or none. Knows nothing about h264 or sound.
"""

from __future__ import annotations

import zipfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from mmfa_core.errors import ResourceError
from mmfa_core.media.encoder import Encoder, encoder_error
from mmfa_core.media.ffmpeg import url
from mmfa_core.media.files import Frame, check_frame, check_output, part_file, unwritable
from mmfa_core.media.marking import Marking, comment_gif
from mmfa_core.media.pictures import pack_picture
from mmfa_core.media.writer import CLIP_SUFFIXES

GIF_SUFFIX: Final = ".gif"
PICTURES_SUFFIX: Final = ".zip"
OUTPUT_SUFFIXES: Final = (*CLIP_SUFFIXES, GIF_SUFFIX, PICTURES_SUFFIX)
FASTEST_GIF_FPS: Final = Fraction(50)  # browsers slow a GIF down that is faster
_PALETTE: Final = (
    "split[a][b];[a]palettegen=stats_mode=single[p];"
    "[b][p]paletteuse=new=1:dither=bayer:bayer_scale=3"
)


class FrameWriter(Protocol):
    """Describe what takes frames one at a time, inside a with statement.

    Attributes:
        notes: what a person should know about the finished file.
    """

    notes: tuple[str, ...]

    def __enter__(self) -> FrameWriter:
        """Begin the file."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or remove it after an exception."""

    def write(self, frame: Frame) -> None:
        """Append a frame, (H, W, 3) uint8."""


class _PartWriter:
    """Write to a hidden file that appears under its name only when it is complete."""

    def __init__(
        self,
        path: str | Path,
        suffix: str,
        *,
        overwrite: bool,
        keep_partial: bool,
        mark: Marking | None,
    ) -> None:
        self.path = check_output(path, overwrite=overwrite, suffixes=(suffix,))
        self.frames_written = 0
        self.notes: tuple[str, ...] = ()
        self._suffix = suffix
        self._overwrite = overwrite
        self._keep_partial = keep_partial
        self._mark = mark
        self._part: Path | None = None

    def __enter__(self) -> _PartWriter:
        """Begin the file."""
        self._part = part_file(self.path)
        try:
            self._open(self._part)
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise
        return self

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Args:
            frame: (H, W, 3) uint8, sRGB, all of one size.

        Raises:
            ResourceError: it can't be written, for example since the disk is full.
        """
        check_frame(frame)
        if self._part is None:
            raise ValueError("a writer is used inside a with statement")
        try:
            self._append(frame)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.frames_written += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or remove what was written if an exception ended the work."""
        assert self._part is not None
        kept = self.frames_written > 0 and (kind is None or self._keep_partial)
        try:
            with suppress(*(() if kind is None else (ResourceError,))):
                try:
                    self._close(finish=kept)
                    if kept:
                        check_output(self.path, overwrite=self._overwrite, suffixes=(self._suffix,))
                        self._part.replace(self.path)
                except OSError as failure:
                    raise unwritable(self.path, failure) from failure
            if kind is None and not kept:
                raise ResourceError(f"{self.path.name} was not written: there was not one frame.")
        finally:
            self._part.unlink(missing_ok=True)
            self._part = None

    def _open(self, part: Path) -> None:
        raise NotImplementedError

    def _append(self, frame: Frame) -> None:
        raise NotImplementedError

    def _close(self, *, finish: bool) -> None:
        raise NotImplementedError


class PicturesWriter(_PartWriter):
    """Write frames as 00000.png, 00001.png and so on in a zip archive.

    Args:
        path: where to, ending in .zip.
        overwrite: whether an existing file may be replaced.
        keep_partial: whether to keep what was written when an exception ends the work.
        mark: marks every picture as a file of its own; None leaves them as they are.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, or the folder can't be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        overwrite: bool = False,
        keep_partial: bool = False,
        mark: Marking | None = None,
    ) -> None:
        super().__init__(
            path, PICTURES_SUFFIX, overwrite=overwrite, keep_partial=keep_partial, mark=mark
        )
        self._archive: zipfile.ZipFile | None = None

    def _open(self, part: Path) -> None:
        self._archive = zipfile.ZipFile(part, "w", zipfile.ZIP_STORED)  # a PNG is packed already

    def _append(self, frame: Frame) -> None:
        assert self._archive is not None
        packed = pack_picture(frame, ".png", self._mark, compress_level=3)
        self._archive.writestr(f"{self.frames_written:05d}.png", packed)

    def _close(self, *, finish: bool) -> None:
        if self._archive is not None:
            self._archive.close()


class GifWriter(_PartWriter):
    """Write frames as a GIF that loops, each with a palette of its own.

    A GIF knows time in hundredths of a second: the rate is right on the average, and above 50
    frames a second frames are left out.

    Args:
        path: where to, ending in .gif.
        width: columns of the frames.
        height: rows of the frames.
        fps: frames per second, exact.
        overwrite: whether an existing file may be replaced.
        keep_partial: whether to keep what was written when an exception ends the work.
        mark: marks frames and file; None leaves them as they are.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, the folder can't be written, or the encoder stops.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: Fraction,
        *,
        overwrite: bool = False,
        keep_partial: bool = False,
        mark: Marking | None = None,
    ) -> None:
        super().__init__(
            path, GIF_SUFFIX, overwrite=overwrite, keep_partial=keep_partial, mark=mark
        )
        self._size = (width, height)
        self._fps = Fraction(fps)
        self._encoder: Encoder | None = None

    def _open(self, part: Path) -> None:
        fewer = f"fps={FASTEST_GIF_FPS}," if self._fps > FASTEST_GIF_FPS else ""
        arguments = [
            "-filter_complex", f"{fewer}{_PALETTE}", "-loop", "0", "-f", "gif", "-y", url(part),
        ]  # fmt: skip
        self._encoder = Encoder(self._size, self._fps, arguments, self._mark)

    def _append(self, frame: Frame) -> None:
        width, height = self._size
        if frame.shape[:2] != (height, width):
            raise ValueError(f"a frame of {frame.shape[:2]} in a GIF of {(height, width)}")
        assert self._encoder is not None
        self._encoder.feed(frame)

    def _close(self, *, finish: bool) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        try:
            if finish:
                if not encoder.finish():
                    raise encoder_error(self.path)
                if self._mark is not None and self._part is not None:
                    comment_gif(self._part, self._mark.words)
                    self._mark.seal_file(self._part)
        finally:
            encoder.stop()

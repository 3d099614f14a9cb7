"""Short clips one after another, so that a clip can be watched while it is being made.

In: frames. Out: files that play one by one and, appended to each other, as one clip without a seam.
Knows nothing about what the frames show.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from mmfa_core.media.files import Frame
from mmfa_core.media.marking import Marking
from mmfa_core.media.writer import ClipWriter

LIVE_CRF = 21


class ChunkWriter:
    """Write numbered mp4 chunks (h264, yuv420p, fragmented, no sound) into a folder.

    The first chunk is half as long, so that there is something to see early. At most 720 px a
    side: it is a view of the work, not its result.

    Args:
        folder: where to; it must exist.
        width: columns of the frames.
        height: rows of the frames.
        fps: frames per second, exact.
        chunk_s: length of a chunk in seconds, > 0.
        mark: its badge and metadata are on every chunk; nothing signs them, as they go with the
            work.
    """

    def __init__(
        self,
        folder: str | Path,
        width: int,
        height: int,
        fps: Fraction,
        chunk_s: float = 1.0,
        *,
        mark: Marking | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._size = (width, height)
        self._fps = fps
        self._length = max(1, round(chunk_s * fps))
        self._writer: ClipWriter | None = None
        self._number = 0
        self._mark = mark

    def write(self, frame: Frame) -> Path | None:
        """Append a frame.

        Returns:
            The chunk that is finished with this frame, or None.
        """
        if self._writer is None:
            path = self._folder / f"chunk_{self._number:05d}.mp4"
            self._writer = ClipWriter(
                path,
                *self._size,
                self._fps,
                crf=LIVE_CRF,
                live=True,
                overwrite=True,
                mark=self._mark,
            ).__enter__()
        self._writer.write(frame)
        length = self._length if self._number else max(1, self._length // 2)
        return self.finish() if self._writer.frames_written >= length else None

    def finish(self) -> Path | None:
        """Finish the chunk that is begun.

        Returns:
            Its file, or None if there is none.
        """
        if self._writer is None:
            return None
        writer, self._writer = self._writer, None
        writer.__exit__(None, None, None)
        self._number += 1
        return writer.path

    def abandon(self) -> None:
        """Drop the chunk that is begun; finished ones stay."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(GeneratorExit, None, None)

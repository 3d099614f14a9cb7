"""An ffmpeg that encodes frames which it is given one at a time.

In: frames of one size, an exact rate, the arguments of the output. Out: what ffmpeg writes, and
what it says. Knows nothing about files that appear only when they are complete.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from mmfa_core.errors import ResourceError
from mmfa_core.media.ffmpeg import ffmpeg, start
from mmfa_core.media.files import Frame
from mmfa_core.media.marking import Marking

DISK_FULL = "No space left"  # in ffmpeg's words


class Encoder:
    """Feed raw frames to ffmpeg; stop it in every case.

    Args:
        size: width and height of the frames, px.
        fps: frames per second, exact.
        arguments: of the output: filters, codec and file.
        mark: draws its badge on every frame; None leaves them as they are.

    Raises:
        ResourceError: ffmpeg can't be started.
    """

    def __init__(
        self, size: tuple[int, int], fps: Fraction, arguments: list[str], mark: Marking | None
    ) -> None:
        self._mark = mark
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by stop
        width, height = size
        command = [
            *ffmpeg(), "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{width}x{height}", "-framerate", f"{fps.numerator}/{fps.denominator}",
            "-i", "pipe:0", *arguments,
        ]  # fmt: skip
        self._process = start(command, stdin=subprocess.PIPE, stderr=self._log)
        assert self._process.stdin is not None
        self._pipe = self._process.stdin

    def feed(self, frame: Frame) -> None:
        """Encode a frame, (H, W, 3) uint8; an OSError says that ffmpeg has ended."""
        if self._mark is not None:
            frame = self._mark.draw(frame)
        self._pipe.write(np.ascontiguousarray(frame).data.cast("B"))

    def finish(self) -> bool:
        """Let ffmpeg write the end of the file; tell whether it ended well."""
        self._pipe.close()
        return self._process.wait() == 0

    @property
    def ended_well(self) -> bool:
        """Tell whether ffmpeg has ended already, and well."""
        return self._process.poll() == 0

    def words(self) -> str:
        """Return what ffmpeg said; it is about to end, or has."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        """End ffmpeg, whatever it does, and free what it took."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._pipe.close()
        self._log.close()


def encoder_error(path: Path, words: str = "") -> ResourceError:
    """Say that an encoder stopped, by what it said.

    Args:
        path: of the file that is not finished.
        words: of ffmpeg.
    """
    if DISK_FULL in words:
        return ResourceError(f"The disk is full: {path.name} was not finished.", "Make room on it.")
    return ResourceError(
        f"The encoder stopped before {path.name} was finished.",
        "Check the free disk space and memory, and try again.",
    )

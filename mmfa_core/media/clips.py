"""Clips in: what they are, and their frames one at a time.

In: any clip that ffmpeg reads. Out: `ClipInfo`, and a stream of upright, evenly spaced frames at
the exact rate. Memory doesn't grow with the length. Knows nothing about writing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np

from mmfa_core.errors import MediaError, TooLongError, UnreadableError
from mmfa_core.media.ffmpeg import clip_input, ffmpeg, scan_packets, sound_codec, start
from mmfa_core.media.files import Frame, existing
from mmfa_core.media.timing import read_nominal_fps, read_timing


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """Hold what a clip is, as it is shown.

    Attributes:
        width: columns after rotation and with square pixels.
        height: rows after rotation.
        fps: frames per second as an exact fraction: 30000/1001 stays that.
        duration_s: length of the picture track in seconds.
        has_sound: whether there is a sound track of a kind that ffmpeg knows.
        frames: how many frames `read_clip` will give; may be off by one if the rate varies.
        variable_rate: whether the frames are unevenly spaced; they are then resampled to `fps`.
        start_s: when the first frame is shown, in seconds after the start of the file.
        first_frame: number of the first frame that is read; 0 unless the clip was trimmed.
        end_frame: number of the first frame that is no longer read; None reads to the end.
    """

    width: int
    height: int
    fps: Fraction
    duration_s: float
    has_sound: bool
    frames: int
    variable_rate: bool
    start_s: float = 0.0
    first_frame: int = 0
    end_frame: int | None = None

    @property
    def trim_s(self) -> float:
        """How much of the clip is left out before the first frame, in seconds."""
        return float(self.first_frame / self.fps)

    def trimmed(self, start_s: float = 0.0, end_s: float | None = None) -> ClipInfo:
        """Describe a part of this clip, exact to the frame; read_clip then gives that part.

        Args:
            start_s: where the part begins, in seconds after the first frame, >= 0.
            end_s: where it ends; None, or beyond the clip, is the clip's end.

        Returns:
            The same clip with fewer frames.

        Raises:
            MediaError: no frame is left.
        """
        beyond = float((self.frames + 1) / self.fps)  # what is later can't always be rounded
        first = round(min(start_s, beyond) * self.fps)
        end = self.frames
        if end_s is not None:
            end = min(round(min(end_s, beyond) * self.fps), self.frames)
        if first == 0 and end == self.frames:
            return self
        if first >= self.frames:
            raise MediaError(
                f"The part begins at {start_s:g} s, but the clip is {self.duration_s:.1f} s long.",
                "Let it begin earlier.",
            )
        if end <= first:
            raise MediaError(
                f"Not one frame is left from {start_s:g} s to {end_s:g} s.", "Choose a longer part."
            )
        return replace(
            self,
            frames=end - first,
            duration_s=float((end - first) / self.fps),
            first_frame=self.first_frame + first,
            end_frame=self.end_frame if end == self.frames else self.first_frame + end,
        )


def probe_clip(path: str | Path) -> ClipInfo:
    """Find out a clip's size, exact frame rate and length without decoding it all.

    Args:
        path: any clip that ffmpeg reads.

    Returns:
        The clip as it is shown: rotated, with square pixels.

    Raises:
        UnreadableError: missing, empty, not a clip, sound only, or without a single frame.
    """
    path = existing(path, "clip")
    banner, listing = scan_packets(path)
    if re.search(r"^Input #0, (hls|concat|dash|sdp|rtsp)", banner, re.MULTILINE):
        raise UnreadableError(
            f"{path.name} is a list of other files, not a clip.", "Choose the clip itself."
        )
    timing = read_timing(listing, read_nominal_fps(banner))
    if timing is None:
        raise _why_no_frames(path, banner)
    with _frame_stream(path, timing.fps, max_side_px=0, more=["-frames:v", "1"]) as stream:
        first = _read_frame(stream)
    if first is None:
        raise UnreadableError(
            f"{path.name} has a picture track, but not one frame of it can be decoded.",
            "Play it to check it, or convert it to mp4.",
        )
    return ClipInfo(
        width=first.shape[1],
        height=first.shape[0],
        fps=timing.fps,
        duration_s=timing.duration_s,
        has_sound=sound_codec(banner) is not None,
        frames=timing.frames,
        variable_rate=timing.variable_rate,
        start_s=timing.start_s,
    )


def read_clip(
    path: str | Path,
    *,
    max_seconds: float | None = None,
    max_side_px: int = 1280,
    info: ClipInfo | None = None,
) -> Generator[Frame]:
    """Read a clip a frame at a time, upright, evenly spaced at its exact rate.

    Closing the generator (or leaving the loop and dropping it) stops the decoder.

    Args:
        path: any clip that ffmpeg reads.
        max_seconds: longest clip that is accepted, in seconds; None for any.
        max_side_px: frames with a longer side are made smaller; 0 keeps the size.
        info: what `probe_clip` said, if it was called already; trimmed, if only a part is wanted.

    Returns:
        A generator of (H, W, 3) uint8 sRGB frames, each a new array.

    Raises:
        UnreadableError: as for `probe_clip`; at the call, not at the first frame.
        TooLongError: longer than `max_seconds`.
    """
    path = existing(path, "clip")
    info = info or probe_clip(path)
    if max_seconds is not None:
        check_length(path, info, max_seconds)
    return _frames(path, info, max_side_px)


def check_length(path: Path, info: ClipInfo, max_seconds: float) -> None:
    """Refuse a driver that is longer than the limit by more than half a frame.

    Raises:
        TooLongError: it is.
    """
    if info.duration_s > max_seconds + 0.5 / float(info.fps):
        raise TooLongError(
            f"{path.name} is {_seconds(info.duration_s)} long; "
            f"the limit is {_seconds(max_seconds)}.",
            "Use a shorter part of it.",
            option="max_seconds",
        )


def _frames(path: Path, info: ClipInfo, max_side_px: int) -> Generator[Frame]:
    part = f"trim=start_frame={info.first_frame}" if info.first_frame or info.end_frame else ""
    if info.end_frame is not None:
        part += f":end_frame={info.end_frame}"
    with _frame_stream(path, info.fps, max_side_px=max_side_px, part=part) as stream:
        while (frame := _read_frame(stream)) is not None:
            yield frame


@contextmanager
def _frame_stream(
    path: Path,
    fps: Fraction,
    *,
    max_side_px: int,
    part: str = "",
    more: list[str] | None = None,
) -> Generator[IO[bytes]]:
    """Start a decoder that writes frames as PPM, each of which states its own size."""
    factor = f"min(1,{max_side_px}/max(iw*sar,ih))" if max_side_px else "1"
    size = f"'max(1,round(iw*sar*{factor}))':'max(1,round(ih*{factor}))'"
    filters = (
        f"setpts=PTS-STARTPTS,fps={fps.numerator}/{fps.denominator},"
        f"{part + ',' if part else ''}scale={size}:flags=bicubic,setsar=1"
    )
    command = [
        *ffmpeg(), "-loglevel", "error", "-threads", "2", *clip_input(path), "-map", "0:V:0",
        "-vf", filters, *(more or []), "-fps_mode", "passthrough", "-pix_fmt", "rgb24",
        "-c:v", "ppm", "-f", "image2pipe", "pipe:1",
    ]  # fmt: skip
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _read_frame(stream: IO[bytes]) -> Frame | None:
    """Read one PPM picture, or None at the end."""
    if stream.readline() != b"P6\n":
        return None
    width, height = (int(word) for word in stream.readline().split())
    stream.readline()  # the largest value, 255
    frame = np.empty((height, width, 3), dtype=np.uint8)
    filled = stream.readinto(frame.data.cast("B"))  # type: ignore[attr-defined]
    return frame if filled == frame.nbytes else None


def _why_no_frames(path: Path, banner: str) -> UnreadableError:
    if path.stat().st_size == 0:
        return UnreadableError(f"{path.name} is empty: it has 0 bytes.", "Choose another clip.")
    if "Input #0" not in banner:
        return UnreadableError(
            f"{path.name} is not a clip that can be read.", "Choose an mp4, mov, mkv or webm clip."
        )
    if re.search(r"^  Stream #0.*?: Video: (?!.*attached pic)", banner, re.MULTILINE):
        return UnreadableError(
            f"{path.name} has a picture track without a single frame.", "Choose another clip."
        )
    held = "only sound" if sound_codec(banner) else "no pictures"
    return UnreadableError(f"{path.name} holds {held}.", "Choose a clip with a picture track.")


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 or value == round(value) else f"{value:.1f} s"

"""Clips and pictures for tests, made on the spot with ffmpeg."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
from PIL import Image

from mmfa_core.media import (
    Frame,
)

NTSC = Fraction(30000, 1001)
RED, WHITE = (200, 40, 30), (255, 255, 255)


def ffmpeg(*arguments: object) -> bytes:
    """Run ffmpeg, and return what it writes to its output."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-loglevel", "error", "-y", "-threads", "1", *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    return subprocess.run(command, check=True, **pipes).stdout


def make_clip(
    path: Path, *more: str, size: str = "64x48", rate: str = "25", seconds: float = 1.0
) -> Path:
    source = f"testsrc=s={size}:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, *more, "-pix_fmt", "yuv420p", path)
    return path


def with_sound(path: Path, codec: str, sound_s: float, video_s: float = 1.0) -> Path:
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc=s=64x48:r=25:d={video_s}",
        "-f", "lavfi", "-i", f"sine=f=440:r=44100:d={sound_s}",
        "-c:a", codec, "-strict", "-2", "-pix_fmt", "yuv420p", path,
    )  # fmt: skip
    return path


def with_unreadable_sound(path: Path, kind: bytes) -> Path:
    """Write a clip whose sound says that it is of another kind, four letters."""
    whole = with_sound(path, "pcm_s16le", 1).read_bytes()
    assert whole.count(b"sowt") == 1
    path.write_bytes(whole.replace(b"sowt", kind))
    return path


def sound_packets(path: Path) -> list[str]:
    """List the sizes and checksums of a clip's sound packets."""
    listing = ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "framecrc", "-").decode()
    rows = [line.split(",") for line in listing.splitlines() if line.startswith("0,")]
    return [row[4] + row[5] for row in rows]


def sound_length_s(path: Path) -> float:
    return len(ffmpeg("-i", path, "-map", "0:a", "-f", "s16le", "-ac", 1, "-ar", 8000, "-")) / 16000


def grey_frames(count: int, height: int = 32, width: int = 32) -> list[Frame]:
    return [np.full((height, width, 3), 10 + 2 * (i % 100), dtype=np.uint8) for i in range(count)]


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if "ffmpeg" in child.name()}

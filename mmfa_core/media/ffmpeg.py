"""The ffmpeg program: starting it, and reading what it says.

In: arguments and clip paths. Out: running processes, packet listings, the name of the sound codec.
Knows nothing about frames.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmfa_core.errors import ResourceError


def ffmpeg() -> list[str]:
    """Begin a command line with the program itself."""
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ResourceError(
            "The ffmpeg program is missing.", "Install it, or the package imageio-ffmpeg."
        ) from error
    return [program, "-hide_banner", "-nostdin"]


def url(path: Path) -> str:
    """Name a file so that it can't be taken for an option or another protocol."""
    return f"file:{path.absolute()}"


def clip_input(path: Path) -> list[str]:
    """Name a clip to read, and keep it from opening anything on the network."""
    return ["-protocol_whitelist", "file,pipe", "-i", url(path)]


def start(command: list[str], **pipes: Any) -> subprocess.Popen[bytes]:
    """Start a process whose input is empty unless `pipes` says otherwise."""
    pipes.setdefault("stdin", subprocess.DEVNULL)
    # A session of its own: Ctrl-C reaches us alone, and we end the process in good order.
    pipes["start_new_session"] = True
    try:
        with suppress(OSError):  # a wide pipe saves switches, but a system may refuse it
            return subprocess.Popen(command, pipesize=1 << 20, **pipes)
        return subprocess.Popen(command, **pipes)
    except OSError as error:
        raise ResourceError("The ffmpeg program can't be started.", "Install it again.") from error


def run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a process to its end and keep what it prints."""
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise ResourceError("The ffmpeg program can't be started.", "Install it again.") from error


def scan_packets(path: Path) -> tuple[str, str]:
    """List the packets of the picture track: ffmpeg's banner and its `framecrc` listing."""
    listing = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    done = run([*ffmpeg(), *clip_input(path), *listing])
    return done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")


def sound_codec(banner: str) -> str | None:
    """Find the name of the first sound track's codec in ffmpeg's banner; None if unknown to it."""
    found = re.search(r"^  Stream #0.*?: Audio: (\w+)", banner, re.MULTILINE)
    return found[1] if found and found[1] != "none" else None

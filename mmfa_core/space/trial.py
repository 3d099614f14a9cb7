"""Try a Space's folder: install what a Space installs into a clean environment, start it, use it.

In: the folder. Out: what was seen. The page runs with an empty home of its own and with the
variables that a Space sets; it is used from outside, over HTTP. What it is used with is asked of
the page itself: the examples that it offers. Knows nothing about the Hub.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmfa_core.errors import MismatchError, MMFAError, ResourceError
from mmfa_core.media import probe_clip, read_clip
from mmfa_core.space.folder import read_front_matter

PORTRAIT, CLIP = "examples/london_034_neutral.jpg", "examples/driving_turn.mp4"
START_S = 600.0  # examples are made ready meanwhile
POLL_S = 1.0
LEAST_CHANGE = 2.0  # mean difference of two frames of a head that turns, of 255
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
KEPT_STARTS = ("PIP_", "SSL_", "REQUESTS_", "http", "HTTP", "no_proxy", "NO_PROXY")
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Say what was seen.

    Attributes:
        install_s: the environment took so long.
        start_s: from the start until the page answered, examples made ready.
        example_s: from the click on an example to its clip.
        frames: of that clip.
    """

    install_s: float
    start_s: float
    example_s: float
    frames: int


def try_space(folder: Path, say: Say = lambda text: None) -> Trial:
    """Install, start and use a Space's folder.

    Args:
        folder: of build_space.
        say: told what is going on.

    Returns:
        What was seen.

    Raises:
        ResourceError: when something can't be installed.
        MismatchError: when the page doesn't start, or doesn't animate.
    """
    with tempfile.TemporaryDirectory(prefix="mmfa-space-") as temporary:
        home = Path(temporary)
        copy = home / "app"
        shutil.copytree(folder, copy)  # what runs writes beside itself; the folder stays clean
        say("installing what a Space installs")
        begun = time.monotonic()
        python = _install(home, copy)
        installed = time.monotonic()
        say("starting the page")
        with _running(python, home, copy) as url:
            started = time.monotonic()
            say("animating an example")
            frames = _animate(url, copy, home)
        return Trial(
            install_s=round(installed - begun, 1),
            start_s=round(started - installed, 1),
            example_s=round(time.monotonic() - started, 1),
            frames=frames,
        )


def _install(home: Path, folder: Path) -> Path:
    environment = home / "venv"
    python = environment / "bin" / "python"
    sdk = f"gradio[oauth]=={read_front_matter(folder / 'README.md')['sdk_version']}"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(environment)],
        [*pip, sdk, "-r", str(folder / "requirements.txt")],
    ):
        done = subprocess.run(
            command, env=_plain(home), capture_output=True, text=True, check=False, cwd=folder
        )
        if done.returncode:
            raise ResourceError(
                f"What a Space installs can't be installed: {_last_line(done.stderr)}",
                "Look at requirements.txt and sdk_version in README.md.",
            )
    return python


@contextlib.contextmanager
def _running(python: Path, home: Path, folder: Path) -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    log = home / "log"
    variables = {"SPACE_ID": "trial/studio", "GRADIO_SERVER_NAME": "127.0.0.1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python), "app.py", "--port", str(port)],
            cwd=folder,
            env={**_plain(home), **variables},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(url, process, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, TimeoutError, ConnectionError),
            urllib.request.urlopen(url, timeout=10),
        ):
            return
        time.sleep(POLL_S)
    said = _last_line(log.read_text(encoding="utf-8", errors="replace"))
    raise MismatchError(f"The page of the Space doesn't start: {said}", "Start app.py and look.")


def _animate(url: str, folder: Path, home: Path) -> int:
    """Animate an example through the page; return how many frames the clip has."""
    import gradio_client

    try:
        client = gradio_client.Client(url, verbose=False, download_files=str(home / "got"))
        portrait = gradio_client.handle_file(folder / PORTRAIT)
        # The page frames the face first; what was made ready is for that frame.
        *_, x, y, side = (
            slider["value"]
            for slider in client.predict(picture=portrait, api_name="/find_faces")[-3:]
        )
        clip, *_ = client.predict(
            portrait=portrait,
            crop_x=x,
            crop_y=y,
            crop_size=side,
            clip=gradio_client.handle_file(folder / CLIP),
            consent=True,
            api_name="/animate",
        )
        place = Path(clip["video"] if isinstance(clip, dict) else clip)
        frames = probe_clip(place).frames
        change = _largest_change(place)
    except (MMFAError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise MismatchError(
            f"The page of the Space doesn't animate: {_last_line(str(error))}", "Start app.py."
        ) from error
    if change < LEAST_CHANGE:
        raise MismatchError("The clip that the Space made stands still.", "Look at its model.")
    return frames


def _largest_change(clip: Path) -> float:
    """Find how much a frame differs at most from the first one, mean of pixels, of 255."""
    with contextlib.closing(read_clip(clip)) as frames:
        first = next(frames).astype("float32")
        return max((float(abs(frame - first).mean()) for frame in frames), default=0.0)


def _plain(home: Path) -> dict[str, str]:
    """Give an environment that has nothing of ours, and a home of its own."""
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(KEPT_STARTS)}
    return {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it says nothing."

"""Four doors to one core: each does the same four things, and hands over frames or numbers."""

from __future__ import annotations

import base64
import json
import mimetypes
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from gradio_client import Client, handle_file
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from numpy.typing import NDArray

from mmfa_core import Animator, MotionEdit
from mmfa_core.media import read_clip, read_picture
from tests.helpers import run_apart

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PORTRAIT = EXAMPLES / "london_009_neutral.jpg"
SMILING = EXAMPLES / "london_034_smiling.jpg"
CLIP = EXAMPLES / "driving_smile.mp4"
PART = (0.2, 0.7)  # of the clip, s
EDIT = {"yaw_deg": 12.0, "pitch_deg": -4.0, "scale": 1.05, "tx": 0.05, "expression_gain": 1.3}
FLAGS = {"yaw_deg": "yaw", "pitch_deg": "pitch", "expression_gain": "expression-gain"}
STEPS = 5
OTHERWISE = {  # as the page's endpoints call it
    "start_s": PART[0],
    "end_s": PART[1],
    "mode": "absolute",
    "lock_scale": True,
    "gain_rotation": 50,
    "smoothing": 0,
    "best_frame": False,
    "shown": "portrait",
    "badge": False,
}
PICTURED = ("animate", "animate_otherwise", "edit", "interpolate")  # what gives frames

Frames = list[NDArray[np.uint8]]


class Door(Protocol):
    """Do one thing with the files above; results are read from the files that people get."""

    def animate(self, folder: Path) -> Frames:
        """Let the portrait follow a part of the clip."""

    def animate_otherwise(self, folder: Path) -> Frames:
        """The same with nothing as it usually is: absolute, whole, partly locked, not smoothed."""

    def edit(self, folder: Path) -> Frames:
        """Turn the head."""

    def interpolate(self, folder: Path) -> Frames:
        """Go from the portrait's expression to the smiling one's."""

    def keypoints(self, folder: Path) -> dict[str, Any]:
        """Report what the model sees."""


class Python:
    """``from mmfa_core import Animator``."""

    def __init__(self) -> None:
        self.animator = Animator.from_pretrained(threads=1)

    def animate(self, folder: Path) -> Frames:
        start, end = PART
        self.animator.animate(PORTRAIT, CLIP, folder / "o.mp4", start_s=start, end_s=end)
        return list(read_clip(folder / "o.mp4"))

    def animate_otherwise(self, folder: Path) -> Frames:
        self.animator.animate(
            PORTRAIT,
            CLIP,
            folder / "o.mp4",
            start_s=PART[0],
            end_s=PART[1],
            mode="absolute",
            parts=("rotation", "translation", "expression"),
            gain_rotation=0.5,
            smoothing=0.0,
            best_frame=False,
            paste_back=True,
            badge=False,
        )
        return list(read_clip(folder / "o.mp4"))

    def edit(self, folder: Path) -> Frames:
        frame = self.animator.edit(PORTRAIT, MotionEdit(**EDIT))
        self.animator.save(folder / "o.png", frame, portrait=PORTRAIT)
        return [read_picture(folder / "o.png")]

    def interpolate(self, folder: Path) -> Frames:
        frames = self.animator.interpolate(PORTRAIT, SMILING, steps=STEPS)
        self.animator.save(
            folder / "o.mp4", frames, portrait=PORTRAIT, expressions=(PORTRAIT, SMILING)
        )
        return list(read_clip(folder / "o.mp4"))

    def keypoints(self, folder: Path) -> dict[str, Any]:
        return self.animator.keypoints(PORTRAIT).to_json()


class CommandLine:
    """``python -m mmfa_core``."""

    def animate(self, folder: Path) -> Frames:
        start, end = PART
        self._run(
            "animate", source=PORTRAIT, driving=CLIP, output=folder / "o.mp4", start=start, end=end
        )
        return list(read_clip(folder / "o.mp4"))

    def animate_otherwise(self, folder: Path) -> Frames:
        self._run(
            "animate",
            "--no-best-frame",
            "--paste-back",
            "--no-badge",
            "--mode=absolute",
            "--parts=rotation,translation,expression",
            "--gain-rotation=0.5",
            "--smoothing=0",
            source=PORTRAIT,
            driving=CLIP,
            output=folder / "o.mp4",
            start=PART[0],
            end=PART[1],
        )
        return list(read_clip(folder / "o.mp4"))

    def edit(self, folder: Path) -> Frames:
        flags = {FLAGS.get(name, name): value for name, value in EDIT.items()}
        self._run("edit", source=PORTRAIT, output=folder / "o.png", **flags)
        return [read_picture(folder / "o.png")]

    def interpolate(self, folder: Path) -> Frames:
        self._run("interpolate", a=PORTRAIT, b=SMILING, steps=STEPS, output=folder / "o.mp4")
        return list(read_clip(folder / "o.mp4"))

    def keypoints(self, folder: Path) -> dict[str, Any]:
        self._run("keypoints", source=PORTRAIT, output=folder / "o.json")
        return json.loads((folder / "o.json").read_text())  # type: ignore[no-any-return]

    def _run(self, command: str, *more: str, **flags: object) -> None:
        words = [*more, *(f"--{name}={value}" for name, value in flags.items())]
        subprocess.run(
            [sys.executable, "-m", "mmfa_core", command, *words, "--threads=1"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )


class Http:
    """The page's endpoints, by gradio_client."""

    def __init__(self, url: str, folder: Path) -> None:
        self.client = Client(url, verbose=False, download_files=folder)

    def animate(self, folder: Path) -> Frames:
        del folder  # the client has its own
        start, end = PART
        clip, *_ = self._call("animate", portrait=PORTRAIT, clip=CLIP, start_s=start, end_s=end)
        return list(read_clip(clip))

    def animate_otherwise(self, folder: Path) -> Frames:
        del folder
        clip, *_ = self._call("animate", portrait=PORTRAIT, clip=CLIP, **OTHERWISE)
        return list(read_clip(clip))

    def edit(self, folder: Path) -> Frames:
        return [read_picture(self._call("save_pose", portrait=PORTRAIT, **EDIT))]

    def interpolate(self, folder: Path) -> Frames:
        return list(read_clip(self._call("interpolate", a=PORTRAIT, b=SMILING, steps=STEPS)))

    def keypoints(self, folder: Path) -> dict[str, Any]:
        found = Path(self._call("export_keypoints", portrait=PORTRAIT)).read_text()
        return json.loads(found)  # type: ignore[no-any-return]

    def _call(self, endpoint: str, **values: Any) -> Any:
        sent = {k: handle_file(v) if isinstance(v, Path) else v for k, v in values.items()}
        return self.client.predict(**sent, **agreed(endpoint), api_name=f"/{endpoint}")


class Mcp:
    """The server of tools, over streamable HTTP; files go in as data, and out as addresses."""

    def __init__(self, url: str) -> None:
        self.url = url

    def animate(self, folder: Path) -> Frames:
        start, end = PART
        made = self._call(
            folder / "o.mp4", "animate", portrait=PORTRAIT, clip=CLIP, start_s=start, end_s=end
        )
        return list(read_clip(made))

    def animate_otherwise(self, folder: Path) -> Frames:
        made = self._call(folder / "o.mp4", "animate", portrait=PORTRAIT, clip=CLIP, **OTHERWISE)
        return list(read_clip(made))

    def edit(self, folder: Path) -> Frames:
        return [read_picture(self._call(folder / "o.png", "save_pose", portrait=PORTRAIT, **EDIT))]

    def interpolate(self, folder: Path) -> Frames:
        made = self._call(folder / "o.mp4", "interpolate", a=PORTRAIT, b=SMILING, steps=STEPS)
        return list(read_clip(made))

    def keypoints(self, folder: Path) -> dict[str, Any]:
        made = self._call(folder / "o.json", "export_keypoints", portrait=PORTRAIT)
        return json.loads(made.read_text())  # type: ignore[no-any-return]

    def _call(self, target: Path, tool: str, **values: Any) -> Path:
        """Call a tool, and fetch the first file that its answer gives the address of."""
        sent = {k: as_data(v) if isinstance(v, Path) else v for k, v in values.items()}
        texts = run_apart(self._answer(tool, {**sent, **agreed(tool)}))
        address = next(f"http{text.partition('http')[2]}" for text in texts if "http" in text)
        with urllib.request.urlopen(address, timeout=60) as answer:
            target.write_bytes(answer.read())
        return target

    async def _answer(self, tool: str, values: dict[str, Any]) -> list[str]:
        async def told(progress: float, total: float | None, message: str | None) -> None:
            del progress, total, message  # with progress asked for, each output is a part

        async with (
            streamable_http_client(f"{self.url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            answer = await session.call_tool(tool, values, progress_callback=told)
            texts = [part.text for part in answer.content if part.type == "text"]
            assert not answer.isError, texts
            return texts


def agreed(endpoint: str) -> dict[str, bool]:
    """Say that the pictures may be used, where something is made of them."""
    return {} if endpoint == "export_keypoints" else {"consent": True}


def as_data(path: Path) -> str:
    """Write a file as a data: address."""
    kind = mimetypes.guess_type(path.name)[0]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"

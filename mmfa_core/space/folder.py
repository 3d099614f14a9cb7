"""The folder of a Space: what the page needs to run, and what a Space must be told.

In: this project's files. Out: a new folder. Knows nothing about the network.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from mmfa_core.errors import MismatchError, ResourceError

ROOT = Path(__file__).resolve().parents[2]
FILES = ("app.py", "README.md", "LICENSE", "MODEL_CARD.md", "requirements.txt")
CODE = ("studio", "mmfa_core")
FOLDERS = (*CODE, "checkpoints", "examples", "docs/screenshots")
# Everything in FOLDERS but code: a Space is public, so no picture or model goes up by chance.
SHIPPED = Path(__file__).with_name("shipped.txt")
CACHED = (".pyc", ".pyi")
# Debian's packages with the libraries that the face landmarker and OpenCV load.
SYSTEM = ("libegl1", "libgles2", "libgl1", "libglib2.0-0", "libxcb1")
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# What ZeroGPU asks for: its Python, and a PyTorch that it knows.
ZERO_GPU = {"python_version": '"3.12.12"', "suggested_hardware": "zero-a10g"}
ZERO_GPU_PINS = {"torch": "torch>=2.8,<2.12", "torchvision": "torchvision>=0.23,<0.27"}


def build_space(place: Path, *, zero_gpu: bool = False, root: Path = ROOT) -> list[str]:
    """Copy what a Space needs to a new folder: code, and what SHIPPED lists; see list_strays.

    Args:
        place: missing or empty.
        zero_gpu: for ZeroGPU and not for a CPU.
        root: the project.

    Returns:
        The names of all files, sorted, with slashes.

    Raises:
        MismatchError: when the README lacks the front matter that tells a Space what to do.
        ResourceError: when the place is taken or can't be written, or a file is missing.
    """
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ResourceError(f"{place.name} is there already.", "Choose another name.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in (*FILES, *_list_code(root), *_list_shipped()):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, place / name)
        (place / "packages.txt").write_text("".join(f"{name}\n" for name in SYSTEM), "utf-8")
        _rewrite(place / "README.md", ZERO_GPU if zero_gpu else {})
        if zero_gpu:
            _pin(place / "requirements.txt")
    except OSError as error:
        raise ResourceError(
            f"The folder of the Space can't be built: {_named(error)}.",
            "Restore what is missing, or choose another place.",
        ) from error
    files = (path for path in place.rglob("*") if path.is_file())
    return sorted(path.relative_to(place).as_posix() for path in files)


def list_strays(root: Path = ROOT) -> list[str]:
    """Name what lies in the folders of a Space and stays here: own models and pictures, say."""
    known = {*_list_code(root), *_list_shipped()}
    return sorted({name for folder in FOLDERS for name in _walk(root, folder)} - known)


def _list_shipped() -> list[str]:
    return SHIPPED.read_text(encoding="utf-8").split()


def _list_code(root: Path) -> list[str]:
    return [name for folder in CODE for name in _walk(root, folder) if name.endswith(".py")]


def _walk(root: Path, folder: str) -> Iterator[str]:
    """List the files of a folder by their names in the project; no caches, nothing hidden."""
    for path in (root / folder).rglob("*"):
        name = path.relative_to(root)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.suffix not in CACHED:
            yield name.as_posix()


def _named(error: OSError) -> str:
    """Say what went wrong with which file, without its place on this machine."""
    file = f"{Path(error.filename).name}: " if error.filename else ""
    return f"{file}{error.strerror}"


def read_front_matter(readme: Path) -> dict[str, str]:
    """Read the plain values of a README's front matter, without their quotes.

    Raises:
        MismatchError: when there is none.
    """
    found = FRONT_MATTER.match(readme.read_text(encoding="utf-8"))
    if found is None:
        raise MismatchError(
            "README.md has no front matter for a Space.", "Restore the lines between --- and ---."
        )
    pairs = (line.split(": ", 1) for line in found[1].splitlines() if re.match(r"\w+: ", line))
    return {name: value.strip("\"'") for name, value in pairs}


def _rewrite(readme: Path, changes: dict[str, str]) -> None:
    """Change values of the front matter."""
    read_front_matter(readme)
    text = readme.read_text(encoding="utf-8")
    for name, value in changes.items():
        text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, count=1, flags=re.MULTILINE)
    readme.write_text(text, encoding="utf-8")


def _pin(requirements: Path) -> None:
    """Ask for versions of PyTorch that ZeroGPU knows."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    names = [re.split(r"[<>=\[ ]", line)[0] for line in lines]
    pinned = [ZERO_GPU_PINS.get(name, line) for name, line in zip(names, lines, strict=True)]
    requirements.write_text("\n".join(pinned) + "\n", encoding="utf-8")

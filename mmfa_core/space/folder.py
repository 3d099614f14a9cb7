"""The folder of a Space: what the page needs to run, and what a Space must be told.

In: this project's files. Out: a new folder. Knows nothing about the network.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mmfa_core.errors import MismatchError, ResourceError

ROOT = Path(__file__).resolve().parents[2]
FILES = ("app.py", "README.md", "LICENSE", "MODEL_CARD.md", "requirements.txt")
FOLDERS = ("studio", "mmfa_core", "checkpoints", "examples", "docs/screenshots")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", ".*")
# Debian's packages with the libraries that the face landmarker and OpenCV load.
SYSTEM = ("libegl1", "libgles2", "libgl1", "libglib2.0-0", "libxcb1")
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# What ZeroGPU asks for: its Python, and a PyTorch that it knows.
ZERO_GPU = {"python_version": '"3.12.12"', "suggested_hardware": "zero-a10g"}
ZERO_GPU_PINS = {"torch": "torch>=2.8,<2.12", "torchvision": "torchvision>=0.23,<0.27"}


def build_space(place: Path, *, zero_gpu: bool = False, root: Path = ROOT) -> list[str]:
    """Copy what a Space needs to a new folder.

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
        for name in FILES:
            shutil.copyfile(root / name, place / name)
        for name in FOLDERS:
            shutil.copytree(root / name, place / name, ignore=LEFT_OUT)
        (place / "packages.txt").write_text("".join(f"{name}\n" for name in SYSTEM), "utf-8")
        _rewrite(place / "README.md", ZERO_GPU if zero_gpu else {})
        if zero_gpu:
            _pin(place / "requirements.txt")
    except OSError as error:
        raise ResourceError(
            f"The folder of the Space can't be built: {error.strerror}.", "Choose another place."
        ) from error
    files = (path for path in place.rglob("*") if path.is_file())
    return sorted(path.relative_to(place).as_posix() for path in files)


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

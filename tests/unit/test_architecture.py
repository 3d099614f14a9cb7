"""The import table: who may import whom, and where each third party lives."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each part of the project and what it may import; a folder is one part, "facade" is __init__.py.
MOTION = {"errors", "config", "motion"}
MODEL = {*MOTION, "geometry", "networks", "estimates", "model"}
FILES_AND_FACES = {"model_files", "checkpoint", "hub", "media", "face", "paste", "provenance"}
RUNTIME = {*MODEL, *FILES_AND_FACES, "hardware"}
ALLOWED = {
    "errors": set(),
    "version": set(),
    "config": {"errors"},
    "motion": {"errors", "config"},
    "geometry": MOTION,
    "hardware": set(),
    "networks": {*MOTION, "geometry"},
    "estimates": MOTION,
    "model": {*MOTION, "geometry", "networks", "estimates"},
    "model_files": {"errors", "config"},
    "checkpoint": {*MODEL, "model_files"},
    "hub_errors": {"errors"},
    "hub_resume": {"hub_errors"},
    "hub": {"errors", "model_files", "hub_errors", "hub_resume"},
    "publishing": {"errors", "model_files", "checkpoint", "hub"},
    "space": {"errors", "hub", "media"},
    "media": {"errors"},
    "face": {"errors", "media"},
    "paste": {"errors", "media", "face"},
    "provenance": {"errors", "media", "version"},
    "synthetic": {"errors", "media", "face"},
    "losses": MODEL,
    "inference": RUNTIME,
    "training": {*RUNTIME, "losses"},
    "batch": {*RUNTIME, "inference"},
    "evaluation": {*RUNTIME, "losses", "inference", "training"},
    "ablation": {*RUNTIME, "inference", "training", "evaluation"},
    "facade": {*RUNTIME, "inference", "evaluation", "batch"},
    "cli": {
        *RUNTIME,
        "facade",
        "inference",
        "training",
        "evaluation",
        "publishing",
        "batch",
        "space",
        "synthetic",
    },
    "__main__": {"cli"},
    "studio": {"facade", "studio"},
    "app": {"facade", "studio"},
}

# Each third party and the only places that may import it; any other third party is refused.
ANYWHERE = {*ALLOWED}
HOMES = {
    "numpy": ANYWHERE,
    "torch": ANYWHERE - {"studio", "app"},
    "torchvision": {"losses", "training", "evaluation"},
    "safetensors": {"checkpoint", "training", "losses", "inference"},
    "PIL": {"media", "training", "evaluation", "batch", "synthetic"},
    "cv2": {"training", "evaluation", "synthetic", "cli"},
    "imageio_ffmpeg": {"media"},
    "mediapipe": {"face"},
    "huggingface_hub": {"hub", "hub_resume"},
    "c2pa": {"provenance"},
    "cryptography": {"provenance"},
    "gradio": {"studio", "app"},
    "gradio_client": {"space"},
    "jsonschema": {"studio"},
    "spaces": {"studio", "app"},  # only where Hugging Face installs it
    "psutil": {"training", "evaluation", "inference"},
    "h5py": {"losses", "evaluation"},
    "dlib": {"evaluation"},
    "scipy": {"evaluation"},
    "ray": {"batch"},
    "anny": {"synthetic"},
    "moderngl": {"synthetic"},
}


def part_of(module: str) -> str:
    """Name the part that a module belongs to: mmfa_core.networks.blocks -> networks."""
    names = module.split(".")
    if names[0] != "mmfa_core":
        return names[0]
    return names[1] if len(names) > 1 and find(".".join(names[:2])) else "facade"


def find(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported_by(path: Path) -> set[str]:
    """List the modules that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted([*ROOT.glob("mmfa_core/**/*.py"), *ROOT.glob("studio/**/*.py"), ROOT / "app.py"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_the_table_allows(path: Path) -> None:
    part = part_of(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    assert part in ALLOWED, f"{part} has no row in the table"
    for module in imported_by(path):
        target = part_of(module)
        if target in ALLOWED:
            assert target in ALLOWED[part] | {part}, f"{part} may not import {module}"
        elif target not in sys.stdlib_module_names:
            assert part in HOMES.get(target, set()), f"{module} may not be imported in {part}"


def test_the_table_has_no_circle_and_keeps_inference_and_training_apart() -> None:
    order: list[str] = []
    while len(order) < len(ALLOWED):
        ready = {p for p in ALLOWED if p not in order and ALLOWED[p] - {p} <= set(order)}
        assert ready, f"a circle among {set(ALLOWED) - set(order)}"
        order += sorted(ready)
    assert "training" not in ALLOWED["inference"]
    assert "inference" not in ALLOWED["training"]


LATE = {"gradio", "mediapipe", "cv2", "huggingface_hub", "h5py", "dlib", "c2pa", "cryptography"}
LATE |= {"anny", "moderngl"}


def test_importing_the_core_loads_no_page_no_landmarker_and_no_hub() -> None:
    code = "import sys, mmfa_core; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert loaded & LATE == set()


@pytest.mark.parametrize(
    "name",
    [
        "studio",
        "test",
        "check",
        "fix",
        "bench",
        "ablate",
        "make_motions",
        "make_heads",
        "publish_model",
        "../.ci/run",
    ],
)
def test_a_script_of_the_house_can_be_run(name: str) -> None:
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")


def test_every_file_that_the_readme_names_in_its_tree_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme.split("<!-- tree -->")[1]
    names, folder = [], ""
    for line in re.findall(r"^    ( *\S+)", tree, flags=re.MULTILINE):
        folder = folder if line.startswith(" ") else line
        names.append(folder + line.strip() if line.startswith(" ") else line)
    missing = [name for name in names if not (ROOT / name).exists()]
    assert names
    assert missing == []

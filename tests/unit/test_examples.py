"""The example scripts: short, and they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
MEDIA = [p for p in EXAMPLES.iterdir() if p.suffix in {".jpg", ".png", ".mp4"}]
MADE = {  # each script and the file that it makes; None: it prints only
    "animate_portrait.py": "animated.mp4",
    "mix_expressions.py": "mixed.png",
    "show_keypoints.py": None,
    "turn_head.py": "turned.png",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_fits_on_a_small_screen(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 25


def test_every_example_is_run_below() -> None:
    assert [script.name for script in SCRIPTS] == sorted(MADE)


@pytest.mark.parametrize(("script", "made"), MADE.items())
def test_an_example_runs_from_any_folder(
    script: str, made: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    command = [sys.executable, str(EXAMPLES / script), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if made:
        assert (tmp_path / "out" / made).stat().st_size > 1000


def test_the_license_of_every_shipped_picture_and_clip_is_told() -> None:
    table = (EXAMPLES / "LICENSES.md").read_text(encoding="utf-8")
    told = table.replace("_*.jpg", "_neutral.jpg") + table.replace("_*.jpg", "_smiling.jpg")
    assert [p.name for p in MEDIA if f"`{p.name}`" not in told] == []


def test_the_shipped_pictures_and_clips_stay_small() -> None:
    assert sum(path.stat().st_size for path in MEDIA) < 4_000_000

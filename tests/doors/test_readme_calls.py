"""What the README says about HTTP and MCP works as it stands there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmfa_core.media import read_clip
from tests.doors.doors import CLIP, PORTRAIT, ROOT, Frames

pytestmark = pytest.mark.slow

ADDRESS = "http://127.0.0.1:7860"


def block(kind: str) -> str:
    """Return the README's block of this kind in the section about HTTP and MCP."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## HTTP and MCP\n")[1]
    found = re.search(rf"```{kind}\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README's calls name."""
    shutil.copy(PORTRAIT, tmp_path / "portrait.jpg")
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def expect_the_same(expected: dict[str, Frames]) -> Callable[[Path], None]:
    """Compare a clip with what Python makes of the same files."""

    def compare(clip: Path) -> None:
        np.testing.assert_array_equal(
            np.stack(list(read_clip(clip))), np.stack(expected["animate"])
        )

    return compare


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_calls_with_curl_give_the_clip(
    url: str, here: Path, expect_the_same: Callable[[Path], None]
) -> None:
    script = block("bash").replace(ADDRESS, url.rstrip("/"))
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=here, check=True)
    expect_the_same(here / "out.mp4")


def test_the_calls_with_the_python_client_give_the_clip(
    url: str, here: Path, expect_the_same: Callable[[Path], None]
) -> None:
    names: dict[str, str] = {}
    exec(block("python").replace(ADDRESS, url.rstrip("/")), names)
    expect_the_same(Path(names["clip"]))


def test_the_settings_for_assistants_name_the_server_of_tools(url: str) -> None:
    servers = json.loads(block("json"))["mcpServers"]
    assert [server["url"] for server in servers.values()] == [f"{ADDRESS}/gradio_api/mcp/"]

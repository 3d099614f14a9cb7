"""The server of tools: one flag, and an assistant can do what the page can."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.browser import running_studio
from tests.helpers import run_apart

WANTED = {"animate", "edit_pose", "mix_expressions", "show_keypoints", "examine_clip"}


def test_an_assistant_finds_the_tools_and_the_studio_leaves_nothing_behind(tmp_path: Path) -> None:
    async def look(url: str) -> dict[str, str]:
        async with (
            streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            listed = await session.list_tools()
            return {tool.name: tool.description or "" for tool in listed.tools}

    with running_studio("--mcp", log=tmp_path / "log", TMPDIR=str(tmp_path)) as url:
        assert len(list(tmp_path.glob("mmfa-studio-*"))) == 1
        tools = run_apart(look(url))
        with urllib.request.urlopen(f"{url}gradio_api/info", timeout=60) as answer:
            named = json.load(answer)["named_endpoints"]
    assert list(tmp_path.glob("mmfa-studio-*")) == []  # it was asked to end, and took files along
    endpoints = {name.strip("/") for name in named}
    missing = [name for name in WANTED if not any(tool.endswith(name) for tool in tools)]
    assert missing == [], sorted(tools)
    assert set(tools) == endpoints  # the same names at both doors
    untold = [name for name, told in tools.items() if len(told) < 20]
    assert untold == []

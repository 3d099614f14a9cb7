"""Python, the command line, HTTP and MCP give the same frames for the same input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doors.doors import PICTURED, CommandLine, Door, Http, Mcp

pytestmark = pytest.mark.slow

COUNTS = {"animate": 15, "animate_otherwise": 15, "edit": 1, "interpolate": 5}


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    if request.param == "command line":
        return CommandLine()
    url = request.getfixturevalue("url")
    return Http(url, tmp_path) if request.param == "HTTP" else Mcp(url)


DOORS = pytest.mark.parametrize("door", ["command line", "HTTP", "MCP"], indirect=True)


@pytest.mark.parametrize("action", PICTURED)
@DOORS
def test_every_door_gives_the_frames_that_python_gives(
    door: Door, action: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    frames = getattr(door, action)(tmp_path)
    assert len(frames) == len(expected[action]) == COUNTS[action]
    np.testing.assert_array_equal(np.stack(frames), np.stack(expected[action]))


@DOORS
def test_every_door_gives_the_keypoints_that_python_gives(
    door: Door, expected: dict[str, Any], tmp_path: Path
) -> None:
    given = door.keypoints(tmp_path)
    assert {name: given[name] for name in expected["keypoints"]} == expected["keypoints"]


def test_the_frames_are_of_the_portrait_and_move(expected: dict[str, Any]) -> None:
    for action in ("animate", "interpolate"):
        first, *_, last = (frame.astype(int) for frame in expected[action])
        assert 0.3 < np.abs(first - last).mean() < 40

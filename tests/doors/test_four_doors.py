"""Python, the command line, HTTP and MCP give the same frames for the same input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doors.doors import CommandLine, Door, Http, Mcp, Python
from tests.e2e.browser import running_studio

pytestmark = pytest.mark.slow

PICTURED = ("animate", "edit", "interpolate")
COUNTS = {"animate": 15, "edit": 1, "interpolate": 5}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running studio with tools; as many threads as the other doors, since sums depend on it."""
    log = tmp_path_factory.mktemp("studio") / "log"
    with running_studio("--mcp", "--threads", "1", log=log) as address:
        yield address


@pytest.fixture(scope="module")
def python() -> Python:
    return Python()


@pytest.fixture(scope="module")
def expected(python: Python, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Python gives, by what is done."""
    given: dict[str, Any] = {
        name: getattr(python, name)(tmp_path_factory.mktemp(name)) for name in PICTURED
    }
    return {**given, "keypoints": python.keypoints(Path())}


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

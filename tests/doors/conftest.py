"""One studio and one result of Python for all tests of doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.doors import PICTURED, Python
from tests.e2e.browser import running_studio


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running studio with tools; as many threads as the other doors, since sums depend on it."""
    log = tmp_path_factory.mktemp("studio") / "log"
    with running_studio("--mcp", "--threads", "1", log=log) as address:
        yield address


@pytest.fixture(scope="package")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Python gives, by what is done."""
    python = Python()
    given: dict[str, Any] = {
        name: getattr(python, name)(tmp_path_factory.mktemp(name)) for name in PICTURED
    }
    return {**given, "keypoints": python.keypoints(Path())}

"""One studio and one browser for all browser tests; a fresh person for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.browser import Watch, open_page, running_studio

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def studio_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the studio printed, for tests that ask whether it complained."""
    return tmp_path_factory.mktemp("studio") / "studio.log"


@pytest.fixture(scope="session")
def studio_url(studio_log: Path) -> Iterator[str]:
    """The address of a running studio with the bundled model; ends with a slash."""
    with running_studio(log=studio_log) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield opened
        opened.close()


@pytest.fixture
def watch(studio_url: str) -> Iterator[Watch]:
    """Fails the test when a request left this machine or the console shows an error.

    A test that must provoke one says so: watch.tolerated.append("413").
    """
    seen = Watch(studio_url)
    yield seen
    seen.check()


@pytest.fixture
def page(browser: Browser, studio_url: str, watch: Watch) -> Iterator[Page]:
    """The studio in a new browser context, watched."""
    with open_page(browser, studio_url, watch) as opened:
        yield opened


@pytest.fixture
def narrow_page(browser: Browser, studio_url: str, watch: Watch) -> Iterator[Page]:
    """The same on a screen of 390 x 844."""
    with open_page(browser, studio_url, watch, width=390, height=844) as opened:
        yield opened

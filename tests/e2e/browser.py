"""What browser tests share: a server, pages that are watched, and eyes."""

from __future__ import annotations

import base64
import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0  # how long the studio may take to answer on a busy machine
LONG_MS = 60_000.0  # how long a result may take on a busy machine
LEFT = ("AbortError", "Connection errored out")  # said when a page goes while something is asked
TABS = ("Expressions", "Animate", "Pose", "Keypoints")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running_studio(*flags: str, log: Path, **environment: str) -> Iterator[str]:
    """Start app.py with the bundled model on a free port; give its address; stop it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "app.py", "--port", str(port), *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1", **environment},
        )
        try:
            _wait_until_it_answers(process, url, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, f"the studio ended:\n{log.read_text(errors='replace')}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)  # nothing tells us when a port opens
    raise AssertionError(f"the studio didn't answer:\n{log.read_text(errors='replace')}")


@dataclass
class Watch:
    """Remember what a page asked for and complained about."""

    home: str
    tolerated: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def look_at(self, page: Page) -> None:
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda error: self._said("error", str(error)))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:")):
            self.left.append(url)

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def check(self) -> None:
        assert not self.left, f"requests left this machine: {self.left}"
        bad = [c for c in self.complaints if not any(word in c for word in self.tolerated)]
        assert not bad, f"the console shows errors: {bad}"


@contextmanager
def open_page(
    browser: Browser,
    url: str,
    watch: Watch,
    *,
    width: int = 1360,
    height: int = 900,
    path: str = "",
    agrees: bool = True,
) -> Iterator[Page]:
    """Open the studio as a person of their own, watched, who ticks consent or doesn't."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(30_000)
    page = context.new_page()
    watch.look_at(page)
    page.goto(url + path)
    expect(page.get_by_role("tab", name="Expressions")).to_be_visible(timeout=LONG_MS)
    if agrees:
        page.locator("#consent input").check()
    try:
        yield page
    finally:
        context.close()


def open_tab(page: Page, name: str) -> Locator:
    """Choose a tab, and return its panel."""
    page.get_by_role("tab", name=name, exact=True).click()
    panel = page.locator(f"#tab-{name.lower()}")
    expect(panel).to_be_visible()
    return panel


def upload(where: Locator, path: Path) -> None:
    """Give a file to the (first) file input of a component."""
    where.locator("input[type=file]").first.set_input_files(str(path))


def expect_sentence(page: Page, text: str) -> None:
    """Wait for a message of the page that holds a text, and close it."""
    toast = page.get_by_test_id("toast-body").filter(has_text=text).first
    expect(toast).to_be_visible(timeout=LONG_MS)
    words = toast.inner_text()
    assert "Traceback" not in words
    assert "/tmp" not in words
    toast.get_by_role("button").first.click()


def picture_of(where: Locator) -> NDArray[np.uint8]:
    """Read the picture (or a clip's present frame) that is shown: (H, W, 3)."""
    shown = where.locator("img, video, canvas").first
    expect(shown).to_be_visible(timeout=LONG_MS)
    data = shown.evaluate(
        """async shown => {
            for (let tries = 0; shown.decode; tries++) {  // a new picture interrupts an old one
                try { await shown.decode(); break; } catch (error) { if (tries > 9) throw error; }
                await new Promise(frame => requestAnimationFrame(frame));
            }
            const width = shown.naturalWidth || shown.videoWidth || shown.width;
            const height = shown.naturalHeight || shown.videoHeight || shown.height;
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [width, height];
            canvas.getContext('2d').drawImage(shown, 0, 0);
            return canvas.toDataURL('image/png').split(',')[1];
        }"""
    )
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB"))

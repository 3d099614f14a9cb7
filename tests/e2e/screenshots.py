"""Take the pictures of the README: python -m tests.e2e.screenshots [FOLDER].

In: the shipped model and examples. Out: one picture a tab, and one of a narrow screen. Every tab is
used as a person would, and is shown with its result.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.browser import ROOT, Watch, open_page, open_tab, running_studio, upload

EXAMPLES = ROOT / "examples"
PATIENCE_MS = 180_000.0
LARGEST_BYTES = 250_000
WIDE, NARROW = (1360, 1000), (390, 844)


def show_expressions(page: Page) -> None:
    tab = open_tab(page, "Expressions")
    at = tab.get_by_label("number input for From A to B")
    expect(tab.get_by_text("83 %")).to_be_visible(timeout=PATIENCE_MS)  # the strip is there
    at.fill("0.8")
    at.press("Enter")


def show_animate(page: Page) -> None:
    tab = open_tab(page, "Animate")
    upload(tab.locator("#animate-portrait"), EXAMPLES / "london_034_neutral.jpg")
    expect(tab.locator("#animate-framed img")).to_be_visible(timeout=PATIENCE_MS)
    upload(tab.locator("#animate-clip"), EXAMPLES / "driving_turn.mp4")
    report = tab.locator("#animate-report")
    expect(report).to_contain_text("The face is found", timeout=PATIENCE_MS)
    tab.get_by_role("button", name="Animate", exact=True).click()
    progress = tab.locator("#animate-progress")
    expect(progress).to_contain_text(re.compile("Done: "), timeout=PATIENCE_MS)
    player = tab.locator("#animate-result video")
    expect(player).to_be_visible(timeout=PATIENCE_MS)
    player.evaluate("clip => { clip.pause(); clip.currentTime = clip.duration / 2; }")


def show_pose(page: Page) -> None:
    tab = open_tab(page, "Pose")
    turn = tab.get_by_label("number input for Turn")
    turn.fill("14")
    turn.press("Enter")


def show_keypoints(page: Page) -> None:
    tab = open_tab(page, "Keypoints")
    expect(tab.locator("#keypoint-picture img")).to_be_visible(timeout=PATIENCE_MS)
    expect(tab.locator("#keypoint-space .key")).to_contain_text("keypoints", timeout=PATIENCE_MS)


PICTURES: tuple[tuple[str, tuple[int, int], str, Callable[[Page], None]], ...] = (
    ("expressions", WIDE, "light", show_expressions),
    ("animate", WIDE, "light", show_animate),
    ("pose", WIDE, "light", show_pose),
    ("keypoints", WIDE, "dark", show_keypoints),
    ("narrow", NARROW, "light", show_pose),
)


def settle(page: Page) -> None:
    """Wait until nothing is computed and every picture is drawn."""
    page.wait_for_timeout(1500)  # a picture for people: what comes after the last event may glide
    busy = page.locator("[data-testid='status-tracker']:not(.hide):visible")
    expect(busy).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_function(
        "[...document.images].filter(i => i.offsetParent).every(i => i.complete)",
        timeout=PATIENCE_MS,
    )
    page.wait_for_timeout(1500)


def save_small(shot: bytes, path: Path) -> None:
    """Save as JPEG, as good as the size allows."""
    with Image.open(io.BytesIO(shot)) as picture:
        for quality in (88, 80, 70, 60):
            picture.convert("RGB").save(path, quality=quality, optimize=True, progressive=True)
            if path.stat().st_size < LARGEST_BYTES:
                return


def main() -> None:
    """Take every picture, or those that are named after the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    wanted = sys.argv[2:] or [name for name, *_ in PICTURES]
    folder.mkdir(parents=True, exist_ok=True)
    log = Path(tempfile.gettempdir()) / "mmfa-screenshots.log"
    with running_studio(log=log) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for name, (width, height), scheme, show in PICTURES:
            if name not in wanted:
                continue
            watch = Watch(url)
            path = f"?__theme={scheme}"
            with open_page(browser, url, watch, width=width, height=height, path=path) as page:
                page.set_default_timeout(PATIENCE_MS)
                show(page)
                settle(page)
                page.evaluate("scrollTo(0, 0)")
                save_small(page.screenshot(), folder / f"{name}.jpg")
                sys.stdout.write(f"{folder / name}.jpg\n")
                sys.stdout.flush()
            watch.check()
        browser.close()


if __name__ == "__main__":
    main()

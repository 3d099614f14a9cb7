"""What the page makes is marked, says so to whoever asks, and is made only with consent."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mmfa_core import verify
from mmfa_core.media import read_picture
from tests.e2e.browser import LEFT, LONG_MS, Watch, expect_sentence, open_page, open_tab, upload

ASK = "say first that you may use these pictures"


@pytest.fixture
def own(examples: Path, tmp_path: Path) -> Path:
    """A person's own portrait: no example, by content."""
    path = tmp_path / "own.png"
    with Image.open(examples / "astronaut.jpg") as picture:
        picture.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    return path


@pytest.fixture
def silent(browser: Browser, studio_url: str) -> Iterator[Page]:
    """A person who hasn't said that they may use the pictures."""
    watch = Watch(studio_url, tolerated=[*LEFT])
    with open_page(browser, studio_url, watch, agrees=False) as opened:
        yield opened
    watch.check()


def animate(page: Page, portrait: Path, clip: Path) -> None:
    tab = open_tab(page, "Animate")
    upload(tab.locator("#animate-portrait"), portrait)
    expect(tab.locator("#animate-framed img")).to_be_visible(timeout=LONG_MS)
    upload(tab.locator("#animate-clip"), clip)
    expect(tab.locator("#animate-report")).to_contain_text("Drive doctor", timeout=LONG_MS)
    tab.get_by_label("End, s").fill("0.4")
    tab.get_by_role("button", name="Animate", exact=True).click()


def test_nothing_is_made_without_consent_and_the_tick_is_shown(
    silent: Page, examples: Path
) -> None:
    animate(silent, examples / "london_009_neutral.jpg", examples / "driving_turn.mp4")
    expect(silent.locator("#consent input")).to_be_focused(timeout=LONG_MS)
    expect_sentence(silent, ASK)
    expect(silent.locator("#animate-result video")).to_be_hidden()
    silent.locator("#consent input").check()
    silent.get_by_role("button", name="Animate", exact=True).click()
    expect(silent.locator("#animate-progress")).to_contain_text("Done:", timeout=LONG_MS)


def test_own_pictures_wait_for_consent_and_are_shown_once_it_is_given(
    silent: Page, own: Path
) -> None:
    tab = open_tab(silent, "Pose")
    before = tab.locator("#pose-picture img").get_attribute("src")
    upload(tab.locator("#pose-portrait"), own)
    expect_sentence(silent, ASK)
    assert tab.locator("#pose-picture img").get_attribute("src") == before
    silent.locator("#consent input").check()
    expect(tab.locator("#pose-picture img")).not_to_have_attribute(
        "src", str(before), timeout=LONG_MS
    )


def test_consent_is_remembered_in_this_browser_tab_and_nowhere_else(
    page: Page, silent: Page, watch: Watch
) -> None:
    watch.tolerated += LEFT
    page.reload()
    expect(page.locator("#consent input")).to_be_checked(timeout=LONG_MS)
    silent.reload()
    expect(silent.get_by_role("tab", name="Pose")).to_be_visible(timeout=LONG_MS)
    expect(silent.locator("#consent input")).not_to_be_checked()


def test_two_people_do_not_share_consent(page: Page, silent: Page, own: Path) -> None:
    expect(page.locator("#consent input")).to_be_checked()
    upload(open_tab(page, "Pose").locator("#pose-portrait"), own)
    upload(open_tab(silent, "Pose").locator("#pose-portrait"), own)
    expect_sentence(silent, ASK)
    assert page.get_by_test_id("toast-body").count() == 0


def test_a_signed_clip_is_served_byte_for_byte(page: Page, examples: Path, tmp_path: Path) -> None:
    animate(page, examples / "london_009_neutral.jpg", examples / "driving_turn.mp4")
    video = page.locator("#animate-result video")
    expect(video).to_have_attribute("src", re.compile("file="), timeout=LONG_MS)
    played = page.request.get(str(video.get_attribute("src"))).body()
    with page.expect_download() as download:
        page.locator("#animate-download").click()
    saved = Path(download.value.path()).read_bytes()
    assert hashlib.sha256(saved).hexdigest() == hashlib.sha256(played).hexdigest()
    (tmp_path / "saved.mp4").write_bytes(saved)
    found = verify(tmp_path / "saved.mp4")
    assert found.intact
    assert found.declared is not None
    assert found.declared.model_id == "mmfa-s-256"


def test_the_tab_verify_tells_an_intact_file_from_an_altered_one(
    page: Page, studio_url: str, examples: Path, tmp_path: Path
) -> None:
    client = Client(studio_url, verbose=False, download_files=str(tmp_path))
    made = Path(
        client.predict(
            portrait=handle_file(examples / "london_009_neutral.jpg"),
            yaw_deg=10,
            consent=True,
            api_name="/save_pose",
        )
    )
    tab = open_tab(page, "Verify")
    words = tab.locator("#verify-words")
    upload(tab, made)
    expect(words).to_contain_text("This file is intact", timeout=LONG_MS)
    expect(words).to_contain_text("self-made certificate of this installation")
    data = bytearray(made.read_bytes())
    data[-100] ^= 1
    altered = tmp_path / "altered.png"
    altered.write_bytes(data)
    tab.get_by_role("button", name="Clear").click()
    upload(tab, altered)
    expect(words).to_contain_text("was altered since it was signed: the picture", timeout=LONG_MS)


def test_what_is_no_picture_is_told_in_the_tab_and_the_next_file_is_looked_at(
    page: Page, examples: Path, tmp_path: Path
) -> None:
    tab = open_tab(page, "Verify")
    (tmp_path / "notes.txt").write_text("notes")
    upload(tab, tmp_path / "notes.txt")
    words = tab.locator("#verify-words")
    expect(words).to_contain_text("notes.txt is no picture or clip", timeout=LONG_MS)
    tab.get_by_role("button", name="Clear").click()
    upload(tab, examples / "london_009_neutral.jpg")
    expect(words).to_contain_text("declares nothing", timeout=LONG_MS)


def test_the_badge_is_left_out_where_its_tick_is_taken_away(page: Page) -> None:
    tab = open_tab(page, "Pose")
    shown = tab.locator("#pose-picture img")
    pictures = []
    for turn in ("1", "1.5"):
        before = str(shown.get_attribute("src"))
        tab.get_by_label("number input for Turn").fill(turn)
        tab.get_by_label("number input for Turn").press("Enter")
        expect(shown).not_to_have_attribute("src", before, timeout=LONG_MS)
        pictures.append(page.request.get(str(shown.get_attribute("src"))).body())
        page.locator("#badge input").uncheck()
    with_badge, without = (badge_contrast(data) for data in pictures)
    assert with_badge > 150
    assert without < with_badge


def badge_contrast(data: bytes) -> int:
    """Measure how much the middle of the badge's place stands out, 0 to 255."""
    with Image.open(io.BytesIO(data)) as picture:
        frame = np.asarray(picture.convert("L")).astype(int)
    place = frame[-24:-6, -37:-7]
    return int(np.percentile(place, 98) - np.percentile(place, 20))


def test_the_api_makes_nothing_without_consent_and_marks_what_it_makes(
    studio_url: str, own: Path, tmp_path: Path
) -> None:
    client = Client(studio_url, verbose=False, download_files=str(tmp_path))
    call = {"portrait": handle_file(own), "yaw_deg": 10, "api_name": "/edit_pose"}
    with pytest.raises(AppError, match=ASK):
        client.predict(**call)
    shown, _ = client.predict(**call, consent=True)
    path = Path(shown["path"] if isinstance(shown, dict) else shown)
    found = verify(path)
    assert found.intact
    assert found.declared is not None
    sources = [i.sha256 for i in found.declared.ingredients]
    assert sources == [hashlib.sha256(own.read_bytes()).hexdigest()]
    assert read_picture(path).shape == (256, 256, 3)

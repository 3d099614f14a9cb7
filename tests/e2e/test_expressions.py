"""A person mixes expressions: what is seen is measured with the landmarker."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from mmfa_core.face import BLENDSHAPE_NAMES, Face, FaceFinder, whole_crop
from tests.e2e.browser import (
    LONG_MS,
    Watch,
    expect_sentence,
    open_page,
    open_tab,
    picture_of,
    upload,
)

SMILE = [BLENDSHAPE_NAMES.index(f"mouthSmile{side}") for side in ("Left", "Right")]
SLIDES_MS = 300.0  # median from slider to picture on cores that have nothing else to do


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as opened:
        yield opened


@pytest.fixture
def tab(page: Page) -> Locator:
    return open_tab(page, "Expressions")


def see_face(finder: FaceFinder, picture: NDArray[np.uint8]) -> Face:
    found = finder.detect_in_crop(picture, whole_crop(picture.shape))
    assert found is not None, "no face is seen"
    return found


def smile_of(finder: FaceFinder, picture: NDArray[np.uint8]) -> float:
    return float(see_face(finder, picture).blendshapes[SMILE].mean())


def address(shown: Locator) -> str:
    found = shown.locator("img, video").first.get_attribute("src")
    assert found is not None
    return found


def slide(page: Page, slider: str, value: float, shown: str = "#expression-picture") -> None:
    """Move a slider as a hand does, and wait until the picture is another one."""
    before = address(page.locator(shown))
    handle = page.locator(f"{slider} input[type=range]")
    handle.evaluate(
        "(input, value) => { input.value = value;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )
    expect_another(page, before, shown)


def expect_another(page: Page, before: str, shown: str = "#expression-picture") -> None:
    image = page.locator(f"{shown} img").first
    expect(image).not_to_have_attribute("src", before, timeout=LONG_MS)


def choose(page: Page, name: str) -> None:
    before = address(page.locator("#expression-picture"))
    page.get_by_role("tab", name=name, exact=True).click()
    expect_another(page, before)


def test_the_page_opens_with_a_mix_that_can_be_dragged_at_once(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    picture = page.locator("#expression-picture")
    see_face(finder, picture_of(picture))
    slide(page, "#expression-share", 0)
    at_a = picture_of(picture)
    slide(page, "#expression-share", 1)
    at_b = picture_of(picture)
    assert np.abs(at_a.astype(int) - at_b.astype(int)).mean() > 0.5
    assert smile_of(finder, at_b) > smile_of(finder, at_a) + 0.1  # B smiles and A doesn't
    face_a = picture_of(page.locator("#expression-face-a"))
    assert smile_of(finder, face_a) < 0.1


def test_the_strip_goes_from_a_to_b_and_a_click_goes_there(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    frames = page.locator("#expression-strip img")
    expect(frames).to_have_count(7)
    before = address(page.locator("#expression-picture"))
    frames.last.click()
    expect_another(page, before)
    expect(page.locator("#expression-share input[type=range]")).to_have_value("1")
    assert smile_of(finder, picture_of(page.locator("#expression-picture"))) > 0.1


def test_a_slider_answers_within_the_time_that_the_footer_shows(page: Page, tab: Locator) -> None:
    for step in range(8):
        slide(page, "#expression-share", 0.1 * step)
    speed = page.locator("[data-part='Slider to picture']")
    expect(speed).to_contain_text(re.compile(r"\d+ ms \(median of \d+\)"), timeout=LONG_MS)
    told = re.search(r"(\d+) ms", speed.inner_text())
    assert told is not None
    cores = len(os.sched_getaffinity(0))
    crowd = max(1.0, os.getloadavg()[0] / cores)  # others at work on the same cores
    assert float(told[1]) < SLIDES_MS * crowd


def test_a_looping_clip_plays_there_and_back(page: Page, tab: Locator, finder: FaceFinder) -> None:
    page.get_by_role("button", name="Make a looping clip").click()
    clip = page.locator("#expression-clip video")
    expect(clip).to_be_visible(timeout=LONG_MS)
    page.wait_for_function("document.querySelector('#expression-clip video').readyState >= 2")
    assert clip.evaluate("clip => [clip.loop, clip.autoplay]") == [True, True]
    assert clip.evaluate("clip => clip.duration") == pytest.approx(3, abs=0.1)
    see_face(finder, picture_of(page.locator("#expression-clip")))


def test_the_shown_face_can_be_another(page: Page, tab: Locator, finder: FaceFinder) -> None:
    picture = page.locator("#expression-picture")
    before, own = address(picture), picture_of(picture)
    tab.get_by_role("radio", name="C", exact=True).first.check()
    expect_another(page, before)
    other = picture_of(picture)
    see_face(finder, other)
    assert np.abs(own.astype(int) - other.astype(int)).mean() > 10  # another person


def test_another_shown_face_keeps_the_part_that_is_open(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    choose(page, "Sliders")
    slide(page, "#expression-smile", 1)
    picture = page.locator("#expression-picture")
    before = address(picture)
    tab.get_by_role("radio", name="C", exact=True).first.check()
    expect_another(page, before)
    smiling = smile_of(finder, picture_of(picture))
    slide(page, "#expression-smile", 0)
    assert smiling > smile_of(finder, picture_of(picture)) + 0.2  # C smiled by the slider


def test_the_pad_moves_by_mouse_by_keys_and_by_its_sliders(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    choose(page, "Pad")
    pad = page.locator("#expression-pad .pad")
    expect(page.locator("#expression-pad img")).to_have_count(4)
    box = pad.bounding_box()
    assert box is not None
    before = address(page.locator("#expression-picture"))
    page.mouse.click(box["x"] + 0.98 * box["width"], box["y"] + 0.02 * box["height"])
    expect_another(page, before)
    across = page.locator("#expression-pad-x input[type=range]")
    assert float(across.input_value()) > 0.95
    assert smile_of(finder, picture_of(page.locator("#expression-picture"))) > 0.1  # at B
    before = address(page.locator("#expression-picture"))
    page.keyboard.press("Home")
    expect(across).to_have_value("0.5")
    expect_another(page, before)
    slide(page, "#expression-pad-y", 0.9)
    see_face(finder, picture_of(page.locator("#expression-picture")))


def test_expressions_near_a_face_are_drawn_and_more_are_others(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    page.get_by_role("tab", name="Nearby", exact=True).click()
    drawn = page.locator("#expression-neighbours img")
    expect(drawn).to_have_count(6, timeout=LONG_MS)
    first = drawn.first.get_attribute("src") or ""
    page.get_by_role("button", name="Draw six more").click()
    expect(drawn.first).not_to_have_attribute("src", first, timeout=LONG_MS)
    before = address(page.locator("#expression-picture"))
    drawn.nth(3).click()
    expect_another(page, before)
    see_face(finder, picture_of(page.locator("#expression-picture")))


def test_a_difference_of_two_faces_is_put_on_a_third(
    page: Page, tab: Locator, finder: FaceFinder
) -> None:
    choose(page, "Difference")
    slide(page, "#expression-gain", 0)
    without = picture_of(page.locator("#expression-picture"))
    slide(page, "#expression-gain", 2)
    with_it = picture_of(page.locator("#expression-picture"))
    assert smile_of(finder, with_it) > smile_of(finder, without) + 0.1


def test_a_thumbnail_shows_its_own_expression_whatever_the_seed_is_now(
    page: Page, tab: Locator
) -> None:
    choose(page, "Nearby")
    drawn = page.locator("#expression-neighbours img")
    expect(drawn).to_have_count(6, timeout=LONG_MS)
    tab.get_by_label("Seed").fill("77")  # typed, not sent yet
    before = address(page.locator("#expression-picture"))
    clicked = page.get_by_role("button", name="Thumbnail 4 of 6")
    wanted = picture_of(clicked)
    clicked.evaluate("button => button.click()")  # leaves the box as it is
    expect_another(page, before)
    seen = picture_of(page.locator("#expression-picture"))
    assert np.abs(seen.astype(int) - wanted.astype(int)).mean() < 2


def test_two_quick_clicks_for_more_end_with_the_newest(page: Page, tab: Locator) -> None:
    choose(page, "Nearby")
    found = page.locator("#expression-neighbours")
    expect(found).to_contain_text("seed 1", timeout=LONG_MS)
    page.get_by_role("button", name="Draw six more").dblclick()
    expect(tab.get_by_label("Seed")).to_have_value("13")
    expect(found).to_contain_text("seed 18", timeout=LONG_MS)


def test_a_link_with_settings_shows_their_strip_too(
    page: Page, tab: Locator, browser: Browser, studio_url: str, watch: Watch
) -> None:
    usual = address(page.locator("#expression-strip"))
    link = "?recipe=1&tab=expressions&identity=C"
    with open_page(browser, studio_url, watch, path=link) as linked:
        strip = linked.locator("#expression-strip img").first
        expect(strip).not_to_have_attribute("src", usual, timeout=LONG_MS)


def test_a_named_slider_does_what_it_says(page: Page, tab: Locator, finder: FaceFinder) -> None:
    choose(page, "Sliders")
    slide(page, "#expression-smile", 0.01)
    before = smile_of(finder, picture_of(page.locator("#expression-picture")))
    slide(page, "#expression-smile", 1)
    assert smile_of(finder, picture_of(page.locator("#expression-picture"))) > before + 0.2
    was = address(page.locator("#expression-picture"))
    page.get_by_role("button", name="Back to the face as it is").click()
    expect_another(page, was)
    expect(page.locator("#expression-smile input[type=range]")).to_have_value("0")


def test_another_face_of_one_s_own_changes_the_picture_the_strip_and_the_pad(
    page: Page, tab: Locator, finder: FaceFinder, examples: Path
) -> None:
    picture = page.locator("#expression-picture")
    before, strip = address(picture), page.locator("#expression-strip img").first
    old = strip.get_attribute("src") or ""
    slot = page.locator("#expression-face-a")
    slot.get_by_role("button", name="Clear").or_(slot.get_by_label("Remove")).first.click()
    upload(slot, examples / "astronaut.jpg")
    expect_another(page, before)
    expect(strip).not_to_have_attribute("src", old, timeout=LONG_MS)
    assert smile_of(finder, picture_of(picture)) > 0.1


@pytest.mark.parametrize("kind", ["no face", "no picture"])
def test_a_picture_that_can_t_be_used_gives_a_sentence_and_nothing_is_lost(
    page: Page, tab: Locator, tmp_path: Path, kind: str
) -> None:
    from PIL import Image

    bad = tmp_path / "wall.png"
    if kind == "no face":
        Image.new("RGB", (300, 300), "grey").save(bad)
    else:
        bad.write_bytes(b"this is no picture")
    before = address(page.locator("#expression-picture"))
    slot = page.locator("#expression-face-b")
    slot.get_by_role("button", name="Clear").or_(slot.get_by_label("Remove")).first.click()
    upload(slot, bad)
    expect_sentence(page, "face" if kind == "no face" else "picture")
    assert address(page.locator("#expression-picture")) == before
    put_back = slot.locator("img").first
    expect(put_back).to_have_attribute("src", re.compile("london_009_smiling"), timeout=LONG_MS)
    slide(page, "#expression-share", 0.8)


def test_a_narrow_screen_shows_the_slider_under_the_picture(narrow_page: Page) -> None:
    open_tab(narrow_page, "Expressions")
    picture = narrow_page.locator("#expression-picture").bounding_box()
    slider = narrow_page.locator("#expression-share").bounding_box()
    assert picture is not None
    assert slider is not None
    assert picture["y"] + picture["height"] <= slider["y"] <= picture["y"] + 844
    slide(narrow_page, "#expression-share", 0.9)

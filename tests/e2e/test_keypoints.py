"""A person looks at keypoints: over the picture, in space, over time, and in files."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from safetensors.numpy import load_file

from tests.e2e.browser import LONG_MS, expect_sentence, open_tab, picture_of, upload
from tests.e2e.test_expressions import address, expect_another, slide

KEYPOINTS = 50


@pytest.fixture
def tab(page: Page) -> Locator:
    return open_tab(page, "Keypoints")


def saved(page: Page, button: str, where: str, file_format: str, part: Locator) -> Path:
    """Ask for a file in a format, and save it."""
    part.get_by_role("radio", name=file_format).check()
    page.get_by_role("button", name=button).click()
    link = page.locator(f"{where} a[href*='.{file_format}']").first
    expect(link).to_be_visible(timeout=LONG_MS)
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path())


def numbers_in(file_format: str, path: Path) -> tuple[int, float]:
    """Read how many keypoints a file of one portrait has, and x of the first posed one."""
    if file_format == "json":
        posed = json.loads(path.read_text())["posed"]
        return len(posed), posed[0][0]
    if file_format == "csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
        return len(rows), float(rows[0]["posed_x"])
    arrays = load_file(path)
    return len(arrays["posed"]), float(arrays["posed"][0, 0])


def test_each_stage_is_drawn_over_the_picture_and_in_space(page: Page, tab: Locator) -> None:
    posed = picture_of(page.locator("#keypoint-picture"))
    saturated = posed.max(-1).astype(int) - posed.min(-1)
    assert (saturated > 110).mean() > 0.004  # coloured dots lie on the face
    for name in ("Canonical", "Expressed"):
        before = address(page.locator("#keypoint-picture"))
        tab.get_by_role("radio", name=name).check()
        expect_another(page, before, "#keypoint-picture")
        expect(page.locator("#keypoint-words")).to_contain_text(name)
        expect(page.locator("#keypoint-space .key")).to_contain_text(f"{KEYPOINTS} keypoints")


def test_the_points_in_space_can_be_turned_by_mouse_and_keys(page: Page, tab: Locator) -> None:
    space = page.locator("#keypoint-space")
    seen = [picture_of(space)]
    box = space.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 120, steps=3)
    page.mouse.up()
    seen.append(picture_of(space))
    page.keyboard.press("Home")
    seen.append(picture_of(space))
    page.keyboard.press("ArrowLeft")
    seen.append(picture_of(space))
    for one, other in itertools.pairwise(seen):
        assert (one != other).any()


def test_a_turn_shows_in_the_picture_the_flow_and_the_masks(page: Page, tab: Locator) -> None:
    before = picture_of(page.locator("#keypoint-result"))
    coloured = picture_of(page.locator("#keypoint-dense-flow"))
    assert (coloured.max(-1).astype(int) - coloured.min(-1) > 60).mean() > 0.05
    panel = page.locator("#tab-keypoints")
    turn = panel.get_by_role("slider", name="Turn").first
    was = address(page.locator("#keypoint-result"))
    turn.evaluate(
        "input => { input.value = -15; input.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    expect_another(page, was, "#keypoint-result")
    after = picture_of(page.locator("#keypoint-result"))
    assert np.abs(before.astype(int) - after.astype(int)).mean() > 3
    for name in ("occlusion", "blend"):
        mask = picture_of(page.locator(f"#keypoint-{name}"))
        assert mask.std() > 2


def test_a_portrait_s_keypoints_are_the_same_in_every_format(page: Page, tab: Locator) -> None:
    found = []
    for file_format in ("json", "csv", "safetensors"):
        part = page.locator("#keypoint-file-format")
        path = saved(page, "Save these keypoints", "#keypoint-file", file_format, part)
        found.append(numbers_in(file_format, path))
    assert [count for count, _ in found] == [KEYPOINTS] * 3
    assert [x for _, x in found] == pytest.approx([found[0][1]] * 3, abs=1e-4)


def test_portrait_and_driver_are_compared_over_time(page: Page, tab: Locator) -> None:
    tab.get_by_role("button", name="driving_turn").or_(
        page.locator("#keypoint-clips button, #keypoint-clips .gallery-item").last
    ).first.click()
    page.get_by_role("button", name="Compare over time").click()
    expect(page.locator("#keypoint-driver img")).to_be_visible(timeout=2 * LONG_MS)
    expect(page.locator("#keypoint-compared")).to_contain_text("frames, the driver's face in")
    first = [picture_of(page.locator(f"#keypoint-{who}")) for who in ("source", "driver")]
    frame = page.locator("#keypoint-frame input[type=range]")
    last = int(float(frame.get_attribute("max") or 0))
    assert last > 10
    slide(page, "#keypoint-frame", last // 2, "#keypoint-source")
    expect(page.locator("#keypoint-space-over .key")).to_contain_text(f"frame {last // 2}")
    for who, before in zip(("source", "driver"), first, strict=True):
        now = picture_of(page.locator(f"#keypoint-{who}"))
        assert np.abs(now.astype(int) - before.astype(int)).mean() > 0.5
    part = page.locator("#keypoint-tracks-format")
    path = saved(page, "Save both over time", "#keypoint-tracks", "safetensors", part)
    tracks = load_file(path)
    assert tracks["source.posed"].shape == tracks["driver.posed"].shape
    assert tracks["source.posed"].shape == (last + 1, KEYPOINTS, 3)


def test_saving_before_comparing_gives_a_sentence(page: Page, tab: Locator) -> None:
    page.get_by_role("button", name="Save both over time").click()
    expect_sentence(page, "Press Compare first")


def test_a_picture_without_a_face_gives_a_sentence_and_the_keypoints_stay(
    page: Page, tab: Locator, tmp_path: Path
) -> None:
    from PIL import Image

    wall = tmp_path / "wall.png"
    Image.new("RGB", (300, 300), "grey").save(wall)
    before = address(page.locator("#keypoint-picture"))
    slot = page.locator("#keypoint-portrait")
    slot.get_by_role("button", name="Clear").or_(slot.get_by_label("Remove")).first.click()
    upload(slot, wall)
    expect_sentence(page, "face")
    assert address(page.locator("#keypoint-picture")) == before
    expect(slot.locator("img").first).to_be_visible()

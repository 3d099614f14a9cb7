"""Sliders with their number boxes, and photos of a webcam, as a person uses them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browser import LEFT, LONG_MS, Watch, open_page, open_tab


@pytest.fixture
def pose(page: Page) -> Locator:
    panel = open_tab(page, "Pose")
    expect(panel.locator("#pose-picture img")).to_be_visible(timeout=LONG_MS)
    return panel


def typed(panel: Locator, name: str, text: str) -> Locator:
    """Type into the number box of a slider, key by key, and stay there."""
    box = panel.locator(f"#pose-{name} input[type=number]")
    box.click()
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(text)
    return box


def expect_another(panel: Locator, before: str | None) -> str | None:
    image = panel.locator("#pose-picture img")
    expect(image).not_to_have_attribute("src", before or "", timeout=LONG_MS)
    return image.get_attribute("src")


def shown(panel: Locator) -> str | None:
    return panel.locator("#pose-picture img").get_attribute("src")


@pytest.mark.parametrize(
    ("name", "text", "becomes"),
    [
        ("yaw_deg", "40", "20"),  # beyond the slider
        ("scale", "0.95", "0.95"),  # "0" and "0." on the way are below it
        ("yaw_deg", "-99", "-20"),
    ],
)
def test_a_number_is_typed_without_errors_and_the_picture_follows(
    pose: Locator, name: str, text: str, becomes: str
) -> None:
    before = shown(pose)
    box = typed(pose, name, text)
    box.press("Enter")
    expect(box).to_have_value(becomes)
    expect(pose.locator(f"#pose-{name} input[type=range]")).to_have_value(becomes)
    expect_another(pose, before)
    expect(pose.page.get_by_test_id("toast-body")).to_have_count(0)


def test_an_emptied_box_gets_the_slider_s_number_again(pose: Locator) -> None:
    before = shown(pose)
    typed(pose, "yaw_deg", "15")
    before = expect_another(pose, before)
    box = typed(pose, "yaw_deg", "")
    box.blur()
    expect(box).to_have_value("15")
    expect(pose.page.get_by_test_id("toast-body")).to_have_count(0)


def test_the_reset_of_a_slider_changes_the_picture(pose: Locator) -> None:
    before = shown(pose)
    box = typed(pose, "yaw_deg", "15")
    before = expect_another(pose, before)
    pose.locator("#pose-yaw_deg [data-testid=reset-button]").click()
    expect(box).to_have_value("0")
    expect_another(pose, before)


@pytest.fixture(scope="module")
def camera(
    browser: Browser, examples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser with a pretended webcam, which somebody looks into."""
    clip = tmp_path_factory.mktemp("webcam") / "face.mjpeg"
    with Image.open(examples / "astronaut.jpg") as picture, io.BytesIO() as frame:
        ImageOps.pad(picture.convert("RGB"), (640, 480)).save(frame, "JPEG")
        clip.write_bytes(30 * frame.getvalue())
    opened = browser.browser_type.launch(
        executable_path="/usr/bin/chromium",
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={clip}",
        ],
    )
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("tab", "place", "picture"),
    [
        ("Expressions", "#expression-face-b", "#expression-picture img"),
        ("Pose", "#pose-portrait", "#pose-picture img"),
        ("Keypoints", "#keypoint-portrait", "#keypoint-picture img"),
    ],
)
def test_a_photo_of_the_webcam_is_taken_like_a_file(
    camera: Browser, studio_url: str, tab: str, place: str, picture: str
) -> None:
    with open_page(camera, studio_url, Watch(studio_url, tolerated=[*LEFT])) as page:
        panel = open_tab(page, tab)
        where, result = panel.locator(place), panel.locator(picture).first
        before = result.get_attribute("src")
        where.get_by_label("Clear").or_(where.get_by_label("Remove")).first.click()
        where.get_by_label("Webcam").or_(where.get_by_label("Capture from camera")).first.click()
        where.get_by_text("Click to Access Webcam").click()
        where.get_by_label("capture photo").click()
        expect(result).to_be_visible(timeout=LONG_MS)
        expect(result).not_to_have_attribute("src", before or "", timeout=LONG_MS)
        expect(page.get_by_test_id("toast-body")).to_have_count(0)

"""The tab Pose as a person uses it: what is seen is measured by the landmarker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Locator, Page, expect

from mmfa_core.face import FaceFinder
from mmfa_core.media import probe_clip, read_clip, read_picture, write_picture
from tests.e2e.browser import LONG_MS, expect_sentence, open_tab, picture_of, upload

TRIES = 40
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
READ_ME = {"api_name": "/edit_pose"}


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as opened:
        yield opened


@pytest.fixture
def pose(page: Page) -> Locator:
    panel = open_tab(page, "Pose")
    expect(panel.locator("#pose-picture img")).to_be_visible()
    return panel


def number(panel: Locator, name: str) -> Locator:
    return panel.locator(f"#pose-{name} input[type=number]")


def value(panel: Locator, name: str) -> float:
    return float(number(panel, name).input_value())


def yaw_of(finder: FaceFinder, frame: np.ndarray) -> float:
    return finder.detect_faces(frame)[0].pose.yaw_deg


def shown(panel: Locator) -> np.ndarray:
    return picture_of(panel.locator("#pose-picture"))


def look_until(panel: Locator, right: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Wait for new pictures until one is right."""
    image = panel.locator("#pose-picture img")
    for _ in range(TRIES):
        source = image.get_attribute("src")
        frame = shown(panel)
        if right(frame):
            return frame
        panel.page.wait_for_function(
            "old => document.querySelector('#pose-picture img')?.src !== old",
            arg=source,
            timeout=LONG_MS,
        )
    raise AssertionError("the picture never became what was asked for")


def drag(panel: Locator, across: float, along: float, *, shift: bool = False) -> None:
    """Drag the picture from its middle by shares of its width and height."""
    box = panel.locator("#pose-picture img").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page = panel.page
    page.mouse.move(x, y)
    if shift:
        page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(x + across * box["width"], y + along * box["height"], steps=6)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def near(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b.astype(int)).mean()) < 0.5


def test_a_portrait_is_there_at_once_and_follows_the_slider(pose, finder):
    start = yaw_of(finder, shown(pose))
    for asked in (-15, 15):
        number(pose, "yaw_deg").fill(str(asked))
        low, high = sorted((start + 0.5 * asked, start + 1.5 * asked))
        look_until(pose, lambda frame, a=low, b=high: a < yaw_of(finder, frame) < b)


def test_dragging_the_picture_turns_the_head_the_same_way(pose, finder):
    start = yaw_of(finder, shown(pose))
    drag(pose, 0.25, 0)
    expect(number(pose, "yaw_deg")).to_have_value("15")
    look_until(pose, lambda frame: yaw_of(finder, frame) > start + 7)
    drag(pose, -0.5, 0)
    expect(number(pose, "yaw_deg")).to_have_value("-15")
    look_until(pose, lambda frame: yaw_of(finder, frame) < start - 7)


def test_reset_brings_the_portrait_back(pose):
    before = shown(pose)
    drag(pose, 0.2, -0.1)
    look_until(pose, lambda frame: not near(frame, before))
    pose.get_by_role("button", name="Reset", exact=True).click()
    expect(number(pose, "yaw_deg")).to_have_value("0")
    look_until(pose, lambda frame: near(frame, before))


def test_shift_wheel_and_keys_move_size_and_turn_and_home_brings_back(pose):
    before = shown(pose)
    drag(pose, 0.05, 0.05, shift=True)
    assert value(pose, "tx") == pytest.approx(0.1, abs=0.006)
    assert value(pose, "ty") == pytest.approx(0.1, abs=0.006)
    assert value(pose, "yaw_deg") == 0
    pose.page.mouse.wheel(0, -100)
    expect(number(pose, "scale")).to_have_value("1.04")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "Comma", "Shift+ArrowRight", "-"):
        pose.page.keyboard.press(key)
    assert value(pose, "yaw_deg") == -2
    assert value(pose, "pitch_deg") == 1
    assert value(pose, "roll_deg") == 1
    assert value(pose, "tx") == pytest.approx(0.11, abs=0.006)
    assert value(pose, "scale") == pytest.approx(1.03)
    look_until(pose, lambda frame: not near(frame, before))
    pose.page.keyboard.press("Home")
    look_until(pose, lambda frame: near(frame, before))
    assert value(pose, "tx") == 0


def test_fingers_turn_and_pinch(browser, studio_url, watch):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.set_default_timeout(30_000)
    page = context.new_page()
    watch.look_at(page)
    page.goto(studio_url)
    panel = open_tab(page, "Pose")
    image = panel.locator("#pose-picture img")
    expect(image).to_be_visible()
    box = image.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (x, y))
    fingers("touchMove", (x + box["width"] / 6, y))
    fingers("touchEnd")
    expect(number(panel, "yaw_deg")).to_have_value("10")
    fingers("touchStart", (x - 50, y), (x + 50, y))
    fingers("touchMove", (x - 53, y), (x + 53, y))
    fingers("touchEnd")
    expect(number(panel, "scale")).to_have_value(re.compile(r"1\.0[56]"))
    expect(number(panel, "yaw_deg")).to_have_value("10")
    context.close()


def test_a_turned_face_can_be_made_to_face_the_viewer(pose, finder, examples, tmp_path):
    frames = list(read_clip(examples / "driving_turn.mp4"))
    turned = max(frames, key=lambda f: min(abs(yaw_of(finder, f)), 25))
    asked = abs(yaw_of(finder, turned))
    upload(pose.locator("#pose-portrait"), write_picture(tmp_path / "turned.png", turned))
    look_until(pose, lambda frame: abs(yaw_of(finder, frame)) > 0.7 * asked)
    expect(pose.locator("#pose-about")).to_contain_text("turned")
    pose.get_by_role("button", name="Face the viewer").click()
    expect(number(pose, "frontalise")).to_have_value("1")
    look_until(pose, lambda frame: abs(yaw_of(finder, frame)) < 0.6 * asked)


def test_before_and_after_stand_side_by_side(pose):
    number(pose, "yaw_deg").fill("12")
    pose.get_by_label("Before and after").check()
    pair = pose.locator("#pose-compared img")
    expect(pair).to_have_count(2, timeout=LONG_MS)
    expect(pair.first).to_be_visible()
    expect(pose.locator("#pose-picture")).to_be_hidden()


def test_the_whole_portrait_is_saved_with_the_edit_in_it(pose, examples, tmp_path):
    portrait = read_picture(examples / "london_034_smiling.jpg")
    wide = np.pad(portrait, ((60, 60), (100, 100), (0, 0)), mode="edge")
    before = shown(pose)
    upload(pose.locator("#pose-portrait"), write_picture(tmp_path / "wide.png", wide))
    look_until(pose, lambda frame: not near(frame, before))
    pose.get_by_label("Whole portrait").check()
    number(pose, "yaw_deg").fill("15")
    look_until(pose, lambda frame: frame.shape == wide.shape)
    with pose.page.expect_download(timeout=LONG_MS) as download:
        pose.get_by_role("button", name="Save PNG").click()
    saved = read_picture(download.value.path())
    assert download.value.suggested_filename == "pose.png"
    assert saved.shape == wide.shape
    assert (saved[:, :20] == wide[:, :20]).all()
    assert np.abs(saved.astype(int) - wide).mean() > 1


def test_a_picture_without_a_face_is_told_and_what_was_there_stays(pose, tmp_path, finder):
    before = shown(pose)
    grey = write_picture(tmp_path / "grey.png", np.full((300, 300, 3), 120, np.uint8))
    upload(pose.locator("#pose-portrait"), grey)
    expect_sentence(pose.page, "No face was found")
    look_until(pose, lambda frame: near(frame, before))
    expect(pose.locator("#pose-portrait img")).to_have_attribute("src", re.compile("london"))
    number(pose, "yaw_deg").fill("15")
    look_until(pose, lambda frame: yaw_of(finder, frame) > 6)


def test_a_file_that_is_no_picture_is_told(pose, tmp_path):
    before = shown(pose)
    file = tmp_path / "notes.png"
    file.write_text("not a picture")
    upload(pose.locator("#pose-portrait"), file)
    expect_sentence(pose.page, "picture")
    assert near(shown(pose), before)


# ------------------------------------------------------------------------------- timeline


def render(panel: Locator) -> Path:
    """Press Render clip, wait for the clip and fetch it."""
    panel.get_by_role("button", name="Render clip").click()
    expect(panel.locator("#pose-status")).to_contain_text("Done", timeout=2 * LONG_MS)
    with panel.page.expect_download(timeout=LONG_MS) as download:
        panel.locator("#pose-clip a[download], #pose-clip [aria-label=Download]").first.click()
    return Path(download.value.path())


def test_the_clip_over_the_still_follows_its_keyframes(pose, finder):
    clip = render(pose)
    assert (probe_clip(clip).frames, probe_clip(clip).fps) == (75, 25)
    frames = list(read_clip(clip))
    yaw = {at: yaw_of(finder, frames[int(at * 25)]) for at in (0, 0.9, 1.5, 2.1, 2.96)}
    assert yaw[0.9] < yaw[0] - 7
    assert yaw[2.1] > yaw[0] + 7
    assert yaw[0.9] < yaw[1.5] < yaw[2.1]
    assert yaw[2.96] == pytest.approx(yaw[0], abs=2)


def test_keyframes_are_set_looked_at_and_removed(pose, finder):
    curves, rows = pose.locator("#pose-curves svg").first, pose.locator("#pose-table tbody tr")
    expect(curves).to_have_attribute("aria-label", "4 keyframes over 3 seconds")
    number(pose, "time").fill("0.9")
    expect(number(pose, "yaw_deg")).to_have_value("-15")  # the moment shows its own values
    look_until(pose, lambda frame: yaw_of(finder, frame) < -6)
    pose.get_by_role("button", name="Remove it").click()
    expect(curves).to_have_attribute("aria-label", "3 keyframes over 3 seconds")
    number(pose, "roll_deg").fill("10")
    pose.get_by_role("button", name="Set keyframe").click()
    expect(curves).to_have_attribute("aria-label", "4 keyframes over 3 seconds")
    expect(pose.locator("#pose-curves")).to_contain_text("Tilt")
    expect(rows.filter(has_text="0.9").first).to_contain_text("10")


def test_a_ready_made_movement_replaces_the_keyframes(pose):
    pose.get_by_label("Ready-made movement").click()
    pose.page.get_by_role("option", name="Nod yes").click()
    curves = pose.locator("#pose-curves")
    expect(curves.locator("svg").first).to_have_attribute(
        "aria-label", "6 keyframes over 3 seconds"
    )
    expect(curves).to_contain_text("Nod")


def test_the_clip_over_a_driver_keeps_its_frames_and_rate(pose, examples):
    pose.get_by_text("Over a driving clip").click()
    upload(pose.locator("#pose-driving"), examples / "driving_turn.mp4")
    expect(pose.locator("#pose-driving video")).to_be_visible(timeout=LONG_MS)
    clip, driver = probe_clip(render(pose)), probe_clip(examples / "driving_turn.mp4")
    expect(number(pose, "time")).to_have_attribute("max", f"{driver.duration_s:.2f}")
    assert (clip.frames, clip.fps) == (driver.frames, driver.fps)
    expect(pose.locator("#pose-status")).to_contain_text("after the end of the clip")


def test_cancel_stops_the_render_and_the_page_goes_on(pose, finder):
    number(pose, "seconds").fill("20")
    number(pose, "seconds").press("Enter")
    expect(pose.locator("#pose-curves")).to_contain_text("20 s")
    status = pose.locator("#pose-status")
    pose.get_by_role("button", name="Render clip").click()
    expect(status).to_contain_text("Frame", timeout=LONG_MS)
    pose.locator("#pose-cancel").click()
    expect(status).to_contain_text(re.compile(r"Stopped; the \d+ frames so far"), timeout=LONG_MS)
    expect(pose.locator("#pose-clip video")).to_be_visible()
    number(pose, "yaw_deg").fill("15")
    look_until(pose, lambda frame: yaw_of(finder, frame) > 6)
    number(pose, "seconds").fill("3")
    number(pose, "seconds").press("Enter")
    expect(pose.locator("#pose-curves")).to_contain_text("1.5 s")
    assert probe_clip(render(pose)).frames == 75


# ------------------------------------------------------------------------------------ API


@pytest.fixture(scope="module")
def client(studio_url: str) -> Client:
    return Client(studio_url, verbose=False)


@pytest.fixture
def portrait(examples: Path) -> dict:
    return handle_file(examples / "london_009_neutral.jpg")


def test_the_api_edits_a_portrait_with_named_numbers(client, portrait, finder):
    still, _ = client.predict(portrait=portrait, **READ_ME)
    turned, _ = client.predict(portrait=portrait, yaw_deg=15, **READ_ME)
    assert yaw_of(finder, read_picture(turned)) > yaw_of(finder, read_picture(still)) + 7


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"yaw_deg": 999}, "yaw_deg is 999; allowed are -60 to 60 degrees."),
        ({"scale": -1}, "scale is -1; allowed are 0.5 to 2 factor."),
        ({"yaw_deg": None}, "Turn is empty, not a number that can be used. Give one."),
        ({"view": "sideways"}, "sideways"),
        ({"portrait": None}, "There is no portrait yet."),
    ],
)
def test_bad_values_from_the_api_give_one_sentence(client, portrait, values, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**{"portrait": portrait, **values}, **READ_ME)
    words = str(caught.value)
    assert sentence in words
    assert "Traceback" not in words


def test_keyframes_from_the_api_may_be_later_and_wider_than_the_sliders(client, portrait):
    table = client.predict(
        keyframes={"headers": [], "data": [], "metadata": None},
        time_s=8,
        easing="linear",
        yaw_deg=30,
        api_name="/set_keyframe",
    )
    assert table["data"][0][:2] == [8, 30]
    words = client.predict(keyframes=table, seconds=25, fps="50", api_name="/show_curves")
    assert "1 keyframe over 25 seconds" in words


def test_bad_keyframes_from_the_api_give_one_sentence(client, portrait):
    table = {"headers": [], "data": [["soon", 1]], "metadata": None}
    with pytest.raises(AppError, match="its time is 'soon', not a number"):
        client.predict(
            portrait=portrait, keyframes=table, consent=True, api_name="/render_timeline"
        )

"""A person animates a portrait: what is seen is checked, also when things go wrong."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from mmfa_core.face import FaceFinder
from mmfa_core.media import ClipInfo, probe_clip, read_clip, read_picture, write_picture
from tests.e2e.browser import LEFT, LONG_MS, Watch, expect_sentence, open_page, open_tab, upload

FRAMES = 23  # of driving_turn.mp4
Rendering = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def tab(page: Page) -> Locator:
    return open_tab(page, "Animate")


@pytest.fixture
def saved(page: Page, tmp_path: Path) -> Callable[[str], Path]:
    """Save what a player shows to a file."""

    def save(where: str) -> Path:
        video = page.locator(f"{where} video")
        expect(video).to_have_attribute("src", re.compile("file="), timeout=LONG_MS)
        answer = page.request.get(str(video.get_attribute("src")))
        assert answer.ok
        path = tmp_path / f"{where.strip('#')}.mp4"
        path.write_bytes(answer.body())
        return path

    return save


def give(tab: Locator, portrait: Path | None = None, clip: Path | None = None) -> None:
    if portrait is not None:
        upload(tab.locator("#animate-portrait"), portrait)
        expect(tab.locator("#animate-framed img")).to_be_visible(timeout=LONG_MS)
    if clip is not None:
        upload(tab.locator("#animate-clip"), clip)
        expect_report(tab, "Drive doctor")


def expect_report(tab: Locator, text: str) -> None:
    expect(tab.locator("#animate-report")).to_contain_text(text, timeout=LONG_MS)


def expect_progress(tab: Locator, text: str | re.Pattern[str]) -> None:
    expect(tab.locator("#animate-progress")).to_contain_text(text, timeout=LONG_MS)


def press(tab: Locator, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


def animate_four_frames(tab: Locator) -> None:
    tab.get_by_label("End, s").fill("0.3")
    press(tab, "Animate")
    expect_progress(tab, "Done: 4 frames")


def yaws(clip: Path, info: ClipInfo) -> np.ndarray:
    """Measure how the head is turned in every frame, degrees; NaN without a face."""
    found = []
    with FaceFinder() as finder:
        for frame in read_clip(clip, info=info):
            faces = finder.detect_faces(frame, thorough=False)
            found.append(faces[0].pose.yaw_deg if faces else np.nan)
    return np.array(found)


def test_the_portrait_follows_the_clip_from_where_the_doctor_starts_it(
    tab: Locator, examples: Path, saved: Callable[[str], Path]
) -> None:
    clip = examples / "driving_turn.mp4"
    give(tab, examples / "london_009_neutral.jpg", clip)
    expect_report(tab, "It starts with the head turned 38 degrees")
    press(tab, "Start at 0.7 s")
    expect(tab.get_by_label("Start, s")).to_have_value("0.747")
    expect_report(tab, "It starts calm and facing the camera")
    expect(tab.get_by_role("button", name="Start at 0.7 s")).to_be_hidden()
    press(tab, "Animate")
    expect_progress(tab, "Done: 14 frames")
    path = saved("#animate-result")
    driver, made = probe_clip(clip).trimmed(0.747), probe_clip(path)
    assert made.frames == driver.frames == 14
    assert made.fps == driver.fps
    turned, asked = yaws(path, made), yaws(clip, driver)
    seen = ~np.isnan(turned) & ~np.isnan(asked)
    assert seen.mean() > 0.9
    assert np.corrcoef(turned[seen], asked[seen])[0, 1] > 0.9
    assert np.ptp(turned[seen]) > 15
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_examples_are_one_click_and_sound_is_kept(
    tab: Locator, saved: Callable[[str], Path]
) -> None:
    tab.locator("#animate-portrait ~ * img, #animate-portrait ~ * button img").first.click()
    expect(tab.locator("#animate-framed img")).to_be_visible(timeout=LONG_MS)
    tab.locator("#animate-clip ~ * video").first.click()
    expect_report(tab, "It has sound")
    tab.get_by_label("End, s").fill("0.5")
    press(tab, "Animate")
    expect_progress(tab, "Done: 15 frames")
    made = probe_clip(saved("#animate-result"))
    assert (made.frames, made.fps, made.has_sound) == (15, 30, True)


# Remembers what the page shows meanwhile: on a fast machine it is gone before it is asked for.
WATCH_LIVE = """() => {
    window.seenLive = {played: 0, told: []};
    document.addEventListener('timeupdate', ({target}) => {
        if (target.closest('#animate-live')) {
            window.seenLive.played = Math.max(window.seenLive.played, target.currentTime);
        }
    }, true);
    const tell = () => {
        const words = document.querySelector('#animate-progress')?.textContent ?? '';
        if (words !== window.seenLive.told.at(-1)) window.seenLive.told.push(words);
    };
    new MutationObserver(tell).observe(
        document.body, {childList: true, subtree: true, characterData: true});
}"""


def test_the_clip_can_be_watched_while_it_is_rendered(
    page: Page, tab: Locator, examples: Path
) -> None:
    give(tab, examples / "london_009_neutral.jpg", examples / "driving_expressive.mp4")
    tab.get_by_label("End, s").fill("5")
    page.evaluate(WATCH_LIVE)
    press(tab, "Animate")
    expect(tab.locator("#animate-progress")).to_contain_text(
        "Done: 120 frames", timeout=2 * LONG_MS
    )
    assert page.evaluate("window.seenLive.played > 0.1")
    told = page.evaluate("window.seenLive.told")
    assert any(re.search(r"Frame \d+ of 120, \d+ s left", words) for words in told)
    expect(tab.locator("#animate-result video")).to_be_visible()


def test_a_preview_shows_both_modes_and_one_is_chosen(
    tab: Locator, examples: Path, saved: Callable[[str], Path]
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    press(tab, "Preview 2 s")
    expect_progress(tab, "Two seconds of each")
    relative, absolute = saved("#animate-preview-relative"), saved("#animate-preview-absolute")
    assert probe_clip(relative).frames == probe_clip(absolute).frames == FRAMES
    assert relative.read_bytes() != absolute.read_bytes()
    press(tab, "Use absolute")
    expect(tab.get_by_label("Absolute", exact=True)).to_be_checked()


def test_a_face_is_chosen_by_its_thumbnail_and_framed(
    tab: Locator, examples: Path, tmp_path: Path
) -> None:
    names = ("london_009_neutral.jpg", "astronaut.jpg")
    both = np.concatenate([read_picture(examples / name) for name in names], 1)
    give(tab, write_picture(tmp_path / "both.png", both))
    expect(tab.locator("#animate-portrait-words")).to_contain_text("2 faces were found")
    tab.get_by_role("button", name="Move it by hand").click()
    left = tab.locator("#animate-crop-x input[type=number]")
    before = float(left.input_value())
    tab.locator("#animate-faces button img").nth(1).click()
    expect(left).not_to_have_value(f"{before:g}", timeout=LONG_MS)
    assert abs(float(left.input_value()) - before) > 100


# --------------------------------------------------------------- while another person renders


@pytest.fixture
def rendering(browser: Browser, studio_url: str, examples: Path) -> Iterator[Rendering]:
    """Let another person render, so that whatever computes must wait, until they leave."""
    other = Watch(studio_url, tolerated=[*LEFT])

    @contextmanager
    def begin() -> Iterator[None]:
        with open_page(browser, studio_url, other) as opened:
            tab = open_tab(opened, "Animate")
            give(tab, examples / "london_034_neutral.jpg", examples / "driving_expressive.mp4")
            press(tab, "Animate")
            expect_progress(tab, re.compile(r"Frame \d+ of 236"))
            yield

    yield begin
    other.check()


def test_of_two_faces_that_are_clicked_while_the_first_waits_the_last_is_framed(
    page: Page, tab: Locator, examples: Path, tmp_path: Path, rendering: Rendering
) -> None:
    names = ("london_009_neutral.jpg", "london_034_neutral.jpg", "london_114_smiling.jpg")
    pictures = [read_picture(examples / name)[:256, :256] for name in names]
    give(tab, write_picture(tmp_path / "three.png", np.concatenate(pictures, 1)))
    expect(tab.locator("#animate-portrait-words")).to_contain_text("3 faces were found")
    tab.get_by_role("button", name="Move it by hand").click()
    left = tab.locator("#animate-crop-x input[type=number]")
    faces = tab.locator("#animate-faces button img")

    def framed(face: int) -> str:
        before = left.input_value()
        faces.nth(face).click()
        expect(left).not_to_have_value(before, timeout=LONG_MS)
        return left.input_value()

    second, third = framed(1), framed(2)
    framed(0)
    with rendering():
        faces.nth(1).click()
        faces.nth(2).click()
    assert second != third
    expect(left).to_have_value(third, timeout=LONG_MS)


def test_a_picture_given_while_one_that_is_none_still_waits_is_looked_at(
    tab: Locator, examples: Path, tmp_path: Path, rendering: Rendering
) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    with rendering():
        upload(tab.locator("#animate-portrait"), tmp_path / "notes.jpg")
        slot = tab.locator("#animate-portrait")
        slot.get_by_role("button", name="Clear").or_(slot.get_by_label("Remove")).first.click()
        upload(tab.locator("#animate-portrait"), examples / "london_034_neutral.jpg")
    words = tab.locator("#animate-portrait-words")
    expect(words).to_contain_text("The face was found", timeout=LONG_MS)
    expect(tab.locator("#animate-framed img")).to_be_visible()


def test_the_motion_of_a_clip_that_is_replaced_is_not_shown_under_the_next(
    tab: Locator, examples: Path, rendering: Rendering
) -> None:
    give(tab, clip=examples / "driving_turn.mp4")
    with rendering():
        press(tab, "Save its motion")
        expect(tab.get_by_role("button", name="Cancel")).to_be_enabled()
        tab.locator("#animate-clip").get_by_label("Clear").click()
        upload(tab.locator("#animate-clip"), examples / "driving_smile.mp4")
    expect_progress(tab, "no motion was saved")
    expect_report(tab, "Drive doctor")
    expect(tab.locator("#animate-saved-motion")).to_be_hidden()
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_preview_asked_for_again_while_it_stops_leaves_nothing_to_cancel(
    tab: Locator, examples: Path, rendering: Rendering
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    with rendering():
        press(tab, "Preview 2 s")
        press(tab, "Cancel")
        press(tab, "Preview 2 s")
        expect_sentence(tab.page, "still stopping. Press again")
        expect(tab.get_by_role("button", name="Stopping...")).to_be_disabled()
    expect_progress(tab, re.compile("ancelled"))
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_start_below_zero_counts_as_zero(tab: Locator, examples: Path) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    tab.get_by_label("Start, s").fill("-1")
    animate_four_frames(tab)
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_a_forgotten_tick_is_told_before_the_queue_and_the_result_stays(
    page: Page, tab: Locator, examples: Path, rendering: Rendering
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    animate_four_frames(tab)
    page.locator("#consent input").uncheck()
    with rendering():
        press(tab, "Animate")
        expect(page.locator("#consent input")).to_be_focused()
        expect_sentence(page, "Nothing was made yet")
        expect(tab.locator("#animate-result video")).to_be_visible()
        expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_the_download_has_the_format_that_was_chosen(
    page: Page, tab: Locator, examples: Path, tmp_path: Path
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    tab.get_by_label("End, s").fill("0.5")
    tab.get_by_label("png sequence").check()
    press(tab, "Animate")
    expect_progress(tab, "Done: 6 frames")
    with page.expect_download() as download:
        tab.locator("#animate-download").click()
    download.value.save_as(tmp_path / "frames.zip")
    with zipfile.ZipFile(tmp_path / "frames.zip") as archive:
        assert len(archive.namelist()) == 6


def test_a_picture_can_drive(page: Page, tab: Locator, examples: Path) -> None:
    give(tab, examples / "london_034_neutral.jpg")
    tab.get_by_label("Single picture").check()
    upload(tab.locator("#animate-picture"), examples / "london_009_smiling.jpg")
    expect(tab.locator("#animate-picture img")).to_be_visible()
    press(tab, "Animate")
    expect_progress(tab, "Done: one picture.")
    expect(tab.locator("#animate-result-picture img")).to_be_visible()


def test_a_motion_of_the_gallery_moves_a_portrait_without_a_clip(
    tab: Locator, examples: Path, saved: Callable[[str], Path]
) -> None:
    give(tab, examples / "london_034_neutral.jpg")
    tab.get_by_label("Motion", exact=True).check()
    tab.get_by_label("Look around").check()
    expect(tab.locator("#animate-motion-words")).to_contain_text("85 frames, 25 a second")
    press(tab, "Animate")
    expect_progress(tab, "Done: 85 frames")
    path = saved("#animate-result")
    made = probe_clip(path)
    turned = yaws(path, made)
    assert (made.frames, made.fps, made.has_sound) == (85, 25, False)
    assert (~np.isnan(turned)).all()
    assert np.ptp(turned) > 15


def test_the_motion_of_a_clip_is_saved_sent_back_and_gives_the_same_frames(
    page: Page, tab: Locator, examples: Path, tmp_path: Path
) -> None:
    def frames(name: str) -> np.ndarray:
        press(tab, "Animate")
        expect_progress(tab, "Done: 6 frames")
        with page.expect_download() as download:
            tab.locator("#animate-download").click()
        download.value.save_as(tmp_path / name)
        with zipfile.ZipFile(tmp_path / name) as archive:
            files = [archive.read(inside) for inside in sorted(archive.namelist())]
        return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])

    give(tab, examples / "london_034_neutral.jpg", examples / "driving_turn.mp4")
    tab.get_by_label("png sequence").check()
    tab.get_by_label("End, s").fill("0.5")
    from_clip = frames("clip.zip")
    press(tab, "Save its motion")
    expect_progress(tab, "Saved. 0.5 s of motion: 6 frames")
    with page.expect_download() as download:
        tab.locator("#animate-saved-motion a").first.click()
    download.value.save_as(tmp_path / "turn.safetensors")
    tab.get_by_label("Motion", exact=True).check()
    upload(tab.locator("#animate-motion-file"), tmp_path / "turn.safetensors")
    expect(tab.get_by_label("My own file")).to_be_checked()
    expect(tab.locator("#animate-motion-words")).to_contain_text("6 frames")
    np.testing.assert_array_equal(frames("motion.zip"), from_clip)


def test_a_link_can_hold_a_motion_of_the_gallery(
    browser: Browser, studio_url: str, watch: Watch
) -> None:
    path = "?recipe=1&tab=animate&driver=motion&motion=surprise&gain_scale=0"
    with open_page(browser, studio_url, watch, path=path) as opened:
        tab = opened.locator("#tab-animate")
        expect(tab.get_by_label("Surprise")).to_be_checked(timeout=LONG_MS)
        expect(tab.get_by_label("Surprise")).to_be_visible()
        expect(tab.locator("#animate-clip")).to_be_hidden()
        expect(tab.locator("#animate-motion-words")).to_contain_text("70 frames")


def test_a_wrong_motion_file_is_told_where_it_was_sent(tab: Locator, tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_text("no motion")
    tab.get_by_label("Motion", exact=True).check()
    upload(tab.locator("#animate-motion-file"), tmp_path / "notes.safetensors")
    words = tab.locator("#animate-motion-words")
    expect(words).to_contain_text("notes.safetensors is damaged, or not a motion file.")
    expect(words).not_to_contain_text("/tmp")


# ------------------------------------------------------------------------- what goes wrong


def test_what_is_no_picture_and_no_clip_gets_a_sentence(
    page: Page, tab: Locator, tmp_path: Path
) -> None:
    for name in ("notes.jpg", "notes.mp4"):
        (tmp_path / name).write_text("neither a picture nor a clip")
    upload(tab.locator("#animate-portrait"), tmp_path / "notes.jpg")
    words = tab.locator("#animate-portrait-words")
    expect(words).to_contain_text("notes.jpg is not a picture that can be read.", timeout=LONG_MS)
    upload(tab.locator("#animate-clip"), tmp_path / "notes.mp4")
    expect_report(tab, "notes.mp4 is not a clip that can be read.")
    press(tab, "Animate")
    expect_sentence(page, "notes.jpg is not a picture")
    expect(tab.get_by_role("button", name="Animate", exact=True)).to_be_enabled()


def test_nothing_given_gets_a_sentence(page: Page, tab: Locator) -> None:
    press(tab, "Animate")
    expect_sentence(page, "There is no driver yet.")
    press(tab, "Preview 2 s")
    expect_sentence(page, "There is no driver yet.")
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()


def test_without_a_face_the_page_says_what_to_do(
    tab: Locator, tmp_path: Path, examples: Path
) -> None:
    blank = np.full((120, 160, 3), 120, np.uint8)
    give(tab, write_picture(tmp_path / "wall.png", blank))
    expect(tab.locator("#animate-portrait-words")).to_contain_text("No face was found.")


def test_cancel_while_the_doctor_looks_leaves_the_page_working(
    tab: Locator, examples: Path
) -> None:
    upload(tab.locator("#animate-clip"), examples / "driving_expressive.mp4")
    expect_report(tab, "Looking through the clip")
    press(tab, "Cancel")
    expect_report(tab, "cancelled")
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()
    tab.locator("#animate-clip").get_by_label("Clear").click()
    give(tab, clip=examples / "driving_turn.mp4")


def test_cancel_while_the_preview_is_made_leaves_the_page_working(
    tab: Locator, examples: Path
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_smile.mp4")
    press(tab, "Preview 2 s")
    expect_progress(tab, "Preview, relative")
    press(tab, "Cancel")
    expect_progress(tab, re.compile("ancelled"))
    expect(tab.get_by_role("button", name="Cancel")).to_be_disabled()
    tab.get_by_label("End, s").fill("0.3")
    press(tab, "Animate")
    expect_progress(tab, "Done: 9 frames")


def test_cancel_while_rendering_keeps_what_there_is(
    tab: Locator, examples: Path, saved: Callable[[str], Path]
) -> None:
    give(tab, examples / "london_034_neutral.jpg", examples / "driving_expressive.mp4")
    press(tab, "Animate")
    expect_progress(tab, re.compile(r"Frame \d+ of 236"))
    press(tab, "Cancel")
    expect_progress(tab, re.compile(r"Cancelled after \d+ of 236 frames"))
    expect(tab.locator("#animate-result video")).to_be_visible()
    made = probe_clip(saved("#animate-result"))
    assert 0 < made.frames < 236
    assert made.has_sound
    expect(tab.get_by_role("button", name="Animate", exact=True)).to_be_enabled()
    expect(tab.get_by_role("button", name="Download", exact=True)).to_be_enabled()


@pytest.mark.parametrize("how", ["closed", "offline"])
def test_a_page_that_goes_in_the_middle_leaves_the_studio_to_the_next(
    browser: Browser, studio_url: str, examples: Path, page: Page, how: str
) -> None:
    gone = Watch(studio_url)  # its complaints are its own: it lost its connection
    with open_page(browser, studio_url, gone) as first:
        tab = open_tab(first, "Animate")
        give(tab, examples / "london_034_neutral.jpg", examples / "driving_expressive.mp4")
        press(tab, "Animate")
        expect_progress(tab, re.compile(r"Frame \d+ of 236"))
        if how == "offline":
            first.context.set_offline(True)
    tab = open_tab(page, "Animate")
    give(tab, examples / "london_009_neutral.jpg", examples / "driving_turn.mp4")
    animate_four_frames(tab)


# ---------------------------------------------------------------------------- another door


def test_the_api_animates_with_typed_arguments(studio_url: str, examples: Path) -> None:
    client = Client(studio_url, verbose=False)
    report, *_ = client.predict(
        handle_file(examples / "driving_turn.mp4"), 0, 0, 0, api_name="/examine_clip"
    )
    assert "turned 38 degrees" in report
    video, _, download, words, _ = client.predict(
        portrait=handle_file(examples / "london_034_neutral.jpg"),
        clip=handle_file(examples / "driving_turn.mp4"),
        end_s=0.5,
        file_format="gif",
        consent=True,
        api_name="/animate",
    )
    path = video["video"] if isinstance(video, dict) else video
    assert probe_clip(path).frames == 6
    assert Path(download).suffix == ".gif"
    assert "Done: 6 frames" in words


def test_the_api_saves_a_motion_tells_of_it_and_animates_with_it(
    studio_url: str, examples: Path
) -> None:
    client = Client(studio_url, verbose=False)
    clip = handle_file(examples / "driving_turn.mp4")
    motion, words = client.predict(clip=clip, end_s=0.5, consent=True, api_name="/save_motion")
    assert "6 frames" in words
    with pytest.raises(Exception, match="Nothing was made yet"):
        client.predict(clip=clip, end_s=0.5, api_name="/save_motion")
    told = client.predict(
        motion="own", motion_file=handle_file(motion), api_name="/describe_motion"
    )
    assert "6 frames, 12.04 a second" in told
    for given, frames in (
        ({"motion": "own", "motion_file": handle_file(motion)}, 6),
        ({"motion": "blink-twice"}, 50),
    ):
        video, *_ = client.predict(
            portrait=handle_file(examples / "london_034_neutral.jpg"),
            driver="motion",
            consent=True,
            api_name="/animate",
            **given,
        )
        path = video["video"] if isinstance(video, dict) else video
        assert probe_clip(path).frames == frames

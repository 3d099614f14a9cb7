"""Nothing of this machine, and nothing of another person, can be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import LONG_MS, Watch, expect_sentence, open_page, open_tab, upload

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def other(browser: Browser, studio_url: str, watch: Watch) -> Iterator[Page]:
    """A second person, in a browser of their own."""
    with open_page(browser, studio_url, watch) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "app.py",
        f"{ROOT}/app.py",
        f"{ROOT}/checkpoints/face_landmarker.task",
        "..%2F..%2Fetc%2Fpasswd",
        "/proc/self/environ",
        "https://example.org/picture.png",
    ],
)
def test_no_file_of_this_machine_is_given_out(page: Page, studio_url: str, path: str) -> None:
    answer = page.context.request.get(f"{studio_url}gradio_api/file={path}")
    assert answer.status in {403, 404}
    assert b"root:" not in answer.body()


@pytest.mark.parametrize("path", ["/etc/passwd", f"{ROOT}/README.md"])
def test_no_file_of_this_machine_can_be_named_as_an_input(
    page: Page, studio_url: str, path: str
) -> None:
    call = f"{studio_url}gradio_api/call/load_pose_recipe"
    data = {"path": path, "meta": {"_type": "gradio.FileData"}}
    asked = page.context.request.post(call, data=json.dumps({"data": [data]}))
    if asked.ok:
        answer = page.context.request.get(f"{call}/{asked.json()['event_id']}").text()
        assert "event: error" in answer
        assert "root:" not in answer
        assert "recipe" not in answer  # it was not even opened


def test_two_people_never_reach_each_others_files(
    page: Page, other: Page, studio_url: str, examples: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.png"  # another content than the example that everybody is shown
    with Image.open(examples / "astronaut.jpg") as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(own)
    panel = open_tab(page, "Animate")
    with page.expect_response(lambda got: "/upload?" in got.url) as sent:
        upload(panel, own)
    mine = f"{studio_url}gradio_api/file={sent.value.json()[0]}"
    assert page.context.request.get(mine).ok
    assert other.context.request.get(mine).status == 403
    taken = json.dumps({"data": [{"path": sent.value.json()[0]}]})
    call = f"{studio_url}gradio_api/call/load_pose_recipe"
    headers = {"content-type": "application/json"}
    assert other.context.request.post(call, data=taken, headers=headers).status == 403
    assert other.locator(f"[src*='{sent.value.json()[0]}']").count() == 0


def test_a_result_belongs_to_whoever_made_it(page: Page, other: Page) -> None:
    panel = open_tab(page, "Pose")
    result = panel.locator("img[src*='/file='], video[src*='/file=']").first
    expect(result).to_be_visible(timeout=LONG_MS)
    turn = panel.get_by_label("number input for Turn")
    with page.expect_response(
        lambda got: "/file=" in got.url and got.status == 200, timeout=LONG_MS
    ) as made:
        turn.fill("11.5")
        turn.press("Enter")
    assert page.context.request.get(made.value.url).ok
    assert other.context.request.get(made.value.url).status == 403


def test_a_huge_file_is_refused_in_a_sentence_and_the_page_goes_on(
    page: Page, watch: Watch, tmp_path: Path
) -> None:
    watch.tolerated.append("413")
    huge = tmp_path / "huge.png"
    with huge.open("wb") as out:
        out.truncate(201 * 2**20)
    panel = open_tab(page, "Pose")
    panel.get_by_text("Keep or share these settings").click()
    upload(panel, huge)
    expect_sentence(page, "size")
    panel.get_by_role("button", name="Make a link").click()
    expect(panel.get_by_label("Link to these settings")).not_to_have_value("")


def test_what_is_no_picture_is_refused_in_a_sentence_and_the_page_goes_on(
    page: Page, tmp_path: Path
) -> None:
    wrong = tmp_path / "notes.png"
    wrong.write_text("these are notes", encoding="utf-8")
    panel = open_tab(page, "Pose")
    upload(panel, wrong)
    expect_sentence(page, "picture")
    expect(panel.get_by_label("number input for Turn")).to_have_value("0")

"""What holds for the whole page, whatever its tabs do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import (
    LEFT,
    LONG_MS,
    TABS,
    Watch,
    expect_sentence,
    open_page,
    open_tab,
    upload,
)


@pytest.mark.parametrize("name", TABS)
def test_each_tab_opens_without_a_complaint(page: Page, name: str) -> None:
    panel = open_tab(page, name)
    expect(panel.get_by_text("Keep or share these settings")).to_be_visible()


@pytest.mark.parametrize("name", TABS)
def test_a_narrow_screen_never_scrolls_sideways(narrow_page: Page, name: str) -> None:
    open_tab(narrow_page, name)
    for accordion in narrow_page.locator(f"#tab-{name.lower()} button.label-wrap").all():
        if accordion.is_visible() and accordion.get_attribute("aria-expanded") != "true":
            accordion.click()
    assert narrow_page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_reaches_every_tab_and_its_main_button(page: Page) -> None:
    reached: list[str] = []
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        panel = page.locator(f"#tab-{name.lower()}")
        expect(panel).to_be_visible()
        for _ in range(120):
            page.keyboard.press("Tab")
            if panel.evaluate(
                "panel => panel.contains(document.activeElement) "
                "&& document.activeElement.matches('button.primary, button.hero')"
            ):
                reached.append(name)
                break
    assert reached == list(TABS)


def test_what_has_the_keyboard_is_outlined(page: Page) -> None:
    page.keyboard.press("Tab")
    style = page.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement);"
        " return [s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
    )
    assert style[0] == "solid"
    assert style[1] >= 2


def test_the_footer_names_the_model_and_the_device(page: Page) -> None:
    footer = page.locator("#footer")
    expect(footer).to_contain_text("mmfa-s-256")
    expect(footer).to_contain_text(re.compile(r"cpu|cuda"))
    expect(footer).to_contain_text("Slider to picture")


def test_light_and_dark_can_be_switched_and_are_remembered(page: Page, watch: Watch) -> None:
    watch.tolerated += LEFT
    was_dark = page.evaluate("document.body.classList.contains('dark')")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("document.body.classList.contains('dark')") is not was_dark
    page.reload()
    expect(page.get_by_role("tab", name="Pose")).to_be_visible()
    page.wait_for_function(f"document.body.classList.contains('dark') !== {str(was_dark).lower()}")


def test_no_link_of_the_page_leads_to_another_host(page: Page, studio_url: str) -> None:
    for name in TABS:
        open_tab(page, name)
    links = page.eval_on_selector_all("a[href]", "found => found.map(link => link.href)")
    assert [link for link in links if not link.startswith((studio_url, "data:", "blob:"))] == []


def test_settings_travel_by_link(page: Page, browser: Browser, studio_url: str) -> None:
    panel = open_tab(page, "Pose")
    plain = panel.locator("#pose-picture img").first.get_attribute("src") or "none"
    panel.get_by_label("number input for Turn").fill("7.5")
    panel.get_by_label("number input for Turn").press("Enter")
    panel.get_by_text("Keep or share these settings").click()
    panel.get_by_role("button", name="Make a link").click()
    link = panel.get_by_label("Link to these settings")
    expect(link).to_have_value(re.compile(r"^http://.*recipe=1&tab=pose&.*yaw_deg=7\.5"))
    query = link.input_value().removeprefix(studio_url)
    other = Watch(studio_url)
    with open_page(browser, studio_url, other, path=query) as opened:
        shown = opened.locator("#tab-pose")
        expect(shown).to_be_visible()
        expect(shown.get_by_label("number input for Turn")).to_have_value("7.5")
        turned = shown.locator("#pose-picture img").first
        expect(turned).not_to_have_attribute("src", plain, timeout=LONG_MS)
    other.check()


def test_a_link_may_go_as_far_as_a_keyframe(
    browser: Browser, studio_url: str, watch: Watch
) -> None:
    with open_page(browser, studio_url, watch, path="?recipe=1&tab=pose&yaw_deg=35") as opened:
        panel = opened.locator("#tab-pose")
        expect(panel.get_by_label("number input for Turn")).to_have_value("35", timeout=LONG_MS)
        panel.get_by_text("Keep or share these settings").click()
        panel.get_by_role("button", name="Make a link").click()
        link = panel.get_by_label("Link to these settings")
        expect(link).to_have_value(re.compile(r"recipe=1&tab=pose&.*yaw_deg=35(\.0)?&"))


def test_settings_travel_by_file(page: Page, tmp_path: Path) -> None:
    panel = open_tab(page, "Pose")
    panel.get_by_text("Keep or share these settings").click()
    with page.expect_download() as download:
        panel.get_by_role("button", name="Save as a file").click()
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert saved["tab"] == "pose"
    saved["values"]["yaw_deg"] = -5
    file = tmp_path / "turned.json"
    file.write_text(json.dumps(saved), encoding="utf-8")
    upload(panel.locator(".recipe"), file)
    expect(panel.get_by_label("number input for Turn")).to_have_value("-5")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\xff\xfe", "is not a recipe"),
        (b'{"version": 1, "tab": "pose", "values": {"yaw_degr": 1}}', "yaw_deg"),
        (b'{"version": 1, "tab": "pose", "values": {"yaw_deg": NaN}}', "NaN"),
    ],
)
def test_a_wrong_recipe_is_told_in_a_sentence_and_changes_nothing(
    page: Page, tmp_path: Path, content: bytes, sentence: str
) -> None:
    panel = open_tab(page, "Pose")
    panel.get_by_text("Keep or share these settings").click()
    file = tmp_path / "recipe.json"
    file.write_bytes(content)
    upload(panel.locator(".recipe"), file)
    expect_sentence(page, sentence)
    expect(panel.get_by_label("number input for Turn")).to_have_value("0")


def test_a_link_with_a_wrong_recipe_opens_the_page_with_a_sentence(
    browser: Browser, studio_url: str, watch: Watch
) -> None:
    with open_page(browser, studio_url, watch, path="?recipe=1&tab=pose&yaw_deg=999") as opened:
        expect_sentence(opened, "yaw_deg is 999")
        open_tab(opened, "Pose")


def test_the_description_of_the_api_opens_in_the_page(page: Page, watch: Watch) -> None:
    watch.tolerated += ["404", "403"]  # it asks this server for tools and figures that are off
    page.get_by_role("button", name="Use via API").click()
    expect(page.get_by_text("/mix_expressions").first).to_be_visible()
    expect(page.get_by_text("/edit_pose").first).to_be_attached()

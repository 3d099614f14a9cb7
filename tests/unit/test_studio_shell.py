"""The parts of the page that every tab uses, without a server."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import threading
import time
from pathlib import Path
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest

import app
from mmfa_core import CONTROL_RANGES, MMFAError
from studio.context import StudioContext, StudioSettings
from studio.controls import CONTROL_TEXTS, TabControls, slider
from studio.files import delete_older_than, new_file
from studio.footer import footer_html
from studio.latency import KEPT, LatencyMeter
from studio.messages import friendly, sentence
from studio.palette import DARK, LIGHT, Palette, contrast
from studio.portraits import PortraitCache, content_hash
from studio.recipe_panel import file_maker, link_maker, loader, rules_of
from studio.recipe_schema import Rule
from studio.recipes import (
    LARGEST_BYTES,
    Recipe,
    parse_json,
    parse_query,
    rule_of,
    to_json,
    to_query,
)
from studio.theme import build_css, build_theme
from studio.words import LICENCES, about

RULES = {
    "pose": {
        "yaw_deg": Rule(low=-20, high=20),
        "steps": Rule(low=2, high=9, whole=True),
        "paste_back": Rule(switch=True),
        "easing": Rule(choices=("linear", "hold")),
    },
    "animate": {"gain": Rule(low=0, high=2)},
}
GOOD = {"yaw_deg": 12.5, "steps": 4, "paste_back": True, "easing": "hold"}


def recipe_text(values: object = GOOD, **changes: object) -> str:
    return json.dumps({"version": 1, "tab": "pose", "values": values, **changes})


# Sentences


def test_an_error_that_a_person_can_mend_is_told_as_it_is():
    assert sentence(MMFAError("The clip is 94 s long.", "Trim it.")) == (
        "The clip is 94 s long. Trim it."
    )


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("/tmp/gradio/3f2a/face.png is no picture.", "face.png is no picture."),
        ("The file '/home/someone/a b/x.mp4' is damaged.", "b/x.mp4' is damaged."),
        (r"C:\Users\someone\face.png is no picture.", "face.png is no picture."),
        ("Allowed are 1/2 and https://example.org/page", "https://example.org/page"),
    ],
)
def test_a_sentence_never_names_a_folder_of_this_machine(told, shown):
    text = sentence(MMFAError(told))
    assert text.endswith(shown)
    assert not {"/tmp", "/home", "Users"} & set(re.split(r"(?=[/\\])", text))


def test_an_unforeseen_error_shows_a_reference_that_is_in_the_log(caplog):
    told = sentence(RuntimeError("secret of /root"))
    reference = re.search(r"ref ([0-9A-F]{4})", told)
    assert reference
    assert "secret" not in told
    assert reference[1] in caplog.text
    assert "secret of /root" in caplog.text


@pytest.mark.parametrize("error", [MMFAError("No face.", "Choose another."), ValueError("boom")])
def test_a_handler_raises_nothing_but_what_gradio_shows(error):
    @friendly
    def fails(number: int) -> int:
        raise error

    with pytest.raises(gr.Error) as raised:
        fails(1)
    assert raised.value.print_exception is False
    assert "boom" not in raised.value.message
    assert raised.value.__cause__ is None


def test_what_a_file_is_called_can_not_become_markup():
    @friendly
    def fails() -> None:
        raise MMFAError("<img src=x>.png is no picture.")

    with pytest.raises(gr.Error) as raised:
        fails()
    assert "<img" not in raised.value.message


def test_a_friendly_generator_stays_one_and_is_told_when_it_is_cancelled():
    ended = []

    @friendly
    def steps(count: int):
        try:
            yield from range(count)
        finally:
            ended.append(True)

    running = steps(3)
    assert next(running) == 0
    running.close()
    assert ended == [True]

    @friendly
    def fails():
        yield 1
        raise MMFAError("The clip ended.")

    running = fails()
    assert next(running) == 1
    with pytest.raises(gr.Error, match="The clip ended"):
        next(running)


# Portraits, files, speed


def test_a_picture_is_made_ready_once_for_its_content(tmp_path):
    made = []
    cache = PortraitCache(lambda picture, **choice: made.append(choice) or object(), kept=2)
    picture = np.zeros((4, 5, 3), np.uint8)
    first = cache.get(picture)
    assert cache.get(picture.copy()) is first
    assert cache.get(picture, face_index=1) is not first
    assert cache.get(picture, crop=(0.0, 0.0, 4.0)) is not first
    assert len(cache) == 2
    assert cache.get(picture) is not first  # it had to go
    assert len(made) == 4
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"same")
    assert content_hash(tmp_path / "a.png") == content_hash(str(tmp_path / "b.png"))


def test_two_people_with_one_picture_wait_for_one_encoding():
    picture, made = np.ones((3, 3, 3), np.uint8), []
    other_came, other = threading.Event(), None

    class Choice(dict):
        """Tell when the other person's picture is looked up, and so comes to wait."""

        def setdefault(self, *entry):
            found = super().setdefault(*entry)
            if threading.current_thread() is other:
                other_came.set()
            return found

    def prepare(picture, **choice):
        made.append(picture)
        other.start()
        other_came.wait()
        return object()

    cache = PortraitCache(prepare)
    cache._making = Choice()
    other = threading.Thread(target=cache.get, args=(picture,))
    cache.get(picture)
    other.join()
    assert len(made) == 1
    assert not cache._making  # nobody waits, so nothing of it is left


def test_a_portrait_that_is_asked_for_again_and_again_leaves_no_more_than_itself():
    cache = PortraitCache(lambda picture, **choice: object(), kept=1)
    for shade in (1, 1, 2, 2, 1):
        cache.get(np.full((2, 2, 3), shade, np.uint8))
    assert len(cache) == 1
    assert not cache._making


def test_of_those_who_wait_for_a_portrait_that_failed_one_tries_at_a_time():
    picture, lock = np.ones((3, 3, 3), np.uint8), threading.Lock()
    at_once, most, tries, failed = 0, 0, 0, []

    def prepare(picture, **choice):
        nonlocal at_once, most, tries
        with lock:
            at_once, tries = at_once + 1, tries + 1
            most = max(most, at_once)
            mine = tries
        while mine == 1 and next(iter(cache._making.values())).people < 4:
            time.sleep(0.001)  # until all the others wait
        with lock:
            at_once -= 1
        if mine < 3:
            raise MMFAError("No face.")
        return object()

    def ask():
        try:
            cache.get(picture)
        except MMFAError as error:
            failed.append(error)

    cache = PortraitCache(prepare)
    people = [threading.Thread(target=ask) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join(30)
    assert (most, tries, len(failed)) == (1, 3, 2)
    assert not cache._making


def test_a_portrait_that_failed_is_tried_again():
    answers = iter([MMFAError("No face."), "ready"])

    def prepare(picture, **choice):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = PortraitCache(prepare)
    picture = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(MMFAError):
        cache.get(picture)
    assert cache.get(picture) == "ready"


class FakeAnimator:
    model_id, model_hash, size_px = "tiny", "abc123", 64

    class engine:  # noqa: N801
        device = type("Device", (), {"type": "cpu"})
        dtype = "torch.float32"

    def prepare(self, picture, *, face_index=None, crop=None):
        return "ready"


def test_no_portrait_is_an_invitation_and_a_lost_file_a_sentence(tmp_path):
    studio = StudioContext(FakeAnimator())
    with pytest.raises(MMFAError, match="no portrait yet"):
        studio.prepare(None)
    with pytest.raises(MMFAError, match=r"gone\.png is no longer here"):
        studio.prepare(tmp_path / "gone.png")
    assert studio.prepare(np.zeros((2, 2, 3), np.uint8)) == "ready"


def test_settings_and_context_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        StudioSettings().max_clip_s = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        StudioContext(FakeAnimator()).settings = StudioSettings()


def test_results_get_folders_that_differ_and_that_nobody_can_guess(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first, second = new_file(".mp4"), new_file(".mp4", "My ../clip é")
    assert first.parent != second.parent
    assert first.parent.parent == tmp_path
    assert re.fullmatch(r"made-[0-9a-f]{32}", first.parent.name)
    assert first.parent.stat().st_mode & 0o077 == 0
    assert (first.name, second.name) == ("result.mp4", "My-clip.mp4")


def test_old_results_go_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, growing, new = (new_file(".mp4") for _ in range(3))
    for path in (old, growing, new):
        path.write_bytes(b"clip")
    uploaded = tmp_path / "uploaded"
    uploaded.mkdir()
    long_ago = time.time() - 100
    for path in (old, old.parent, growing.parent, uploaded):
        os.utime(path, (long_ago, long_ago))
    assert delete_older_than(50) == 1
    assert not old.parent.exists()
    assert growing.exists()
    assert new.exists()
    assert uploaded.exists()  # Gradio's own


def test_a_folder_that_goes_while_it_is_looked_at_stops_no_sweep(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, gone = new_file(".mp4"), tmp_path / "made-gone"
    os.utime(old.parent, (1, 1))
    found = [gone, old.parent]
    monkeypatch.setattr(Path, "glob", lambda *_: found)
    assert delete_older_than(50) == 1
    assert not old.parent.exists()


def test_what_the_page_says_of_weights_and_way_is_so():
    words = [about(name, size_px=256, kept="a day", shared=False) for name in LICENCES]
    assert "non-commercial" in words[0]
    assert "non-commercial" not in words[1]
    other = about("org/model", size_px=256, kept="a day", shared=True)
    assert "their model card" in other
    assert "Gradio's servers" in other
    assert "nobody else" not in other


def test_the_meter_tells_the_median_of_what_succeeded():
    meter = LatencyMeter()
    assert meter.median_ms() is None
    with pytest.raises(RuntimeError), meter.measure():
        raise RuntimeError
    assert meter.count == 0
    for _ in range(KEPT + 5):
        with meter.measure():
            pass
    assert meter.count == KEPT
    assert 0 <= meter.median_ms() < 50


def test_the_footer_tells_model_device_and_speed():
    studio = StudioContext(FakeAnimator())
    text = re.sub("<[^>]+>", "", footer_html(studio))
    assert "tiny, abc123" in text
    assert "cpu, float32" in text
    assert "not measured yet" in text
    with studio.latency.measure():
        pass
    assert "median of 1" in footer_html(studio)


# Controls


def test_every_control_of_the_core_has_words_and_its_range():
    assert set(CONTROL_TEXTS) == set(CONTROL_RANGES)
    for name, limits in CONTROL_RANGES.items():
        made = slider(name)
        assert (made.minimum, made.maximum, made.value) == (
            limits.low,
            limits.high,
            limits.neutral,
        )
        assert made.label
        assert made.info
    assert slider("yaw_deg", label="Look", maximum=5).maximum == 5


# Recipes


def test_a_recipe_comes_back_from_json_and_from_a_link():
    recipe = Recipe("pose", GOOD)
    assert parse_json(to_json(recipe), RULES) == recipe
    query = dict(parse_qsl(to_query(recipe).removeprefix("?")))
    assert parse_query({**query, "__theme": "dark", "view": "api"}, RULES) == recipe
    assert parse_query({"tab": "pose"}, RULES) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no valid JSON"),
        ("[1]", "must hold version, tab and values"),
        ("[" * 50_000, "no valid JSON"),
        ("[" * 100_000, "larger than 64 kB"),
        ('{"version": 1, "tab": "pose", "values": ' + '{"a":' * 9000 + "1", "no valid JSON"),
        (recipe_text({"easing": [[[[{}]]]]}), "easing is a nested value; allowed are linear"),
        (recipe_text({"yaw_deg": "x" * 10**7}), "larger than 64 kB"),
        ("9" * 60_000, "no valid JSON"),
        (recipe_text({"x" * 9000: 1}), "no setting 'xxx"),
        (recipe_text({"steps": 10}), "steps is 10; allowed are 2 to 9"),
        (recipe_text({"steps": "3"}), "steps is '3'; it must be a number from 2 to 9"),
        (" " * (LARGEST_BYTES + 1), "larger than 64 kB"),
        (recipe_text(version=2), "version 2; this page reads 1"),
        (recipe_text(version=True), "version True"),
        (recipe_text(tab="pos"), r"no tab 'pos'\. Did you mean 'pose'"),
        (recipe_text(tab=7), "no tab 7"),
        (recipe_text(picture="x"), "no key 'picture'"),
        ('{"version": 1, "tab": "pose"}', "has no values"),
        (recipe_text([1]), "must be names with numbers"),
        (recipe_text({"yaw": 1}), r"no setting 'yaw' .* Did you mean 'yaw_deg'"),
        (recipe_text({"yaw_deg": 21}), "yaw_deg is 21; allowed are -20 to 20"),
        (recipe_text({"yaw_deg": float("nan")}), "NaN"),
        (recipe_text({"yaw_deg": float("inf")}), "Infinity"),
        ('{"version": 1, "tab": "pose", "values": {"yaw_deg": 1e999}}', "yaw_deg is inf"),
        ('{"version": 1, "tab": "pose", "values": {"yaw_deg": 1, "yaw_deg": 2}}', "twice"),
        (recipe_text({"yaw_deg": 10**400}), "yaw_deg is 1000"),
        (recipe_text({"yaw_deg": {"a": 1}}), "yaw_deg is a nested value; it must be a number"),
        (recipe_text({"yaw_deg": True}), "yaw_deg is True; it must be a number"),
        (recipe_text({"yaw_deg": None}), "it must be a number"),
        (recipe_text({"steps": 2.5}), "whole number"),
        (recipe_text({"paste_back": 1}), "true or false"),
        (recipe_text({"easing": "linar"}), r"allowed are linear, hold\. Did you mean linear"),
        (recipe_text({"easing": ["linear"]}), "easing is a nested value"),
        (recipe_text({"yaw_deg": "x" * 5000}), r"yaw_deg is 'x{36}\.\.\.; it must be a number"),
    ],
)
def test_a_wrong_recipe_is_told_in_one_sentence(text, told):
    with pytest.raises(MMFAError, match=told) as raised:
        parse_json(text, RULES)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"recipe": "1"}, "no tab None"),
        ({"recipe": "9", "tab": "pose"}, "version 9"),
        ({"recipe": "x" * 9999, "tab": "pose"}, "version 'xxx"),
        ({"recipe": "1", "tab": "pose", "yaw_deg": "nan"}, "a number from -20 to 20"),
        ({"recipe": "1", "tab": "pose", "yaw_deg": "inf"}, "a number from -20 to 20"),
        ({"recipe": "9" * 5000, "tab": "pose"}, "version '999"),
        ({"recipe": "1", "tab": "x" * 10**6}, "no tab 'xxx"),
        ({"recipe": "1", "tab": "pose", "yaw_deg": "1 000"}, "must be a number"),
        ({"recipe": "1", "tab": "pose", "paste_back": "yes"}, "true or false"),
        ({"recipe": "1", "tab": "pose", "gain": "1"}, "no setting 'gain'"),
    ],
)
def test_a_wrong_link_is_told_in_one_sentence(query, told):
    with pytest.raises(MMFAError, match=told):
        parse_query(query, RULES)


def test_rules_are_read_from_components():
    assert rule_of(gr.Checkbox()) == Rule(switch=True)
    assert rule_of(gr.Radio(["a", ("Second", "b")])) == Rule(choices=("a", "b"))
    assert rule_of(gr.Slider(0, 9, step=1)) == Rule(low=0, high=9, whole=True)
    assert rule_of(gr.Slider(0, 1, step=0.1)) == Rule(low=0, high=1)
    assert rule_of(gr.Number(precision=0)).whole
    # A keyframe may go beyond what a slider usually shows, and so may a recipe.
    limits = CONTROL_RANGES["yaw_deg"]
    wide = Rule(low=limits.hard_low, high=limits.hard_high)
    assert rule_of(slider("yaw_deg"), "yaw_deg") == wide
    for wrong in (gr.Image(), gr.Textbox(), gr.Dropdown(["a"], multiselect=True)):
        with pytest.raises(TypeError):
            rule_of(wrong)


def test_the_panel_keeps_and_loads_the_settings_of_its_tab(tmp_path):
    turn, put_back = gr.Slider(-20, 20, step=0.5), gr.Checkbox()
    tab = TabControls("pose", {"yaw_deg": turn, "paste_back": put_back})
    rules = rules_of({"pose": tab, "animate": TabControls("animate", {"gain": gr.Slider(0, 2)})})
    assert link_maker(tab)(5, None) == "?recipe=1&tab=pose&yaw_deg=5"
    file = tmp_path / "recipe.json"
    file.write_text(file_maker(tab)(5, True), encoding="utf-8")
    assert loader(tab, rules)(str(file)) == {turn: 5, put_back: True}
    file.write_text(file_maker(tab)(35, True), encoding="utf-8")  # as a keyframe widened it
    wider = loader(tab, rules)(str(file))[turn]
    assert (wider.minimum, wider.maximum, wider.value) == (-20, 35, 35)
    file.write_text('{"version": 1, "tab": "animate", "values": {"gain": 1}}', encoding="utf-8")
    with pytest.raises(gr.Error, match="recipe of the tab Animate"):
        loader(tab, rules)(str(file))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(gr.Error, match="is no text"):
        loader(tab, rules)(str(file))
    file.write_bytes(b" " * (LARGEST_BYTES + 1))
    with pytest.raises(gr.Error, match="larger than 64 kB"):
        loader(tab, rules)(str(file))


# Looks

WORDS = [  # what is written, on what: WCAG AA asks 4.5:1
    *(("text", on) for on in ("page", "surface", "sunken", "tint")),
    *(("soft", on) for on in ("page", "surface", "sunken")),
    *(("accent", on) for on in ("page", "surface")),
    ("on_accent", "accent_strong"),
    ("on_accent", "accent_hover"),
    ("error", "surface"),
    ("error", "page"),
]
SHAPES = [("edge", "surface"), ("edge", "page"), ("accent_strong", "surface")]  # 3:1


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"), [*((*p, 4.5) for p in WORDS), *((*p, 3.0) for p in SHAPES)]
)
def test_colours_can_be_told_apart(palette: Palette, front, back, least):
    assert contrast(getattr(palette, front), getattr(palette, back)) >= least


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_looks_ask_for_nothing_from_elsewhere():
    theme = build_theme()
    assert theme._stylesheets == []
    urls = re.findall(r"url\(([^)]{0,20})", "\n".join([*theme._font_css, build_css()]))
    assert [url for url in urls if not url.startswith("data:font/woff2;base64,"[:20])] == []


# Flags


def test_flags_have_sane_defaults():
    flags = app.parse_arguments([])
    assert (flags.host, flags.share, flags.mcp, flags.auth) == ("127.0.0.1", False, False, None)
    assert (flags.max_clip_seconds, flags.max_upload_mb) == (60, 200)


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "0"],
        ["--port", "x"],
        ["--auth", "somebody"],
        ["--auth", ":secret"],
        ["--max-clip-seconds", "nan"],
        ["--max-upload-mb", "-1"],
        ["--dtype", "int8"],
    ],
)
def test_a_wrong_flag_is_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        app.parse_arguments(words)
    assert "Traceback" not in capsys.readouterr().err


def test_a_wrong_password_variable_or_model_is_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(app.AUTH_VARIABLE, "somebody")
    assert app.main([]) == 2
    assert app.AUTH_VARIABLE in capsys.readouterr().err
    monkeypatch.delenv(app.AUTH_VARIABLE)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # main() sets it, for good
    monkeypatch.setattr(app.signal, "signal", lambda *_: None)
    assert app.main(["--model", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_server_of_tools_is_missed_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(app.importlib.util, "find_spec", lambda name: None)
    assert app.main(["--mcp"]) == 2
    assert "gradio[mcp]" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told_in_one_sentence():
    error = OSError("Cannot find empty port in range: 80-80. You can pass `server_port` ...")
    told = app._no_place(app.parse_arguments(["--port", "80"]), error)
    assert told == "Port 80 is taken: choose another with --port."


def test_a_proxy_is_not_asked_for_this_machine_itself():
    environment = {"NO_PROXY": "intranet"}
    app.speak_directly(environment)
    assert environment["NO_PROXY"] == "intranet,localhost,127.0.0.1,::1"
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1"


def test_what_a_killed_studio_left_goes_when_the_next_one_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(app.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(app.tempfile, "tempdir", str(tmp_path))
    left, other = tmp_path / f"{app.FOLDER}left", tmp_path / "other"
    for folder in (left, other):
        folder.mkdir()
        (folder / "face.png").touch()
        os.utime(folder, (0, 0))
    with app.own_folder() as mine:
        os.utime(mine, (0, 0))
        with app.own_folder() as theirs:
            assert {mine, theirs, other} == set(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == [other]


def test_help_answers_without_loading_the_model():
    code = "import sys, app\ntry: app.parse_arguments(['--help'])\nexcept SystemExit: pass\n"
    code += "print(*sys.modules, file=sys.stderr)"
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(app.__file__).parent, capture_output=True, check=True
    )
    assert not {"torch", "gradio", "numpy"} & set(done.stderr.decode().split())
    assert b"--max-upload-mb" in done.stdout

"""The handlers of the tab Animate, run without a server, with a tiny model of random weights."""

from __future__ import annotations

import inspect
import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from mmfa_core import Animator, Finding, load_motion
from mmfa_core.media import probe_clip, write_picture
from studio import build_studio
from studio.context import MODEL_QUEUE, StudioContext, StudioSettings
from studio.inputs import NumberInRange, OpenDropdown, OpenSlider
from studio.motions import gallery_of
from studio.tabs.animate import build_animate, crop_sliders
from studio.tabs.animate_handlers import AnimateHandlers
from studio.tabs.animate_inputs import portrait_column
from studio.tabs.animate_layout import settings_rows
from studio.tabs.animate_preview import PreviewHandlers
from studio.tabs.animate_settings import NAMES, PREVIEWED, DriveSettings, mend_values
from studio.tabs.animate_stops import KEPT, Stops
from studio.tabs.animate_tab_handlers import TabHandlers
from studio.tabs.animate_tokens import RunTokens, tell_stopping
from studio.tabs.animate_views import findings_html, live_value, progress_html, time_left
from studio.terms import build_terms
from tests.tiny_model import save_tiny


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m") / "tiny"
    return StudioContext(
        Animator.from_pretrained(save_tiny(folder), threads=1), StudioSettings(max_clip_s=5)
    )


@pytest.fixture
def handlers(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    # Every step is told, so that a fast machine isn't done before the first.
    monkeypatch.setattr("studio.tabs.animate_stops.TELL_EVERY_S", 0)
    return TabHandlers.of(studio)


@pytest.fixture(scope="module")
def portrait(examples):
    return str(examples / "london_034_neutral.jpg")


@pytest.fixture(scope="module")
def turn(examples):
    return str(examples / "driving_turn.mp4")


def is_kept(value):
    """Tell whether a component keeps what it shows."""
    return isinstance(value, dict) and value.get("__type__") == "update"


# ----------------------------------------------------------------------------- portrait


def test_the_face_of_a_portrait_is_framed(handlers, portrait):
    picture, faces, words, width, height, *box = handlers.portrait.find_faces(portrait)
    assert (width, height) == (256, 256)
    assert faces == []
    assert "was found" in words
    assert box[2] > 100
    moved = handlers.portrait.frame_face(portrait, box[0] + 20, box[1], box[2])
    assert (moved != picture).any()


@pytest.mark.parametrize("crop", [(-304.0, 120.0, 1688.0), (700.0, -900.0, 3000.0)])
def test_a_face_that_fills_the_portrait_has_a_frame_that_the_sliders_hold(crop):
    sliders = crop_sliders(1080, 1920, crop)
    assert tuple(made.preprocess(made.value) for made in sliders) == crop
    for made in portrait_crop_of_the_api():
        assert made.minimum <= min(crop)
        assert made.maximum >= max(crop)


def portrait_crop_of_the_api():
    with gr.Blocks():
        return portrait_column(SimpleNamespace(settings=StudioSettings())).crop


def test_several_faces_can_be_chosen_from(handlers, examples, tmp_path):

    pictures = [
        handlers.portrait.studio.animator.prepare(examples / name).picture
        for name in ("london_009_neutral.jpg", "astronaut.jpg")
    ]
    both = str(write_picture(tmp_path / "both.png", np.concatenate(pictures, 1)))
    _, faces, words, *_, x0, _, _ = handlers.portrait.find_faces(both)
    assert len(faces) == 2
    assert "2 faces were found" in words
    _, x1, _, _ = handlers.portrait.choose_face(both, 1)
    assert abs(x1 - x0) > 100


def test_without_a_face_the_frame_is_left_to_the_person(handlers, tmp_path):
    blank = str(write_picture(tmp_path / "blank.png", np.full((100, 100, 3), 90, np.uint8)))
    _, faces, words, _, _, *box = handlers.portrait.find_faces(blank)
    assert faces == []
    assert "by hand" in words
    assert box == [10, 10, 80]


def test_what_is_no_picture_gets_words_beside_the_portrait(handlers, tmp_path):
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("no picture")
    picture, faces, words, *numbers = handlers.portrait.find_faces(str(wrong))
    assert (picture, faces, numbers) == (None, [], [0] * 5)
    assert words.startswith("notes.jpg is not a picture that can be read.")
    assert str(tmp_path) not in words


def test_an_empty_portrait_shows_nothing(handlers):
    assert handlers.portrait.find_faces(None)[:3] == (None, [], "")
    assert handlers.portrait.frame_face(None, 0, 0, 0) is None


# ------------------------------------------------------------------------------- driver


def test_the_doctor_s_report_ends_with_its_mends(handlers, turn):
    *steps, last = handlers.driver.examine_clip(turn)
    assert "Looking through" in steps[0][0]
    html, frames, faces, mends = last
    assert "turned 38 degrees" in html
    assert [caption for _, caption in frames] == ["start, 0.0 s", "calmest, 0.7 s"]
    assert faces == []
    assert mends == [("Start at 0.7 s", {"start_s": 0.747})]
    json.dumps(mends)  # plain data, as gr.State wants it


def test_a_cancelled_examination_says_so(handlers, turn):
    handlers.animation.runs.stops.cancel("mine")
    *_, last = handlers.driver.examine_clip(turn, token="mine")
    assert "cancelled" in last[0]


def test_what_is_no_clip_gets_a_sentence_in_the_report(handlers, tmp_path):
    wrong = tmp_path / "notes.mp4"
    wrong.write_text("not a clip")
    *_, last = handlers.driver.examine_clip(str(wrong))
    assert "notes.mp4 is not a clip that can be read." in last[0]
    assert str(tmp_path) not in last[0]


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({"start_s": 1.23456, "end_s": 2.0}, {"start_s": 1.235, "end_s": 2.0}),
        ({"gain_scale": 0.0}, {"lock_scale": True}),
        ({"driving_face_index": 1}, {"driving_face": 1}),
        ({"smoothing": 0.4}, {"smoothing": 0.4}),
    ],
)
def test_a_mend_becomes_values_of_the_controls(changes, values):
    assert mend_values(changes) == values
    assert set(values) <= set(NAMES)


# --------------------------------------------------------------------------------- runs


def test_an_animation_ends_with_its_clip_and_tells_on_the_way(handlers, portrait, turn):
    steps = list(handlers.animation.animate(portrait, turn))
    clip, picture, download, words, live = steps[-1]
    assert probe_clip(clip).frames == 23
    assert picture is None
    assert download == clip
    assert "Done: 23 frames" in words
    assert json.loads(live)["done"] is True
    assert all(is_kept(step[0]) for step in steps[:-1])
    views = [json.loads(step[4]) for step in steps if isinstance(step[4], str)]
    assert {view["run"] for view in views} == {views[0]["run"]}
    assert [len(view["chunks"]) for view in views] == [0, 1, 2, 3, 3]
    for chunk in views[-1]["chunks"]:
        assert Path(chunk).stat().st_size > 0


def test_the_file_has_the_format_that_was_chosen(handlers, portrait, turn):
    for file_format, ending in (("gif", ".gif"), ("png sequence", ".zip")):
        *_, last = handlers.animation.animate(portrait, turn, end_s=0.5, file_format=file_format)
        assert last[0].suffix == ".mp4"
        assert last[2].suffix == ending
    with zipfile.ZipFile(last[2]) as archive:
        assert len(archive.namelist()) == 6


def test_cancel_in_the_middle_keeps_what_was_made(handlers, portrait, turn):
    steps = handlers.animation.animate(portrait, turn, token="mine")
    for step in steps:
        if "Frame" in str(step[3]):
            break
    handlers.animation.runs.stops.cancel("mine")
    *_, last = steps
    made = probe_clip(last[0]).frames
    assert 0 < made < 23
    assert f"Cancelled after {made} of 23 frames" in last[3]


def test_cancel_before_the_first_frame_leaves_everything_as_it_was(handlers, portrait, turn):
    handlers.animation.runs.stops.cancel("mine")
    *_, last = handlers.animation.animate(portrait, turn, token="mine")
    assert is_kept(last[0])
    assert "Cancelled before there was a frame" in last[3]
    assert last[4] == ""


def test_leaving_a_run_stops_it(handlers, portrait, turn, tmp_path):
    steps = handlers.animation.animate(portrait, turn)
    for step in steps:
        if "Frame" in str(step[3]):
            break
    steps.close()
    (clip,) = tmp_path.glob("made-*/animation.mp4")
    assert probe_clip(clip).frames < 23


def test_a_picture_drives_when_it_is_chosen(handlers, portrait, turn, examples):
    driving = str(examples / "london_009_smiling.jpg")
    ((clip, picture, download, words, _),) = handlers.animation.animate(
        portrait, turn, driving, "picture"
    )
    assert clip is None
    assert picture == download
    assert "one picture" in words


def test_the_whole_portrait_can_be_shown(handlers, turn, examples, tmp_path):
    prepared = handlers.portrait.studio.animator.prepare(examples / "london_009_neutral.jpg")
    wide = np.pad(prepared.picture, ((0, 0), (0, 64), (0, 0)), mode="edge")
    file = str(write_picture(tmp_path / "wide.png", wide))
    *_, last = handlers.animation.animate(file, turn, end_s=0.3, shown="portrait")
    info = probe_clip(last[0])
    assert (info.width, info.height) == (320, 256)


def test_a_preview_shows_both_modes_for_two_seconds(handlers, portrait, examples):
    *_, last = handlers.preview.preview_animation(portrait, str(examples / "driving_smile.mp4"))
    assert [probe_clip(clip).frames for clip in last[:2]] == [60, 60]
    assert Path(last[0]).read_bytes() != Path(last[1]).read_bytes()


def test_a_cancelled_preview_keeps_the_half_that_is_there(handlers, portrait, turn):
    steps = handlers.preview.preview_animation(portrait, turn, token="mine")
    for step in steps:
        if "absolute" in step[2]:
            break
    handlers.animation.runs.stops.cancel("mine")
    *_, last = steps
    assert probe_clip(last[0]).frames == 23
    assert is_kept(last[1])  # its face was still being followed
    assert "cancelled" in last[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"portrait": None}, "There is no portrait yet"),
        ({"clip": None}, "There is no driver yet"),
        ({"driver": "picture"}, "There is no driver yet"),
        ({"driver": "wind"}, "The driver is 'wind', not one of clip, picture, motion"),
        ({"driver": "motion", "motion": "own"}, "There is no motion file yet"),
        ({"driver": "motion", "motion": "../LICENSES"}, "There is no motion '../LICENSES'; there"),
        ({"driver": "motion", "motion": "nod"}, "The expressions of nod.safetensors are of"),
        ({"mode": "both"}, "mode is 'both', not one of relative, absolute"),
        ({"gain_scale": 300}, "gain_scale is 300 %; allowed are 0 to 200 %."),
        ({"file_format": "avi"}, "The format is 'avi', not one of mp4, gif, png sequence"),
        ({"shown": "feet"}, "What is shown is 'feet'"),
        ({"start_s": 9}, "begins at 9 s, but the clip is 1.9 s long"),
        ({"crop_x": 5000, "crop_size": 50}, "outside the picture"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(handlers, portrait, turn, changes, words):
    with pytest.raises(gr.Error) as caught:
        list(handlers.animation.animate(**{"portrait": portrait, "clip": turn, **changes}))
    assert words in str(caught.value)


def test_a_clip_beyond_the_limit_is_refused(handlers, portrait, examples):
    with pytest.raises(gr.Error, match=r"is 9\.8 s long; the limit is 5 s"):
        list(handlers.animation.animate(portrait, str(examples / "driving_expressive.mp4")))


# ------------------------------------------------------------------------------- motion


@pytest.fixture
def motions(handlers):
    return handlers.motion


@pytest.fixture
def saved(motions, turn):
    *_, (file, _) = motions.save_motion(turn)
    return file


def pictures_in(archive):
    with zipfile.ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.endswith(".png"))
        return np.stack([np.asarray(Image.open(io.BytesIO(opened.read(name)))) for name in names])


def test_the_motion_of_a_clip_is_saved_and_drives_as_the_clip_does(handlers, portrait, turn, saved):
    assert Path(saved).name == "motion.safetensors"
    assert len(load_motion(saved)) == 23
    *_, from_clip = handlers.animation.animate(portrait, turn, file_format="png sequence")
    *_, from_file = handlers.animation.animate(
        portrait, driver="motion", motion="own", motion_file=saved, file_format="png sequence"
    )
    np.testing.assert_array_equal(pictures_in(from_file[2]), pictures_in(from_clip[2]))


def test_saving_a_motion_tells_how_far_it_is_and_what_is_in_it(motions, turn):
    *steps, (_, words) = motions.save_motion(turn, end_s=0.5)
    assert any("frame" in line for _, line in steps)
    assert "Saved. 0.5 s of motion: 6 frames, 12.04 a second, a face in all of them." in words


def test_a_cancelled_saving_keeps_what_there_was(motions, turn):
    motions.stops.cancel("mine")
    *_, last = motions.save_motion(turn, token="mine")
    assert is_kept(last[0])
    assert "no motion was saved" in last[1]


def test_without_a_clip_there_is_no_motion_to_save(motions):
    with pytest.raises(gr.Error, match="There is no driver yet"):
        list(motions.save_motion(None))


def test_a_preview_can_be_of_a_motion_and_not_of_a_picture(handlers, portrait, saved):
    *_, last = handlers.preview.preview_animation(
        portrait, driver="motion", motion="own", motion_file=saved
    )
    assert [probe_clip(clip).frames for clip in last[:2]] == [23, 23]
    with pytest.raises(gr.Error, match="no two seconds"):
        list(handlers.preview.preview_animation(portrait, driver="picture"))


def test_a_motion_of_another_model_drives_the_head_when_the_expression_is_locked(
    handlers, portrait
):
    *_, last = handlers.animation.animate(
        portrait, driver="motion", motion="nod", lock_expression=True
    )
    assert probe_clip(last[0]).frames == 60


def test_what_is_in_a_motion_is_told_and_a_wrong_file_too(motions, saved, tmp_path):
    assert "a face in all of them" in motions.describe_motion("own", saved)
    assert "which this page doesn't run" in motions.describe_motion("nod")
    assert "Drop a motion file here" in motions.describe_motion("own")
    wrong = tmp_path / "notes.safetensors"
    wrong.write_text("no motion")
    told = motions.describe_motion("own", str(wrong))
    assert told.startswith("notes.safetensors is damaged, or not a motion file.")
    assert str(tmp_path) not in told


def test_the_gallery_offers_what_the_model_can_read(studio, saved, tmp_path):
    assert gallery_of(studio.animator) == {}
    Path(saved).rename(tmp_path / "look-around.safetensors")
    assert gallery_of(studio.animator, tmp_path) == {"Look around": "look-around"}


# ---------------------------------------------------------------------- names and views


@pytest.mark.parametrize(
    ("handler", "names"),
    [(AnimateHandlers.animate, NAMES), (PreviewHandlers.preview_animation, PREVIEWED)],
)
def test_a_handler_s_arguments_are_the_settings_in_their_order(handler, names):
    parameters = inspect.signature(handler).parameters
    defaults = DriveSettings()
    assert [name for name in parameters if name in NAMES] == names
    for name in names:
        assert parameters[name].default == getattr(defaults, name)


def test_settings_become_options_of_the_core():
    options = DriveSettings(lock_scale=True, gain_rotation=50, end_s=2, driving_face=1).options(9)
    assert options.parts == ("rotation", "translation", "expression")
    assert options.gain("rotation") == 0.5
    assert options.gain("scale") == 0
    assert (options.start_s, options.end_s, options.max_seconds) == (0, 2, 9)
    assert options.driving_face_index == 1


def test_words_of_others_are_escaped():
    assert "<b>" not in progress_html("<b>", 1, 2)
    assert "<b>" not in findings_html([Finding("face", "warn", "<b>")])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.2, ", 1 s left"), (12.4, ", 12 s left"), (150, ", about 2 min left")],
)
def test_the_time_left_is_rounded_to_what_a_person_wants_to_know(seconds, words):
    assert time_left(seconds) == words


def test_the_live_view_is_told_in_json():
    assert json.loads(live_value("a", [Path("/x/c.mp4")])) == {
        "run": "a",
        "chunks": ["/x/c.mp4"],
        "done": False,
    }


def test_a_press_while_a_run_goes_on_keeps_its_token_and_a_new_clip_ends_the_old():
    stops, wired = Stops(), []
    with gr.Blocks():
        stage = SimpleNamespace(cancel=gr.Button("Cancel"))
        runs = RunTokens(stops, stage, [gr.State(None), gr.State(None)], None)

    def wire(fn, *_, **__):
        wired.append(fn)

    run = SimpleNamespace(then=wire, failure=wire)
    runs.begin(run.then, 0, replaces=True)
    runs.begin(run.then, 1)
    runs.end(run, 0)
    examine, _, press, end, fail = wired
    first, _ = press(None)
    assert press(first)[0] == first
    stops.cancel(first)
    kept, cancel = press(first)  # it is stopping, and Gradio leaves the new run out
    assert kept == first
    assert is_kept(cancel)
    stops.finish(first)
    assert press(first)[0] != first  # it would stop at once

    old, _ = examine(None)
    new, _ = examine(old)
    assert stops.is_cancelled(old)
    kept, cancel = end(new, None)  # the old one is over, the new one waited for it
    assert kept == new
    assert cancel.interactive
    assert list(runs.ending(lambda token: iter([token]))(new)) == [new]
    kept, cancel = end(new, None)
    assert kept is None
    assert not cancel.interactive
    none, cancel = fail("another")  # as when the run was refused before it began
    assert none is None
    assert cancel.interactive
    assert not fail(None)[1].interactive


def test_a_press_while_the_run_before_is_stopping_is_answered(monkeypatch):
    stops, wired, told = Stops(), [], []
    monkeypatch.setattr(gr, "Warning", lambda words, **_: told.append(words))
    tell_stopping(lambda fn, *_, **__: wired.append(fn), None, stops)
    (press,) = wired
    press(None)
    press("mine")  # goes on
    assert not told
    stops.cancel("mine")
    press("mine")
    assert told == ["What went before is still stopping. Press again in a moment."]
    stops.finish("mine")
    press("mine")
    assert len(told) == 1


def test_what_a_run_is_about_can_be_taken_from_it():
    stops, wired = Stops(), []
    with gr.Blocks():
        stage = SimpleNamespace(cancel=gr.Button("Cancel"))
        runs = RunTokens(stops, stage, [gr.State(None)], None)
    runs.replace(lambda fn, *_, **__: wired.append(fn), 0)
    wired[0]("mine")
    wired[0](None)
    assert stops.is_cancelled("mine")


def test_the_motion_of_a_clip_that_was_replaced_is_not_shown(handlers, turn):
    handlers.motion.stops.cancel("mine")
    *_, (file, words) = handlers.motion.save_motion(turn, end_s=0.5, token="mine")
    assert is_kept(file)
    assert "no motion was saved" in words


@pytest.mark.parametrize("sent", [30, -30.5, 2, 0])
def test_a_slider_takes_what_lies_beyond_its_ends(sent):
    control = OpenSlider(0, 3, 1, label="Moment")
    assert control.preprocess(sent) == sent
    assert control.api_info() == {"type": "number", "description": "on the page 0 to 3"}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (None, "empty"),
        ("12", "'12'"),
        (True, "True"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (10**400, "1000"),
        ([1], r"\[1\]"),
    ],
)
def test_a_slider_says_in_a_sentence_what_is_no_number(sent, told):
    with pytest.raises(gr.Error, match=f"Moment is {told}.*, not a number that can be used. Give"):
        OpenSlider(0, 3, 1, label="Moment").preprocess(sent)


def test_a_rate_that_is_not_in_the_list_comes_through():
    rates = OpenDropdown(["24", "25"], value="25", label="Frames a second")
    assert [rates.preprocess(rate) for rate in ("50", 12.5, None)] == ["50", 12.5, None]
    assert rates.api_info() == {"type": "string", "description": "on the page 24, 25"}


def test_every_slider_of_the_page_leaves_ranges_to_the_core(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build_studio(studio.animator)
    sliders = [block for block in page.blocks.values() if isinstance(block, gr.Slider)]
    assert len(sliders) > 20
    assert {type(control) for control in sliders} == {OpenSlider}


@pytest.mark.parametrize(("typed", "taken"), [(-1, 0), (0, 0), (2.5, 2.5), (None, None)])
def test_a_number_below_the_least_becomes_the_least(typed, taken):
    assert NumberInRange(0, minimum=0).preprocess(typed) == taken


def test_numbers_of_the_clip_stay_in_range():
    with gr.Blocks():
        made = settings_rows()
    for name in ("start_s", "end_s", "driving_face"):
        assert made[name].preprocess(-1) == 0
        assert made[name].get_block_name() == "number"


def test_every_click_on_a_face_is_answered_in_order(studio):
    with gr.Blocks() as page:
        build_animate(studio, build_terms())
    (event,) = [
        f for f in page.fns.values() if (f.name, f.concurrency_id) == ("choose", MODEL_QUEUE)
    ]
    assert event.trigger_mode == "multiple"


def test_only_the_newest_cancelled_tokens_are_remembered():
    stops = Stops()
    tokens = [stops.new_token() for _ in range(KEPT + 1)]
    for token in tokens:
        stops.cancel(token)
    assert len(set(tokens)) == KEPT + 1
    assert not stops.is_cancelled(tokens[0])
    assert stops.is_cancelled(tokens[1])
    assert not stops.is_cancelled(None)

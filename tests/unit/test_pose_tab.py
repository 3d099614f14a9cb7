"""The handlers of the tab Pose, without a server, and its table and curves."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest

from mmfa_core import CONTROL_RANGES, Animator, Keyframe, MMFAError, MotionEdit, Timeline
from mmfa_core.media import probe_clip, read_picture, write_picture
from studio.context import StudioContext
from studio.tabs.pose_curves import draw_curves
from studio.tabs.pose_handlers import COMPARED, PoseHandlers
from studio.tabs.pose_moving import MovingHandlers
from studio.tabs.pose_table import (
    HEADERS,
    PRESETS,
    preset_rows,
    rows_of,
    timeline_of,
    with_row,
    without_row,
)
from tests.tiny_model import save_tiny

ROWS = [[0, 0, 0, 0, 1, 0, 0, 1, 0, "linear"], [1, 10, 0, 0, 1, 0, 0, 1, 0, "hold"]]


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("m") / "tiny")
    return PoseHandlers(StudioContext(Animator.from_pretrained(folder, threads=1)))


@pytest.fixture(scope="module")
def moving(handlers):
    return MovingHandlers(handlers)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def portrait(examples):
    return str(examples / "london_009_neutral.jpg")


def test_an_edit_shows_the_face_and_the_pair_only_when_it_is_compared(handlers, portrait):
    still, nothing = handlers.edit_pose(portrait)
    turned, pair = handlers.edit_pose(portrait, 15, view=COMPARED)
    assert nothing is None
    assert still.shape == turned.shape == (64, 64, 3)
    assert (still != turned).any()
    before, after = pair
    assert (after == turned).all()
    assert before.shape == after.shape


def test_a_whole_portrait_is_shown_smaller_and_saved_at_its_size(handlers, portrait, tmp_path):
    large = read_picture(portrait).repeat(5, 0).repeat(5, 1)
    path = str(write_picture(tmp_path / "large.png", large))
    shown, _ = handlers.edit_pose(path, 15, paste_back=True)
    saved = handlers.save_pose(path, 15, paste_back=True)
    assert max(shown.shape) == 768
    assert read_picture(saved).shape == large.shape


def test_what_is_saved_is_what_is_shown(handlers, portrait):
    shown, _ = handlers.edit_pose(portrait, 10, tx=0.1)
    saved = handlers.save_pose(portrait, 10, tx=0.1, badge=False)
    np.testing.assert_array_equal(read_picture(saved), shown)


def test_reset_and_frontalise_give_values_of_the_sliders(handlers):
    assert MotionEdit(**dict(zip(CONTROL_RANGES, handlers.reset_pose(), strict=True))) == (
        MotionEdit()
    )
    assert handlers.frontalise_pose() == (0, 0, 0, 1)


def test_a_portrait_is_described_in_a_line(handlers, portrait):
    kept, about = handlers.open_portrait(portrait)
    assert kept == portrait
    assert about.startswith("This face is ")
    assert handlers.open_portrait(None)[0] is None


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda h, p, _: h.edit_pose(None), "There is no portrait yet."),
        (lambda h, p, _: h.edit_pose(p, 99), "yaw_deg is 99; allowed are -60 to 60"),
        (lambda h, p, blank: h.open_portrait(blank), "No face was found"),
        (lambda h, p, _: MovingHandlers(h).set_keyframe([], 0, "bounce"), "easing is 'bounce'"),
        (
            lambda h, p, _: MovingHandlers(h).fill_timeline("Dance", 3),
            "There is no movement 'Dance'.",
        ),
        (
            lambda h, p, _: list(MovingHandlers(h).render_timeline(p, [])),
            "The timeline has 0 keyframes",
        ),
        (
            lambda h, p, _: list(MovingHandlers(h).render_timeline(p, ROWS, fps="often")),
            "fps is 'often'; allowed are 1 to 120",
        ),
        (
            lambda h, p, _: list(MovingHandlers(h).render_timeline(p, ROWS, fps=None)),
            "fps is None; allowed are 1 to 120",
        ),
        (
            lambda h, p, _: list(MovingHandlers(h).render_timeline(p, ROWS, 90)),
            "The clip would be 90 s long; the limit here is 60 s. Make it shorter.",
        ),
        (
            lambda h, p, _: MovingHandlers(h).set_keyframe([], 601, "linear"),
            "A keyframe is at 601 s; allowed are 0 to 600 s.",
        ),
        (
            lambda h, p, _: list(MovingHandlers(h).render_timeline(p, ROWS, 0.5)),
            "The last keyframe is at 1 s",
        ),
    ],
)
def test_what_can_not_be_used_is_told_in_a_sentence(handlers, portrait, tmp_path, work, sentence):
    blank = str(write_picture(tmp_path / "blank.png", np.full((200, 200, 3), 90, np.uint8)))
    with pytest.raises(gr.Error, match=sentence):
        work(handlers, portrait, blank)


def test_a_keyframe_can_stand_as_late_as_the_core_lets_it(moving):
    rows = moving.set_keyframe([], 600, "linear", 30, scale=0.7)
    assert rows[0][:2] == [600, 30]
    assert moving.fill_timeline("Look around", 600)[-1][0] == 600


def test_a_render_tells_how_far_it_is_and_ends_with_the_clip(moving, portrait, examples):
    steps = list(moving.render_timeline(portrait, ROWS, 1.2, "24000/1001"))
    clip, words = steps[-1]
    assert "Done: 29 frames at 24000/1001 a second." in words
    assert probe_clip(clip).frames == 29
    driven = list(
        moving.render_timeline(portrait, ROWS, driving=str(examples / "driving_turn.mp4"))
    )
    assert probe_clip(driven[-1][0]).frames == 23


def test_over_a_clip_the_keyframes_may_stand_as_late_as_the_clip_goes(moving, portrait, examples):
    turn = str(examples / "driving_turn.mp4")
    length = moving.measure_driver(turn)
    assert length == round(probe_clip(turn).duration_s, 2)
    late = [ROWS[0], [length - 0.1, *ROWS[1][1:]]]
    with pytest.raises(gr.Error, match="The last keyframe is at"):
        list(moving.render_timeline(portrait, late, 0.5))
    *_, (clip, words) = moving.render_timeline(portrait, late, 0.5, driving=turn)
    assert "Done: 23 frames" in words
    assert probe_clip(clip).frames == 23
    assert "The last keyframe" in moving.show_curves(late, 0.5, "25")
    assert "The last keyframe" not in moving.show_curves(late, 0.5, "25", length)
    assert moving.fill_timeline("Nod yes", 0.5, length)[-1][0] == length
    assert moving.look_at_time(portrait, late, 0.5, "25", length, driver_s=length)[2] == 10


def test_the_moment_reaches_as_far_as_the_clip_that_drives(moving, tmp_path):
    assert moving.reach(3, None, 5).maximum == 3
    far = moving.reach(3, 48.5, 5)
    assert (far.maximum, far.value) == (48.5, 5)
    (tmp_path / "notes.mp4").write_text("no clip")
    assert moving.measure_driver(str(tmp_path / "notes.mp4")) is None
    assert moving.measure_driver(None) is None


def test_a_cancelled_render_keeps_what_it_has(moving, portrait, monkeypatch):
    monkeypatch.setattr("studio.tabs.pose_moving.TELL_EVERY_S", 0)
    token, _ = moving.begin(None)
    assert moving.begin(token)[0] == token  # pressed again while it goes on
    steps = moving.render_timeline(portrait, ROWS, 20, "60", token=token)
    for step in steps:
        clip, words = step
        if "Frame 10 " in words:
            moving.cancel(token)
            assert moving.begin(token)[0] == token  # it is stopping, and Cancel stays as it is
            assert isinstance(moving.begin(token)[1], dict)
    assert "Stopped; the 11 frames so far are kept." in words
    assert probe_clip(clip).frames == 11


def test_a_moment_of_the_timeline_sets_the_sliders_to_its_values(handlers, moving, portrait):
    frame, pair, *values = moving.look_at_time(portrait, ROWS, 3, "25", 0.5)
    np.testing.assert_array_equal(frame, handlers.edit_pose(portrait, 5)[0])
    assert pair is None
    assert values == [5, 0, 0, 1, 0, 0, 1, 0]


def test_a_keyframe_beyond_a_slider_makes_it_longer(moving, portrait):
    rows = [[0, 35, *ROWS[0][2:]], [1, 35, *ROWS[0][2:]]]
    _, _, turn, nod, *_ = moving.look_at_time(portrait, rows, 3, "25", 0.5)
    assert (turn.value, turn.maximum, turn.minimum) == (35, 35, CONTROL_RANGES["yaw_deg"].low)
    assert nod == 0


def test_a_keyframe_is_set_in_order_and_replaces_the_one_at_its_time(moving):
    rows = moving.set_keyframe(ROWS, 0.5, "ease in", 7)
    assert [row[0] for row in rows] == [0, 0.5, 1]
    rows = moving.set_keyframe(rows, 0.5, "linear", -3)
    assert [row[:2] for row in rows] == [[0, 0], [0.5, -3], [1, 10]]
    assert [row[0] for row in moving.remove_keyframe(rows, 0.5)] == [0, 1]


# -------------------------------------------------------------------------- table and curves


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_ready_made_movement_is_a_timeline_that_fits_its_length(name):
    timeline = timeline_of(preset_rows(name, 2.5), 2.5, "25")
    assert rows_of(timeline) == preset_rows(name, 2.5)
    assert timeline.keyframes[-1].time_s == 2.5
    assert 'role="img"' in draw_curves(timeline)


def test_rows_may_be_out_of_order_empty_or_half_filled():
    rows = [["1", "10", *[""] * 8], [None] * 10, [0, *[None] * 8, " Linear "]]
    timeline = timeline_of(rows, 3, "25")
    assert timeline == Timeline(
        keyframes=(
            Keyframe(time_s=0, easing="linear"),
            Keyframe(time_s=1, edit=MotionEdit(yaw_deg=10)),
        ),
        seconds=3,
    )


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (["soon", 1], "Keyframe 1: its time is 'soon', not a number."),
        (["", 1], "Keyframe 1: its time is empty, not a number."),
        ([0, "left"], "Keyframe 1: Turn is 'left', not a number."),
        ([0, "nan"], "Keyframe 1: Turn is 'nan', not a number."),
        ([0, 99], "Keyframe 1: yaw_deg is 99; allowed are -60 to 60 degrees."),
        ([-1], "Keyframe 1: A keyframe is at -1.0 s; allowed are 0 to 600 s."),
    ],
)
def test_a_cell_that_can_not_be_used_is_told_with_its_row(row, sentence):
    with pytest.raises(MMFAError) as caught:
        timeline_of([row], 3, "25")
    assert caught.value.message == sentence


def test_headers_name_every_control_once():
    assert len(HEADERS) == len(set(HEADERS)) == len(CONTROL_RANGES) + 2


def test_rows_are_added_and_left_out_by_time():
    key = Keyframe(time_s=0.5)
    assert [row[0] for row in with_row(ROWS, key)] == [0, 0.5, 1]
    assert without_row(ROWS, 1.001) == ROWS[:1]


def test_the_curves_of_a_table_that_is_no_timeline_are_a_sentence(moving):
    assert "Two keyframes are at 0 s" in moving.show_curves([ROWS[0], ROWS[0]], 3, "25")

"""The keypoint microscope with a tiny model: tracks, pictures of flow and masks, files."""

import csv
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from mmfa_core import Animator, MotionEdit, flow_wheel, point_colours, write_keypoints
from mmfa_core.errors import ConfigError, MediaError, ResourceError
from mmfa_core.inference.anatomy import colour_flow, grey_picture
from mmfa_core.inference.dots import draw_keypoints
from mmfa_core.inference.options import PARTS
from mmfa_core.inference.tracks import motion_at
from tests.tiny_model import save_tiny


@pytest.fixture(scope="module")
def microscope(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("m") / "tiny")
    return Animator.from_pretrained(folder, threads=1).microscope


@pytest.fixture(scope="module")
def portrait(microscope, examples):
    return Animator(microscope.engine).prepare(examples / "london_009_neutral.jpg")


@pytest.fixture(scope="module")
def tracks(microscope, portrait, examples):
    return microscope.compare(portrait, examples / "driving_turn.mp4", end_s=0.5)


def test_tracks_hold_every_frame_of_both_heads(tracks):
    count = len(tracks)
    assert count >= 6
    for head in (tracks.source, tracks.driver):
        assert head.canonical.shape == (50, 3)
        assert head.expressed.shape == head.posed.shape == (count, 50, 3)
        assert head.pose_deg.shape == (count, 3)
        assert head.expression_code.shape == (count, 8)
    assert tracks.pictures.shape == (count, 192, 192, 3)
    assert (np.diff(tracks.times_s) > 0).all()
    assert tracks.present.all()


def test_the_portrait_s_identity_in_the_tracks_is_its_own(microscope, portrait, tracks):
    report = microscope.report(portrait)
    assert tracks.source.canonical == pytest.approx(report.canonical, abs=1e-5)


def test_the_frame_that_is_compared_with_shows_the_portrait_as_it_is(
    microscope, portrait, examples
):
    tracks = microscope.compare(portrait, examples / "driving_turn.mp4", end_s=0.5, smoothing=0.0)
    own = microscope.report(portrait)
    there = tracks.source.posed[tracks.reference_frame]
    assert np.abs(there - own.posed).max() < 0.05


def test_a_clip_is_followed_for_300_frames_at_most(microscope, portrait, examples, monkeypatch):
    monkeypatch.setattr("mmfa_core.inference.tracks.MOST_FRAMES", 5)
    short = microscope.compare(portrait, examples / "driving_turn.mp4")
    assert len(short) == 5
    assert short.notes[-1] == "Only the first 5 frames were looked at."


def test_a_part_that_is_followed_to_its_end_is_not_called_cut(
    microscope, portrait, examples, monkeypatch
):
    monkeypatch.setattr("mmfa_core.inference.tracks.MOST_FRAMES", 5)
    part = microscope.compare(portrait, examples / "driving_turn.mp4", start_s=1.5)  # 18 of 23
    assert len(part) == 5
    assert part.notes == ()


def test_a_frame_shows_both_faces_with_trails(microscope, portrait, tracks):
    source, driver, anatomy = microscope.frame(portrait, tracks, 5)
    bare, _, _ = microscope.frame(portrait, tracks, 5, trails=False)
    assert source.shape == driver.shape == (512, 512, 3)
    assert anatomy.picture.shape == (64, 64, 3)
    assert (source != bare).any()


@pytest.mark.parametrize("parts", [PARTS, ("rotation",)], ids=["all", "expression locked"])
def test_a_frame_is_the_one_that_the_animation_has(microscope, portrait, examples, parts):
    clip, asked = examples / "driving_expressive.mp4", {"end_s": 0.5, "parts": parts}
    tracks = microscope.compare(portrait, clip, **asked)
    made = Animator(microscope.engine).animate(portrait, clip, **asked)
    head = tracks.source
    with microscope.engine.computing():
        for number in range(0, len(tracks), 4):
            motion = motion_at(microscope.engine, head, number)
            canonical = torch.from_numpy(head.canonical)[None]
            posed = microscope.engine.loaded.model.keypoints(canonical, motion)[0]
            assert posed.numpy() == pytest.approx(head.posed[number], abs=1e-5)
    _, _, anatomy = microscope.frame(portrait, tracks, 5)
    assert np.abs(anatomy.picture.astype(int) - made.frames[5]).max() <= 2


def test_pictures_may_be_kept_elsewhere(microscope, portrait, tracks):
    small = tracks.without_pictures()
    assert small.pictures.size == 0
    _, driver, _ = microscope.frame(portrait, small, 2, driver=tracks.pictures[2])
    assert (driver == microscope.frame(portrait, tracks, 2)[1]).all()


def test_a_frame_that_is_not_there_is_told(microscope, portrait, tracks):
    with pytest.raises(ConfigError, match="There is no frame 99; the clip has 0 to"):
        microscope.frame(portrait, tracks, 99)


@pytest.mark.parametrize("stage", ["canonical", "expressed", "posed"])
def test_each_stage_can_be_drawn(microscope, portrait, stage):
    assert microscope.draw(portrait, stage, side_px=128).shape == (128, 128, 3)


def test_another_stage_is_told(microscope, portrait):
    with pytest.raises(ConfigError, match="stage is 'raw', not one of"):
        microscope.draw(portrait, "raw")


# ----------------------------------------------------------------------------- anatomy


def test_a_picture_that_is_not_moved_has_little_flow_and_one_that_is_shifted_has(
    microscope, portrait
):
    still = microscope.dissect(portrait)
    moved = microscope.dissect(portrait, MotionEdit(tx=0.2))
    middle = (slice(24, 40), slice(24, 40))
    wanted = -0.2 * 32  # px: what is shown comes from the left
    change = moved.flow[middle][..., 0].mean() - still.flow[middle][..., 0].mean()
    assert change == pytest.approx(wanted, rel=0.5)
    assert moved.full_colour_px >= 4


def test_the_parts_of_a_picture_blend_to_it(microscope, portrait):
    found = microscope.dissect(portrait, MotionEdit(yaw_deg=10))
    kept = found.kept[..., None]
    blended = kept * found.warped + (1 - kept) * found.painted
    assert np.abs(blended - found.picture).mean() < 3  # painted is clamped on its own
    assert 0 <= found.visible.min() <= found.visible.max() <= 1
    for picture in (found.flow_picture(), found.visible_picture(), found.kept_picture()):
        assert picture.shape == (64, 64, 3)
        assert picture.dtype == np.uint8


def test_an_expression_of_another_face_can_be_dissected(microscope, portrait):
    own = microscope.dissect(portrait)
    other = microscope.dissect(portrait, code=(2.0,) * 8)
    assert (own.picture != other.picture).any()


def test_no_movement_is_white_and_directions_differ_in_hue():
    assert (colour_flow(np.zeros((2, 2, 2), np.float32), 4.0) == 255).all()
    way = np.array([[[1, 0], [0, 1], [-1, 0], [0, -1]]], np.float32)
    colours = {tuple(c) for c in colour_flow(way, 1.0)[0].tolist()}
    assert len(colours) == 4
    wheel = flow_wheel(33)
    assert (wheel[0, 0] == 255).all()
    assert (wheel[16, 16] >= 250).all()


def test_a_map_becomes_grey_between_black_and_white():
    assert grey_picture(np.array([[0.0, 0.5, 1.5]], np.float32)).tolist() == [
        [[0] * 3, [128] * 3, [255] * 3]
    ]


# ----------------------------------------------------------------------------- dots


def test_dots_are_drawn_where_the_points_are_and_nowhere_else():
    black = np.zeros((64, 64, 3), np.uint8)
    drawn = draw_keypoints(black, np.array([[0.0, 0.0, 0.0]], np.float32), side_px=256)
    assert drawn[128, 128].tolist() == [255, 214, 64]
    assert drawn[128, 180].sum() == 0
    assert draw_keypoints(black, np.array([[9.0, 9.0]], np.float32), side_px=64).sum() == 0


def test_each_keypoint_has_a_colour_by_its_place():
    left, right = point_colours(np.array([[-0.4, 0.1, 0], [0.4, 0.1, 0]], np.float32))
    assert np.abs(left - right).max() > 60


# ----------------------------------------------------------------------------- files


def test_a_report_and_tracks_hold_the_same_numbers_in_every_format(
    microscope, portrait, tracks, tmp_path
):
    report = microscope.report(portrait)
    for found, name in ((report, "report"), (tracks, "tracks")):
        for ending in (".json", ".csv", ".safetensors"):
            assert write_keypoints(tmp_path / f"{name}{ending}", found).stat().st_size > 100
    plain = json.loads((tmp_path / "report.json").read_text())
    table = list(csv.DictReader((tmp_path / "report.csv").read_text().splitlines()))
    arrays = load_file(tmp_path / "report.safetensors")
    assert len(table) == len(plain["posed"]) == 50
    assert float(table[7]["posed_x"]) == pytest.approx(plain["posed"][7][0], abs=1e-4)
    assert arrays["posed"] == pytest.approx(np.array(plain["posed"]), abs=1e-4)
    long = json.loads((tmp_path / "tracks.json").read_text())
    lines = list(csv.DictReader((tmp_path / "tracks.csv").read_text().splitlines()))
    both = load_file(tmp_path / "tracks.safetensors")
    assert len(lines) == len(tracks) * 2 * 50
    assert {line["head"] for line in lines} == {"source", "driver"}
    assert both["driver.posed"].shape == (len(tracks), 50, 3)
    assert both["driver.posed"] == pytest.approx(np.array(long["driver"]["posed"]), abs=1e-4)
    assert long["times_s"] == pytest.approx(tracks.times_s, abs=1e-4)


def test_another_ending_or_a_file_that_is_there_is_told(microscope, portrait, tmp_path):
    report = microscope.report(portrait)
    with pytest.raises(MediaError):
        write_keypoints(tmp_path / "k.pkl", report)
    write_keypoints(tmp_path / "k.json", report)
    with pytest.raises(ResourceError, match="already there"):
        write_keypoints(tmp_path / "k.json", report)

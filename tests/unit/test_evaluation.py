"""Held-out people, protocols, the report and the command ``evaluate``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfa_core.errors import MMFAError, ResourceError, UnreadableError
from mmfa_core.evaluation import (
    cross,
    decoupling,
    drivers,
    edits,
    heldout,
    paths,
    report,
)
from mmfa_core.evaluation import same as same_protocol
from mmfa_core.evaluation.landmark_warp import warp_where_known
from mmfa_core.evaluation.measure import measure_faces
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.run import PROTOCOLS, command_line, evaluate_command
from mmfa_core.geometry import pose_from_rotation, rotation_from_pose
from mmfa_core.inference.editing import TURN_GAIN
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.motion import HeadPose
from tests import evaluation_fakes as fakes
from tests.helpers import awake_model, dots, find_dots, pose
from tests.synthetic import Entry, write_corpus
from tests.tiny_model import save_tiny

VAL = (
    Entry("talk_v", "vera", "video", "A", "val", "val", 14),
    Entry("track_w", "wim", "track", "B", "val", "val", 5),
    Entry("pair_x", "xenia", "pair", "A", "val", "val", 2),
    Entry("still_y", "yann", "still", "A", "val", "val", 1),
    Entry("still_z", "zoe", "still", "C", "val", "val", 1),
    Entry("talk_t", "tom", "video", "A", "train", "train_video", 2),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, side=256, entries=VAL)
    return folder


@pytest.fixture(scope="module")
def people(corpus: Path) -> heldout.HeldOut:
    return heldout.read_heldout(corpus)


# Held-out people


def test_held_out_people_are_those_of_the_split(people: heldout.HeldOut) -> None:
    assert [clip.name for clip in people.clips] == [e.clip for e in VAL if e.split == "val"]
    assert [len(clip.rows) for clip in people.moving()] == [14, 5, 2]
    assert len({clip.identity for clip in people.portraits()}) == 5
    assert people.portraits()[0].kind == "still"
    frames = people.frames(people.clips[1].rows[:2])
    assert frames.shape == (2, 256, 256, 3)
    assert frames.dtype == np.uint8


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: (f / "index.tsv").unlink(), "index.tsv of 'data' can't be read."),
        (lambda f: (f / "index.tsv").write_text("clip\tn\n"), "index.tsv of 'data' can't be read."),
        (
            lambda f: (f / "index.tsv").write_text(
                (f / "index.tsv").read_text().replace("\tval\t", "\ttest\t")
            ),
            "index.tsv of 'data' lists nobody of split val.",
        ),
        (lambda f: (f / "val.npz").write_bytes(b"PK"), "The shard val.npz can't be read."),
        (lambda f: (f / "val.tar").write_bytes(b"x" * 99), "The shard val.npz can't be read."),
        (lambda f: (f / "val.tar").unlink(), "The shard val.npz can't be read."),
        (
            lambda f: (f / "index.tsv").write_text(
                (f / "index.tsv").read_text().replace("\t0\t3", "\t0\t30")
            ),
            "The clip talk_v is not in val.npz.",
        ),
    ],
    ids=["no index", "no columns", "no split", "no npz", "short tar", "no tar", "too many rows"],
)
def test_a_damaged_corpus_is_refused_with_a_sentence(tmp_path: Path, damage, sentence) -> None:
    folder = tmp_path / "data"
    write_corpus(folder, entries=(Entry("talk_v", "vera", "video", "A", "val", "val", 3),))
    damage(folder)
    with pytest.raises(UnreadableError) as caught:
        heldout.read_heldout(folder)
    assert caught.value.message == sentence
    assert str(tmp_path) not in str(caught.value)


def test_a_clip_that_reaches_into_the_next_shard_is_refused(tmp_path: Path) -> None:
    entries = (
        Entry("talk_v", "vera", "video", "A", "val", "val-0", 3),
        Entry("talk_w", "wim", "video", "A", "val", "val-1", 3),
    )
    write_corpus(tmp_path, entries=entries)
    index = tmp_path / "index.tsv"
    index.write_text(index.read_text().replace("val-0\t0\t3", "val-0\t0\t4"))
    with pytest.raises(UnreadableError, match=r"The clip talk_v is not in val-0\.npz"):
        heldout.read_heldout(tmp_path)


def test_a_damaged_picture_is_refused_with_a_sentence(tmp_path: Path) -> None:
    write_corpus(tmp_path, entries=(Entry("talk_v", "vera", "video", "A", "val", "val", 3),))
    tar = tmp_path / "val.tar"
    tar.write_bytes(bytes(tar.stat().st_size))
    with pytest.raises(UnreadableError, match="Held-out picture 1 is not a JPEG"):
        heldout.read_heldout(tmp_path).frames([1])


# Protocols


def test_a_frame_without_a_face_is_missing_and_not_zero() -> None:
    measured = measure_faces(lambda frame: None, np.zeros((2, 8, 8, 3), np.uint8))
    assert not measured.found.any()
    assert np.isnan(measured.landmarks).all()


def test_same_prints_the_reference_rows_and_margins(people: heldout.HeldOut) -> None:
    by_label = _label_detect(people)
    result = same_protocol.evaluate_same(
        Renderer(awake_model()), people, fakes.fresh_tools(by_label), None, fakes.silent
    )
    rows = result["rows"]
    assert result["n"] == {"pairs": 8 + 4 + 1, "clips": 3, "identities": 3}
    assert list(rows) == ["ours", "copy", "landmark_warp"]
    assert rows["landmark_warp"]["L1_face"] < 0.7 * rows["copy"]["L1_face"]
    assert rows["copy"]["yaw_r"] == 0
    assert "identity_distance" not in rows["copy"]  # no dlib among the tools
    assert result["margins"]["L1_face / copy"] == pytest.approx(
        rows["ours"]["L1_face"] / rows["copy"]["L1_face"]
    )
    assert set(result["by_kind"]) == {"pair", "track", "video"}
    (plot,) = result["plots"]
    assert list(plot.lines) == list(rows)
    across, ours = plot.lines["ours"]
    assert list(across) == [1, 2, 3]
    assert list(ours) == sorted(ours)
    assert np.mean(ours) == pytest.approx(rows["ours"]["L1_face"])


def test_quick_scores_have_the_same_rows_and_keep_the_reference(people: heldout.HeldOut) -> None:
    model = awake_model()
    first = same_protocol.same_scores(model, people)
    second = same_protocol.same_scores(model, people)
    assert first == second
    assert set(first["ours"]) == {"L1", "PSNR", "L1_face", "PSNR_face"}
    assert first["landmark_warp"]["PSNR_face"] > first["copy"]["PSNR_face"]


def test_perfect_edits_answer_what_the_keypoints_do_and_leak_nothing(
    people: heldout.HeldOut,
) -> None:
    result = edits.evaluate_edits(
        fakes.perfect_renderer(), people, fakes.fresh_tools(), 2, fakes.silent
    )
    for factor in decoupling.FACTORS[:-1]:
        row = result["rows"][factor]
        turned = TURN_GAIN if factor in ("yaw_deg", "pitch_deg") else 1
        assert row["slope"] == pytest.approx(turned, abs=1e-3), factor
        assert row["monotone_share"] == 1
        assert row["right_sign"] == 1
    assert "no copy or landmark-warp row" in result["notes"][0]
    for edited, row in result["decoupling"].items():
        expected = [float(factor == edited) for factor in decoupling.FACTORS]
        assert list(row.values()) == pytest.approx(expected, abs=2e-3), edited
    assert result["margins"]["head-size drift under expression, %"] == pytest.approx(0, abs=1e-3)
    assert result["n"] == {"portraits": 2, "frames": 2 * 8 * decoupling.STEPS}


def test_nobody_lends_an_expression_to_himself() -> None:
    people = ("anna", "ben", "carl")
    chosen = [edits.choose_donor(n, who, people) for n, who in enumerate((*people, "dora", "ben"))]
    assert chosen == [1, 2, 0, 0, 2]


@pytest.mark.parametrize(
    ("protocol", "sentence"),
    [
        (same_protocol.evaluate_same, "No held-out clip has two pictures"),
        (cross.evaluate_cross, "No held-out clip can drive"),
        (edits.evaluate_edits, "1 of the held-out people look nearly to the front; 2 or more must"),
        (paths.evaluate_interpolation, "No two held-out people look nearly to the front"),
    ],
)
def test_people_who_are_too_few_for_a_protocol_are_told(tmp_path, protocol, sentence) -> None:
    write_corpus(tmp_path, entries=(Entry("still_y", "yann", "still", "A", "val", "val", 1),))
    alone = heldout.read_heldout(tmp_path)
    tools = dataclasses.replace(fakes.fresh_tools(), describe=lambda *_: np.zeros(128, np.float32))
    with pytest.raises(MMFAError, match=sentence):
        protocol(fakes.perfect_renderer(), alone, tools, None, fakes.silent)


def test_a_leak_is_measured_in_shares_of_a_factors_own_response() -> None:
    spreads = np.array([[2.0, 0.1], [0.0, 0.5]])
    matrix = decoupling.decoupling_matrix(spreads, np.diag(spreads))
    assert matrix.tolist() == [[1, 0.2], [0, 1]]


def turned(point, degrees):
    """Turn a point (x right, y down) counter-clockwise on the screen."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return cos * point[0] + sin * point[1], cos * point[1] - sin * point[0]


@pytest.mark.parametrize(
    ("factor", "moved"),
    [
        ("roll_deg", turned),
        ("scale", lambda point, value: point * value),
        ("tx", lambda point, value: point + np.array([value, 0])),
        ("ty", lambda point, value: point + np.array([0, value])),
    ],
)
def test_a_similarity_sweep_moves_the_picture_as_the_controls_say(factor, moved) -> None:
    centre, arm = np.array([0.1, -0.2]), np.array([0.4, 0.1])  # normalised
    dot = dots(torch.tensor((centre + arm)[None], dtype=torch.float32), 128)[0]
    frame = (255 * dot[..., None].expand(-1, -1, 3)).byte().numpy()
    frames = decoupling.similarity_sweep(frame, tuple(centre), factor)
    found = find_dots(torch.from_numpy(frames[..., 0].copy()) / 255).numpy()
    for place, value in zip(found, decoupling.sweep_values(factor), strict=True):
        assert place == pytest.approx(centre + moved(arm, value), abs=0.01)


def test_a_turned_picture_is_not_taken_for_a_pitched_head() -> None:
    asked = torch.from_numpy(decoupling.sweep_values("roll_deg")).float()
    flat = torch.zeros_like(asked)
    turn = rotation_from_pose(HeadPose(flat, flat, asked))
    seen = pose_from_rotation(turn @ rotation_from_pose(pose(25, -10, 4)))
    angles = torch.stack((seen.yaw_deg, seen.pitch_deg, seen.roll_deg), 1).numpy()
    assert np.ptp(angles[:, 1]) > 10
    blank = measure_faces(lambda frame: None, np.zeros((len(asked), 8, 8, 3), np.uint8))
    back = decoupling.undo_turn(dataclasses.replace(blank, pose_deg=angles)).pose_deg
    assert back[:, 0] == pytest.approx(25, abs=1e-3)
    assert back[:, 1] == pytest.approx(-10, abs=1e-3)
    assert back[:, 2] == pytest.approx(4 + asked.numpy(), abs=1e-3)


def test_a_changed_rim_is_a_changed_background() -> None:
    frames = np.full((3, 64, 64, 3), 100, np.uint8)
    boxes = torch.tensor([[16.0, 16, 48, 48]])
    frames[0, 20:40, 20:40] = 0  # the face may change
    assert edits.background_change(frames, boxes) == 0
    frames[2, :, :] = 151
    assert edits.background_change(frames, boxes) == pytest.approx(0.1)


def test_a_perfect_path_is_even_and_monotonous(monkeypatch, people: heldout.HeldOut) -> None:
    def path(renderer, source, other):
        del renderer, source, other
        offsets = torch.zeros(paths.POINTS, 50, 3)
        offsets[:, 0, 0] = torch.linspace(0, 0.8, paths.POINTS)
        return offsets

    monkeypatch.setattr(paths, "_code_path", path)
    monkeypatch.setattr(paths, "_feature_path", path)
    monkeypatch.setattr(paths, "mix_pixels", lambda first, last: np.stack([first] * 11))
    result = paths.evaluate_interpolation(
        fakes.perfect_renderer(), people, fakes.fresh_tools(), 3, fakes.silent
    )
    ours = result["rows"]["ours"]
    assert ours["largest_step / mean_step"] == pytest.approx(1, abs=1e-2)
    assert ours["monotone_share"] == 1
    assert ours["monotone_n"] == 3 * result["n"]["pairs"]
    assert result["rows"]["pixels"]["monotone_n"] == 0
    (plot,) = result["plots"]
    assert list(plot.lines) == list(paths.ROWS)
    across, steps = plot.lines["ours"]
    assert list(across) == list(range(1, paths.POINTS))
    assert steps == pytest.approx(np.full(paths.POINTS - 1, steps[0]), rel=1e-2)


def test_a_walk_by_landmarks_goes_from_one_end_to_the_other(people: heldout.HeldOut) -> None:
    know = _label_detect(people)
    rows = list(people.clips[0].rows[:2])
    frames = people.frames(rows)
    ends = measure_faces(know, frames)
    walked: list[np.ndarray] = []

    def detect(frame):
        walked.append(frame)
        return know(frame)

    measured = paths.walk_by_landmarks(detect, frames[0], ends)
    assert len(walked) == paths.POINTS
    assert np.abs(walked[0].astype(int) - frames[0]).mean() < 1  # it starts at the portrait
    away = [np.abs(frame.astype(int) - frames[0]).mean() for frame in walked]
    assert away[-1] == max(away)
    assert measured.found.all()
    missing = paths.walk_by_landmarks(know, frames[0], measure_faces(lambda _: None, frames))
    assert not missing.found.any()


def test_pairs_of_an_interpolation_are_of_different_people(people: heldout.HeldOut) -> None:
    owner = {row: clip.identity for clip in people.clips for row in clip.rows}
    pairs = paths.choose_pairs(people, 6)
    assert pairs
    assert all(owner[first] != owner[second] for first, second in pairs)


def test_cross_drives_nobody_by_himself_and_finds_the_motion(people: heldout.HeldOut) -> None:
    class Copying(fakes.PerfectRenderer):
        def estimate_motion(self, frames):
            rows = np.arange(len(frames))
            motions = [
                fakes.make_motion(np.array([2.0 * i, -i, 0.5 * i, 1, 0, 0, 0.1 * (i % 3)]))
                for i in rows
            ]
            return type(motions[0]).cat(motions)

    counted = iter(range(10**6))
    plan = [len(rows) for _, rows in drivers.choose_drivers(people)]
    starts = np.concatenate([np.arange(n) for n in plan])

    def detect(frame):
        if frame.shape[0] == fakes.SIDE:
            return fakes.perfect_detect(frame)
        i = next(counted)
        i = starts[i] if i < len(starts) else 0
        return fakes.perfect_detect(fakes.write_numbers([2.0 * i, -i, 0.5 * i, 1, 0, 0, 0.3]))

    result = cross.evaluate_cross(
        Copying(awake_model()), people, fakes.fresh_tools(detect), 2, fakes.silent
    )
    assert result["n"]["clips"] == 2
    assert set(result["rows"]) == {"absolute", "relative"}
    assert list(result["sheets"][0].columns[2:]) == list(result["rows"])  # headings of pictures
    for row in result["rows"].values():
        assert row["yaw_r"] > 0.99
        assert row["pitch_r"] > 0.99
    assert result["rows"]["absolute"]["pose_error_deg"] < 0.1
    assert "pose_error_deg" not in result["rows"]["relative"]
    turn = result["plots"][0].lines
    assert turn["absolute"][1] == pytest.approx(turn["driver"][1], abs=0.1)


def test_cross_refers_to_the_portrait_unmoved_and_warped(people: heldout.HeldOut) -> None:
    seen: list[np.ndarray] = []
    know = _label_detect(people)

    def detect(frame):
        seen.append(frame)
        return know(frame)

    def run(**asked):
        seen.clear()
        tools = dataclasses.replace(fakes.fresh_tools(detect), describe=lambda _, p: p[:128, 0])
        renderer = Renderer(awake_model())
        return cross.evaluate_cross(
            renderer, people, tools, 2, fakes.silent, ("absolute",), **asked
        ), len(seen)

    plain, plain_looks = run()
    result, looks = run(references=True)
    assert list(plain["rows"]) == ["absolute"]
    assert list(result["rows"]) == ["absolute", "copy", "landmark_warp"]
    assert result["rows"]["absolute"] == plain["rows"]["absolute"]
    assert looks - plain_looks == result["n"]["frames_a_mode"]  # the copy is seen already
    copy, warp = result["rows"]["copy"], result["rows"]["landmark_warp"]
    assert set(copy) == set(warp) == set(plain["rows"]["absolute"])
    assert copy["identity_distance"] == 0
    assert copy["yaw_r"] == copy["jawOpen_r"] == 0
    assert copy["jitter_beyond_driver_pct"] == -100
    assert list(result["sheets"][0].columns) == ["portrait", "driving", "absolute", "landmark warp"]
    portrait, driving, _, shown = result["sheets"][0].rows[0]
    ends = know(portrait).landmarks, know(driving).landmarks[None]
    assert (shown == warp_where_known(portrait, *ends)[0][0]).all()
    assert list(result["plots"][0].lines) == ["driver", *result["rows"]]


def test_a_landmark_warp_leaves_the_picture_where_landmarks_are_missing() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    own = np.random.default_rng(2).uniform(16, 48, (478, 3)).astype(np.float32)
    targets = np.stack([own, own + 4, own])
    targets[2] = np.nan
    frames, known = warp_where_known(frame, own, targets)
    assert known.tolist() == [True, True, False]
    assert np.abs(frames[0].astype(int) - frame).max() <= 1
    assert np.abs(frames[1].astype(int) - frame).max() > 9
    assert (frames[2] == frame).all()
    nowhere, known = warp_where_known(frame, np.full_like(own, np.nan), targets)
    assert not known.any()
    assert (nowhere == frame).all()


def test_the_cross_protocol_measures_heads_that_keep_their_size_in_absolute_mode() -> None:
    # Figures that are published were measured so.
    assert cross.measured_options("absolute") == AnimateOptions(mode="absolute", gain_scale=0)
    assert cross.measured_options("relative") == AnimateOptions()


def test_the_window_of_a_video_is_where_most_happens(people: heldout.HeldOut) -> None:
    clip = people.clips[0]
    rows = drivers.liveliest_window(people, clip, 4)
    assert rows == list(range(rows[0], rows[0] + 4))
    assert set(rows) <= set(clip.rows)
    assert drivers.liveliest_window(people, clip, 99) == list(clip.rows)


# The report and the command


def example_result() -> dict:
    return {
        "protocol": "same",
        "split": "val",
        "mode": "absolute",
        "n": {"pairs": 3},
        "model": {"id": "tiny", "hash": "abc"},
        "command": "python -m mmfa_core evaluate",
        "rows": {"ours": {"L1": 0.123456789, "yaw_r": math.nan}, "copy": {"L1": 0.2}},
        "margins": {"L1 / copy": 0.6},
        "decoupling": {"yaw_deg": {"yaw_deg": 1.0, "tx": 0.25}, "tx": {"yaw_deg": 0.5, "tx": 1.0}},
        "notes": ["a note"],
    }


def test_the_report_is_strict_json_with_markdown_beside_it(tmp_path: Path) -> None:
    written = report.write_report(example_result(), tmp_path / "new" / "out.json", overwrite=False)
    assert [file.name for file in written] == ["out.json", "out.md", "out.html"]
    values = json.loads(written[0].read_text(), parse_constant=pytest.fail)
    assert values["rows"]["ours"] == {"L1": 0.12346, "yaw_r": None}
    text = written[1].read_text()
    assert "| L1 (lower is better) | 0.1235 | 0.2 |" in text
    assert "| yaw_r | - | - |" in text
    assert "| yaw_deg | 1 | 0.25 |" in text  # edited yaw: a line; factors: columns
    assert "- n: 3 pairs" in text
    assert "- a note" in text


def test_a_report_that_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    report.write_report(example_result(), tmp_path / "out", overwrite=False)
    with pytest.raises(ResourceError, match=r"out\.json is already there .*--overwrite"):
        report.write_report(example_result(), tmp_path / "out.json", overwrite=False)
    assert report.write_report(example_result(), tmp_path / "out.json", overwrite=True)


def arguments(corpus: Path, tmp_path: Path, **changes: object) -> argparse.Namespace:
    values = {
        "protocol": "same",
        "data": str(corpus),
        "output": str(tmp_path / "report.json"),
        "model": str(tmp_path / "tiny"),
        "limit": 1,
        "overwrite": False,
    }
    return argparse.Namespace(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"protocol": "other"}, "The protocol is 'other', not one of same, cross"),
        ({"limit": 0}, "--limit is 0; it must be at least 1."),
        ({"model": "nowhere-to-be-found"}, "There is no model folder 'nowhere-to-be-found'."),
        ({"data": "nowhere"}, "index.tsv of 'nowhere' can't be read."),
    ],
)
def test_a_command_that_can_not_run_gets_one_sentence(
    corpus: Path, tmp_path: Path, changes, sentence
) -> None:
    save_tiny(tmp_path / "tiny")
    with pytest.raises(MMFAError) as caught:
        evaluate_command(arguments(corpus, tmp_path, **changes))
    assert sentence in caught.value.message
    assert not (tmp_path / "report.json").exists()


def test_an_output_that_is_there_is_noticed_before_the_model_is_loaded(
    corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "report.md").touch()
    with pytest.raises(ResourceError, match=r"report\.md is already there"):
        evaluate_command(arguments(corpus, tmp_path, model="nowhere-to-be-found"))


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("folder", "folder.json is a folder."),
        ("file/report.json", "The folder file of report.json can't be made: File exists."),
        (f"{'a' * 300}.json", "can't be written to its folder (File name too long)."),
    ],
)
def test_an_output_that_can_not_be_written_is_noticed_before_the_model_is_loaded(
    corpus: Path, tmp_path: Path, output: str, sentence: str
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").touch()
    changes = {"output": tmp_path / output, "model": "nowhere-to-be-found", "overwrite": True}
    with pytest.raises(ResourceError) as caught:
        evaluate_command(arguments(corpus, tmp_path, **changes))
    assert sentence in caught.value.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_runs_from_the_command_to_the_report(
    corpus: Path, tmp_path: Path, protocol: str
) -> None:
    save_tiny(tmp_path / "tiny")
    calls: list[tuple[str, int, int | None]] = []
    result = evaluate_command(
        arguments(corpus, tmp_path, protocol=protocol), lambda *told: calls.append(told)
    )
    written = json.loads((tmp_path / "report.json").read_text())
    assert written == json.loads(json.dumps(result))
    assert written["protocol"] == protocol
    assert written["model"]["id"] == "tiny"
    assert len(written["model"]["hash"]) == 12
    assert str(tmp_path) not in (tmp_path / "report.json").read_text()
    assert calls[-1][1] == calls[-1][2]
    assert (tmp_path / "report.md").read_text().startswith(f"# Evaluation: {protocol}")
    assert ("landmark_warp" in result["rows"]) == (protocol != "edit")
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_the_command_is_written_without_full_paths(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    line = command_line(arguments(tmp_path / "corpus", tmp_path, limit=4))
    assert line == (
        "python -m mmfa_core evaluate --protocol same --data corpus --model tiny --limit 4"
    )


def _label_detect(people: heldout.HeldOut):
    """Know the held-out pictures by heart; anything else is the nearest of them."""
    rows = [row for clip in people.clips for row in clip.rows]
    known = people.frames(rows)[:, ::16, ::16].astype(np.float32).reshape(len(rows), -1)

    def detect(frame):
        small = frame[::16, ::16].astype(np.float32).reshape(-1)
        row = rows[int(np.abs(known - small).sum(1).argmin())]
        pose = tuple(float(v) for v in people.pose_deg[row])
        return fakes.SeenFace(people.landmarks[row], people.blendshapes[row], pose)

    return detect


@pytest.mark.parametrize(
    "protocol",
    [
        cross.evaluate_cross,
        partial(cross.evaluate_cross, references=True),
        edits.evaluate_edits,
        paths.evaluate_interpolation,
    ],
)
def test_outputs_without_a_face_are_reported_as_missing(people: heldout.HeldOut, protocol) -> None:
    class Still(fakes.PerfectRenderer):
        def estimate_motion(self, frames):
            motion = self.encode_source(frames[0]).motion
            return type(motion).cat([motion] * len(frames))

    tools = fakes.fresh_tools(lambda frame: None)
    result = report.plain(protocol(Still(awake_model()), people, tools, 1, fakes.silent))
    for row in result["rows"].values():
        assert row["found"] in {0, None}  # None where no face was there to follow either
        assert not any(row.get(name) for name in ("slope", "yaw_r", "largest_step / mean_step"))

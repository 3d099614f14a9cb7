"""The drive doctor: a clip's numbers, what they mean, and the mend that goes with them."""

from __future__ import annotations

import dataclasses
import json
import threading
from fractions import Fraction

import numpy as np
import pytest

from mmfa_core import AnimateOptions, MMFAError
from mmfa_core.face import resize_frame
from mmfa_core.inference.clip_facts import ClipFacts
from mmfa_core.inference.doctor import examine_clip, examine_in_steps
from mmfa_core.inference.findings import list_findings
from mmfa_core.media import ClipWriter, read_clip

RATE = Fraction(30)


def examine(clip, *, face_index=None, part=(0.0, None), max_seconds=60.0, progress=None):
    return examine_clip(
        clip,
        face_index=face_index,
        part=part,
        max_seconds=max_seconds,
        progress=progress or (lambda *_: None),
    )


def topics(report, level=None):
    return {f.topic: f for f in report.findings if level in (None, f.level)}


@pytest.fixture(scope="module")
def smile(examples):
    return list(read_clip(examples / "driving_smile.mp4"))


@pytest.fixture(scope="module")
def other(examples):
    frames = []
    for frame in read_clip(examples / "driving_expressive.mp4"):
        frames.append(frame)
        if len(frames) == 40:
            break
    return frames


@pytest.fixture
def write(tmp_path):
    def clip(frames):
        height, width = frames[0].shape[:2]
        with ClipWriter(tmp_path / "clip.mp4", width, height, RATE) as writer:
            for frame in frames:
                writer.write(frame)
        return tmp_path / "clip.mp4"

    return clip


def test_a_clip_that_drives_well_gets_only_good_findings(examples):
    report = examine(examples / "driving_smile.mp4")
    assert {f.level for f in report.findings} == {"good"}
    assert report.facts.found_share == 1
    assert report.facts.fps == 30
    assert report.facts.has_sound
    assert report.best_picture.shape == report.start_picture.shape == (128, 128, 3)
    json.dumps(report.facts.to_json())


def test_a_start_that_is_turned_away_is_mended_by_a_later_start(examples):
    report = examine(examples / "driving_turn.mp4")
    start = topics(report, "note")["start"]
    assert "turned 38 degrees" in start.sentence
    mended = examine(examples / "driving_turn.mp4", part=(start.mend.changes["start_s"], None))
    assert abs(mended.facts.start_yaw_deg) < 12
    assert topics(mended)["start"].level == "good"
    assert AnimateOptions().changed(**start.mend.changes).start_s > 0.5


def test_a_cut_is_found_at_its_frame_and_the_longest_shot_is_offered(smile, other, write):
    report = examine(write(smile[:24] + other + smile[24:44]))
    assert report.facts.cuts == pytest.approx((24 / 30, 64 / 30))
    mend = topics(report, "warn")["cuts"].mend
    assert mend.changes == {"start_s": pytest.approx(24 / 30), "end_s": pytest.approx(64 / 30)}


def test_a_face_that_is_away_is_told_with_its_times(smile, write):
    report = examine(write(smile[:40] + [np.full_like(smile[0], 90)] * 20 + smile[:10]))
    assert report.facts.gaps == (pytest.approx((40 / 30, 60 / 30)),)
    finding = topics(report, "warn")["face"]
    assert "29 % of the frames (1.3 s to 2.0 s)" in finding.sentence
    assert finding.mend.changes == {"start_s": 0, "end_s": pytest.approx(40 / 30)}


def test_two_faces_are_listed_and_the_other_one_can_drive(smile, other, write):
    clip = write([np.concatenate(pair, 1) for pair in zip(smile[:30], other, strict=False)])
    report = examine(clip)
    assert len(report.faces) == 2
    assert [face.thumbnail.shape for face in report.faces] == [(128, 128, 3)] * 2
    changes = topics(report, "note")["faces"].mend.changes
    second = examine(clip, face_index=changes["driving_face_index"])
    assert second.facts.face_px < report.facts.face_px
    assert [face.index for face in second.faces] == [0, 1]
    assert topics(second, "note")["faces"].mend is None


def test_a_person_who_comes_later_has_no_number_and_is_not_offered(smile, other, write):
    alone = [np.concatenate((frame, np.full_like(frame, 90)), 1) for frame in smile[:12]]
    both = [np.concatenate(pair, 1) for pair in zip(smile[12:40], other, strict=False)]
    report = examine(write([*alone, *both]))
    assert report.faces == ()
    assert "faces" not in topics(report)


def test_a_head_that_comes_nearer_is_answered_with_a_locked_scale(smile, write):
    frames = []
    for number, frame in enumerate(smile[:30]):
        cut = number * 2
        inner = frame[cut : 360 - cut, round(cut * 16 / 9) : 640 - round(cut * 16 / 9)]
        frames.append(resize_frame(inner, 360, 640))
    report = examine(write(frames))
    assert report.facts.size_change > 1.25
    assert topics(report, "note")["size"].mend.changes == {"gain_scale": 0.0}


def test_a_head_that_wanders_is_answered_with_a_locked_place(smile, write):
    wide = [np.pad(frame, ((0, 0), (0, 300), (0, 0)), mode="edge") for frame in smile[:30]]
    report = examine(write([np.roll(frame, 8 * n, 1) for n, frame in enumerate(wide)]))
    assert report.facts.head_travel > 0.8
    assert topics(report, "note")["travel"].mend.changes == {"gain_translation": 0.0}
    assert report.facts.tremble == 0


def test_a_trembling_picture_is_answered_with_more_smoothing(smile, write):
    random = np.random.default_rng(1)
    throws = random.normal(0, 4, (30, 2)).round().astype(int)
    shaken = [np.roll(f, tuple(t), (0, 1)) for f, t in zip(smile, throws, strict=False)]
    report = examine(write(shaken))
    assert topics(report, "note")["tremble"].mend.changes["smoothing"] > AnimateOptions().smoothing


def test_a_blurred_face_is_told(smile, write):
    report = examine(write([resize_frame(resize_frame(f, 36, 64), 360, 640) for f in smile[:20]]))
    assert "blurred" in topics(report, "note")["blur"].sentence


def test_a_clip_beyond_the_limit_is_looked_at_up_to_there(examples):
    report = examine(examples / "driving_smile.mp4", max_seconds=1.0)
    assert report.facts.looked_s == pytest.approx(1.0)
    finding = topics(report, "warn")["length"]
    assert finding.mend.changes == {"start_s": 0, "end_s": 1.0}
    assert "2.4 s is too long" in finding.sentence


def test_a_clip_without_a_face_is_refused_with_a_sentence(write):
    with pytest.raises(MMFAError, match=r"No face was found in clip\.mp4"):
        examine(write([np.full((64, 64, 3), 90, np.uint8)] * 8))


def test_an_examination_can_be_left_from_its_progress(examples):
    def stop(stage, done, total):
        assert stage == "examine"
        assert done <= total
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(examples / "driving_smile.mp4", progress=stop)


def test_an_examination_in_steps_tells_how_far_it_is_and_ends_with_the_report(examples):
    clip = examples / "driving_turn.mp4"
    *steps, last = examine_in_steps(lambda report: examine(clip, progress=report, max_seconds=1.0))
    assert [step.done for step in steps] == [*range(1, 13), 12]
    assert {step.total for step in steps} == {12}
    assert last.report.facts.looked_s == pytest.approx(1.0, abs=0.05)


def test_leaving_an_examination_ends_its_thread(examples):
    clip = examples / "driving_turn.mp4"
    steps = examine_in_steps(lambda report: examine(clip, progress=report))
    next(steps)
    steps.close()
    assert not [t for t in threading.enumerate() if t.name in ("watched", "read-ahead")]


CALM = ClipFacts(
    seconds=4.0, part=(0.0, 4.0), looked_s=4.0, max_seconds=60.0, fps=Fraction(25), has_sound=True,
    variable_rate=False, found_share=1.0, gaps=(), faces=1, face_index=None, cuts=(), start_s=0.0,
    start_yaw_deg=0.0, start_unrest=0.2, start_expression=0.1, best_s=0.0, best_unrest=0.2,
    early_s=0.0, early_unrest=0.2, face_px=200.0, sharpness=0.4, head_travel=0.1, size_change=1.05,
    tremble=0.1, turn_deg=20.0, expression_range=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "topic", "words"),
    [
        ({"fps": Fraction(10)}, "rate", "only 10 frames a second"),
        ({"variable_rate": True}, "rate", "unevenly spaced"),
        ({"has_sound": False}, "sound", "no sound"),
        ({"turn_deg": 1.0, "expression_range": 0.01}, "still", "hardly any motion"),
        ({"faces": 3, "face_index": 1}, "faces", "There are 3 faces; number 1 drives."),
        ({"part": (0.0, 0.2)}, "length", "very short"),
        ({"face_px": 40.0}, "blur", "small, about 40 px"),
        # A calm frame late in the clip can't be the start: nothing would be left.
        ({"start_unrest": 1.0, "early_unrest": 0.9, "best_s": 3.5}, "start", "compared with that"),
        # A shot under a second is not worth offering.
        ({"cuts": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)}, "cuts", "0.5 s, 1.0 s, 1.5 s and 4 more"),
    ],
)
def test_a_number_becomes_a_sentence(changes, topic, words):
    findings = {f.topic: f for f in list_findings(dataclasses.replace(CALM, **changes))}
    assert words in findings[topic].sentence
    assert findings[topic].mend is None


def test_warnings_come_first():
    facts = dataclasses.replace(CALM, cuts=(2.0,), faces=2)
    assert [f.level for f in list_findings(facts)][:2] == ["warn", "note"]

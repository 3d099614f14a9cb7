"""Motion files: what is saved drives as the clip does, and what strangers send gets a sentence."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from safetensors.numpy import save as format_safetensors

from mmfa_core import Animator, MMFAError, Timeline, load_motion
from mmfa_core.checkpoint import save_model
from mmfa_core.errors import MismatchError, ResourceError, TooLongError, UnreadableError
from mmfa_core.inference import motion_files
from mmfa_core.inference.motion_files import save_track
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack
from mmfa_core.media import probe_clip
from tests.helpers import awake_model
from tests.tiny_model import STATS, TINY, save_tiny

ABOUT = {"version": 1, "fps": "24000/1001", "model_id": "tiny", "model_hash": "0123abcd"}


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture(scope="module")
def portrait(animator, examples):
    return animator.prepare(examples / "london_034_neutral.jpg")


@pytest.fixture(scope="module")
def turn(examples):
    return examples / "driving_turn.mp4"


@pytest.fixture(scope="module")
def motion(animator, turn, tmp_path_factory):
    path = tmp_path_factory.mktemp("motion") / "turn.safetensors"
    animator.save_motion(turn, path)
    return path


def track_of(count=6, code=8, **changes):
    """Make a motion of some frames, the second without a face."""
    rng = np.random.default_rng(3)

    def head(n):
        return HeadMotion(
            rotation=np.tile(np.eye(3, dtype=np.float32), (n, 1, 1)),
            translation=rng.normal(size=(n, 2)).astype(np.float32),
            scale=np.ones((n, 1), np.float32),
            expression_code=rng.normal(size=(n, code)).astype(np.float32),
        )

    whole = MotionTrack(
        fps=Fraction(24000, 1001),
        present=np.arange(count) != 1,
        frames=head(count),
        candidates=head(2),
        candidate_frames=(0, count - 1),
        model_id="tiny",
        model_hash="0123abcd",
    )
    return dataclasses.replace(whole, **changes)


def arrays_of(count=6, code=8):
    track = track_of(count, code)
    arrays = {
        "present": track.present.astype(np.uint8),
        "candidate_frames": np.array(track.candidate_frames, np.int32),
    }
    for prefix, head in (("", track.frames), ("candidate_", track.candidates)):
        arrays |= {prefix + f.name: getattr(head, f.name) for f in dataclasses.fields(head)}
    return arrays


def file_of(path, about=ABOUT, **changes):
    """Write a motion file with other arrays; None leaves one out."""
    arrays = {name: value for name, value in (arrays_of() | changes).items() if value is not None}
    text = about if isinstance(about, str) else json.dumps(about)
    path.write_bytes(format_safetensors(arrays, {"mmfa_motion": text}))
    return path


def equal(a, b):
    return len(a.frames) == len(b.frames) and all(
        (x == y).all() for x, y in zip(a.frames, b.frames, strict=True)
    )


# ------------------------------------------------------------------- the same as the clip


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "absolute", "copy_scale": True, "copy_translation": True},
        {"best_frame": False, "smoothing": 0.0},
        {"smoothing": 0.7, "gain_rotation": 0.5, "gain_expression": 1.6},
        {"expression_space": "offsets", "smoothing": 0.0, "parts": ("expression", "scale")},
    ],
    ids=["plain", "absolute", "first frame", "gains", "offsets"],
)
def test_frames_from_a_motion_file_equal_those_from_its_clip(
    animator, portrait, turn, motion, options
):
    from_clip = animator.animate(portrait, turn, **options)
    from_file = animator.animate(portrait, motion, **options)
    assert equal(from_clip, from_file)
    assert from_file.fps_out == from_clip.fps_out
    assert from_file.reference_frame == from_clip.reference_frame
    assert from_file.notes == from_clip.notes


def test_a_part_that_was_saved_equals_that_part_of_the_clip(animator, portrait, turn, tmp_path):
    track = animator.save_motion(turn, tmp_path / "part.safetensors", start_s=0.5, end_s=1.2)
    from_clip = animator.animate(portrait, turn, start_s=0.5, end_s=1.2)
    assert len(track) == from_clip.frames_out
    assert equal(from_clip, animator.animate(portrait, tmp_path / "part.safetensors"))


def test_gaps_without_a_face_are_held_and_told_as_with_the_clip(
    animator, portrait, tmp_path, examples
):
    from mmfa_core.media import ClipWriter, read_clip

    frames = list(read_clip(examples / "driving_turn.mp4"))
    blank = np.full_like(frames[0], 128)
    with ClipWriter(tmp_path / "gap.mp4", 256, 256, Fraction(12)) as writer:
        for frame in [*frames[:9], *[blank] * 9, *frames[9:14]]:
            writer.write(frame)
    track = animator.save_motion(tmp_path / "gap.mp4", tmp_path / "gap.safetensors")
    assert 0 < (~track.present).sum() < len(track)
    from_clip = animator.animate(portrait, tmp_path / "gap.mp4")
    from_file = animator.animate(portrait, tmp_path / "gap.safetensors")
    assert equal(from_clip, from_file)
    assert from_file.notes == from_clip.notes
    assert any("was not found from" in note for note in from_file.notes)


def test_a_clip_written_from_motion_has_its_exact_rate_and_no_sound(
    animator, portrait, examples, tmp_path
):
    animator.save_motion(examples / "driving_smile.mp4", tmp_path / "m.safetensors", end_s=0.2)
    track = load_motion(tmp_path / "m.safetensors")
    save_track(tmp_path / "n.safetensors", dataclasses.replace(track, fps=Fraction(30000, 1001)))
    animator.animate(portrait, tmp_path / "n.safetensors", tmp_path / "out.mp4")
    made = probe_clip(tmp_path / "out.mp4")
    assert (made.frames, made.fps, made.has_sound) == (6, Fraction(30000, 1001), False)


def test_motion_can_be_trimmed_when_it_drives(animator, portrait, motion):
    whole = animator.animate(portrait, motion)
    part = animator.animate(portrait, motion, start_s=0.5, end_s=1.0)
    assert part.frames_out == 6
    assert part.reference_frame < 6 < whole.frames_out


def test_motion_drives_under_keyframes_and_streams(animator, portrait, motion, tmp_path):
    made = animator.render_timeline(
        portrait, Timeline.from_json({"keyframes": [{"time_s": 0}]}), driving=motion
    )
    assert equal(made, animator.animate(portrait, motion))
    *_, last = animator.stream(portrait, motion, tmp_path / "out.gif")
    assert last.result.frames_out == 23


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("my model v2", "my model v2"),
        ("Gesicht (groß), 3", "Gesicht (groß), 3"),
        ("org/name@main", "org/name@main"),
        ("<b>mine</b>\n", "_b_mine_/b__"),
        ("m" * 300, "m" * 100),
        ("", "unnamed"),
    ],
)
def test_the_motion_of_a_model_of_any_name_can_be_read_again(tmp_path, name, kept):
    track = track_of(model_id=name)
    assert load_motion(save_track(tmp_path / "m.safetensors", track)).model_id == kept


@pytest.mark.parametrize("fps", [Fraction(1, 300), Fraction(999_999_999, 10**6), Fraction(90_000)])
def test_rates_that_clips_can_have_are_read_again(tmp_path, fps):
    assert load_motion(save_track(tmp_path / "m.safetensors", track_of(fps=fps))).fps == fps


def test_a_motion_file_comes_back_as_it_was_saved(tmp_path):
    track = track_of()
    found = load_motion(save_track(tmp_path / "m.safetensors", track))
    assert (found.fps, found.model_id, found.model_hash) == (track.fps, "tiny", "0123abcd")
    assert found.candidate_frames == track.candidate_frames
    np.testing.assert_array_equal(found.present, track.present)
    for part in ("frames", "candidates"):
        for field in dataclasses.fields(HeadMotion):
            saved, back = (getattr(getattr(t, part), field.name) for t in (track, found))
            np.testing.assert_array_equal(back, saved)


def test_the_same_motion_gives_the_same_bytes(animator, turn, motion, tmp_path):
    again = tmp_path / "again.safetensors"
    *_, last = animator.save_motion_in_steps(turn, again)
    assert (last.stage, last.done, last.total) == ("motion", 23, 23)
    assert again.read_bytes() == motion.read_bytes()


def test_a_motion_file_holds_no_picture_and_no_name_of_the_clip(motion, turn):
    content = motion.read_bytes()
    assert len(content) < 10_000 < turn.stat().st_size
    assert turn.stem.encode() not in content


def test_stopping_while_it_is_saved_leaves_no_file(animator, turn, tmp_path):
    steps = animator.save_motion_in_steps(turn, tmp_path / "m.safetensors")
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------ another model


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m") / "other"
    model = awake_model()
    with_other_weights = [p.data.mul_(1.5) for p in model.appearance.parameters()]
    assert with_other_weights
    save_model(folder, model, TINY, STATS)
    return Animator.from_pretrained(folder, threads=1)


def test_expressions_of_another_model_are_refused_with_a_way_out(other, portrait, motion):
    with pytest.raises(MismatchError, match="are of the model tiny") as raised:
        other.animate(portrait, motion)
    assert "lock the expression" in raised.value.hint


def test_head_movements_of_another_model_are_taken(other, animator, portrait, motion):
    parts = ("rotation", "translation", "scale")
    made = other.animate(other.prepare(portrait.picture), motion, parts=parts, best_frame=False)
    assert made.frames_out == 23
    assert (made.frames[0] != made.frames[-1]).any()


# ------------------------------------------------------------------- what can't be saved


@pytest.mark.parametrize(
    ("clip", "options", "told"),
    [
        ("london_034_neutral.jpg", {}, "is a picture; motion is saved from a clip"),
        ("driving_smile.mp4", {"max_seconds": 1.0}, "the limit is 1 s"),
        ("nothing.mp4", {}, "is not there"),
        ("driving_smile.mp4", {"start_s": 9.0}, "begins at 9 s"),
    ],
)
def test_what_has_no_motion_to_save_gets_a_sentence(
    animator, examples, tmp_path, clip, options, told
):
    with pytest.raises(MMFAError, match=told):
        animator.save_motion(examples / clip, tmp_path / "m.safetensors", **options)
    assert list(tmp_path.iterdir()) == []


def test_motion_is_not_saved_from_a_motion_file_over_a_file_or_as_a_clip(
    animator, motion, turn, tmp_path
):
    with pytest.raises(MMFAError, match="is a motion file already"):
        animator.save_motion(motion, tmp_path / "m.safetensors")
    with pytest.raises(ResourceError, match="already there"):
        animator.save_motion(turn, motion)
    with pytest.raises(MMFAError, match=r"possible endings are \.safetensors"):
        animator.save_motion(turn, tmp_path / "m.mp4")


def test_a_motion_beyond_the_format_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(motion_files, "MOST_FRAMES", 5)
    with pytest.raises(ResourceError, match="6 frames; a motion file holds up to 5"):
        save_track(tmp_path / "m.safetensors", track_of())


def test_a_motion_longer_than_the_limit_is_refused(animator, portrait, motion):
    with pytest.raises(TooLongError, match="the limit is 1 s"):
        animator.animate(portrait, motion, max_seconds=1.0)


def test_a_part_without_a_face_is_refused(animator, portrait, tmp_path):
    track = track_of(48, present=np.arange(48) < 24, model_hash=animator.model_hash)
    path = save_track(
        tmp_path / "m.safetensors", dataclasses.replace(track, candidate_frames=(0, 3))
    )
    with pytest.raises(MMFAError, match="there is no face"):
        animator.animate(portrait, path, start_s=1.1)


# ------------------------------------------------------------------------ hostile files


def safetensors_of(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


HUGE = {"present": {"dtype": "U8", "shape": [10**9], "data_offsets": [0, 10**9]}}
OVERFLOW = {"present": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}
BEYOND = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [2**60, 2**60 + 4]}}
OVERLAP = {
    "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
    "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]},
}
NESTED = b'{"__metadata__":' + b'{"a":' * 900 + b"1" + b"}" * 901

DAMAGED = {
    "0 bytes": b"",
    "3 bytes": b"abc",
    "text": b"this is no motion at all",
    "a header of 2^63 bytes": safetensors_of(b"{}", length=2**63),
    "a header one byte too long": safetensors_of(b"{}", length=3),
    "a header of 0 bytes": safetensors_of(b"", b"0" * 16),
    "a header that is no JSON": safetensors_of(b"{{{{"),
    "a header that is a list": safetensors_of(b"[1, 2]"),
    "a header of nested JSON": safetensors_of(NESTED),
    "a header of 20 kB": safetensors_of(b"{}" + b" " * 20_000),
    "10^9 frames": safetensors_of(HUGE, b"\1" * 64),
    "a product that overflows": safetensors_of(OVERFLOW, b"0000"),
    "tensors outside of the file": safetensors_of(BEYOND, b"0000"),
    "tensors that overlap": safetensors_of(OVERLAP, b"000000"),
    "nothing": safetensors_of({}),
    "a model": format_safetensors({"w": np.zeros(3, np.float32)}, {"format": "pt"}),
    "another version of the header": safetensors_of({"__metadata__": None}),
    "a pickle": pickle.dumps({"present": [1]}),
    "a clip": b"\0\0\0\x20ftypisom" + b"\0" * 64,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_motion_file_gets_one_sentence(tmp_path, content):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as raised:
        load_motion(path)
    assert raised.value.message.startswith("m.safetensors is ")
    assert raised.value.message.count(".") == 2  # that of the name, and the full stop
    assert raised.value.hint


def test_a_pickle_under_another_name_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Trap()))
    with zipfile.ZipFile(tmp_path / "b.safetensors", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap()))
    for name in ("a", "b"):
        with pytest.raises(UnreadableError, match="is a pickle or an archive"):
            load_motion(tmp_path / f"{name}.safetensors")
    assert not (tmp_path / "sprung").exists()


def test_a_header_as_long_as_a_pickle_s_first_bytes_is_no_pickle(tmp_path):
    path = file_of(tmp_path / "m.safetensors")
    content = path.read_bytes()
    length, longer = int.from_bytes(content[:8], "little"), 0x0480
    assert length < longer
    header = content[8 : 8 + length] + b" " * (longer - length)  # safetensors allows the spaces
    path.write_bytes(longer.to_bytes(8, "little") + header + content[8 + length :])
    assert path.read_bytes().startswith(b"\x80\x04")
    assert len(load_motion(path)) == 6


SINGLE = np.float32
WRONG = [
    ({"present": None}, "present is missing"),
    ({"rotation": None}, "rotation is missing"),
    ({"candidate_scale": None}, "candidate_scale is missing"),
    ({"picture": np.zeros(3, np.uint8)}, "it holds 'picture'"),
    ({"present": np.ones(6, SINGLE)}, "present has another type"),
    ({"present": np.ones((6, 1), np.uint8)}, "present has another type or shape"),
    ({"present": np.ones(7, np.uint8)}, "rotation has another type or shape"),
    ({"present": np.zeros(0, np.uint8)}, "present is empty"),
    ({"present": np.zeros(6, np.uint8)}, "no face in any frame"),
    ({"scale": np.ones((6, 1), np.float64)}, "'scale' is of the type F64"),
    ({"scale": np.ones((6, 1), np.float16)}, "'scale' is of the type F16"),
    ({"scale": np.ones((6,), SINGLE)}, "scale has another type or shape"),
    ({"scale": np.zeros((6, 1), SINGLE)}, "scale has values outside 0.01 to 100"),
    ({"scale": np.full((6, 1), np.nan, SINGLE)}, "scale has values that are no finite"),
    ({"translation": np.full((6, 2), np.inf, SINGLE)}, "translation has values that are no"),
    ({"translation": np.full((6, 2), 11, SINGLE)}, "translation has values outside -10 to 10"),
    ({"expression_code": np.full((6, 8), 1e30, SINGLE)}, "expression_code has values outside"),
    ({"expression_code": np.zeros((6, 0), SINGLE)}, "expression_code is empty"),
    ({"expression_code": np.zeros((6, 9), SINGLE)}, "candidate_expression_code has another"),
    ({"expression_code": np.zeros((6, 5000), SINGLE)}, "its expression codes have 5000 numbers"),
    ({"rotation": np.zeros((6, 3, 3), SINGLE)}, "rotation has values that are no rotations"),
    ({"rotation": -np.tile(np.eye(3, dtype=SINGLE), (6, 1, 1))}, "that are no rotations"),
    ({"rotation": np.full((6, 3, 3), 3, SINGLE)}, "rotation has values outside -1.1 to 1.1"),
    ({"candidate_frames": np.array([3, 2], np.int32)}, "not rising numbers below 6"),
    ({"candidate_frames": np.array([0, 6], np.int32)}, "not rising numbers below 6"),
    ({"candidate_frames": np.array([-1, 2], np.int32)}, "not rising numbers below 6"),
    ({"candidate_frames": np.zeros(0, np.int32)}, "candidate_frames is empty"),
    ({"candidate_translation": np.full((2, 2), np.nan, SINGLE)}, "no finite numbers"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=[told for _, told in WRONG])
def test_a_motion_file_with_other_tensors_gets_one_sentence(tmp_path, changes, told):
    with pytest.raises(UnreadableError, match=told) as raised:
        load_motion(file_of(tmp_path / "m.safetensors", **changes))
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize("shape", [[0, 2**62, 4], [0, 2**63]])
def test_an_empty_tensor_of_an_impossible_shape_gets_a_sentence(tmp_path, shape):
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    header = json.dumps({"__metadata__": {"mmfa_motion": json.dumps(ABOUT)}, "scale": tensor})
    size = len(header).to_bytes(8, "little")
    (tmp_path / "m.safetensors").write_bytes(size + header.encode())
    with pytest.raises(UnreadableError, match=r"m\.safetensors"):
        load_motion(tmp_path / "m.safetensors")


@pytest.mark.parametrize("version", [2, 0, "1", True, None, [1], 10**400, {"a": 1}])
def test_another_version_gets_a_sentence(tmp_path, version):
    path = file_of(tmp_path / "m.safetensors", {**ABOUT, "version": version})
    with pytest.raises(MismatchError, match="this program reads 1") as raised:
        load_motion(path)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("{", "what it says about itself can't be read"),
        ("[" * 5000, "what it says about itself can't be read"),
        ('{"a":' * 2000, "what it says about itself can't be read"),
        ("[1]", "what it says about itself can't be read"),
        ({}, "what it says about itself can't be read"),
        *(
            ({**ABOUT, "fps": fps}, "fps is ")
            for fps in (
                "1000000000/1", "0", "1/0", "-25", "NaN", "9" * 3000, "1e3", 25, None, [25],
                "1/86401", "100001/1", "٢٥",
            )
        ),
        ({**ABOUT, "model_id": "<script>alert(1)</script>"}, "model_id is '<script>"),
        *(
            ({**ABOUT, "model_id": name}, "which is no name")
            for name in ("a" * 101, "", " ", "a\nb", "a\x1b[2J", "\u202egpj", "![a](b)", "..\\a")
        ),
        ({**ABOUT, "model_id": "a" * 5000}, "model_id is 'aaa"),
        ({**ABOUT, "model_hash": 7}, "model_hash is 7, which is no name"),
        ({**ABOUT, "model_hash": {"a": [1]}}, "model_hash is a nested value"),
    ],
)  # fmt: skip
def test_what_a_motion_file_says_about_itself_is_checked(tmp_path, about, told):
    with pytest.raises(UnreadableError, match=told) as raised:
        load_motion(file_of(tmp_path / "m.safetensors", about))
    assert len(str(raised.value)) < 250


def test_more_frames_than_allowed_get_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(motion_files, "MOST_FRAMES", 5)
    with pytest.raises(UnreadableError, match="present has 6 values; allowed are up to 5"):
        load_motion(file_of(tmp_path / "m.safetensors"))


def test_a_file_beyond_the_limit_is_refused_without_being_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(motion_files, "LARGEST_BYTES", 2**20)
    with (tmp_path / "m.safetensors").open("wb") as stream:
        stream.truncate(2**32)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError, match="is larger than 1 MB"):
            load_motion(tmp_path / "m.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_what_a_header_claims_is_not_allocated(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(safetensors_of(HUGE, b"\1" * 64))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError):
            load_motion(tmp_path / "m.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["missing.safetensors", "folder.safetensors"])
def test_a_motion_file_that_is_not_there_gets_a_sentence(tmp_path, name):
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(UnreadableError, match=f"The motion file {name} is not"):
        load_motion(tmp_path / name)

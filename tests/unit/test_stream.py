"""Trimming, the streamed animation and the list of faces, with a tiny model of random weights."""

from __future__ import annotations

import threading
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from mmfa_core import AnimateOptions, Animator, MMFAError, RenderUpdate
from mmfa_core.inference.watching import watch
from mmfa_core.media import probe_clip, read_clip, read_picture
from tests.tiny_model import save_tiny


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture(scope="module")
def portrait(animator, examples):
    return animator.prepare(examples / "london_009_neutral.jpg")


def close_to(a, b, tolerance=1):
    return np.abs(a.astype(int) - b.astype(int)).max() <= tolerance


# ----------------------------------------------------------------------------- trimming


def test_a_trimmed_clip_animates_exactly_its_frames(animator, portrait, examples, tmp_path):
    clip = examples / "driving_expressive.mp4"  # 24000/1001 frames a second
    rate = Fraction(24000, 1001)
    result = animator.animate(
        portrait, clip, tmp_path / "o.mp4", start_s=float(30 / rate), end_s=float(54 / rate)
    )
    made = probe_clip(tmp_path / "o.mp4")
    assert result.frames_out == made.frames == 24
    assert result.fps_out == made.fps == rate
    assert made.has_sound


def test_motion_of_a_part_is_that_of_the_same_frames_of_the_whole(animator, portrait, examples):
    """Without smoothing and with the same reference, a part is a part of the whole."""
    clip = examples / "driving_turn.mp4"
    same = AnimateOptions(mode="absolute", smoothing=0, parts=("expression",))
    whole = animator.animate(portrait, clip, options=same)
    fps = float(probe_clip(clip).fps)
    part = animator.animate(portrait, clip, options=same, start_s=5 / fps, end_s=12 / fps)
    assert part.frames_out == 7
    # The crop of a part is steadied over that part alone, so frames are near and not equal.
    distances = [
        [np.abs(a.astype(int) - b.astype(int)).mean() for b in whole.frames] for a in part.frames
    ]
    assert np.mean([row[5 + i] for i, row in enumerate(distances)]) < 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start_s": 9.0}, "begins at 9 s, but the clip is 1.9 s long"),
        ({"start_s": 1e308}, "begins at 1e+308 s, but the clip is 1.9 s long"),
        ({"start_s": 1.0, "end_s": 1.01}, "Not one frame is left"),
        ({"start_s": -1.0}, "start_s is -1, it must not be negative"),
        ({"start_s": 2.0, "end_s": 1.0}, "end_s is 1.0, it must be above start_s"),
    ],
)
def test_a_part_without_frames_is_refused(animator, portrait, examples, changes, sentence):
    with pytest.raises(MMFAError) as caught:
        animator.animate(portrait, examples / "driving_turn.mp4", **changes)
    assert sentence in str(caught.value)


def test_a_part_of_a_clip_that_is_too_long_is_not_too_long(animator, portrait, examples):
    clip = examples / "driving_expressive.mp4"
    with pytest.raises(MMFAError, match=r"is 9\.8 s long; the limit is 1 s"):
        animator.animate(portrait, clip, max_seconds=1.0)
    assert animator.animate(portrait, clip, max_seconds=1.0, end_s=0.5).frames_out == 12


# ------------------------------------------------------------------------------ streaming


def test_a_stream_tells_of_every_frame_and_ends_with_the_result(
    animator, portrait, examples, tmp_path
):
    clip = examples / "driving_smile.mp4"
    output = tmp_path / "o.mp4"
    updates = list(animator.stream(portrait, clip, output, end_s=1.5, chunk_folder=tmp_path))
    rendered = [u for u in updates if u.stage == "render"]
    assert [u.done for u in rendered] == list(range(1, 46))
    assert {u.total for u in rendered} == {45}
    assert {u.stage for u in updates} == {"survey", "render", "done"}
    assert rendered[-1].seconds_left == 0
    assert rendered[0].seconds_left is None
    assert all(u.frame.shape == (64, 64, 3) for u in rendered)
    assert updates[-1].result.frames_out == probe_clip(output).frames == 45
    assert sum(u.result is not None for u in updates) == 1


def test_chunks_play_one_by_one_and_hold_every_frame_once(animator, portrait, examples, tmp_path):
    clip = examples / "driving_smile.mp4"
    updates = list(
        animator.stream(portrait, clip, tmp_path / "o.mp4", end_s=2.0, chunk_folder=tmp_path)
    )
    chunks = [(u.done, u.chunk) for u in updates if u.chunk is not None]
    assert [done for done, _ in chunks] == [15, 45, 60]
    made = [probe_clip(chunk) for _, chunk in chunks]
    assert [info.frames for info in made] == [15, 30, 15]
    assert {info.fps for info in made} == {30}
    shown = [frame for _, chunk in chunks for frame in read_clip(chunk)]
    for frame, whole in zip(shown, read_clip(tmp_path / "o.mp4"), strict=True):
        assert np.abs(frame.astype(int) - whole.astype(int)).mean() < 12


def test_leaving_a_stream_keeps_what_was_rendered_with_its_sound(
    animator, portrait, examples, tmp_path
):
    updates = animator.stream(portrait, examples / "driving_smile.mp4", tmp_path / "o.mp4")
    for update in updates:
        if update.stage == "render" and update.done == 20:
            break
    updates.close()
    made = probe_clip(tmp_path / "o.mp4")
    assert made.frames == 20
    assert made.has_sound
    assert made.duration_s == pytest.approx(20 / 30)
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]


def test_leaving_a_stream_before_its_first_frame_leaves_nothing(
    animator, portrait, examples, tmp_path
):
    updates = animator.stream(portrait, examples / "driving_smile.mp4", tmp_path / "o.mp4")
    assert next(updates).stage == "survey"
    updates.close()
    assert list(tmp_path.iterdir()) == []
    assert not [t for t in threading.enumerate() if t.name in ("watched", "read-ahead")]


def test_one_stream_writes_clip_gif_and_pictures(animator, portrait, examples, tmp_path):
    files = [tmp_path / name for name in ("o.mp4", "o.gif", "o.zip")]
    *_, last = animator.stream(portrait, examples / "driving_turn.mp4", files)
    assert last.result.output == files[0]
    assert probe_clip(files[0]).frames == probe_clip(files[1]).frames == 23
    with zipfile.ZipFile(files[2]) as archive:
        assert archive.namelist() == [f"{n:05d}.png" for n in range(23)]
        assert archive.testzip() is None


def test_a_driving_picture_makes_one_file_only(animator, portrait, examples, tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    picture = examples / "london_034_smiling.jpg"
    with pytest.raises(MMFAError, match=r"makes one picture; 2 files were asked for"):
        list(animator.stream(portrait, picture, files))
    assert list(tmp_path.iterdir()) == []


def test_a_driving_picture_streams_one_update(animator, portrait, examples, tmp_path):
    clip = examples / "london_034_smiling.jpg"
    (update,) = animator.stream(portrait, clip, tmp_path / "o.png")
    assert isinstance(update, RenderUpdate)
    assert update.result.frames_out == 1
    assert read_picture(tmp_path / "o.png").shape == (64, 64, 3)


@pytest.mark.parametrize("ending", [".png", ".txt"])
def test_an_output_that_holds_no_clip_is_refused_at_once(
    animator, portrait, examples, tmp_path, ending
):
    updates = animator.stream(portrait, examples / "driving_turn.mp4", tmp_path / f"o{ending}")
    with pytest.raises(MMFAError, match=r"\.mp4"):
        next(updates)


@pytest.mark.parametrize("clip", ["driving_turn.mp4", "london_034_smiling.jpg"])
def test_a_stream_without_an_output_is_refused(animator, portrait, examples, clip):
    with pytest.raises(MMFAError, match="No file to write"):
        next(animator.stream(portrait, examples / clip, []))


def test_watched_work_yields_its_reports_and_returns_its_result():
    def work(report):
        report("count", 1, 2)
        report("count", 2, 2)
        return "counted"

    steps = watch(work)
    assert [next(steps), next(steps)] == [("count", 1, 2), ("count", 2, 2)]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "counted"


def test_an_error_of_watched_work_is_raised_where_it_is_watched():
    def work(report):
        report("count", 1, 2)
        raise MMFAError("It broke.")

    steps = watch(work)
    next(steps)
    with pytest.raises(MMFAError, match="It broke"):
        next(steps)


# --------------------------------------------------------------------------------- faces


def test_all_faces_of_a_picture_are_listed_largest_first(animator, examples):
    large = read_picture(examples / "london_009_neutral.jpg")
    small = np.pad(
        read_picture(examples / "london_034_smiling.jpg")[::2, ::2], ((64, 64), (0, 0), (0, 0))
    )
    faces = animator.faces(np.concatenate((small, large), 1))
    assert [face.index for face in faces] == [0, 1]
    assert faces[0].box[0] > 128 > faces[1].box[2]
    for face in faces:
        chosen = animator.prepare(np.concatenate((small, large), 1), face_index=face.index)
        assert chosen.crop_box == face.crop_box
        assert face.thumbnail.shape == (128, 128, 3)


def test_a_picture_without_a_face_has_no_faces(animator):
    assert animator.faces(np.full((80, 80, 3), 90, np.uint8)) == ()


def test_a_view_frames_the_face_and_a_crop_by_hand_moves_the_frame(animator, examples):
    picture = np.pad(read_picture(examples / "astronaut.jpg"), ((0, 60), (90, 70), (0, 0)))
    view = animator.view(picture)
    assert (view.height, view.width) == picture.shape[:2]
    assert view.crop_box == view.faces[0].crop_box == animator.prepare(picture).crop_box
    x0, y0, _ = (round(v) for v in view.crop_box)
    assert (view.picture[y0 + 20, x0 + 20] == picture[y0 + 20, x0 + 20]).all()
    outside = np.full((100, 200, 3), 100, np.uint8)
    assert animator.view(outside).picture[0, 0, 0] == 40
    moved = animator.view(picture, (10, 20, 100))
    assert moved.faces == ()
    assert (moved.picture[20, 10:110] == (255, 214, 64)).all()
    assert (moved.picture[60, 60] == picture[60, 60]).all()


def test_a_view_of_a_picture_without_a_face_offers_its_middle(animator):
    view = animator.view(np.full((100, 200, 3), 90, np.uint8))
    assert view.faces == ()
    assert view.crop_box == (60, 10, 80)

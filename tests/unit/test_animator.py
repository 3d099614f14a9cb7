"""The product, on shipped portraits and clips, with a tiny model of random weights."""

import json
import subprocess
from fractions import Fraction
from types import SimpleNamespace

import imageio_ffmpeg
import numpy as np
import pytest

from mmfa_core import AnimateOptions, Animator, Keyframe, MMFAError, MotionEdit, Timeline
from mmfa_core.face import resize_frame
from mmfa_core.inference.clip import PASTED_NOTE
from mmfa_core.media import ClipWriter, probe_clip, read_clip, read_picture, write_picture
from tests.tiny_model import save_tiny

RATE = Fraction(12)


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("m") / "tiny")
    # What must be equal here is compared to the bit or nearly so, which bfloat16 would blur.
    return Animator.from_pretrained(folder, threads=1, dtype="float32")


@pytest.fixture(scope="module")
def shipped(examples):
    return SimpleNamespace(
        portrait=examples / "london_009_neutral.jpg",
        other=examples / "london_034_smiling.jpg",
        turn=examples / "driving_turn.mp4",
        smile=examples / "driving_smile.mp4",
    )


def write_clip(path, frames):
    height, width = frames[0].shape[:2]
    with ClipWriter(path, width, height, RATE) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def close_to(a, b, tolerance=1):
    return np.abs(a.astype(int) - b.astype(int)).max() <= tolerance


def test_every_frame_of_the_driver_has_one_in_the_output(animator, shipped, tmp_path):
    seen = []
    result = animator.animate(
        shipped.portrait,
        shipped.smile,
        tmp_path / "o.mp4",
        progress=lambda *step: seen.append(step),
    )
    driver, made = probe_clip(shipped.smile), probe_clip(tmp_path / "o.mp4")
    assert result.frames_out == result.frames_in == driver.frames == made.frames
    assert result.fps_out == driver.fps == made.fps
    assert made.duration_s == pytest.approx(driver.duration_s, abs=0.5 / float(driver.fps))
    assert (made.width, made.height, made.has_sound) == (64, 64, driver.has_sound)
    assert (result.model_id, result.model_hash) == ("tiny", animator.model_hash)
    assert {"prepare", "survey", "decode", "crop", "estimate", "render", "encode", "total"} == set(
        result.seconds
    )
    assert ("render", result.frames_out, result.frames_out) in seen
    assert result.notes == ()
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]


def test_sound_that_can_not_be_decoded_is_left_out_with_a_note(animator, shipped, tmp_path):
    clip = tmp_path / "clip.mov"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", shipped.smile,
        "-frames:v", "4", "-c:a", "pcm_s16le", clip,
    ]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    clip.write_bytes(clip.read_bytes().replace(b"sowt", b"ac-4"))
    result = animator.animate(shipped.portrait, clip, tmp_path / "o.mp4")
    assert result.notes == ("The sound of clip.mov can't be decoded and was left out.",)
    assert probe_clip(result.output).frames == 4


def test_without_an_output_the_frames_are_in_the_result(animator, shipped):
    result = animator.animate(shipped.portrait, shipped.turn)
    assert result.output is None
    assert len(result.frames) == result.frames_out == probe_clip(shipped.turn).frames
    assert {f.shape for f in result.frames} == {(64, 64, 3)}
    assert len({f.tobytes() for f in result.frames}) > 1


@pytest.mark.parametrize("best_frame", [True, False])
def test_relative_motion_leaves_the_portrait_unmoved_at_the_reference_frame(
    animator, shipped, best_frame
):
    result = animator.animate(shipped.portrait, shipped.turn, smoothing=0, best_frame=best_frame)
    still = animator.edit(shipped.portrait, MotionEdit())
    assert close_to(result.frames[result.reference_frame], still)
    assert best_frame or result.reference_frame == 0


def test_the_same_input_gives_the_same_frames(animator, shipped):
    first, second = (animator.animate(shipped.portrait, shipped.turn) for _ in range(2))
    assert all(close_to(a, b, 0) for a, b in zip(first.frames, second.frames, strict=True))


def test_options_are_given_as_a_whole_or_one_by_one(animator, shipped):
    options = AnimateOptions(mode="absolute", smoothing=0)
    as_whole = animator.animate(shipped.portrait, shipped.turn, options=options)
    one_by_one = animator.animate(
        shipped.portrait, shipped.turn, options=AnimateOptions(smoothing=0), mode="absolute"
    )
    relative = animator.animate(shipped.portrait, shipped.turn, smoothing=0)
    assert close_to(as_whole.frames[5], one_by_one.frames[5], 0)
    assert not close_to(as_whole.frames[5], relative.frames[5])


def test_a_face_that_leaves_for_two_seconds_is_held_and_noted(animator, shipped, tmp_path):
    frames = list(read_clip(shipped.turn))[:12]
    blank = [np.full_like(frames[0], 90)] * 24
    clip = write_clip(tmp_path / "leaves.mp4", [*frames, *blank, *frames])
    result = animator.animate(shipped.portrait, clip, smoothing=0)
    note = "The face was not found from 1.0 s to 3.0 s; the last motion was held."
    assert result.notes == (note,)
    assert result.frames_out == 48
    assert all(close_to(frame, result.frames[11]) for frame in result.frames[12:36])
    assert not close_to(result.frames[30], result.frames[40])


def test_a_face_that_comes_late_holds_its_first_motion_until_then(animator, shipped, tmp_path):
    frames = list(read_clip(shipped.turn))[:12]
    clip = write_clip(tmp_path / "late.mp4", [*[np.full_like(frames[0], 90)] * 12, *frames])
    result = animator.animate(shipped.portrait, clip, smoothing=0)
    assert all(close_to(frame, result.frames[0]) for frame in result.frames[1:12])
    assert "from 0.0 s to 1.0 s" in result.notes[0]


def test_several_faces_take_the_largest_and_say_so(animator, shipped):
    small = read_picture(shipped.other)[::2, ::2]
    both = np.concatenate(
        (read_picture(shipped.portrait), np.pad(small, ((64, 64), (0, 0), (0, 0)))), 1
    )
    largest = animator.prepare(both)
    assert "2 faces were found" in largest.notes[0]
    assert "the largest was taken" in largest.notes[0]
    assert largest.crop.x_px < 256 < animator.prepare(both, face_index=1).crop.x_px
    assert animator.prepare(both, face_index=0).notes == ()


def test_a_crop_by_hand_needs_no_face(animator):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    prepared = animator.prepare(noise, crop=(20, 10, 100))
    assert prepared.crop_box == (20, 10, 100)
    assert prepared.face.shape == (64, 64, 3)
    with pytest.raises(MMFAError, match="No face was found in the portrait"):
        animator.prepare(noise)


def test_a_driving_picture_gives_its_pose_and_says_so(animator, shipped, tmp_path):
    result = animator.animate(shipped.portrait, shipped.other, tmp_path / "o.png", badge=False)
    absolute = animator.animate(shipped.portrait, shipped.other, mode="absolute")
    assert close_to(read_picture(tmp_path / "o.png"), absolute.frames[0], 0)
    assert "one picture" in result.notes[0]
    assert absolute.notes == ()


@pytest.mark.parametrize("paste_back", [False, True])
def test_the_size_of_the_clip_is_the_one_asked_for(animator, shipped, paste_back, tmp_path):
    portrait = np.pad(read_picture(shipped.portrait), ((0, 0), (20, 31), (0, 0)))
    asked = {"paste_back": True} if paste_back else {"size_px": 96}
    animator.animate(portrait, shipped.turn, tmp_path / "o.mp4", **asked)
    made = probe_clip(tmp_path / "o.mp4")
    assert (made.width, made.height) == ((306, 256) if paste_back else (96, 96))


def test_a_size_leaves_a_whole_portrait_as_sharp_and_is_noted(animator, shipped):
    plain = animator.animate(shipped.portrait, shipped.other, paste_back=True)
    asked = animator.animate(shipped.portrait, shipped.other, paste_back=True, size_px=64)
    assert close_to(asked.frames[0], plain.frames[0], 0)
    assert PASTED_NOTE in asked.notes
    assert PASTED_NOTE not in plain.notes
    still = Timeline(keyframes=(Keyframe(time_s=0),), seconds=0.04)
    both = {"paste_back": True, "size_px": 64, "end_s": 0.2}
    for driving in (None, shipped.turn):
        made = animator.render_timeline(shipped.portrait, still, driving=driving, **both)
        assert PASTED_NOTE in made.notes


def test_pasting_back_changes_nothing_outside_the_crop(animator, shipped):
    portrait = np.pad(read_picture(shipped.portrait), ((0, 0), (100, 100), (0, 0)), mode="edge")
    pasted = animator.edit(portrait, MotionEdit(yaw_deg=20), paste_back=True)
    x0, _, side = animator.prepare(portrait).crop_box
    changed = np.flatnonzero((pasted != portrait).any((0, 2)))
    assert x0 <= changed.min()
    assert changed.max() < x0 + side


def test_a_prepared_portrait_gives_the_same_frame_as_its_file(animator, shipped):
    prepared = animator.prepare(shipped.portrait)
    assert animator.prepare(prepared) is prepared
    edit = MotionEdit(yaw_deg=10, scale=1.1)
    assert close_to(animator.edit(prepared, edit), animator.edit(shipped.portrait, edit), 0)


def test_an_interpolation_begins_and_ends_with_the_two_expressions(animator, shipped):
    frames = animator.interpolate(shipped.portrait, shipped.other, steps=4)
    assert len(frames) == 4
    assert close_to(frames[0], animator.edit(shipped.portrait, MotionEdit()))
    onto = animator.interpolate(shipped.other, shipped.portrait, shipped.portrait, 3)
    assert close_to(onto[-1], frames[0])
    assert close_to(onto[0], frames[-1])


def test_the_keypoint_report_is_complete_and_plain(animator, shipped):
    report = animator.keypoints(shipped.portrait)
    assert report.canonical.shape == report.expressed.shape == report.posed.shape == (50, 3)
    values = json.loads(json.dumps(report.to_json()))
    assert np.asarray(values["posed"]) == pytest.approx(report.posed, abs=1e-4)
    assert len(values["expression_code"]) == 8
    assert len(values["crop"]) == 3
    assert "picture" not in values
    assert report.picture.shape == (64, 64, 3)
    assert str(report).startswith("yaw ")


def test_the_posed_keypoints_follow_from_the_expressed_ones_by_the_formula(animator, shipped):
    report = animator.keypoints(shipped.portrait)
    rotation = animator.prepare(shipped.portrait).source.motion.rotation[0].numpy()
    posed = report.scale * (report.expressed @ rotation.T)
    posed[:, :2] += report.translation
    assert posed == pytest.approx(report.posed, abs=1e-4)


def test_an_output_of_the_wrong_kind_is_refused_before_any_work(animator, shipped, tmp_path):
    with pytest.raises(MMFAError, match=r"the driver is a clip, so the output ends in \.mp4"):
        animator.animate("missing.jpg", shipped.turn, tmp_path / "o.png")
    with pytest.raises(MMFAError, match=r"the driver is a picture, so the output ends in \.png"):
        animator.animate("missing.jpg", shipped.other, tmp_path / "o.mp4")


def test_a_clip_that_fails_half_way_leaves_nothing_behind(animator, shipped, tmp_path):
    def stop(stage, done, _total):
        if (stage, done) == ("render", 6):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        animator.animate(shipped.portrait, shipped.turn, tmp_path / "o.mp4", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_animator_is_immutable(animator):
    with pytest.raises(AttributeError):
        animator.engine = None


def test_a_portrait_may_be_larger_than_the_model(animator, shipped, tmp_path):
    large = read_picture(shipped.portrait).repeat(3, 0).repeat(3, 1)
    file = write_picture(tmp_path / "large.png", large)
    small, big = animator.prepare(shipped.portrait), animator.prepare(file)
    assert big.crop.side_px == pytest.approx(3 * small.crop.side_px, rel=0.05)


# ------------------------------------------------------------------------------ timelines


TURNING = Timeline(
    keyframes=(
        Keyframe(time_s=0, easing="linear"),
        Keyframe(time_s=0.5, edit=MotionEdit(yaw_deg=20, tx=0.1)),
    ),
    fps=Fraction(24000, 1001),
    seconds=1.0,
)


def test_a_timeline_over_a_still_gives_the_edit_of_each_moment(animator, shipped, tmp_path):
    seen = []
    made = animator.render_timeline(
        shipped.portrait,
        TURNING,
        tmp_path / "o.mp4",
        progress=lambda *step: seen.append(step),
    )
    clip = probe_clip(tmp_path / "o.mp4")
    assert (clip.fps, clip.frames, clip.has_sound) == (Fraction(24000, 1001), 24, False)
    assert (made.frames_out, made.fps_out) == (24, Fraction(24000, 1001))
    assert seen[-1] == ("render", 24, 24)
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]
    kept = animator.render_timeline(shipped.portrait, TURNING)
    for number in (0, 3, 7, 23):
        edit = TURNING.at(float(number / TURNING.fps))
        assert close_to(kept.frames[number], animator.edit(shipped.portrait, edit))
    assert not close_to(kept.frames[0], kept.frames[23])


def test_a_timeline_without_changes_over_a_clip_is_the_animation_itself(animator, shipped):
    nothing = Timeline(keyframes=(Keyframe(time_s=0),))
    plain = animator.animate(shipped.portrait, shipped.turn)
    edited = animator.render_timeline(shipped.portrait, nothing, driving=shipped.turn)
    assert edited.fps_out == plain.fps_out
    assert all(close_to(a, b, 0) for a, b in zip(edited.frames, plain.frames, strict=True))


def test_a_timeline_opens_its_clip_once(animator, shipped, monkeypatch):
    from mmfa_core.inference import driver

    opened = []

    def count(path):
        opened.append(path)
        return probe_clip(path)

    monkeypatch.setattr(driver, "probe_clip", count)
    timeline = Timeline(keyframes=(Keyframe(time_s=0),))
    animator.render_timeline(shipped.portrait, timeline, driving=shipped.turn, end_s=0.3)
    assert opened == [shipped.turn]


def test_a_timeline_over_a_clip_keeps_its_frames_rate_and_sound(animator, shipped, tmp_path):
    moved = Timeline(keyframes=(Keyframe(time_s=0), Keyframe(time_s=9, edit=MotionEdit(tx=0.2))))
    made = animator.render_timeline(shipped.portrait, moved, tmp_path / "o.mp4",
                                    driving=shipped.smile)  # fmt: skip
    driver, clip = probe_clip(shipped.smile), probe_clip(tmp_path / "o.mp4")
    assert (clip.frames, clip.fps, clip.has_sound) == (driver.frames, driver.fps, True)
    assert made.frames_in == made.frames_out == driver.frames
    assert made.notes[-1] == "A keyframe lies after the end of the clip, at 2.40 s."


def test_over_a_still_no_keyframe_may_lie_after_the_end(animator, shipped):
    late = Timeline(keyframes=(Keyframe(time_s=9),), seconds=3)
    with pytest.raises(MMFAError, match=r"The last keyframe is at 9 s, but the clip is 3 s long"):
        animator.render_timeline(shipped.portrait, late)


def test_a_timeline_that_is_left_early_leaves_a_clip_that_plays(animator, shipped, tmp_path):
    updates = animator.stream_timeline(shipped.portrait, TURNING, tmp_path / "o.mp4")
    for update in updates:
        if update.done == 9:
            break
    updates.close()
    assert probe_clip(tmp_path / "o.mp4").frames == 9
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]


def test_a_picture_can_not_drive_a_timeline(animator, shipped):
    with pytest.raises(MMFAError, match=r"is a picture; a timeline goes over a clip"):
        animator.render_timeline(shipped.portrait, TURNING, driving=shipped.other)


def test_a_shrunk_portrait_has_the_same_face_in_a_smaller_picture(animator, shipped):
    picture = read_picture(shipped.portrait).repeat(4, 0).repeat(4, 1)
    prepared = animator.prepare(picture)
    small = prepared.shrunk(300)
    assert small.picture.shape == (300, 300, 3)
    assert small.source is prepared.source
    assert prepared.shrunk(5000) is prepared
    edit = MotionEdit(yaw_deg=20)
    pasted = animator.edit(small, edit, paste_back=True)
    shrunk_after = resize_frame(animator.edit(prepared, edit, paste_back=True), 300, 300)
    assert np.abs(pasted.astype(int) - shrunk_after.astype(int)).mean() < 4

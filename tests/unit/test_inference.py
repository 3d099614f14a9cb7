"""Transfer, smoothing, edits, interpolation and the streaming render, on values alone."""

import dataclasses
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.checkpoint import load_model
from mmfa_core.errors import ConfigError
from mmfa_core.geometry import pose_from_rotation, rotation_from_pose
from mmfa_core.inference.editing import (
    TURN_GAIN,
    WIDEST_YAW_DEG,
    draw_points,
    edit_motion,
)
from mmfa_core.inference.engine import Engine, choose_device, choose_threads
from mmfa_core.inference.interpolation import interpolate_codes
from mmfa_core.inference.options import PARTS, AnimateOptions
from mmfa_core.inference.render import (
    StageClock,
    batches,
    hold_through_gaps,
    read_ahead,
    stream_frames,
)
from mmfa_core.inference.result import AnimateResult
from mmfa_core.inference.smoothing import MotionSmoother
from mmfa_core.inference.transfer import rotation_power, transfer_motion
from mmfa_core.motion import HeadPose, Motion, MotionEdit
from tests.tiny_model import save_tiny

CODE = 4
KEYPOINTS = 6


def decode(code):
    """Stand in for the VAE's decoder: any fixed map from (B, Z) to (B, K, 3)."""
    weights = torch.arange(CODE * KEYPOINTS * 3).reshape(CODE, -1).float().sin() * 0.1
    return (code @ weights).reshape(-1, KEYPOINTS, 3)


def motion(count=1, *, yaw=0.0, pitch=0.0, roll=0.0, t=(0.0, 0.0), scale=1.0, code=0.0):
    pose = HeadPose(*(torch.full((count,), float(a)) for a in (yaw, pitch, roll)))
    codes = torch.full((count, CODE), float(code))
    return Motion(
        rotation_from_pose(pose),
        torch.tensor([t]).float().repeat(count, 1),
        torch.full((count, 1), float(scale)),
        codes,
        decode(codes),
    )


SOURCE = motion(yaw=10, pitch=-5, roll=3, t=(0.1, -0.2), scale=1.2, code=0.5)
DRIVING = motion(yaw=-20, pitch=8, roll=-6, t=(0.3, 0.1), scale=0.9, code=-1.0)
REFERENCE = motion(yaw=4, pitch=2, roll=1, t=(-0.1, 0.05), scale=1.1, code=0.25)


def assert_same(a, b):
    for field in dataclasses.fields(Motion):
        torch.testing.assert_close(
            getattr(a, field.name), getattr(b, field.name), rtol=1e-4, atol=1e-5
        )


# ----------------------------------------------------------------------------- transfer


@pytest.mark.parametrize("space", ["code", "offsets"])
def test_in_relative_mode_the_reference_frame_shows_the_portrait_unmoved(space):
    options = AnimateOptions(expression_space=space)
    assert_same(transfer_motion(SOURCE, REFERENCE, REFERENCE, options, decode), SOURCE)


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_relative_mode_adds_the_change_of_each_angle(gain):
    options = AnimateOptions(gain_rotation=gain)
    shown = pose_from_rotation(
        transfer_motion(SOURCE, DRIVING, REFERENCE, options, decode).rotation
    )
    own, driving, start = (pose_from_rotation(m.rotation) for m in (SOURCE, DRIVING, REFERENCE))
    for angle in ("yaw_deg", "pitch_deg", "roll_deg"):
        change = getattr(driving, angle) - getattr(start, angle)
        wanted = getattr(own, angle) + gain * change
        torch.testing.assert_close(getattr(shown, angle), wanted, rtol=0, atol=1e-3)


def test_relative_mode_follows_the_equations_of_the_method():
    shown = transfer_motion(SOURCE, DRIVING, REFERENCE, AnimateOptions(), decode)
    torch.testing.assert_close(shown.scale, torch.tensor([[1.2 * 0.9 / 1.1]]))
    torch.testing.assert_close(shown.translation, torch.tensor([[0.5, -0.15]]))
    torch.testing.assert_close(shown.expression_code, torch.full((1, CODE), 0.5 - 1.0 - 0.25))
    torch.testing.assert_close(shown.expression_offsets, decode(shown.expression_code))


def test_absolute_mode_copies_pose_and_expression_and_follows_size_and_place_by_their_changes():
    options = AnimateOptions(mode="absolute")
    shown = transfer_motion(SOURCE, DRIVING, REFERENCE, options, decode)
    torch.testing.assert_close(shown.rotation, DRIVING.rotation)
    torch.testing.assert_close(shown.expression_code, DRIVING.expression_code)
    torch.testing.assert_close(shown.scale, torch.tensor([[1.2 * 0.9 / 1.1]]))
    torch.testing.assert_close(shown.translation, torch.tensor([[0.5, -0.15]]))


def test_absolute_mode_can_copy_size_and_place_too():
    options = AnimateOptions(mode="absolute", copy_scale=True, copy_translation=True)
    assert_same(transfer_motion(SOURCE, DRIVING, REFERENCE, options, decode), DRIVING)


@pytest.mark.parametrize("mode", ["relative", "absolute"])
@pytest.mark.parametrize("gain", [0.0, 0.5, 2.0])
def test_the_gain_on_size_works_in_both_modes(mode, gain):
    options = AnimateOptions(mode=mode, gain_scale=gain)
    shown = transfer_motion(SOURCE, DRIVING, REFERENCE, options, decode)
    torch.testing.assert_close(shown.scale, torch.tensor([[1.2 * (0.9 / 1.1) ** gain]]))


@pytest.mark.parametrize("mode", ["relative", "absolute"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["locked", "gain 0"])
def test_a_locked_part_stays_the_portrait_s_own_and_the_others_move(mode, part, how):
    free = AnimateOptions(mode=mode, copy_scale=True)
    if how == "locked":
        options = free.changed(parts=tuple(p for p in PARTS if p != part))
    else:
        options = free.changed(**{f"gain_{part}": 0.0})
    shown = transfer_motion(SOURCE, DRIVING, REFERENCE, options, decode)
    moved = transfer_motion(SOURCE, DRIVING, REFERENCE, free, decode)
    own = {"expression": ("expression_code", "expression_offsets")}.get(part, (part,))
    for field in dataclasses.fields(Motion):
        wanted = SOURCE if field.name in own else moved
        torch.testing.assert_close(
            getattr(shown, field.name), getattr(wanted, field.name), rtol=1e-4, atol=1e-5
        )


def test_a_gain_of_two_turns_twice_as_far():
    options = AnimateOptions(gain_rotation=2.0)
    straight, turned = motion(), motion(yaw=12)
    shown = transfer_motion(straight, turned, straight, options, decode)
    assert float(pose_from_rotation(shown.rotation).yaw_deg) == pytest.approx(24, abs=1e-3)


def test_a_batch_of_driving_frames_equals_the_frames_one_by_one():
    both = Motion.cat([DRIVING, REFERENCE])
    options = AnimateOptions(gain_rotation=1.5, gain_scale=0.5)
    shown = transfer_motion(SOURCE, both, REFERENCE, options, decode)
    for i, single in enumerate((DRIVING, REFERENCE)):
        alone = transfer_motion(SOURCE, single, REFERENCE, options, decode)
        assert_same(shown[i : i + 1], alone)


angles = st.floats(-50, 50)


@given(angles, angles, angles, st.floats(-1, 2))
def test_a_power_of_a_rotation_is_a_rotation_and_powers_add_up(yaw, pitch, roll, gain):
    rotation = motion(yaw=yaw, pitch=pitch, roll=roll).rotation
    part = rotation_power(rotation, gain)
    torch.testing.assert_close(part @ part.transpose(1, 2), torch.eye(3)[None], rtol=0, atol=1e-4)
    rest = rotation_power(rotation, 1 - gain)
    torch.testing.assert_close(part @ rest, rotation, rtol=0, atol=1e-3)


def test_a_rotation_to_the_power_of_nought_is_no_rotation():
    torch.testing.assert_close(rotation_power(DRIVING.rotation, 0.0), torch.eye(3)[None])


# ---------------------------------------------------------------------------- smoothing


def shaking(count=60):
    wobble = torch.arange(count) % 2 * 2.0 - 1
    steady = motion(count, yaw=5)
    pose = HeadPose(5 + wobble, torch.zeros(count), torch.zeros(count))
    return dataclasses.replace(steady, rotation=rotation_from_pose(pose))


def yaw_of(moved):
    return pose_from_rotation(moved.rotation).yaw_deg


def test_no_smoothing_changes_nothing():
    shaken = shaking()
    assert MotionSmoother(0, 30, decode).smooth(shaken) is shaken


def test_a_still_head_stays_as_it_is():
    still = motion(20, yaw=5, t=(0.1, 0.2), scale=1.1, code=0.3)
    assert_same(MotionSmoother(1, 30, decode).smooth(still), still)


def test_more_smoothing_takes_more_of_a_tremble_away():
    left = [float(yaw_of(MotionSmoother(s, 30, decode).smooth(shaking()))[30:].std()) for s in
            (0.1, 0.5, 1.0)]  # fmt: skip
    assert float(yaw_of(shaking())[30:].std()) > left[0] > left[1] > left[2]


def test_a_fast_turn_is_not_late_by_more_than_two_frames():
    ramp = motion(60)
    yaw = (torch.arange(60) * 2.0 - 30).clamp(-30, 30)  # 60 degrees a second at 30 fps
    zero = torch.zeros(60)
    ramp = dataclasses.replace(ramp, rotation=rotation_from_pose(HeadPose(yaw, zero, zero)))
    smooth = yaw_of(MotionSmoother(AnimateOptions().smoothing, 30, decode).smooth(ramp))
    assert float((yaw - smooth)[5:30].abs().max()) < 4.0  # two frames of 2 degrees


def test_smoothing_in_batches_equals_smoothing_at_once():
    shaken = shaking(12)
    at_once = MotionSmoother(0.5, 30, decode).smooth(shaken)
    smoother = MotionSmoother(0.5, 30, decode)
    parts = [smoother.smooth(shaken[i : i + 5]) for i in (0, 5, 10)]
    assert_same(Motion.cat(parts), at_once)


# ------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mode": "both"}, "mode is 'both', not one of relative, absolute"),
        ({"parts": ("mouth",)}, "parts are mouth; known are"),
        ({"gain_scale": 2.5}, "gain_scale is 2.5, allowed are 0 to 2"),
        ({"gain_rotation": math.nan}, "gain_rotation is nan, allowed are 0 to 2"),
        ({"smoothing": -1}, "smoothing is -1, allowed are 0 to 1"),
        ({"expression_space": "pixels"}, "expression_space is 'pixels'"),
        ({"size_px": 255}, "size_px is 255, allowed are even numbers from 64 to 2048"),
        ({"max_seconds": 0}, "max_seconds is 0, it must be above 0"),
        ({"start_s": math.inf}, "start_s is inf, it must not be negative, nor infinite"),
        ({"end_s": math.inf}, "end_s is inf, it must be above start_s, which is 0, and not infini"),
        ({"face_index": -1}, "face_index is -1, it must not be negative"),
        ({"gain_scal": 1}, "There is no option 'gain_scal'. Did you mean 'gain_scale'?"),
    ],
)
def test_a_bad_option_is_refused_with_a_sentence(values, sentence):
    with pytest.raises(ConfigError) as caught:
        AnimateOptions().changed(**values)
    assert sentence in str(caught.value)


def test_all_bad_options_are_told_at_once():
    with pytest.raises(ConfigError, match=r"mode is 'x'.*smoothing is 2"):
        AnimateOptions(mode="x", smoothing=2)


# ------------------------------------------------------------------------ interpolation


@pytest.mark.parametrize("path", ["linear", "slerp"])
@pytest.mark.parametrize("steps", [2, 3, 9])
def test_an_interpolation_hits_both_ends_exactly(path, steps):
    start, end = torch.randn(1, 32), torch.randn(1, 32)
    codes = interpolate_codes(start, end, steps, path)
    assert codes.shape == (steps, 32)
    assert torch.equal(codes[:1], start)
    assert torch.equal(codes[-1:], end)


def test_the_steps_of_a_line_are_equal():
    codes = interpolate_codes(torch.zeros(1, 3), torch.tensor([[3.0, 6.0, 9.0]]), 4)
    torch.testing.assert_close(codes.diff(dim=0), torch.tensor([[1.0, 2.0, 3.0]]).repeat(3, 1))


def test_a_slerp_turns_evenly_and_keeps_the_length():
    start, end = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    codes = interpolate_codes(start, end, 4, "slerp")
    torch.testing.assert_close(codes.norm(dim=-1), torch.full((4,), 2.0))
    angle = torch.rad2deg(torch.atan2(codes[:, 1], codes[:, 0]))
    torch.testing.assert_close(angle, torch.tensor([0.0, 30.0, 60.0, 90.0]))


@pytest.mark.parametrize("factor", [0.0, 1.0, -1.0, 3.0])
def test_a_slerp_between_parallel_codes_is_a_line(factor):
    start = torch.tensor([[1.0, -2.0, 0.5]])
    slerp = interpolate_codes(start, factor * start, 5, "slerp")
    torch.testing.assert_close(slerp, interpolate_codes(start, factor * start, 5))


def bent(codes: torch.Tensor) -> torch.Tensor:
    """Decode so that most of the face's change lies near the end of the path."""
    return (codes**3)[:, :, None].repeat(1, 1, 3)


@pytest.mark.parametrize("path", ["linear", "slerp"])
def test_with_a_decoder_the_face_and_not_the_code_moves_in_equal_steps(path):
    start, end = torch.tensor([[0.1, 0.5]]), torch.tensor([[1.0, 2.0]])
    codes = interpolate_codes(start, end, 9, path, bent)
    moves = bent(codes).diff(dim=0).flatten(1).norm(dim=1)
    assert moves.max() / moves.min() < 1.05
    plain = bent(interpolate_codes(start, end, 9, path)).diff(dim=0).flatten(1).norm(dim=1)
    assert plain.max() / plain.min() > 2
    assert torch.equal(codes[:1], start) and torch.equal(codes[-1:], end)


def test_a_walk_between_equal_expressions_stays_there():
    code = torch.randn(1, 4)
    assert torch.allclose(interpolate_codes(code, code, 5, "linear", bent), code.expand(5, -1))


@pytest.mark.parametrize(
    ("steps", "path", "sentence"),
    [
        (1, "linear", "steps is 1; allowed are 2 to 1000."),
        (1001, "linear", "steps is 1001; allowed are 2 to 1000."),
        (3, "spline", "path is 'spline', not one of linear, slerp."),
    ],
)
def test_an_impossible_interpolation_is_refused(steps, path, sentence):
    with pytest.raises(ConfigError) as caught:
        interpolate_codes(torch.zeros(1, 2), torch.ones(1, 2), steps, path)
    assert sentence in caught.value.message


# -------------------------------------------------------------------------------- edits


def test_a_neutral_edit_is_the_identity():
    edited = edit_motion(SOURCE, MotionEdit())
    for field in dataclasses.fields(Motion):
        assert torch.equal(getattr(edited, field.name), getattr(SOURCE, field.name))


WITHIN_DEG = (WIDEST_YAW_DEG - 10) / TURN_GAIN  # the portrait's own yaw is 10


@given(st.floats(-WITHIN_DEG, WITHIN_DEG), st.floats(-45, 45), st.floats(-40, 40))
def test_edited_angles_are_added_to_the_portrait_s_own(yaw, pitch, roll):
    edit = MotionEdit(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    pose = pose_from_rotation(edit_motion(SOURCE, edit).rotation)
    assert float(pose.yaw_deg) == pytest.approx(10 + TURN_GAIN * yaw, abs=1e-2)
    assert float(pose.pitch_deg) == pytest.approx(-5 + TURN_GAIN * pitch, abs=1e-2)
    assert float(pose.roll_deg) == pytest.approx(3 + roll, abs=1e-2)


@given(st.floats(-80, 80), st.floats(-60, 60), st.floats(0.01, 5))
def test_a_head_that_looks_aside_turns_on_slowly_and_never_back(own, yaw, more):
    zero = torch.zeros(1)
    source = dataclasses.replace(
        SOURCE, rotation=rotation_from_pose(HeadPose(torch.tensor([own]), zero, zero))
    )

    def turned(asked: float) -> float:
        motion = edit_motion(source, MotionEdit(yaw_deg=max(-60.0, min(60.0, asked))))
        return float(pose_from_rotation(motion.rotation).yaw_deg)

    if abs(yaw + more) <= 60:
        step = turned(yaw + more) - turned(yaw)
        assert -1e-3 <= step <= TURN_GAIN * more + 1e-3
    assert turned(0) == pytest.approx(own, abs=1e-2)


def test_a_frontalised_head_faces_the_viewer_and_keeps_all_else():
    edited = edit_motion(SOURCE, MotionEdit(frontalise=1))
    torch.testing.assert_close(edited.rotation, torch.eye(3)[None])
    assert_same(dataclasses.replace(edited, rotation=SOURCE.rotation), SOURCE)


@given(st.floats(0, 1), st.floats(-20, 20))
def test_frontalise_takes_its_share_of_the_own_angles_before_others_are_added(share, yaw):
    edited = edit_motion(SOURCE, MotionEdit(frontalise=share, yaw_deg=yaw))
    pose = pose_from_rotation(edited.rotation)
    assert float(pose.yaw_deg) == pytest.approx(10 * (1 - share) + TURN_GAIN * yaw, abs=1e-2)
    assert float(pose.pitch_deg) == pytest.approx(-5 * (1 - share), abs=1e-2)
    assert float(pose.roll_deg) == pytest.approx(3 * (1 - share), abs=1e-2)


def test_an_edit_moves_what_it_names_and_nothing_else():
    edited = edit_motion(SOURCE, MotionEdit(scale=1.1, tx=0.1, ty=-0.05, expression_gain=0))
    torch.testing.assert_close(edited.scale, SOURCE.scale * 1.1)
    torch.testing.assert_close(edited.translation, torch.tensor([[0.2, -0.25]]))
    assert not edited.expression_offsets.any()
    assert torch.equal(edited.rotation, SOURCE.rotation)


def test_a_dot_is_drawn_where_its_keypoint_is():
    picture = np.zeros((64, 64, 3), np.uint8)
    drawn = draw_points(picture, np.array([[0.0, 0.0, 0.0], [0.5, -0.5, 0.0]], np.float32))
    assert drawn[32, 32].sum() > 300
    assert drawn[16, 48].sum() > 300
    assert drawn[48, 16].sum() == 0
    assert not picture.any()


# ------------------------------------------------------------------- streaming and engine


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load_model(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def engine(request, loaded):
    return Engine(loaded, torch.device("cpu"), torch.float32, request.param)


def pictures(count, seed=0):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3), np.uint8)
    return list(coarse.repeat(16, 1).repeat(16, 2))


def test_frames_survive_the_way_to_a_tensor_and_back(engine):
    frames = pictures(3)
    tensor = engine.to_tensor(frames)
    assert tensor.shape == (3, 3, 64, 64)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    for there, back in zip(frames, engine.to_frames(tensor), strict=True):
        np.testing.assert_array_equal(there, back)


def streamed_frames(engine, source, crops, first):
    return stream_frames(
        engine, source, crops, first, lambda m: m, StageClock(), estimate=engine.estimate_motion
    )


def test_streamed_frames_equal_frames_made_one_by_one_in_order(engine):
    portrait, *crops = pictures(12)
    with engine.computing():
        source = engine.encode_source(portrait)
        expected = [engine.render(source, engine.estimate_motion([c]))[0] for c in crops]
        first = engine.estimate_motion(crops[:1])
    streamed = list(streamed_frames(engine, source, iter(crops), first))
    assert len(streamed) == len(crops)
    for made, wanted in zip(streamed, expected, strict=True):
        assert np.abs(made.astype(int) - wanted.astype(int)).max() <= 1


def test_without_a_face_the_last_motion_is_held(engine):
    portrait, a, b = pictures(3)
    with engine.computing():
        source = engine.encode_source(portrait)
        first = engine.estimate_motion([b])
    crops = [None, a, None, None, None, None, None, b, None]
    frames = list(streamed_frames(engine, source, crops, first))
    shown = ["b", "a", "a", "a", "a", "a", "a", "b", "b"]
    kinds = {"a": frames[1], "b": frames[7]}
    assert (kinds["a"] != kinds["b"]).any()
    for frame, kind in zip(frames, shown, strict=True):
        assert np.abs(frame.astype(int) - kinds[kind].astype(int)).max() <= 1


def test_a_batch_with_gaps_repeats_the_motion_before_each():
    a, b, held = (motion(yaw=y) for y in (1, 2, 3))
    crop = pictures(1)[0]
    filled = hold_through_gaps([None, crop, None, crop], Motion.cat([a, b]), held)
    assert yaw_of(filled).tolist() == pytest.approx([3, 1, 1, 2], abs=1e-4)
    assert yaw_of(hold_through_gaps([None, None], None, held)).tolist() == pytest.approx([3, 3])


def test_an_error_while_decoding_reaches_the_caller_in_its_place(engine):
    def broken():
        yield pictures(1)[0]
        raise ConfigError("The clip broke.")

    with engine.computing():
        source = engine.encode_source(pictures(1)[0])
    with pytest.raises(ConfigError, match="The clip broke"):
        list(streamed_frames(engine, source, broken(), source.motion))


@pytest.mark.parametrize(("count", "groups"), [(0, []), (3, [[0, 1, 2]]), (5, [[0, 1, 2, 3], [4]])])
def test_items_are_grouped_and_none_is_lost(count, groups):
    assert list(batches(range(count), 4)) == groups


def test_reading_ahead_keeps_items_and_their_order_and_none_is_an_item():
    assert list(read_ahead([1, None, 3], 1)) == [1, None, 3]


def test_leaving_a_read_ahead_closes_what_it_reads():
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    ahead = read_ahead(endless(), 2)
    next(ahead)
    ahead.close()
    assert closed == [True]


def test_half_precision_gives_nearly_the_same_frame(loaded):
    portrait, driver = pictures(2)
    frames = []
    for dtype in (torch.float32, torch.bfloat16):
        engine = Engine(loaded, torch.device("cpu"), dtype, 1)
        with engine.computing():
            source = engine.encode_source(portrait)
            frames.append(engine.render(source, engine.estimate_motion([driver]))[0])
    # Random weights are the worst case.
    assert np.abs(frames[0].astype(int) - frames[1].astype(int)).mean() < 8


@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(ConfigError, match=f"The device '{name}' is not there"):
        choose_device(name)


@pytest.mark.parametrize("threads", [0, 257, -1])
def test_an_impossible_number_of_threads_is_refused(threads):
    with pytest.raises(ConfigError, match=f"threads is {threads}; allowed are 1 to 256"):
        choose_threads(threads)


def test_a_result_keeps_its_exact_rate_in_json():
    rate = Fraction(30000, 1001)
    result = AnimateResult(
        output=None,
        frames_in=60,
        frames_out=60,
        fps_in=rate,
        fps_out=rate,
        seconds={"total": 3.0},
        model_id="tiny",
        model_hash="0",
        reference_frame=0,
        notes=(),
    )
    line = json.loads(json.dumps(result.to_json()))
    assert line["fps_out"] == "30000/1001"
    assert line["speed_fps"] == 20.0

"""Keyframes that can't be used are refused with one sentence; the rest is in the laws."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from mmfa_core.errors import ConfigError
from mmfa_core.inference.timeline import Keyframe, Timeline
from mmfa_core.motion import MotionEdit

START = Keyframe(time_s=0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Keyframe(time_s=-1), "A keyframe is at -1 s; allowed are 0 to 600 s."),
        (lambda: Keyframe(time_s=math.nan), "A keyframe is at nan s; allowed are 0 to 600 s."),
        (lambda: Keyframe(time_s="1"), "A keyframe is at '1' s; allowed are 0 to 600 s."),
        (
            lambda: Keyframe(time_s=0, easing="ease_out"),
            "easing is 'ease_out', not one of linear, ease in, ease out, ease in-out, hold.",
        ),
        (
            lambda: Timeline(keyframes=()),
            "The timeline has 0 keyframes; allowed are 1 to 200.",
        ),
        (
            lambda: Timeline(keyframes=(START,) * 201),
            "The timeline has 201 keyframes; allowed are 1 to 200.",
        ),
        (
            lambda: Timeline(keyframes=(START, START)),
            "Two keyframes are at 0 s; their times must rise.",
        ),
        (
            lambda: Timeline(keyframes=(Keyframe(time_s=2), START)),
            "A keyframe is out of order at 0 s; their times must rise.",
        ),
        (
            lambda: Timeline(keyframes=(Keyframe(time_s=4),)).check_reach(),
            "The last keyframe is at 4 s, but the clip is 3 s long.",
        ),
        (
            lambda: Timeline(keyframes=(START,), seconds=0),
            "The clip would be 0 s long; allowed are above 0 to 600 s.",
        ),
        *(
            (
                lambda fps=fps: Timeline(keyframes=(START,), fps=fps),
                f"fps is {fps if isinstance(fps, Fraction) else repr(fps)}; "
                "allowed are 1 to 120 frames a second.",
            )
            for fps in (0, 121, math.nan, "1e99999999", "25/0", "fast", None, True, Fraction(1, 2))
        ),
    ],
)
def test_what_can_not_be_used_is_told_in_one_sentence(make, sentence):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.message == sentence
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "The timeline is not a JSON object."),
        ({}, "The timeline has no keyframes."),
        ({"keyframes": {}}, "keyframes is not a list."),
        ({"keyframes": [], "fsp": 1}, "The timeline has an unknown key 'fsp'."),
        ({"keyframes": [], "version": 2}, "The timeline is of version 2; this program reads 1."),
        ({"keyframes": [{}]}, "The keyframe has no time_s."),
        ({"keyframes": [{"time_s": 0, "yaw": 3}]}, "The keyframe has an unknown key 'yaw'."),
        (
            {"keyframes": [{"time_s": 0, "edit": {"yaw": 3}}]},
            "The edit of a keyframe has an unknown key 'yaw'.",
        ),
        (
            {"keyframes": [{"time_s": 0, "easing": ["linear"]}]},
            "easing is ['linear'], not one of linear, ease in, ease out, ease in-out, hold.",
        ),
        (
            {"keyframes": [{"time_s": 0, "edit": {"yaw_deg": "3"}}]},
            "yaw_deg is '3', not a number.",
        ),
        (
            {"keyframes": [{"time_s": 0, "edit": {"yaw_deg": 99}}]},
            "yaw_deg is 99; allowed are -60 to 60 degrees.",
        ),
    ],
)
def test_json_is_read_strictly(values, sentence):
    with pytest.raises(ConfigError) as caught:
        Timeline.from_json(values)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    ("given", "exact"),
    [(25, "25"), (29.97, "2997/100"), ("30000/1001", "30000/1001"), (Fraction(12), "12")],
)
def test_a_rate_is_kept_exactly(given, exact):
    assert str(Timeline(keyframes=(START,), fps=given).fps) == exact


@pytest.mark.parametrize(("seconds", "fps", "frames"), [(3, 25, 75), (0.01, 25, 1), (1, "24", 24)])
def test_the_length_in_frames_is_rounded_and_never_nought(seconds, fps, frames):
    assert Timeline(keyframes=(START,), seconds=seconds, fps=fps).frames == frames


def test_half_way_is_half_way_and_hold_waits():
    end = Keyframe(time_s=2, edit=MotionEdit(yaw_deg=20))
    halves = {
        easing: Timeline(keyframes=(Keyframe(time_s=0, easing=easing), end)).at(1).yaw_deg
        for easing in ("linear", "ease in", "ease out", "ease in-out", "hold")
    }
    assert halves == {
        "linear": 10,
        "ease in": 5,
        "ease out": 15,
        "ease in-out": 10,
        "hold": 0,
    }

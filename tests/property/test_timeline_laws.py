"""Keyframes over time: what holds for every timeline."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.inference.editing import edit_motion
from mmfa_core.inference.timeline import EASINGS, Keyframe, Timeline
from mmfa_core.motion import CONTROL_RANGES, Motion, MotionEdit
from tests.helpers import random_motion

values = {
    name: st.floats(limits.hard_low, limits.hard_high, allow_subnormal=False)
    for name, limits in CONTROL_RANGES.items()
}
edits = st.builds(MotionEdit, **values)
keyframes = st.builds(
    Keyframe,
    time_s=st.integers(0, 2000).map(lambda n: n / 100),
    edit=edits,
    easing=st.sampled_from(sorted(EASINGS)),
)
rates = st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(12)])


@st.composite
def timelines(draw, least=1):
    keys = draw(st.lists(keyframes, min_size=least, max_size=6, unique_by=lambda k: k.time_s))
    keys.sort(key=lambda k: k.time_s)
    return Timeline(keyframes=tuple(keys), fps=draw(rates), seconds=keys[-1].time_s + 0.5)


def numbers(edit):
    return [getattr(edit, name) for name in CONTROL_RANGES]


@given(timelines())
def test_a_timeline_hits_every_keyframe_exactly(timeline):
    for key in timeline.keyframes:
        assert timeline.at(key.time_s) == key.edit


@given(timelines())
def test_values_stay_before_the_first_and_after_the_last_keyframe(timeline):
    first, last = timeline.keyframes[0], timeline.keyframes[-1]
    assert timeline.at(first.time_s - 0.1) == timeline.at(-1e9) == first.edit
    assert timeline.at(last.time_s + 0.1) == timeline.at(1e9) == last.edit


@given(timelines(least=2), st.data())
def test_between_two_keyframes_every_value_goes_one_way_only(timeline, data):
    which = data.draw(st.integers(0, len(timeline.keyframes) - 2))
    start, end = timeline.keyframes[which : which + 2]
    steps = [start.time_s + (end.time_s - start.time_s) * i / 16 for i in range(17)]
    rows = [numbers(timeline.at(t)) for t in steps[:-1]] + [numbers(end.edit)]
    for values_of_one in zip(*rows, strict=True):
        rising = sorted(values_of_one, reverse=values_of_one[0] > values_of_one[-1])
        assert list(values_of_one) == rising


@given(timelines(least=2), st.data())
def test_values_do_not_jump_unless_a_keyframe_says_hold(timeline, data):
    which = data.draw(st.integers(0, len(timeline.keyframes) - 2))
    start, end = timeline.keyframes[which : which + 2]
    tiny = (end.time_s - start.time_s) * 1e-6
    before, after = numbers(timeline.at(end.time_s - tiny)), numbers(timeline.at(end.time_s))
    spans = [abs(a - b) for a, b in zip(numbers(start.edit), after, strict=True)]
    for one, other, span in zip(before, after, spans, strict=True):
        if start.easing == "hold":
            assert abs(one - other) == pytest.approx(span)
        else:
            assert abs(one - other) <= 1e-5 * span + 1e-9
    for one, other, span in zip(
        numbers(timeline.at(start.time_s + tiny)), numbers(start.edit), spans, strict=True
    ):
        assert abs(one - other) <= 1e-5 * span + 1e-9


@pytest.mark.parametrize("name", sorted(set(EASINGS) - {"hold"}))
def test_an_easing_starts_at_nought_and_ends_at_one(name):
    assert EASINGS[name](0) == 0
    assert EASINGS[name](1) == 1


@given(timelines())
def test_a_timeline_survives_json(timeline):
    text = json.dumps(timeline.to_json(), allow_nan=False)
    assert Timeline.from_json(json.loads(text)) == timeline


@given(timelines(), st.integers(1, 7))
def test_frames_are_edited_by_the_edit_of_their_own_time_in_whatever_groups_they_come(
    timeline, size
):
    still = Motion.cat([random_motion(1, 4, 6)] * 9)
    adjust = timeline.edits()
    parts = [adjust(still[i : i + size]) for i in range(0, 9, size)]
    shown = Motion.cat(parts)
    for number in range(9):
        wanted = edit_motion(still[:1], timeline.at(float(number / timeline.fps)))
        torch.testing.assert_close(shown.rotation[number : number + 1], wanted.rotation)
        torch.testing.assert_close(shown.scale[number : number + 1], wanted.scale)


@given(timelines(), keyframes)
def test_a_keyframe_that_is_added_is_hit_and_the_others_stay(timeline, keyframe):
    longer = Timeline(keyframes=timeline.keyframes, fps=timeline.fps, seconds=20.5)
    added = longer.with_keyframe(keyframe)
    assert added.at(keyframe.time_s) == keyframe.edit
    kept = [key for key in timeline.keyframes if key.time_s != keyframe.time_s]
    assert [key for key in added.keyframes if key != keyframe] == [k for k in kept if k != keyframe]

"""Motion values and the edits of a person."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from mmfa_core.errors import ConfigError
from mmfa_core.motion import CONTROL_RANGES, Motion, MotionEdit
from tests.helpers import random_motion

EDITS = sorted(CONTROL_RANGES)


def test_every_control_is_a_field_of_an_edit_in_the_same_order():
    assert [f.name for f in dataclasses.fields(MotionEdit)] == list(CONTROL_RANGES)


@pytest.mark.parametrize("name", EDITS)
def test_a_neutral_value_lies_in_the_default_range_and_that_in_the_hard_one(name):
    limits = CONTROL_RANGES[name]
    assert limits.hard_low <= limits.low <= limits.neutral <= limits.high <= limits.hard_high
    assert getattr(MotionEdit(), name) == limits.neutral


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("yaw_deg", -20, 20),
        ("pitch_deg", -12, 12),
        ("roll_deg", -15, 15),
        ("scale", 0.9, 1.1),
        ("tx", -0.2, 0.2),
        ("ty", -0.2, 0.2),
    ],
)
def test_the_default_range_is_the_one_that_outputs_answer_to(name, low, high):
    assert (CONTROL_RANGES[name].low, CONTROL_RANGES[name].high) == (low, high)


@pytest.mark.parametrize("name", EDITS)
def test_the_hard_limits_themselves_are_allowed(name):
    for value in (CONTROL_RANGES[name].hard_low, CONTROL_RANGES[name].hard_high):
        assert getattr(MotionEdit(**{name: value}), name) == value


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("value", [-1e6, 1e6, math.nan, math.inf, -math.inf])
def test_a_value_outside_the_hard_limits_is_told_with_both(name, value):
    limits = CONTROL_RANGES[name]
    with pytest.raises(ConfigError) as caught:
        MotionEdit(**{name: value})
    allowed = f"allowed are {limits.hard_low:g} to {limits.hard_high:g} {limits.unit}."
    assert caught.value.message == f"{name} is {value:g}; {allowed}"


def test_a_whole_number_beyond_all_floats_is_told():
    with pytest.raises(ConfigError, match=r"yaw_deg is far too large; allowed are -60 to 60"):
        MotionEdit(yaw_deg=10**400)


def test_a_slice_of_a_motion_slices_every_tensor():
    motion = random_motion(4)
    part = motion[1:3]
    assert len(part) == 2
    for field in dataclasses.fields(Motion):
        assert torch.equal(getattr(part, field.name), getattr(motion, field.name)[1:3])


def test_joining_the_slices_gives_the_motion_back():
    motion = random_motion(3)
    joined = Motion.cat([motion[:1], motion[1:]])
    for field in dataclasses.fields(Motion):
        assert torch.equal(getattr(joined, field.name), getattr(motion, field.name))


def test_moving_to_a_device_keeps_every_value():
    motion = random_motion(2)
    moved = motion.to("cpu")
    for field in dataclasses.fields(Motion):
        assert torch.equal(getattr(moved, field.name), getattr(motion, field.name))

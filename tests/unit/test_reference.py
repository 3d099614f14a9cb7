"""Which driving frame movements are counted from."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mmfa_core.estimates import EncodedSource
from mmfa_core.geometry import rotation_from_pose
from mmfa_core.inference.reference import nearest_frame
from mmfa_core.model import build_model
from mmfa_core.motion import HeadPose, Motion
from tests.helpers import tiny_config

LIPS = (4, 5, 6, 7)  # left and right corner, upper and lower edge
CONFIG = dataclasses.replace(
    tiny_config(), keypoints=10, rigid_keypoints=(0, 1, 2, 3), hint_regions=(LIPS,)
)


def motion(*, yaw=0.0, opening=0.0, width=0.0, everywhere=0.0):
    """Make a motion of one frame, whose lips open and widen by normalised lengths."""
    offsets = torch.zeros(1, CONFIG.keypoints, 3)
    offsets[0, 8:, 1] = everywhere  # brows, say: somewhere that is neither eyes nor mouth
    offsets[0, LIPS[0], 0], offsets[0, LIPS[1], 0] = -width / 2, width / 2
    offsets[0, LIPS[2], 1], offsets[0, LIPS[3], 1] = -opening / 2, opening / 2
    pose = HeadPose(torch.tensor([float(yaw)]), torch.zeros(1), torch.zeros(1))
    code = torch.zeros(1, CONFIG.expression_code)
    return Motion(rotation_from_pose(pose), torch.zeros(1, 2), torch.ones(1, 1), code, offsets)


def portrait(shown, config=CONFIG):
    """Stand for an encoded portrait with shut lips at rest: a model and a source."""
    points = torch.zeros(1, config.keypoints, 3)
    points[0, :4] = torch.tensor(
        [[-0.3, -0.2, 0.0], [0.3, -0.2, 0.0], [0.0, -0.5, 0.1], [0.0, 0.1, -0.2]]
    )
    points[0, LIPS[0], 0], points[0, LIPS[1], 0] = -0.15, 0.15
    points[0, LIPS[0] : LIPS[3] + 1, 1] = 0.4
    return build_model(config).eval(), EncodedSource(torch.zeros(1, 3, 8, 8), [], points, shown)


def test_the_reference_is_the_frame_with_the_portrait_s_pose():
    model, source = portrait(motion(yaw=10))
    frames = Motion.cat([motion(yaw=y) for y in (40, 12, -30)])
    assert nearest_frame(model, source, frames) == 1


@pytest.mark.parametrize("change", ["opening", "width"])
def test_of_frames_in_one_pose_it_is_the_one_whose_mouth_is_like_the_portrait_s(change):
    model, source = portrait(motion(**{change: 0.05}))
    frames = Motion.cat([motion(**{change: c}) for c in (0.2, 0.06, 0.0)])
    assert nearest_frame(model, source, frames) == 1


def test_a_wide_open_mouth_counts_more_than_a_small_turn_and_less_than_a_wide_one():
    model, source = portrait(motion())
    for yaw, chosen in ((8, 1), (70, 0)):
        frames = Motion.cat([motion(opening=0.08), motion(yaw=yaw)])
        assert nearest_frame(model, source, frames) == chosen


def test_how_two_people_differ_at_rest_beside_eyes_and_mouth_does_not_count():
    model, source = portrait(motion())
    frames = Motion.cat([motion(opening=0.03), motion(everywhere=0.3)])
    assert nearest_frame(model, source, frames) == 1


def test_a_model_without_regions_compares_all_offsets():
    config = dataclasses.replace(CONFIG, hint_regions=())
    model, source = portrait(motion(), config)
    frames = Motion.cat([motion(opening=0.03), motion(everywhere=0.3)])
    assert nearest_frame(model, source, frames) == 0


def test_a_code_that_moves_no_keypoint_does_not_make_a_frame_less_near():
    model, source = portrait(motion())
    far = dataclasses.replace(motion(), expression_code=torch.full((1, CONFIG.expression_code), 9))
    frames = Motion.cat([motion(yaw=3), far])
    assert nearest_frame(model, source, frames) == 1

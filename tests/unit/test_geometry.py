"""Geometry: the signs, pinned once, and fast formulas against slow, obvious loops."""

from __future__ import annotations

import math

import pytest
import torch

from mmfa_core import geometry
from mmfa_core.config import FORMULAS
from mmfa_core.motion import HeadPose
from tests.helpers import dots, find_dots, pose, random_rotation

NOSE = torch.tensor([0.0, 0.1, -1.0])  # nearest to the viewer: the third axis points away
CROWN = torch.tensor([0.0, -1.0, 0.0])
RIGHT_CHEEK = torch.tensor([1.0, 0.0, 0.0])  # at the picture's right


def turned(point: torch.Tensor, **angles: float) -> torch.Tensor:
    return geometry.rotation_from_pose(pose(**angles))[0] @ point


# The sign convention of the whole project, in pictures: x right, y down, z away.
@pytest.mark.parametrize(
    ("point", "angles", "axis", "sign"),
    [
        (NOSE, {"yaw": 20}, 0, +1),  # + yaw: the nose goes to the picture's right
        (NOSE, {"yaw": -20}, 0, -1),
        (NOSE, {"pitch": 20}, 1, -1),  # + pitch: the nose goes up
        (NOSE, {"pitch": -20}, 1, +1),
        (CROWN, {"roll": 20}, 0, -1),  # + roll: the crown tilts to the picture's left,
        (RIGHT_CHEEK, {"roll": 20}, 1, -1),  # and the cheek at the right goes up
        (CROWN, {"roll": -20}, 0, +1),
    ],
)
def test_a_positive_angle_moves_the_face_as_the_convention_says(point, angles, axis, sign):
    moved = turned(point, **angles) - point
    assert sign * moved[axis] > 0.1


def test_yaw_and_pitch_leave_the_axis_that_they_turn_about():
    assert torch.allclose(turned(CROWN, yaw=30), CROWN, atol=1e-6)
    assert torch.allclose(turned(RIGHT_CHEEK, pitch=30), RIGHT_CHEEK, atol=1e-6)
    ahead = torch.tensor([0.0, 0.0, -1.0])
    assert torch.allclose(turned(ahead, roll=30), ahead, atol=1e-6)


def test_a_rotation_has_the_order_of_the_corpus_labels():
    # R = Ry(yaw) Rx(-pitch) Rz(roll) in the landmarker's frame: x right, y up, z to the viewer.
    yaw, pitch, roll = (math.radians(v) for v in (25, -14, 9))

    def about(axis: int, angle: float) -> torch.Tensor:
        matrix = torch.eye(3, dtype=torch.double)
        one, other = [(1, 2), (2, 0), (0, 1)][axis]
        matrix[one, one] = matrix[other, other] = math.cos(angle)
        matrix[one, other], matrix[other, one] = -math.sin(angle), math.sin(angle)
        return matrix

    landmarker = about(1, yaw) @ about(0, -pitch) @ about(2, roll)
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.double))
    mine = geometry.rotation_from_pose(pose(25, -14, 9))[0].double()
    assert torch.allclose(mine, flip @ landmarker @ flip, atol=1e-6)


@pytest.mark.parametrize(("first", "second", "between"), [(10, -4, 3), (178, -174, -178)])
def test_the_mean_of_two_rotations_lies_between_them(first, second, between):
    turns = [geometry.rotation_from_pose(pose(roll=roll)) for roll in (first, second)]
    mean = geometry.mean_rotation(torch.stack(turns))
    assert torch.allclose(mean, geometry.rotation_from_pose(pose(roll=between)), atol=1e-5)


def test_the_mean_of_rotations_is_a_rotation_in_half_precision_too():
    turns = torch.stack([geometry.rotation_from_pose(pose(a, -a, 2 * a)) for a in (5, 9, 20.0)])
    mean = geometry.mean_rotation(turns.bfloat16())[0]
    assert torch.allclose(mean @ mean.T, torch.eye(3), atol=1e-5)
    assert torch.linalg.det(mean) > 0


@pytest.mark.parametrize("formula", FORMULAS)
def test_composing_keypoints_equals_the_written_formula_point_by_point(formula):
    count, keypoints = 2, 7
    canonical, offsets = torch.randn(count, keypoints, 3), 0.1 * torch.randn(count, keypoints, 3)
    rotation, shift = random_rotation(count), torch.randn(count, 2)
    scale = torch.rand(count, 1) + 0.5
    fast = geometry.compose_keypoints(canonical, offsets, rotation, shift, scale, formula)
    for b in range(count):
        t = torch.tensor([shift[b, 0], shift[b, 1], 0.0])
        for k in range(keypoints):
            x, d, r, s = canonical[b, k], offsets[b, k], rotation[b], scale[b, 0]
            slow = {
                "mmfa": s * (r @ (x + d)) + t,
                "liveportrait": s * (r @ x + d) + t,
                "facevid2vid": r @ x + t + d,
            }[formula]
            assert torch.allclose(fast[b, k], slow, atol=1e-5)


def test_an_unknown_formula_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="unknown formula 'other'"):
        geometry.compose_keypoints(
            torch.zeros(1, 4, 3),
            torch.zeros(1, 4, 3),
            torch.eye(3)[None],
            torch.zeros(1, 2),
            torch.ones(1, 1),
            "other",
        )


def test_a_grid_lists_the_middle_of_every_pixel():
    grid = geometry.make_grid(3, 5)
    for row in range(3):
        for column in range(5):
            place = torch.tensor([(2 * column + 1) / 5 - 1, (2 * row + 1) / 3 - 1])
            assert torch.allclose(grid[row, column], place, atol=1e-6)


def test_gaussian_maps_equal_the_formula_pixel_by_pixel():
    points = 0.8 * (2 * torch.rand(2, 3, 2) - 1)
    maps = geometry.gaussian_maps(points, 0.2, 5, 7)
    for b in range(2):
        for k in range(3):
            for row in range(5):
                for column in range(7):
                    x, y = (2 * column + 1) / 7 - 1, (2 * row + 1) / 5 - 1
                    away = (x - points[b, k, 0]) ** 2 + (y - points[b, k, 1]) ** 2
                    assert maps[b, k, row, column] == pytest.approx(
                        math.exp(-away / (2 * 0.2**2)), abs=1e-5
                    )


def test_a_gaussian_map_peaks_at_its_point_wherever_that_is():
    points = torch.tensor([[-0.6, 0.2], [0.3, -0.5], [0.0, 0.7]])
    maps = geometry.gaussian_maps(points[None], 0.1, 40, 40)[0]
    assert (find_dots(maps) - points).abs().max() < 0.01


def similarity_by_loop(centre, half, roll_deg, rows, columns):
    angle = math.radians(roll_deg)
    grid = torch.zeros(rows, columns, 2)
    for row in range(rows):
        for column in range(columns):
            right, down = (2 * column + 1) / columns - 1, (2 * row + 1) / rows - 1
            # The square's own right goes up on the screen when it is turned counter-clockwise.
            grid[row, column, 0] = centre[0] + half * (
                math.cos(angle) * right + math.sin(angle) * down
            )
            grid[row, column, 1] = centre[1] + half * (
                -math.sin(angle) * right + math.cos(angle) * down
            )
    return grid


@pytest.mark.parametrize("roll_deg", [0.0, 30.0, -75.0])
def test_a_similarity_grid_equals_its_formula_place_by_place(roll_deg):
    grid = geometry.similarity_grid(
        torch.tensor([[0.2, -0.1]]), torch.tensor([[0.4]]), torch.tensor([roll_deg]), 4, 6
    )
    assert torch.allclose(grid[0], similarity_by_loop((0.2, -0.1), 0.4, roll_deg, 4, 6), atol=1e-5)


def test_a_similarity_grid_cuts_a_turned_square_upright():
    # Two dots above each other in a head that is turned 30 degrees counter-clockwise.
    turn = geometry.rotation_from_pose(pose(roll=30))[0, :2, :2]
    centre = torch.tensor([0.1, 0.05])
    upright = torch.tensor([[0.0, -0.5], [0.0, 0.5]])
    picture = dots(centre + 0.5 * upright @ turn.T, 128)
    grid = geometry.similarity_grid(
        centre[None], torch.tensor([[0.5]]), torch.tensor([30.0]), 128, 128
    )
    cut = geometry.warp(picture[None], grid)[0]
    assert (find_dots(cut) - upright).abs().max() < 0.01


def test_a_warp_shows_at_each_place_what_the_flow_points_at():
    picture = torch.arange(12.0).view(1, 1, 3, 4)
    flow = geometry.make_grid(3, 4).flip(1)[None]  # mirrored left to right
    assert torch.allclose(geometry.warp(picture, flow), picture.flip(-1), atol=1e-5)


def test_a_warp_repeats_the_border_outside():
    picture = torch.arange(4.0).view(1, 1, 1, 4)
    flow = geometry.make_grid(1, 4)[None] + torch.tensor([10.0, 0.0])
    assert torch.allclose(geometry.warp(picture, flow), torch.full((1, 1, 1, 4), 3.0))


def test_resizing_a_flow_of_one_shift_keeps_the_shift_everywhere():
    shift = torch.tensor([0.3, -0.2])
    large = geometry.resize_flow(geometry.make_grid(4, 4)[None] + shift, 16, 12)
    assert torch.allclose(large, geometry.make_grid(16, 12)[None] + shift, atol=1e-6)


def test_the_pose_of_a_batch_is_read_row_by_row():
    angles = torch.tensor([[10.0, -20.0], [5.0, 8.0], [-30.0, 12.0]])
    found = geometry.pose_from_rotation(geometry.rotation_from_pose(HeadPose(*angles)))
    rows = torch.stack((found.yaw_deg, found.pitch_deg, found.roll_deg))
    assert torch.allclose(rows, angles, atol=1e-3)


@pytest.mark.parametrize("formula", FORMULAS)
def test_offsets_turned_to_the_heads_frame_pose_the_same_keypoints(formula):
    canonical, offsets = torch.randn(3, 7, 3), 0.1 * torch.randn(3, 7, 3)
    rotation, scale = random_rotation(3), torch.tensor([[0.7], [1.0], [1.3]])
    place = torch.randn(3, 2), scale
    asked = geometry.compose_keypoints(canonical, offsets, rotation, *place, formula)
    own = geometry.head_offsets(canonical, offsets, rotation, scale, formula)
    found = geometry.compose_keypoints(canonical, own, rotation, *place)
    assert torch.allclose(found, asked, atol=1e-5)


def test_offsets_of_our_formula_are_in_the_heads_frame_to_the_bit():
    offsets = torch.randn(2, 7, 3)
    same = geometry.head_offsets(
        torch.randn(2, 7, 3), offsets, random_rotation(2), torch.ones(2, 1)
    )
    assert torch.equal(same, offsets)


def test_an_unknown_formula_has_no_offsets():
    points = torch.zeros(1, 2, 3)
    with pytest.raises(ValueError, match="unknown formula 'fomm'"):
        geometry.head_offsets(points, points, random_rotation(1), torch.ones(1, 1), "fomm")

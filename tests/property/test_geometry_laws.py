"""Laws of the geometry that hold for any input."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core import geometry
from tests.helpers import pose

RIGID = torch.arange(11)
angle = st.floats(-85, 85)
seed = st.integers(0, 2**32 - 1)


def draw(number: int, *shape: int, size: float = 1.0) -> torch.Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(number))


@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180))
def test_a_rotation_is_orthonormal_with_determinant_one(yaw, pitch, roll):
    matrix = geometry.rotation_from_pose(pose(yaw, pitch, roll))[0]
    assert torch.allclose(matrix @ matrix.T, torch.eye(3), atol=1e-5)
    assert math.isclose(torch.det(matrix).item(), 1, abs_tol=1e-5)


@given(st.floats(-179, 179), angle, st.floats(-179, 179))
def test_a_pose_survives_being_a_rotation(yaw, pitch, roll):
    found = geometry.pose_from_rotation(geometry.rotation_from_pose(pose(yaw, pitch, roll)))
    values = (found.yaw_deg, found.pitch_deg, found.roll_deg)
    # Near a pitch of 90 degrees yaw and roll are only known together, hence the tolerance.
    for mine, asked in zip(values, (yaw, pitch, roll), strict=True):
        assert math.isclose(mine.item(), asked, abs_tol=0.02)


@given(seed, st.integers(1, 9), st.integers(1, 9))
def test_the_flow_of_identity_returns_the_picture(number, rows, columns):
    picture = draw(number, 1, 2, rows, columns)
    flow = geometry.make_grid(rows, columns)[None]
    assert torch.allclose(geometry.warp(picture, flow), picture, atol=1e-5)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 40), st.integers(1, 40))
def test_the_flow_of_identity_stays_identity_at_any_size(rows, columns, tall, wide):
    large = geometry.resize_flow(geometry.make_grid(rows, columns)[None], tall, wide)
    assert torch.equal(large[0], geometry.make_grid(tall, wide))


@given(seed, st.floats(0.05, 2))
def test_gauged_canonical_keypoints_have_exactly_the_radius_and_centre(number, radius):
    points = geometry.gauge_canonical(draw(number, 2, 30, 3) + 3, RIGID, radius)
    rigid = points[:, RIGID]
    assert rigid.mean(1).abs().max() < 1e-5 * max(1, radius)
    rms = (rigid**2).sum(-1).mean(1).sqrt()
    assert torch.allclose(rms, torch.full((2,), radius), rtol=1e-4)


@given(seed, st.floats(0.2, 5), st.tuples(*[st.floats(-3, 3)] * 3))
def test_moving_and_growing_canonical_keypoints_changes_nothing_after_the_gauge(
    number, factor, shift
):
    points = draw(number, 1, 30, 3)
    plain = geometry.gauge_canonical(points, RIGID, 0.33)
    moved = geometry.gauge_canonical(factor * points + torch.tensor(shift), RIGID, 0.33)
    assert torch.allclose(plain, moved, atol=1e-4)


def least_squares_fit(points: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
    """Fit moves (S, 3) by shift, growth and small turn of points; the 7 numbers, solved plainly."""
    centred = points - points.mean(0)
    columns = []
    for axis in torch.eye(3):
        columns.append(axis.expand_as(points))
    columns.append(centred)
    for axis in torch.eye(3):
        columns.append(torch.linalg.cross(axis.expand_as(centred), centred))
    system = torch.stack([c.reshape(-1) for c in columns], 1).double()
    return torch.linalg.lstsq(system, moves.reshape(-1, 1).double()).solution[:, 0]


@given(seed)
def test_gauged_offsets_neither_shift_nor_grow_nor_turn_the_rigid_keypoints(number):
    canonical = geometry.gauge_canonical(draw(number, 1, 30, 3), RIGID, 0.33)
    offsets = draw(number + 1, 1, 30, 3, size=0.1)
    gauged = geometry.gauge_offsets(offsets, canonical, RIGID)
    fit = least_squares_fit(canonical[0, RIGID], gauged[0, RIGID])
    assert fit.abs().max() < 2e-5


@given(seed)
def test_gauging_offsets_twice_changes_nothing(number):
    canonical = geometry.gauge_canonical(draw(number, 2, 30, 3), RIGID, 0.33)
    once = geometry.gauge_offsets(draw(number + 1, 2, 30, 3, size=0.1), canonical, RIGID)
    twice = geometry.gauge_offsets(once, canonical, RIGID)
    assert torch.allclose(once, twice, atol=2e-6)


@given(seed, st.tuples(*[st.floats(-0.3, 0.3)] * 3), st.floats(-0.3, 0.3))
def test_an_expression_that_only_moves_grows_and_turns_the_head_is_gauged_away(
    number, turn, growth
):
    canonical = geometry.gauge_canonical(draw(number, 1, 30, 3), RIGID, 0.33)
    axis = torch.tensor(turn).expand_as(canonical)
    offsets = torch.tensor(turn) + growth * canonical + torch.linalg.cross(axis, canonical)
    assert geometry.gauge_offsets(offsets, canonical, RIGID).abs().max() < 1e-4


@given(seed)
def test_the_gauge_leaves_free_keypoints_what_is_beyond_the_rigid_motion(number):
    # A jaw that drops while the rigid keypoints rest must still drop by as much.
    canonical = geometry.gauge_canonical(draw(number, 1, 30, 3), RIGID, 0.33)
    offsets = torch.zeros(1, 30, 3)
    offsets[0, 20] = torch.tensor([0.0, 0.15, 0.0])
    assert torch.allclose(geometry.gauge_offsets(offsets, canonical, RIGID), offsets, atol=1e-6)


@given(seed, st.floats(-170, 170), st.floats(0.1, 2))
def test_a_similarity_grid_keeps_right_angles_and_sizes(number, roll, half):
    centre = draw(number, 1, 2)
    grid = geometry.similarity_grid(centre, torch.tensor([[half]]), torch.tensor([roll]), 6, 6)[0]
    right, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
    assert abs(float(right @ down)) < 1e-4
    for side in (right, down):
        assert math.isclose(float(side.norm()), 2 * half * 5 / 6, rel_tol=1e-3)
    assert torch.allclose(grid.mean((0, 1)), centre[0], atol=1e-4)

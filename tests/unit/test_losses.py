"""Losses: zero where they should be, and known values elsewhere."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.geometry import make_grid, rotation_from_pose
from mmfa_core.losses.adversarial import discriminator_loss, generator_loss
from mmfa_core.losses.motion import (
    PITCH_WEIGHT,
    gap_errors,
    gaussian_kl,
    keypoint_prior,
    point_distance,
    pose_distance,
    pose_errors,
)
from mmfa_core.losses.reconstruction import (
    crop_squares,
    face_weights,
    flow_distance,
    opening_maps,
    openness,
    weighted_l1,
)
from mmfa_core.losses.terms import LossWeights, weighted_sum
from tests.helpers import pose, random_rotation

numbers = st.floats(-5, 5)


@given(st.lists(st.tuples(numbers, st.floats(-10, 4)), min_size=1, max_size=12))
def test_the_divergence_from_a_normal_is_never_negative(pairs):
    mean, logvar = torch.tensor(pairs).T[:, None]
    assert gaussian_kl(mean, logvar, free=0.0) >= -1e-6


def test_the_divergence_of_a_standard_normal_is_the_free_part_alone():
    assert gaussian_kl(torch.zeros(4, 3), torch.zeros(4, 3), free=0.0) == 0
    assert gaussian_kl(torch.zeros(4, 3), torch.zeros(4, 3)).item() == pytest.approx(0.05)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 2.0), (1.5, 1.0), (-0.7, 0.3)])
def test_the_divergence_equals_its_integral(mean, std):
    places = torch.linspace(mean - 12 * std, mean + 12 * std, 200_001, dtype=torch.double)
    own = torch.distributions.Normal(
        torch.tensor(mean, dtype=torch.double), torch.tensor(std, dtype=torch.double)
    ).log_prob(places)
    normal = -0.5 * places**2 - 0.5 * math.log(2 * math.pi)
    integral = torch.trapezoid(own.exp() * (own - normal), places)
    found = gaussian_kl(
        torch.tensor([[mean]]), torch.tensor([[2 * math.log(std)]]), free=0.0
    ).item()
    assert found == pytest.approx(integral.item(), rel=1e-4)


def test_free_bits_stop_the_gradient_of_a_dimension_that_says_nothing():
    mean = torch.tensor([[0.01, 2.0]], requires_grad=True)
    gaussian_kl(mean, torch.zeros(1, 2)).backward()
    assert mean.grad is not None
    assert mean.grad[0, 0] == 0
    assert mean.grad[0, 1] > 0


def test_the_pose_distance_is_the_mean_angle_over_90_with_pitch_counting_more():
    found = pose_distance(rotation_from_pose(pose(30, 0, -15)), rotation_from_pose(pose(0, 9, 0)))
    assert found.item() == pytest.approx((30 + PITCH_WEIGHT * 9 + 15) / 3 / 90, rel=1e-4)


def test_pose_errors_keep_their_sign():
    found = pose_errors(rotation_from_pose(pose(30, 4, -15)), rotation_from_pose(pose(0, 9, 0)))
    assert found[0].tolist() == pytest.approx([30, -5 * PITCH_WEIGHT, -15], abs=1e-3)


def test_the_pose_distance_to_itself_is_zero():
    rotation = random_rotation(5)
    assert pose_distance(rotation, rotation) == 0


def test_the_point_distance_weighs_each_point():
    points, label = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    label[0, 1] = 0.6
    assert point_distance(points, label, torch.tensor([1.0, 3.0])).item() == pytest.approx(0.45)


def test_a_gap_ignores_where_a_pair_is_and_says_by_how_much_it_is_too_open():
    points = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.1, 0.0]]])
    assert gap_errors(points, points + 5, ((0, 1),)).item() == pytest.approx(0, abs=1e-6)
    wider = points * torch.tensor([1.0, 3.0, 1.0])
    assert gap_errors(wider, points, ((0, 1),)).item() == pytest.approx(0.2)
    assert gap_errors(points, wider, ((0, 1),)).item() == pytest.approx(-0.2)


def test_a_gap_that_is_quite_shut_has_a_finite_gradient():
    points = torch.zeros(1, 2, 3, requires_grad=True)
    label = torch.ones(1, 2, 3) * torch.tensor([[[0.0], [1.0]]])
    gap_errors(points, label, ((0, 1),)).abs().mean().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_the_keypoint_prior_equals_its_double_loop():
    points = 0.1 * torch.randn(3, 6, 3)
    slow = 0.0
    for b in range(3):
        for i in range(6):
            for j in range(6):
                if i != j:
                    away = ((points[b, i] - points[b, j]) ** 2).sum().item()
                    slow += max(0.0, 0.01 - away) / 3
    assert keypoint_prior(points).item() == pytest.approx(slow, rel=1e-4)


def test_the_keypoint_prior_is_zero_once_all_are_apart():
    assert keypoint_prior(torch.eye(3)[None]) == 0


def test_face_weights_average_one_and_are_largest_at_the_sharp_points():
    points = torch.tensor([[[-0.5, -0.5], [0.4, 0.3]]])
    weights = face_weights(points, (1,), 32, 32)[0, 0]
    assert weights.mean().item() == pytest.approx(1, rel=1e-5)
    row, column = divmod(int(weights.argmax()), 32)
    peak = make_grid(32, 32)[row, column]
    assert (peak - points[0, 1]).abs().max() < 0.05


def test_even_weights_make_the_weighted_distance_plain():
    picture, truth = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    found = weighted_l1(picture, truth, torch.ones(2, 1, 4, 4))
    assert found.item() == pytest.approx((picture - truth).abs().mean().item(), rel=1e-5)


def test_a_flow_that_follows_the_correspondences_has_no_distance():
    grid = make_grid(16, 16)
    flow = (1.2 * grid + torch.tensor([0.1, -0.05]))[None]
    places = 0.9 * (2 * torch.rand(1, 30, 2) - 1)
    sources = 1.2 * places + torch.tensor([0.1, -0.05])
    assert flow_distance(flow, places, sources, torch.ones(30)).item() < 1e-5


def test_correspondences_outside_the_picture_do_not_count():
    flow = make_grid(16, 16)[None]
    places = torch.tensor([[[0.2, 0.1], [1.3, 0.0]]])
    sources = places + torch.tensor([[[0.0, 0.3], [9.0, 9.0]]])
    found = flow_distance(flow, places, sources, torch.ones(2))
    assert found.item() == pytest.approx(0.15, rel=1e-4)


@pytest.mark.parametrize(
    ("centre", "left", "top"),
    [((0.0, 0.0), 6, 4), ((-1.0, -1.0), 0, 0), ((1.0, 1.0), 12, 8), ((0.5, -0.5), 11, 0)],
)
def test_a_cut_square_lies_at_its_centre_and_inside_the_picture(centre, left, top):
    picture = torch.arange(16 * 20.0).view(1, 1, 16, 20)
    cut = crop_squares(picture, torch.tensor([centre]), 8)
    assert torch.equal(cut[0], picture[0, :, top : top + 8, left : left + 8])


def test_the_discriminator_is_content_once_real_and_fake_are_told_apart_by_one():
    fakes = [[torch.rand(1, 2, 4, 4), torch.full((1, 1, 4, 4), -1.5)]]
    reals = [[torch.rand(1, 2, 4, 4), torch.full((1, 1, 4, 4), 1.5)]]
    assert discriminator_loss(fakes, reals) == 0
    assert discriminator_loss(reals, fakes).item() == pytest.approx(5.0)


def test_the_generator_wants_high_scores_and_the_features_of_real_pictures():
    features, score = torch.rand(1, 2, 4, 4), torch.full((1, 1, 4, 4), 0.7)
    terms = generator_loss([[features, score]], [[features + 0.5, score]])
    assert terms["adversarial"].item() == pytest.approx(-0.7)
    assert terms["feature_matching"].item() == pytest.approx(0.5)


def test_the_sum_weighs_each_term_by_its_name():
    terms = {"pose": torch.tensor(2.0), "kl": torch.tensor(3.0)}
    found = weighted_sum(terms, LossWeights(pose=0.5, kl=10.0))
    assert found.item() == pytest.approx(31.0)


def test_a_term_without_a_weight_is_a_programmers_mistake():
    with pytest.raises(ValueError, match=r"no weight for \['smoothness'\]"):
        weighted_sum({"smoothness": torch.tensor(1.0)}, LossWeights())


def test_no_weight_is_negative_by_default():
    assert min(dataclasses.astuple(LossWeights())) >= 0


def opening(width: float, height: float, x: float = 0.0, y: float = 0.0) -> torch.Tensor:
    """Place the corners and edges of one opening of one face, (1, 1, 4, 2)."""
    half_w, half_h = width / 2, height / 2
    places = [[x - half_w, y], [x + half_w, y], [x, y - half_h], [x, y + half_h]]
    return torch.tensor(places)[None, None]


@pytest.mark.parametrize(("height", "expected"), [(0.4, 0.5), (0.0, 0.0)])
def test_openness_is_height_over_width(height, expected):
    assert openness(opening(0.8, height)).item() == pytest.approx(expected)


def test_the_map_of_an_opening_is_1_inside_and_0_outside_of_its_ellipse():
    rows = opening_maps(opening(0.8, 0.4), 0.1, 64, 64)[0, 0]
    assert rows[32, 32] > 0.99 and rows[32, 26] > 0.95  # (64, 64), 0.8 wide = 25.6 px
    assert rows[32, 58] < 0.05 and rows[48, 32] < 0.05
    area = 3.1416 * 12.8 * 6.4 * 1.15**2
    assert rows.sum().item() == pytest.approx(area, rel=0.1)


def test_an_opening_that_is_shut_is_drawn_as_high_as_asked():
    shut = opening_maps(opening(0.8, 0.0), 0.25, 64, 64)
    ajar = opening_maps(opening(0.8, 0.2), 0.1, 64, 64)
    assert torch.allclose(shut, ajar, atol=1e-4)


def test_the_map_of_an_opening_turns_with_it():
    places = opening(0.8, 0.2)
    turned = opening_maps(places.flip(-1), 0.1, 64, 64)  # x and y swapped
    upright = opening_maps(places, 0.1, 64, 64)
    assert torch.allclose(turned, upright.transpose(2, 3), atol=1e-4)

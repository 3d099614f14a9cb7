"""Terms without labels: zero for a model that obeys, and the maps are what they say."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mmfa_core.geometry import rotation_from_pose
from mmfa_core.losses.terms import LossWeights
from mmfa_core.training import invariances
from mmfa_core.training.invariances import (
    Similarity,
    draw_bend,
    draw_similarity,
    equivariance,
    expression_invariance,
    invariance_terms,
    recolour,
    similarity,
)
from tests.helpers import awake_model, dots, find_dots, pose

POINTS = torch.tensor([[0.0, -0.4], [0.3, 0.1], [-0.35, 0.3]])
ALL = LossWeights(equivariance=1.0, similarity=1.0, expression_invariance=1.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_dot_of_a_bent_picture_is_carried_back_to_where_it_was(seed):
    picture = dots(POINTS, 256)[None]
    bend = draw_bend(picture, generator(seed))
    found = find_dots(bend.picture(picture)[0])
    assert (bend(found[None])[0] - POINTS).abs().max() < 0.01
    assert (found - POINTS).abs().max() > 0.02  # it did move


@pytest.mark.parametrize("seed", range(5))
def test_a_dot_of_a_moved_picture_is_where_the_similarity_says(seed):
    picture = dots(POINTS, 256)[None]
    known = draw_similarity(picture, generator(seed))
    found = find_dots(known.picture(picture)[0])
    assert (found - known.points(POINTS[None])[0]).abs().max() < 0.01


def test_a_similarity_turns_sizes_and_shifts_in_that_order():
    known = Similarity(torch.tensor([90.0]), torch.tensor([[2.0]]), torch.tensor([[0.1, 0.0]]))
    moved = known.points(torch.tensor([[[0.2, 0.0]]]))
    assert torch.allclose(moved, torch.tensor([[[0.1, -0.4]]]), atol=1e-6)  # right goes up


@torch.no_grad()
def test_keypoints_that_follow_the_bend_have_no_equivariance_term():
    model = awake_model(gauge="off")
    pictures = torch.rand(2, 3, 64, 64)
    plain = model.estimate(pictures)
    bend = draw_bend(pictures, generator())

    def pinned(points: torch.Tensor) -> object:
        """Make an estimate whose posed keypoints are the points."""
        still = dataclasses.replace(
            plain.motion,
            rotation=torch.eye(3).expand(2, -1, -1),
            scale=torch.ones(2, 1),
            translation=torch.zeros(2, 2),
            expression_offsets=torch.zeros(2, 50, 3),
        )
        flat = torch.nn.functional.pad(points, (0, 1))
        return dataclasses.replace(plain, motion=still, canonical_keypoints=flat)

    bent = 0.6 * (2 * torch.rand(2, 50, 2) - 1)
    obeying = equivariance(model, pinned(bend(bent)), pinned(bent), bend)
    assert obeying.item() < 1e-6
    away = equivariance(model, pinned(bend(bent) + 0.1), pinned(bent), bend)
    assert away.item() == pytest.approx(0.1, rel=1e-3)


@torch.no_grad()
def test_a_motion_that_follows_a_known_move_has_no_similarity_term():
    model = awake_model()
    plain = model.estimate(torch.rand(2, 3, 64, 64))
    known = draw_similarity(torch.zeros(2, 3, 8, 8), generator())
    followed = dataclasses.replace(
        plain.motion,
        rotation=known.rotation @ plain.motion.rotation,
        scale=known.factor * plain.motion.scale,
        translation=known.points(plain.motion.translation[:, None])[:, 0],
    )
    moved = dataclasses.replace(plain, motion=followed)
    assert similarity(plain, moved, known).item() < 1e-5
    assert similarity(plain, plain, known).item() > 0.05


def test_a_known_roll_is_expected_as_that_roll():
    known = Similarity(torch.tensor([15.0]), torch.ones(1, 1), torch.zeros(1, 2))
    assert torch.allclose(known.rotation, rotation_from_pose(pose(roll=15)), atol=1e-6)


def test_features_that_stay_and_differ_between_faces_cost_nothing():
    features = torch.randn(16, 6)
    assert expression_invariance(features, features) == 0


def test_collapsed_features_cost_the_floor_and_have_a_finite_gradient():
    features = torch.full((4, 6), 0.3, requires_grad=True)
    cost = expression_invariance(features, features.clone())
    cost.backward()
    assert cost.item() == pytest.approx(invariances.LEAST_SPREAD, rel=0.02)
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_new_colours_stay_in_range_and_keep_every_place():
    pictures = torch.rand(3, 3, 16, 16)
    seen = recolour(pictures, generator())
    assert seen.min() >= 0 and seen.max() <= 1
    for channel in range(3):  # monotone in every channel: order of pixels is kept
        order = pictures[0, channel].flatten().argsort()
        assert (seen[0, channel].flatten()[order].diff() >= -1e-6).all()


def test_without_weights_nothing_is_computed():
    assert invariance_terms(None, torch.rand(1, 3, 8, 8), LossWeights(), torch.zeros(1)) == {}


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        (LossWeights(equivariance=1.0), {"equivariance"}),
        (LossWeights(similarity=1.0), {"similarity", "expression_invariance"}),
        (ALL, {"equivariance", "similarity", "expression_invariance"}),
    ],
)
def test_the_terms_that_have_a_weight_are_computed(weights, names):
    terms = invariance_terms(awake_model(), torch.rand(2, 3, 64, 64), weights, torch.randn(4, 12))
    assert names == set(terms)
    assert all(t.isfinite() for t in terms.values())


def test_all_randomness_is_a_function_of_the_noise():
    model, pictures, noise = awake_model(), torch.rand(2, 3, 64, 64), torch.randn(4, 12)
    first = invariance_terms(model, pictures, ALL, noise)
    torch.rand(100)  # the global generator must not matter
    again = invariance_terms(model, pictures, ALL, noise.clone())
    other = invariance_terms(model, pictures, ALL, noise + 1e-3)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["equivariance"], other["equivariance"])


def test_a_few_steps_on_the_equivariance_term_alone_lower_it():
    model = awake_model()
    pictures = torch.nn.functional.interpolate(torch.rand(4, 3, 8, 8), (64, 64), mode="bilinear")
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    weights, noise = LossWeights(equivariance=1.0), torch.randn(8, 12)
    costs = []
    for _ in range(25):
        cost = invariance_terms(model, pictures, weights, noise)["equivariance"]
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        costs.append(cost.item())
    assert costs[-1] < 0.7 * costs[0]

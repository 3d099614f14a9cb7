"""Laws of metrics that hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.evaluation import metrics, signals
from mmfa_core.evaluation.efflite import frechet_distance
from mmfa_core.evaluation.heldout import spread, to_frames, to_tensor
from mmfa_core.geometry import rotation_from_pose
from tests.helpers import pose

seed = st.integers(0, 2**32 - 1)
angle = st.floats(-60, 60)


def pictures(number: int, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    return torch.rand(count, 3, 24, 20, generator=generator)


@given(seed)
def test_picture_metrics_are_symmetric_and_bounded(number):
    first, second = pictures(number), pictures(number + 1)
    for metric in (metrics.l1, metrics.psnr, metrics.ssim):
        assert torch.allclose(metric(first, second), metric(second, first), atol=1e-5)
    assert (metrics.ssim(first, second) <= 1).all()
    assert (metrics.l1(first, second) >= 0).all()


@given(seed)
def test_nearer_pictures_score_better(number):
    truth, noise = pictures(number), pictures(number + 1) - 0.5
    near, far = truth + 0.05 * noise, truth + 0.2 * noise
    assert (metrics.l1(near, truth) < metrics.l1(far, truth)).all()
    assert (metrics.psnr(near, truth) > metrics.psnr(far, truth)).all()
    assert (metrics.ssim(near, truth) > metrics.ssim(far, truth)).all()


@given(seed, st.integers(1, 3))
def test_frames_survive_a_round_trip(number, count):
    frames = np.random.default_rng(number).integers(0, 256, (count, 6, 5, 3), np.uint8)
    assert (to_frames(to_tensor(frames)) == frames).all()


@given(seed, angle, angle, angle, st.floats(0.3, 3), st.floats(-50, 50))
def test_gaps_and_sizes_see_neither_turn_nor_place(number, yaw, pitch, roll, growth, shift):
    points = np.random.default_rng(number).normal(0, 40, (1, 478, 3))
    turn = rotation_from_pose(pose(yaw, pitch, roll))[0].double().numpy()
    moved = (growth * points @ turn.T + shift).astype(np.float32)
    points = points.astype(np.float32)
    assert signals.lip_gap(moved) == pytest.approx(signals.lip_gap(points), rel=1e-3)
    assert signals.eye_gap(moved) == pytest.approx(signals.eye_gap(points), rel=1e-3)
    assert signals.head_size(moved) == pytest.approx(growth * signals.head_size(points), rel=1e-3)


@given(seed, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_correlation_is_bounded_and_blind_to_scale(number, gain, shift):
    rng = np.random.default_rng(number)
    answered, asked = rng.normal(size=20), rng.normal(size=20)
    found = signals.correlation(answered, asked)
    assert -1 - 1e-9 <= found <= 1 + 1e-9
    assert signals.correlation(gain * answered + shift, asked) == pytest.approx(found, abs=1e-6)
    groups = np.arange(20) // 5
    apart = signals.within_correlation(answered + 3 * groups, asked, groups)
    assert apart == pytest.approx(signals.within_correlation(answered, asked, groups), abs=1e-9)


@given(seed, st.floats(-3, 3))
def test_a_slope_is_found_again(number, slope):
    asked = np.random.default_rng(number).normal(size=7)
    assert signals.slope(slope * asked + 2, asked) == pytest.approx(slope, abs=1e-9)


@given(st.integers(1, 40), st.integers(2, 12))
def test_spread_keeps_order_both_ends_and_the_count(length, count):
    kept = spread(range(length), count)
    assert len(kept) == min(length, count)
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, length - 1)


@given(seed, st.floats(0, 3))
def test_frechet_distance_of_shifted_sets_is_the_square_of_the_shift(number, shift):
    first = torch.randn(12, 30, generator=torch.Generator().manual_seed(number))
    moved = first.clone()
    moved[:, 0] += shift
    assert frechet_distance(first, moved) == pytest.approx(shift**2, abs=1e-3)

"""Metrics, one by one: of pictures, of signals, the landmark warp, and the nets."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfa_core.errors import MMFAError
from mmfa_core.evaluation import (
    efflite,
    identity,
    metrics,
    signals,
)
from mmfa_core.evaluation.landmark_warp import landmark_flow, warp_by_landmarks
from mmfa_core.evaluation.table import FrameTable
from mmfa_core.geometry import make_grid

# Pictures


def test_equal_pictures_are_perfect() -> None:
    picture = torch.rand(2, 3, 40, 48)
    scores = metrics.picture_scores(picture, picture, torch.tensor([[4.0, 4, 30, 30]] * 2))
    for name in ("L1", "L1_face"):
        assert scores[name].tolist() == [0, 0]
    for name in ("PSNR", "PSNR_face"):
        assert scores[name].tolist() == [metrics.PSNR_MAX_DB] * 2
    for name in ("SSIM", "SSIM_face"):
        assert scores[name].tolist() == pytest.approx([1, 1], abs=1e-4)


def test_a_tenth_of_difference_is_20_decibels() -> None:
    grey = torch.full((1, 3, 32, 32), 0.5)
    assert metrics.l1(grey + 0.1, grey).item() == pytest.approx(0.1, rel=1e-5)
    assert metrics.psnr(grey + 0.1, grey).item() == pytest.approx(20, rel=1e-4)


def test_ssim_equals_loops_over_windows() -> None:
    first, second = torch.rand(2, 1, 3, 14, 15)
    place = torch.arange(11.0) - 5
    bell = torch.exp(-(place**2) / (2 * 1.5**2))
    window = bell[:, None] * bell / (bell.sum() ** 2)
    total = []
    for channel in range(3):
        for y in range(4):
            for x in range(5):
                a = first[0, channel, y : y + 11, x : x + 11]
                b = second[0, channel, y : y + 11, x : x + 11]
                mean_a, mean_b = (window * a).sum(), (window * b).sum()
                var_a = (window * (a - mean_a) ** 2).sum()
                var_b = (window * (b - mean_b) ** 2).sum()
                both = (window * (a - mean_a) * (b - mean_b)).sum()
                total.append(
                    (2 * mean_a * mean_b + 0.01**2)
                    * (2 * both + 0.03**2)
                    / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))
                )
    assert metrics.ssim(first, second).item() == pytest.approx(
        torch.stack(total).mean().item(), abs=1e-5
    )


def test_a_mask_leaves_out_what_is_outside() -> None:
    truth = torch.zeros(1, 3, 32, 32)
    picture = truth.clone()
    picture[..., :8] = 1
    inside = metrics.box_mask(torch.tensor([[8.0, 0, 32, 32]]), 32, 32)
    assert metrics.l1(picture, truth, inside).item() == 0
    assert metrics.l1(picture, truth).item() == pytest.approx(0.25)


def test_a_box_covers_the_pixels_whose_centres_it_holds() -> None:
    mask = metrics.box_mask(torch.tensor([[1.4, 2.0, 4.5, 3.0]]), 6, 6)[0, 0]
    assert mask.nonzero().tolist() == [[2, 1], [2, 2], [2, 3], [2, 4]]


def test_the_ring_leaves_out_what_is_below_the_chin() -> None:
    ring = metrics.ring_mask(torch.tensor([[8.0, 8, 24, 20]]), 32, 32, 3)[0, 0]
    assert ring[:3].all()
    assert ring[:20, :3].all()
    assert ring[:20, -3:].all()
    assert not ring[20:].any()
    assert not ring[3:20, 3:-3].any()


# Statistics


def test_a_still_output_follows_nothing() -> None:
    asked = np.linspace(0, 1, 9)
    assert signals.correlation(np.full(9, 0.3), asked) == 0


def test_keeping_the_look_of_each_clip_is_no_following() -> None:
    groups = np.repeat([0, 1, 2], 4)
    asked = np.repeat([0.0, 5, 10], 4) + np.tile([0.0, 1, 2, 3], 3)
    look = np.repeat([0.0, 5, 10], 4)
    assert signals.correlation(look, asked) > 0.9
    assert signals.within_correlation(look, asked, groups) == 0
    assert signals.within_correlation(asked + 7 * groups, asked, groups) == pytest.approx(1)


def test_missing_frames_are_left_out() -> None:
    asked = np.arange(6.0)
    answered = 2 * asked
    answered[2] = np.nan
    assert signals.slope(answered, asked) == pytest.approx(2)
    assert signals.correlation(answered, asked) == pytest.approx(1)
    assert signals.monotone_share(answered) == 1
    assert signals.mean(np.array([1.0, np.nan, 3.0])) == 2
    assert math.isnan(signals.mean(np.full(3, np.nan)))


@pytest.mark.parametrize(
    ("values", "direction", "share"),
    [
        ([0, 1, 2, 3], 1, 1),
        ([0, 1, 2, 3], -1, 0),
        ([0, 1, 0.5, 3, 4], 1, 0.75),
        ([1, 1, 1], 1, 0),  # standing still is not going
    ],
)
def test_monotone_share_counts_steps(values, direction, share) -> None:
    assert signals.monotone_share(np.array(values, float), direction) == share


def test_steady_motion_has_no_jitter_and_shaking_has() -> None:
    points = np.random.default_rng(0).normal(0, 30, (478, 3)).astype(np.float32)
    steady = np.stack([points + 2 * i for i in range(6)])
    assert signals.jitter(steady) == pytest.approx(0, abs=1e-5)
    shaken = steady + np.array([0, 1, 0, 1, 0, 1], np.float32)[:, None, None]
    assert signals.jitter(shaken) == pytest.approx(2 / signals.head_size(points[None])[0], rel=1e-3)


def test_evenness_is_the_largest_step_over_the_mean_step() -> None:
    points = np.zeros((4, 478, 3), np.float32)
    points[:, :, 0] = np.array([0, 1, 2, 6])[:, None]
    assert signals.evenness(points) == pytest.approx(4 / 2)


def test_a_table_averages_frames_then_groups() -> None:
    table = FrameTable()
    table.add(0, {"error": [1.0, 1.0, 1.0, 1.0]})
    table.add(1, {"error": [3.0, np.nan]})
    assert table.average("error") == 2
    assert len(table) == 6
    assert table.only([1]).averages() == {"error": 3}
    with pytest.raises(ValueError, match="different lengths"):
        table.add(2, {"a": [1.0], "b": [1.0, 2.0]})


def test_a_table_correlates_what_was_asked_with_what_was_answered() -> None:
    table = FrameTable()
    for group in range(2):
        asked = np.arange(4.0)
        table.add(group, {"yaw": asked + 10 * group, "yaw_asked": asked, "L1": np.ones(4)})
    result = table.correlations()
    assert result["yaw_r"] == pytest.approx(1)
    assert result["yaw_r_all"] < 0.5
    assert table.averages() == {"L1": 1}


# The landmark warp


def face_points() -> np.ndarray:
    return np.random.default_rng(1).uniform(70, 180, (478, 2)).astype(np.float32)


def test_unmoved_landmarks_make_the_identity_flow() -> None:
    points = face_points()
    flow = landmark_flow(points, points, 256, 256)
    assert torch.allclose(flow[0], make_grid(256, 256), atol=1e-5)


def test_the_flow_carries_landmarks_and_leaves_the_border() -> None:
    driving = np.round(face_points()) + 0.5  # centres of pixels
    source = driving + np.array([9, -6], np.float32)
    flow = landmark_flow(source, driving, 256, 256)[0].numpy()
    places = (flow[driving[:, 1].astype(int), driving[:, 0].astype(int)] + 1) * 128
    assert np.abs(places - source).max() < 1e-3
    grid = make_grid(256, 256).numpy()
    assert np.abs(flow - grid)[[0, -1]].max() * 128 < 0.3
    assert np.abs(flow - grid)[:, [0, -1]].max() * 128 < 0.3


def test_landmarks_outside_the_picture_leave_no_hole() -> None:
    driving = face_points()
    driving[:40] -= 150
    picture = torch.rand(1, 3, 256, 256)
    assert warp_by_landmarks(picture, face_points(), driving[None]).isfinite().all()


# Nets of the metrics


def test_efflite_loads_its_weights_and_has_the_taps_it_should() -> None:
    net = efflite.load_efflite()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        taps, pool = net(picture)
        same, _ = net(picture.clone())
        other, _ = net(picture.flip(2))
    assert [(tap.shape[1], tap.shape[2]) for tap in taps] == [
        (16, 32),
        (24, 16),
        (40, 8),
        (112, 4),
        (320, 2),
    ]
    assert pool.shape == (1, 1280)
    assert efflite.feature_distance(taps, same).item() == 0
    assert efflite.feature_distance(taps, other).item() > 1
    assert net.stem[1].running_var.std() > 0  # not a fresh network


def test_the_odd_pixel_of_padding_goes_right_and_below() -> None:
    conv = efflite.SameConv(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(conv.weight)
    out = conv(torch.ones(1, 1, 4, 5))
    assert out.shape == (1, 1, 2, 3)
    assert out[0, 0].tolist() == [[6, 9, 6], [4, 6, 4]]


def test_frechet_distance_equals_the_formula_with_covariances() -> None:
    first = torch.randn(40, 6, dtype=torch.float64)
    second = 0.7 * torch.randn(50, 6, dtype=torch.float64) + 0.5
    values = torch.linalg.eigvals(torch.cov(first.T) @ torch.cov(second.T)).real.clamp_min(0)
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum()
    expected = expected + torch.cov(first.T).trace() + torch.cov(second.T).trace()
    expected = expected - 2 * values.sqrt().sum()
    assert efflite.frechet_distance(first, second) == pytest.approx(expected.item(), rel=1e-6)
    assert efflite.frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_two_pictures_of_one_person_are_nearer_than_two_people(
    examples: Path, face_landmarker: Path
) -> None:
    from mmfa_core.face import FaceFinder, whole_crop
    from mmfa_core.media import read_picture

    describe = identity.load_describer()
    assert describe is not None
    names = ("london_009_neutral", "london_009_smiling", "london_034_neutral")
    with FaceFinder(face_landmarker) as finder:
        known = []
        for name in names:
            frame = read_picture(examples / f"{name}.jpg")
            face = finder.detect_in_crop(frame, whole_crop(frame.shape))
            assert face is not None
            known.append(describe(frame, face.landmarks)[None])
    assert identity.identity_distance(known[0], known[1])[0] < 0.45
    assert identity.identity_distance(known[0], known[2])[0] > 0.6
    missing = describe(np.zeros((64, 64, 3), np.uint8), np.full((478, 3), np.nan, np.float32))
    assert np.isnan(missing).all()


def test_without_dlib_identity_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.importlib.util, "find_spec", lambda name: None)
    assert identity.load_describer() is None


def test_without_its_package_efflite_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efflite.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MMFAError, match=r"requirements-dev\.txt"):
        efflite.load_efflite()

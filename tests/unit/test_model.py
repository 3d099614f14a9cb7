"""The wired model: pairs in, pictures out; identity and motion stay apart."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mmfa_core.config import FORMULAS, GAUGES
from mmfa_core.estimates import CropPlace
from mmfa_core.geometry import rotation_from_pose
from mmfa_core.model import MMFA, VIEWS, build_model, pose_of
from mmfa_core.motion import Motion
from mmfa_core.networks.dense_motion import _mix
from mmfa_core.networks.refinement import Correction
from tests.helpers import awake_model, dots, find_dots, pose, random_motion, tiny_config


@pytest.fixture
def model() -> MMFA:
    return awake_model().eval()


def pictures(count: int) -> torch.Tensor:
    """Make smooth pictures: sampling white noise would magnify every rounding of the flow."""
    return torch.nn.functional.interpolate(torch.rand(count, 3, 8, 8), (64, 64), mode="bilinear")


@torch.no_grad()
def test_a_pair_becomes_a_picture_of_the_same_size(model):
    made = model(pictures(2), pictures(2))
    assert made.picture.shape == (2, 3, 64, 64)
    assert made.picture.min() >= 0 and made.picture.max() <= 1
    assert made.motion.flow.shape == (2, 16, 16, 2)


@pytest.mark.parametrize("gauge", GAUGES)
@pytest.mark.parametrize("formula", FORMULAS)
@torch.no_grad()
def test_every_formula_and_gauge_builds_and_runs(formula, gauge):
    model = build_model(tiny_config(formula=formula, gauge=gauge))
    assert model(pictures(1), pictures(1)).picture.isfinite().all()


@torch.no_grad()
def test_a_model_with_a_volume_builds_and_runs():
    model = awake_model(volume_depth=4, volume_width=6)
    source = model.encode_source(pictures(2))
    assert [tuple(f.shape[1:]) for f in source.features][-1] == (6, 4, 8, 8)
    assert model(pictures(2), pictures(2)).picture.isfinite().all()


@pytest.mark.parametrize("changes", [{}, {"volume_depth": 4, "volume_width": 6}])
@torch.no_grad()
def test_a_batch_of_two_equals_two_batches_of_one(changes):
    model = awake_model(**changes)
    source, driving = pictures(2), pictures(2)
    both = model(source, driving)
    for b in range(2):
        one = model(source[b : b + 1], driving[b : b + 1])
        assert torch.allclose(both.picture[b], one.picture[0], atol=1e-4)
        assert torch.allclose(both.motion.flow[b], one.motion.flow[0], atol=1e-5)


def test_two_models_of_one_seed_are_equal():
    states = []
    for _ in range(2):
        torch.manual_seed(9)
        states.append(build_model(tiny_config()).state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@torch.no_grad()
def test_rendering_an_expanded_source_equals_rendering_it_frame_by_frame(model):
    source = model.encode_source(pictures(1))
    driving = random_motion(3)
    together = model.render(model.expand(source, 3), driving)
    for frame in range(3):
        one = model.render(source, driving[frame : frame + 1])
        assert torch.allclose(together.picture[frame], one.picture[0], atol=1e-4)


@torch.no_grad()
def test_encoding_a_source_sees_the_motion_that_estimating_it_sees(model):
    picture = pictures(2)
    own, estimated = model.encode_source(picture).motion, model.estimate_motion(picture)
    for field in dataclasses.fields(Motion):
        assert torch.equal(getattr(own, field.name), getattr(estimated, field.name))


@torch.no_grad()
def test_a_source_driven_by_itself_has_the_flow_of_identity_before_training():
    model = build_model(tiny_config())
    picture = pictures(1)
    made = model(picture, picture)
    assert (made.warped - picture).abs().max() < 1e-3


@pytest.mark.parametrize("gauge", ["rigid", "all"])
@torch.no_grad()
def test_canonical_keypoints_have_the_radius_of_the_configuration(gauge):
    model = awake_model(gauge=gauge)
    canonical = model.encode_source(pictures(2)).canonical_keypoints[:, model.rigid]
    assert canonical.mean(1).abs().max() < 1e-5
    rms = (canonical**2).sum(-1).mean(1).sqrt()
    assert torch.allclose(rms, torch.full((2,), model.config.radius), rtol=1e-4)


@torch.no_grad()
def test_an_expression_can_not_change_the_radius_of_the_rigid_keypoints(model):
    canonical = model.encode_source(pictures(1)).canonical_keypoints
    neutral = random_motion(1)
    neutral = dataclasses.replace(neutral, expression_offsets=torch.zeros(1, 50, 3))
    strong = dataclasses.replace(neutral, expression_offsets=0.002 * torch.randn(1, 50, 3))
    rest, moved = (model.keypoints(canonical, m)[:, model.rigid] for m in (neutral, strong))
    assert torch.allclose(rest.mean(1), moved.mean(1), atol=1e-6)

    def growth(points: torch.Tensor) -> float:
        # Growth along the resting shape; what is left is second order in the offsets.
        arms = rest - rest.mean(1, keepdim=True)
        return float((arms * (points - points.mean(1, keepdim=True))).sum() / (arms**2).sum())

    assert growth(moved) == pytest.approx(1.0, abs=1e-5)


@torch.no_grad()
def test_each_factor_of_a_motion_moves_the_keypoints_by_its_own_formula(model):
    canonical = model.encode_source(pictures(1)).canonical_keypoints
    motion = random_motion(1)
    points = model.keypoints(canonical, motion)
    shift = torch.tensor([[0.1, -0.2]])
    shifted = dataclasses.replace(motion, translation=motion.translation + shift)
    assert torch.allclose(
        model.keypoints(canonical, shifted)[..., :2], points[..., :2] + shift, atol=1e-5
    )
    larger = dataclasses.replace(motion, scale=1.2 * motion.scale)
    centre = torch.nn.functional.pad(motion.translation, (0, 1))[:, None]
    assert torch.allclose(
        model.keypoints(canonical, larger), centre + 1.2 * (points - centre), atol=1e-5
    )
    turn = rotation_from_pose(pose(roll=30))
    turned = dataclasses.replace(motion, rotation=turn @ motion.rotation)
    assert torch.allclose(
        model.keypoints(canonical, turned), centre + (points - centre) @ turn[0].T, atol=1e-5
    )


@torch.no_grad()
def test_the_face_crop_undoes_roll_place_and_size(model):
    # Dots at fixed places of a head, drawn in heads of different roll, place and size, must come
    # out at the same places of the crop.
    head = torch.tensor([[0.0, 0.26], [0.2, 0.1], [-0.2, 0.4]])
    found = []
    for roll, place, size in ((0.0, (0.0, 0.0), 1.0), (35.0, (0.15, -0.1), 0.8)):
        turn = rotation_from_pose(pose(roll=roll))[0, :2, :2]
        places = torch.tensor(place) + size * head @ turn.T
        picture = dots(places, 256, 3.0)[None]
        at = CropPlace(torch.tensor([roll]), torch.tensor([place]), torch.tensor([[size]]))
        found.append(find_dots(model.cut_face(picture, at)[0]))
    assert (found[0] - found[1]).abs().max() < 0.05
    assert found[0][0].abs().max() < 0.02  # the crop's centre is crop_drop below the head's


@torch.no_grad()
def test_the_estimate_does_not_depend_on_how_the_crop_was_cut_when_the_crop_tells_it(model):
    # A refinement that reads exactly how far the crop is off must find the same head from any crop.
    place = CropPlace(torch.tensor([20.0]), torch.tensor([[0.1, -0.2]]), torch.tensor([[0.8]]))
    off = CropPlace(torch.tensor([5.0]), torch.tensor([[0.16, -0.3]]), torch.tensor([[1.0]]))
    away = (place.translation - off.translation) / off.scale
    turn = rotation_from_pose(pose(roll=5.0))[0, :2, :2]  # the crop's axes in the picture
    fixed = Correction(
        yaw_deg=torch.tensor([7.0]),
        pitch_deg=torch.tensor([-3.0]),
        roll_deg=place.roll_deg - off.roll_deg,
        shift=away @ turn,
        growth=place.scale / off.scale,
        identity=torch.zeros(1, 50, 3),
    )
    model.refinement.forward = lambda hidden: fixed
    motion = model.estimate(pictures(1), place=off).motion
    assert torch.allclose(motion.translation, place.translation, atol=1e-5)
    assert torch.allclose(motion.scale, place.scale, atol=1e-5)
    assert torch.allclose(motion.rotation, rotation_from_pose(pose(7.0, -3.0, 20.0)), atol=1e-5)


@torch.no_grad()
def test_a_close_estimate_averages_crops_cut_a_little_off_and_takes_the_expression_of_the_middle(
    model,
):
    picture = pictures(1)
    coarse = model.estimate_coarse(picture)
    each = []
    for across, down, growth, roll_deg in VIEWS:
        shift = coarse.place.scale * torch.tensor([across, down])
        place = CropPlace(
            coarse.place.roll_deg + roll_deg,
            coarse.place.translation + shift,
            coarse.place.scale * (1 + growth),
        )
        each.append(model.estimate(picture, coarse, place))
    found = model.estimate_closely(picture)

    def mean(read):
        return torch.stack([read(e) for e in each]).mean(0)

    assert not torch.allclose(each[0].mean, each[1].mean, atol=1e-4)
    assert torch.allclose(found.mean, each[0].mean, atol=1e-5)
    assert torch.equal(found.motion.expression_code, found.mean)
    assert torch.allclose(found.motion.translation, mean(lambda e: e.motion.translation), atol=1e-5)
    assert torch.allclose(found.motion.scale, mean(lambda e: e.motion.scale), atol=1e-5)
    nearest = mean(lambda e: e.motion.rotation)
    assert torch.allclose(found.motion.rotation, nearest, atol=0.01)
    assert torch.allclose(
        found.motion.expression_offsets, model.expression_vae.decode(found.mean), atol=1e-6
    )


def test_the_crops_of_a_close_estimate_lie_around_the_place_that_was_found():
    assert torch.allclose(torch.tensor(VIEWS).sum(0), torch.zeros(4), atol=1e-6)


@torch.no_grad()
def test_a_close_estimate_of_two_pictures_equals_those_of_each(model):
    both = pictures(2)
    together = model.estimate_closely(both)
    for b in range(2):
        alone = model.estimate_closely(both[b : b + 1])
        assert torch.allclose(together.mean[b], alone.mean[0], atol=1e-5)
        assert torch.allclose(
            together.canonical_keypoints[b], alone.canonical_keypoints[0], atol=1e-5
        )
        assert torch.allclose(together.motion.rotation[b], alone.motion.rotation[0], atol=1e-5)


@torch.no_grad()
def test_without_noise_the_code_is_the_mean_and_with_noise_it_is_a_sample(model):
    picture = pictures(1)
    plain = model.estimate(picture)
    assert torch.equal(plain.motion.expression_code, plain.mean)
    noise = torch.ones(1, 8)
    sampled = model.estimate(picture, noise=noise)
    assert torch.allclose(
        sampled.motion.expression_code, plain.mean + (0.5 * plain.logvar).exp() * noise
    )


@torch.no_grad()
def test_the_pose_of_a_motion_is_the_pose_of_its_rotation():
    motion = dataclasses.replace(random_motion(1), rotation=rotation_from_pose(pose(12, -7, 5)))
    found = pose_of(motion)
    angles = [v.item() for v in (found.yaw_deg, found.pitch_deg, found.roll_deg)]
    assert angles == pytest.approx([12, -7, 5], abs=1e-3)


def test_the_gauge_subset_is_no_part_of_the_weights():
    assert "rigid" not in build_model(tiny_config()).state_dict()


@torch.no_grad()
def test_a_larger_head_in_the_driving_picture_enlarges_the_source(model):
    # The affine map goes from driving to source places: a larger driving head samples closer in.
    model = build_model(tiny_config())
    source = model.encode_source(pictures(1))
    driving = dataclasses.replace(source.motion, scale=1.25 * source.motion.scale)
    flow = model.render(source, driving).motion.flow[0]
    side = flow[8, 9, 0] - flow[8, 6, 0]
    assert side.item() == pytest.approx(3 * (2 / 16) / 1.25, rel=0.05)


@torch.no_grad()
def test_half_precision_moves_no_keypoint_and_no_candidate_motion(model):
    source, driving = model.encode_source(pictures(1)), random_motion(1)
    weights = torch.rand(1, 52, 16, 16).softmax(1)
    results = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            rotation = rotation_from_pose(pose(33, 11, -7))
            points = model.keypoints(source.canonical_keypoints, driving)
            flat = rotation[:, :2, :2]
            ends = points[..., :2], points[..., :2] ** 2
            flow = _mix(weights, *ends, flat, driving.translation, -driving.translation)
        results.append((rotation, points, flow))
    for plain, half_made in zip(*results, strict=True):
        assert (plain - half_made).abs().max() < 1e-5

"""Networks: shapes, sensible starts, and dense motion against an obvious loop."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from mmfa_core.geometry import gaussian_maps, make_grid
from mmfa_core.networks.appearance import AppearanceEncoder
from mmfa_core.networks.blocks import Merge, Pointwise, Pyramid, Residual
from mmfa_core.networks.dense_motion import (
    BACKGROUND_LOGIT,
    HEAD_LOGIT,
    DenseMotion,
    DenseMotionNetwork,
    _mix,
)
from mmfa_core.networks.discriminator import PatchDiscriminator
from mmfa_core.networks.expression import ExpressionEncoder, ExpressionVAE
from mmfa_core.networks.generator import LIGHT_GAIN, Generator, warp_volume
from mmfa_core.networks.hints import ExpressionHints
from mmfa_core.networks.motion_estimator import MotionEstimator
from mmfa_core.networks.refinement import Refinement
from tests.helpers import random_rotation


def dense_network(keypoints: int = 5) -> DenseMotionNetwork:
    return DenseMotionNetwork(keypoints, 12, 8, (8, 12), 1)


def still_motion(rows: int, columns: int, count: int = 1) -> DenseMotion:
    """Make a dense motion that samples every place where it is."""
    return DenseMotion(
        make_grid(rows, columns).expand(count, -1, -1, -1),
        [torch.ones(count, 1, rows, columns), torch.ones(count, 1, rows // 2, columns // 2)],
        torch.zeros(count, 8, rows // 2, columns // 2),
        torch.zeros(count, 1, rows, columns),
        torch.eye(3).expand(count, -1, -1),
    )


@pytest.mark.parametrize("size", [(32, 32), (64, 96)])
def test_a_pyramid_gives_maps_at_a_quarter_an_eighth_and_a_sixteenth(size):
    maps = Pyramid((4, 6, 8), (0, 1, 2))(torch.rand(2, 3, *size))
    wanted = [(2, c, size[0] // n, size[1] // n) for c, n in ((4, 4), (6, 8), (8, 16))]
    assert [tuple(m.shape) for m in maps] == wanted


def test_a_residual_block_starts_close_to_identity():
    features = torch.randn(1, 16, 8, 8)
    assert (Residual(16)(features) - features).abs().mean() < 0.2 * features.abs().mean()


def test_a_pointwise_layer_equals_a_convolution_of_one_pixel():
    layer = Pointwise(5, 7)
    features = torch.randn(2, 5, 4, 6)
    expected = torch.nn.functional.conv2d(features, layer.weight, layer.bias)
    assert torch.allclose(layer(features), expected, atol=1e-5)


def test_merging_maps_equals_a_pointwise_layer_on_their_concatenation():
    merge, plain = Merge((3, 5, 2), 7), Pointwise(10, 7)
    plain.weight.data, plain.bias.data = merge.weight.data, merge.bias.data
    maps = [torch.randn(2, width, 4, 6) for width in (3, 5, 2)]
    assert torch.allclose(merge(*maps), plain(torch.cat(maps, 1)), atol=1e-5)


def awake_hints() -> ExpressionHints:
    """Build hints for two regions of three keypoints whose last layer is not zero."""
    hints = ExpressionHints(6, ((0, 1, 2), (3, 4, 5)), 4)
    torch.nn.init.normal_(hints.embed[-1].weight)
    return hints


def test_hints_say_nothing_before_training():
    hints = ExpressionHints(6, ((0, 1, 2), (3, 4, 5)), 4)
    offsets, posed = torch.randn(2, 6, 3), torch.rand(2, 6, 3)
    assert hints(offsets, offsets, posed, torch.ones(2, 1), 8).abs().max() == 0


def test_hints_are_drawn_where_the_regions_are_and_fade_away_from_them():
    offsets = torch.randn(1, 6, 3)
    posed = torch.tensor([[-0.5, -0.5, 0.0], [0.5, 0.5, 0.0]]).repeat_interleave(3, 0)[None]
    drawn = awake_hints()(offsets, 2 * offsets, posed, torch.ones(1, 1), 32)[0].abs().sum(0)
    near = drawn[6:11, 6:11].mean(), drawn[22:27, 22:27].mean()  # (32, 32), xy = -0.5 and 0.5
    assert min(near) > 20 * max(drawn[:3, 29:].max(), drawn[29:, :3].max())


def test_hints_of_a_batch_equal_hints_of_its_parts():
    hints = awake_hints()
    parts = torch.randn(2, 6, 3), torch.randn(2, 6, 3), torch.rand(2, 6, 3), torch.rand(2, 1) + 0.5
    whole = hints(*parts, 8)
    for row in range(2):
        alone = hints(*(part[row : row + 1] for part in parts), 8)
        assert torch.allclose(whole[row : row + 1], alone, atol=1e-5)


def test_the_motion_estimator_starts_at_a_neutral_head():
    turn, shift, scale, canonical = MotionEstimator(32, (8, 8, 8), (0, 0, 0), 6)(
        torch.rand(2, 3, 32, 32)
    )
    angles = torch.stack((turn.yaw_deg, turn.pitch_deg, turn.roll_deg))
    assert angles.abs().max() < 15
    assert shift.abs().max() < 0.2
    assert (scale - 1).abs().max() < 0.1
    assert canonical.shape == (2, 6, 3)


def test_the_motion_estimator_never_leaves_its_ranges():
    estimator = MotionEstimator(32, (8, 8, 8), (0, 0, 0), 6)
    torch.nn.init.constant_(estimator.motion.bias, 1e4)
    turn, shift, scale, _ = estimator(torch.rand(1, 3, 32, 32))
    assert max(turn.yaw_deg, turn.pitch_deg, turn.roll_deg) <= 90
    assert shift.max() <= 1
    assert scale.item() == pytest.approx(math.exp(0.5))


def test_fresh_canonical_keypoints_are_all_apart_and_on_the_near_side():
    points = MotionEstimator(32, (8, 8, 8), (0, 0, 0), 50).mean_keypoints
    away = torch.cdist(points, points) + torch.eye(50)
    assert away.min() > 0.05
    assert points[:, 2].max() <= 0


def test_an_expression_moves_no_keypoint_before_training():
    vae = ExpressionVAE(16, 8, 10)
    assert vae.decode(torch.randn(3, 8)).abs().max() == 0


def test_the_posterior_starts_narrow_and_its_variance_stays_in_limits():
    vae = ExpressionVAE(16, 8, 10)
    _, logvar = vae.encode(torch.randn(3, 16))
    assert torch.equal(logvar, torch.full((3, 8), -4.0))
    torch.nn.init.constant_(vae.logvar.bias, 1e4)
    assert vae.encode(torch.randn(3, 16))[1].max() == 4
    torch.nn.init.constant_(vae.logvar.bias, -1e4)
    assert vae.encode(torch.randn(3, 16))[1].min() == -12


def test_sampling_a_code_without_noise_gives_the_mean():
    vae = ExpressionVAE(16, 8, 10)
    mean, logvar = torch.randn(3, 8), torch.randn(3, 8)
    assert torch.equal(vae.reparameterise(mean, logvar, torch.zeros(3, 8)), mean)


def test_a_sampled_code_has_the_mean_and_spread_of_the_posterior():
    vae = ExpressionVAE(16, 8, 10)
    mean, logvar = torch.full((20000, 1), 0.7), torch.full((20000, 1), math.log(0.25))
    code = vae.reparameterise(mean, logvar, torch.randn(20000, 1))
    assert code.mean().item() == pytest.approx(0.7, abs=0.02)
    assert code.std().item() == pytest.approx(0.5, abs=0.02)


def test_decoding_a_code_equals_decoding_its_features():
    vae = ExpressionVAE(16, 8, 10)
    torch.nn.init.normal_(vae.offsets[-1].weight)
    code = torch.randn(2, 8)
    assert torch.equal(vae.decode(code), vae.decode_features(vae.decoder(code)))


def test_the_expression_encoder_maps_a_crop_to_features():
    encoder = ExpressionEncoder(32, (8, 8, 8), (0, 0, 0), 16)
    features, hidden = encoder(torch.rand(2, 3, 32, 32))
    assert features.shape == (2, 16)
    assert hidden.shape == (2, encoder.HIDDEN)
    assert torch.allclose(features, encoder.head(hidden))


def test_a_fresh_refinement_hardly_corrects_and_never_leaves_its_ranges():
    refinement = Refinement(8, 5)
    small = refinement(torch.randn(3, 8))
    assert max(v.abs().max() for v in (small.yaw_deg, small.pitch_deg, small.roll_deg)) < 15
    assert small.shift.abs().max() < 0.1
    assert (small.growth - 1).abs().max() < 0.1
    assert small.identity.shape == (3, 5, 3)
    torch.nn.init.constant_(refinement.motion.bias, 1e4)
    large = refinement(torch.randn(1, 8))
    assert [large.yaw_deg.item(), large.roll_deg.item()] == [90, 30]
    assert large.shift.max() == 0.5
    assert large.growth.item() == pytest.approx(math.exp(0.5))


def test_the_appearance_encoder_adds_a_volume_only_when_it_is_deep():
    flat = AppearanceEncoder((4, 6), (0, 1))(torch.rand(1, 3, 64, 64))
    deep = AppearanceEncoder((4, 6), (0, 1), 5, 7)(torch.rand(1, 3, 64, 64))
    assert [tuple(m.shape) for m in flat] == [(1, 4, 16, 16), (1, 6, 8, 8)]
    assert tuple(deep[-1].shape) == (1, 7, 5, 8, 8)


def test_mixing_candidate_motions_equals_a_loop_over_places_and_candidates():
    count, keypoints, rows, columns = 2, 4, 3, 5
    weights = torch.randn(count, keypoints + 2, rows, columns).softmax(1)
    points_s, points_d = torch.randn(2, count, keypoints, 2)
    flat = torch.randn(count, 2, 2)
    centre_s, centre_d = torch.randn(2, count, 2)
    fast = _mix(weights, points_s, points_d, flat, centre_s, centre_d)
    for b, row, column in itertools.product(range(count), range(rows), range(columns)):
        place = torch.tensor([(2 * column + 1) / columns - 1, (2 * row + 1) / rows - 1])
        candidates = [points_s[b, k] + flat[b] @ (place - points_d[b, k]) for k in range(keypoints)]
        candidates.append(centre_s[b] + flat[b] @ (place - centre_d[b]))  # the rigid head
        candidates.append(place)  # the background stays
        slow = sum(
            (weights[b, k, row, column] * c for k, c in enumerate(candidates)), torch.zeros(2)
        )
        assert torch.allclose(fast[b, row, column], slow, atol=1e-5)


def test_prior_logits_equal_a_loop_over_places_and_keypoints():
    network = dense_network(3)
    with torch.no_grad():
        network.log_sigma.copy_(torch.tensor([-2.0, -2.5, -1.0, -1.5]))
    points = 2 * torch.rand(2, 4, 2) - 1
    fast = network._prior_logits(points, 4, 6)
    for b, row, column in itertools.product(range(2), range(4), range(6)):
        place = torch.tensor([(2 * column + 1) / 6 - 1, (2 * row + 1) / 4 - 1])
        for k, start in enumerate((0, 0, 0, HEAD_LOGIT)):
            sigma = network.log_sigma[k].exp()
            slow = start - ((place - points[b, k]) ** 2).sum() / (2 * sigma**2)
            assert fast[b, k, row, column].item() == pytest.approx(slow.item(), rel=1e-4)
        assert fast[b, 4, row, column] == BACKGROUND_LOGIT


def moved(network: DenseMotionNetwork, affine: torch.Tensor, shift: torch.Tensor) -> DenseMotion:
    """Move a cross of five keypoints by an affine map about its centre and a shift."""
    driving = torch.tensor([[0, 0, 0], [0.3, 0, 0], [-0.3, 0, 0], [0, 0.3, 0], [0, -0.3, 0.0]])
    source = driving @ affine.T + torch.cat((shift, torch.zeros(1)))
    return network(
        torch.randn(1, 12, 16, 16),
        source[None],
        driving[None],
        affine[None],
        shift[None],
        torch.zeros(1, 2),
    )


def test_keypoints_that_rest_give_the_flow_of_identity_before_training():
    motion = moved(dense_network(), torch.eye(3), torch.zeros(2))
    assert torch.allclose(motion.flow[0], make_grid(32, 32), atol=1e-5)


def test_keypoints_that_move_take_their_surroundings_along_before_training():
    affine, shift = 1.1 * random_rotation(1, 20)[0], torch.tensor([0.2, -0.1])
    motion = moved(dense_network(), affine, shift)
    grid = make_grid(32, 32)
    near = gaussian_maps(torch.zeros(1, 1, 2), 0.1, 32, 32)[0, 0] > 0.9
    expected = grid @ affine[:2, :2].T + shift
    assert (motion.flow[0] - expected)[near].abs().max() < 0.02


def test_the_background_stays_far_from_every_keypoint_before_training():
    motion = moved(dense_network(), torch.eye(3), torch.tensor([0.3, 0.3]))
    corner = motion.flow[0, 0, 0] - make_grid(32, 32)[0, 0]
    # The rigid head's candidate is almost as far: it may pull, but the background must win some.
    assert motion.background[0, 0, 0, 0] > 0.2
    assert corner.norm() < 0.8 * math.hypot(0.3, 0.3)


def test_dense_motion_comes_at_a_quarter_with_masks_at_both_scales():
    motion = moved(dense_network(), torch.eye(3), torch.zeros(2))
    assert motion.flow.shape == (1, 32, 32, 2)
    assert [tuple(m.shape) for m in motion.occlusion_masks] == [(1, 1, 32, 32), (1, 1, 16, 16)]
    assert all(m.min() >= 0 and m.max() <= 1 for m in motion.occlusion_masks)
    assert motion.hidden.shape == (1, 8, 16, 16)


def test_everything_counts_as_visible_before_training():
    motion = moved(dense_network(), torch.eye(3), torch.zeros(2))
    assert min(m.min().item() for m in motion.occlusion_masks) > 0.8


@pytest.mark.parametrize("volume", [0, 20])
def test_the_generator_blends_the_warped_source_with_what_it_paints(volume):
    generator = Generator((6, 10), 8, (1, 1), volume)
    maps = [torch.rand(2, 6, 16, 16), torch.rand(2, 10, 8, 8)]
    if volume:
        maps.append(torch.rand(2, 4, 5, 8, 8))
    source = torch.rand(2, 3, 64, 64)
    made = generator(source, maps, still_motion(16, 16, 2))
    assert torch.allclose(made.warped, source, atol=1e-5)
    blended = made.blend * made.warped + (1 - made.blend) * made.painted
    assert torch.allclose(made.picture, blended.clamp(0, 1), atol=1e-6)
    assert made.blend.shape == (2, 1, 64, 64)
    assert made.blend.min() >= 0 and made.blend.max() <= 1


def test_a_fresh_generator_keeps_most_of_the_source():
    generator = Generator((6, 10), 8, (1, 1))
    source = torch.full((1, 3, 64, 64), 0.6)
    maps = [torch.rand(1, 6, 16, 16), torch.rand(1, 10, 8, 8)]
    made = generator(source, maps, still_motion(16, 16))
    assert (made.picture - source).abs().mean() < 0.1


def test_a_generator_that_relights_starts_without_a_change_and_then_shades_the_warped_source():
    generator = Generator((6, 10), 8, (1, 1), relight=True)
    maps = [torch.rand(2, 6, 16, 16), torch.rand(2, 10, 8, 8)]
    source = torch.rand(2, 3, 64, 64)
    fresh = generator(source, maps, still_motion(16, 16, 2))
    blended = fresh.blend * source + (1 - fresh.blend) * fresh.painted
    assert torch.allclose(fresh.picture, blended.clamp(0, 1), atol=1e-5)
    with torch.no_grad():
        generator.light.bias.copy_(torch.tensor([-0.8, 0.0, 0.0]))
    made = generator(source, maps, still_motion(16, 16, 2))
    gain = torch.tensor([1 + LIGHT_GAIN * math.tanh(-0.8), 1, 1])[:, None, None]
    blended = made.blend * source * gain + (1 - made.blend) * made.painted
    assert torch.allclose(made.picture, blended.clamp(0, 1), atol=1e-5)
    assert torch.allclose(made.warped, source, atol=1e-5)  # in its own light


def test_a_volume_that_does_not_turn_stays_as_it_is():
    volume = torch.rand(2, 3, 4, 5, 6)
    turned = warp_volume(volume, still_motion(10, 12, 2), make_grid(5, 6).expand(2, -1, -1, -1))
    assert torch.allclose(turned, volume.reshape(2, 12, 5, 6), atol=1e-5)


def test_a_volume_that_turns_slides_near_and_far_planes_apart():
    # The head of the source is turned to the picture's left of the driving one's: near planes are
    # sampled at the left of far ones.
    volume = make_grid(8, 8)[None, None, None, ..., 0].expand(1, 1, 4, 8, 8)  # shows its own x
    still = still_motion(16, 16)
    turn = random_rotation(1, 0)
    angle = math.radians(-20)
    turn[0, 0, 2], turn[0, 2, 0] = -math.sin(angle), math.sin(angle)
    turn[0, 0, 0] = turn[0, 2, 2] = math.cos(angle)
    motion = DenseMotion(still.flow, still.occlusion_masks, still.hidden, still.background, turn)
    planes = warp_volume(volume, motion, make_grid(8, 8)[None])[0]
    middle = planes[:, 4, 4]
    assert middle[0] < middle[1] < middle[2] < middle[3]  # the first plane is the nearest


def test_the_discriminator_scores_patches_at_each_scale():
    found = PatchDiscriminator(width=4, scales=2)(torch.rand(2, 3, 64, 64))
    assert [len(maps) for maps in found] == [4, 4]
    assert [tuple(maps[-1].shape) for maps in found] == [(2, 1, 8, 8), (2, 1, 4, 4)]


def dense_flow(network: DenseMotionNetwork, affine: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(1)
    points = 0.3 * torch.randn(2, 5, 3)
    centre = torch.zeros(2, 2)
    with torch.no_grad():
        return network(torch.zeros(2, 12, 8, 8), points, points, affine, centre, centre).flow


@pytest.mark.parametrize("turn_affine", [True, False])
def test_the_flow_turns_with_the_head_only_if_it_is_told_to(turn_affine):
    torch.manual_seed(0)
    network = DenseMotionNetwork(5, 12, 8, (8, 12), 1, turn_affine=turn_affine)
    ratio = torch.tensor([0.8, 1.2])[:, None, None]
    turned = dense_flow(network, ratio * random_rotation(2))
    upright = dense_flow(network, ratio * torch.eye(3).expand(2, -1, -1))
    assert torch.allclose(turned, upright, atol=1e-5) != turn_affine


def test_a_flow_that_does_not_turn_still_sizes():
    torch.manual_seed(0)
    network = DenseMotionNetwork(5, 12, 8, (8, 12), 1, turn_affine=False)
    rotation = random_rotation(2)
    assert not torch.allclose(dense_flow(network, rotation), dense_flow(network, 1.3 * rotation))

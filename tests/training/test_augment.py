"""Augmentation moves pictures and labels together: dots drawn at labels are found at labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmfa_core.geometry import compose_keypoints, pose_from_rotation, rotation_from_pose
from mmfa_core.training.augment import (
    Labelled,
    colour_table,
    mirror_labels,
    move_labels,
    move_picture,
    warp_portraits,
)
from mmfa_core.training.spline import apply_spline, fit_spline
from mmfa_core.training.teacher import GUIDES
from mmfa_core.training.twins import landmark_twins
from tests.helpers import as_uint8, dots, find_dots, pose
from tests.synthetic import RADIUS, expression, make_person

SIDE = 256
PX = 2 / SIDE  # one pixel in normalised coordinates
LANDMARK_TWINS = landmark_twins()
GUIDE_TWINS = torch.tensor([GUIDES.index(int(LANDMARK_TWINS[g])) for g in GUIDES])


def head(count: int = 1, **angles: float) -> Labelled:
    """Make labelled heads with all 478 landmarks posed exactly; pictures are empty."""
    rng = np.random.default_rng(2)
    shapes = np.zeros(52)
    shapes[[25, 44]] = 0.4
    people = [make_person(rng) for _ in range(count)]
    canonical = torch.tensor(np.stack(people)).float()
    offsets = torch.tensor(np.stack([expression(p, shapes) for p in people])).float()
    rotation = rotation_from_pose(pose(**angles)).expand(count, -1, -1)
    scale, place = torch.full((count, 1), 0.75), torch.tensor([[0.03, -0.1]]).expand(count, -1)
    landmarks = compose_keypoints(canonical, offsets, rotation, place, scale)
    guides = list(GUIDES)
    return Labelled(
        torch.zeros(count, 3, SIDE, SIDE),
        rotation,
        scale,
        place,
        canonical[:, guides],
        offsets[:, guides],
        landmarks,
    )


def posed_guides(batch: Labelled) -> torch.Tensor:
    """Pose identity and expression by the labels; must be the guided landmarks."""
    return compose_keypoints(
        batch.canonical, batch.offsets, batch.rotation, batch.translation, batch.scale
    )


def agrees_with_itself(batch: Labelled) -> bool:
    away = posed_guides(batch)[..., :2] - batch.landmarks[:, list(GUIDES), :2]
    return bool(away.abs().max() < 1e-5)


MOVES = [
    (False, (0.0, 1.0, 0.0, 0.0)),
    (False, (20.0, 1.0, 0.0, 0.0)),  # turned counter-clockwise
    (False, (0.0, 1.2, 0.0, 0.0)),  # larger
    (False, (0.0, 1.0, 0.1, 0.05)),  # right and down
    (True, (0.0, 1.0, 0.0, 0.0)),  # mirrored
    (True, (-13.0, 0.85, -0.08, 0.1)),  # all at once, mirrored first
]


@pytest.mark.parametrize(("flip", "similarity"), MOVES)
def test_dots_at_landmarks_move_with_the_picture_to_where_the_labels_say(flip, similarity):
    batch = head(yaw=10.0, pitch=-4.0, roll=6.0)
    chosen = [33, 263, 1, 61, 291, 152]
    drawn = dots(batch.landmarks[0, chosen, :2], SIDE)
    moved = [
        move_picture(as_uint8(drawn[first : first + 3]), None, flip, similarity) for first in (0, 3)
    ]
    found = find_dots(torch.from_numpy(np.concatenate(moved)).float() / 255)
    labels = mirror_labels(batch, LANDMARK_TWINS, GUIDE_TWINS) if flip else batch
    roll, scale, right, down = similarity
    labels = move_labels(
        labels, torch.tensor([roll]), torch.tensor([[scale]]), torch.tensor([[right, down]])
    )
    # After mirroring, the dot that was drawn at a landmark marks its twin.
    names = LANDMARK_TWINS[chosen] if flip else torch.tensor(chosen)
    assert (found - labels.landmarks[0, names, :2]).abs().max() < 0.3 * PX
    assert agrees_with_itself(labels)


def test_mirroring_turns_yaw_and_roll_round_and_keeps_pitch():
    batch = mirror_labels(head(yaw=12.0, pitch=5.0, roll=-8.0), LANDMARK_TWINS, GUIDE_TWINS)
    found = pose_from_rotation(batch.rotation)
    angles = [found.yaw_deg.item(), found.pitch_deg.item(), found.roll_deg.item()]
    assert angles == pytest.approx([-12, 5, 8], abs=1e-3)


def test_mirroring_twice_changes_nothing():
    batch = head(yaw=12.0)
    twice = mirror_labels(
        mirror_labels(batch, LANDMARK_TWINS, GUIDE_TWINS), LANDMARK_TWINS, GUIDE_TWINS
    )
    for name, value in vars(batch).items():
        assert torch.allclose(getattr(twice, name), value), name


def test_turning_a_picture_counter_clockwise_adds_to_the_roll():
    batch = move_labels(head(roll=5.0), torch.tensor([12.0]), torch.ones(1, 1), torch.zeros(1, 2))
    assert pose_from_rotation(batch.rotation).roll_deg.item() == pytest.approx(17, abs=1e-3)


@pytest.mark.parametrize(
    ("turn", "scale", "shift"),
    [
        ((0.0, 0.0, 0.0), 1.0, (0.0, 0.0)),
        ((12.0, 0.0, 0.0), 1.0, (0.0, 0.0)),
        ((0.0, -9.0, 0.0), 1.0, (0.0, 0.0)),
        ((0.0, 0.0, 13.0), 1.0, (0.0, 0.0)),
        ((0.0, 0.0, 0.0), 1.12, (0.1, -0.08)),
        ((-10.0, 7.0, -9.0), 0.9, (-0.12, 0.1)),
    ],
)
@pytest.mark.parametrize("smile", [0.0, 0.8])
def test_a_warped_portrait_shows_its_guides_where_its_labels_say(turn, scale, shift, smile):
    batch = head(yaw=-4.0, roll=3.0)
    batch = batch.replace(
        pictures=dots(batch.landmarks[0, list(GUIDES), :2], SIDE)[None]  # a channel a guide
    )
    shapes = np.zeros(52)
    shapes[[25, 44, 45]] = 0.3, smile, smile
    person = make_person(np.random.default_rng(2))
    offsets = torch.tensor(expression(person, shapes)).float()[None, list(GUIDES)]
    warped = warp_portraits(
        batch, torch.tensor([turn]), torch.tensor([[scale]]), torch.tensor([shift]), offsets
    )
    found = find_dots(warped.pictures[0])
    labels = warped.landmarks[0, list(GUIDES), :2]
    assert (found - labels).norm(dim=-1).max() < 1.5 * PX
    assert (posed_guides(warped)[0, :, :2] - labels).norm(dim=-1).max() < 0.5 * PX


def test_a_warped_portrait_has_the_pose_size_and_place_that_were_asked_for():
    batch = head(yaw=-4.0)
    warped = warp_portraits(
        batch,
        torch.tensor([[10.0, 0.0, 0.0]]),
        torch.tensor([[1.1]]),
        torch.tensor([[0.05, -0.02]]),
        batch.offsets,
    )
    assert pose_from_rotation(warped.rotation).yaw_deg.item() == pytest.approx(6, abs=1e-3)
    assert torch.allclose(warped.scale, 1.1 * batch.scale)
    assert torch.allclose(warped.translation, batch.translation + torch.tensor([[0.05, -0.02]]))
    assert torch.equal(warped.canonical, batch.canonical)


def test_a_portrait_that_is_asked_for_nothing_stays_as_it_is():
    batch = head().replace(pictures=dots(torch.tensor([[0.5, 0.5], [-0.4, 0.2]]), SIDE)[None])
    same = warp_portraits(
        batch, torch.zeros(1, 3), torch.ones(1, 1), torch.zeros(1, 2), batch.offsets
    )
    assert torch.allclose(same.pictures, batch.pictures, atol=1e-4)
    assert torch.allclose(same.landmarks, batch.landmarks, atol=1e-5)


def test_the_corners_of_a_warped_portrait_stay():
    corners = torch.tensor([[-0.97, -0.97], [0.97, -0.97], [-0.97, 0.97], [0.97, 0.97]])
    batch = head().replace(pictures=dots(corners, SIDE)[None])
    warped = warp_portraits(
        batch,
        torch.tensor([[12.0, 8.0, 12.0]]),
        torch.tensor([[1.1]]),
        torch.tensor([[0.12, -0.1]]),
        batch.offsets,
    )
    # The still border lies outside, at 1.15: near it a place follows the head by a few pixels.
    assert (find_dots(warped.pictures[0]) - corners).abs().max() < 8 * PX


def test_a_table_of_colours_keeps_the_order_of_grey_levels():
    for seed in range(20):
        table = colour_table(np.random.default_rng(seed)).astype(int)
        assert table.shape == (3, 256)
        assert (np.diff(table, axis=1) >= 0).all()


def test_a_table_of_no_strength_changes_no_colour():
    table = colour_table(np.random.default_rng(0), strength=0.0)
    assert np.array_equal(table, np.tile(np.arange(256), (3, 1)))


def test_a_recoloured_picture_looks_every_pixel_up_in_its_channels_table():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    table = colour_table(np.random.default_rng(1))
    moved = move_picture(picture, table, False, (0.0, 1.0, 0.0, 0.0))
    for channel in range(3):
        assert np.array_equal(moved[channel], table[channel][picture[..., channel]])


def test_every_landmark_is_the_twin_of_its_twin():
    assert torch.equal(LANDMARK_TWINS[LANDMARK_TWINS], torch.arange(478))


def test_the_twin_of_every_guide_is_a_guide():
    assert {int(LANDMARK_TWINS[g]) for g in GUIDES} == set(GUIDES)


@pytest.mark.parametrize(
    ("one", "other"), [(33, 263), (133, 362), (61, 291), (159, 386), (468, 473), (1, 1), (152, 152)]
)
def test_a_known_landmark_has_its_known_twin(one, other):
    assert LANDMARK_TWINS[one] == other


def test_putting_back_what_was_selected_changes_nothing():
    batch = head(3)
    rows = torch.tensor([2, 0])
    again = batch.put(rows, batch.select(rows))
    for name, value in vars(batch).items():
        assert torch.equal(getattr(again, name), value), name


def test_putting_rows_replaces_those_rows_alone():
    batch = head(3)
    other = batch.select(torch.tensor([1])).replace(scale=torch.full((1, 1), 9.0))
    changed = batch.put(torch.tensor([1]), other)
    assert changed.scale[:, 0].tolist() == pytest.approx([0.75, 9.0, 0.75])
    assert torch.equal(batch.scale, torch.full((3, 1), 0.75))


def test_a_spline_hits_its_places_and_is_exact_for_an_affine_map():
    places = 2 * torch.rand(2, 20, 2) - 1
    affine = 0.2 * torch.randn(2, 2, 2)
    values = places @ affine + torch.tensor([0.1, -0.2])
    spline = fit_spline(places, values)
    anywhere = 3 * torch.rand(2, 7, 2) - 1.5
    mapped = apply_spline(spline, places, anywhere)
    assert (mapped - (anywhere @ affine + torch.tensor([0.1, -0.2]))).abs().max() < 1e-3
    bent = values + 0.05 * torch.randn(2, 20, 2)
    hit = apply_spline(fit_spline(places, bent), places, places)
    assert (hit - bent).abs().max() < 0.02


def test_the_synthetic_head_is_gauged_as_the_model_gauges():
    face = head().canonical[0, :11]
    assert face.mean(0).abs().max() < 1e-6
    assert (face**2).sum(-1).mean().sqrt().item() == pytest.approx(RADIUS, rel=1e-5)

"""Augmentation moves pictures and labels together: dots drawn at labels are found at labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmfa_core.geometry import pose_from_rotation
from mmfa_core.training.augment import (
    Labelled,
    colour_table,
    mirror_labels,
    move_labels,
    move_picture,
)
from mmfa_core.training.spline import apply_spline, fit_spline
from mmfa_core.training.teacher import GUIDES
from mmfa_core.training.twins import landmark_twins
from tests.heads import SIDE, head, posed_guides
from tests.helpers import as_uint8, dots, find_dots
from tests.synthetic import RADIUS

PX = 2 / SIDE  # one pixel in normalised coordinates
LANDMARK_TWINS = landmark_twins()
GUIDE_TWINS = torch.tensor([GUIDES.index(int(LANDMARK_TWINS[g])) for g in GUIDES])


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

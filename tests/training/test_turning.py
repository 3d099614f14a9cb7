"""Portraits turned in depth: labels and picture agree, and what is made up is marked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mmfa_core.geometry import make_grid, pose_from_rotation
from mmfa_core.training.augment import Labelled
from mmfa_core.training.teacher import GUIDES
from mmfa_core.training.turning import Change, turn_portraits
from tests.heads import SIDE, head, posed_guides
from tests.helpers import dots, find_dots
from tests.synthetic import expression, make_person

PX = 2 / SIDE  # one pixel in normalised coordinates


def nothing(batch: Labelled, **changes: torch.Tensor) -> Change:
    """Ask for no change but those given."""
    still = Change(torch.zeros(1, 3), torch.ones(1, 1), torch.zeros(1, 2), batch.offsets)
    return dataclasses.replace(still, **changes)


@pytest.mark.parametrize(
    ("turn", "scale", "shift"),
    [
        ((0.0, 0.0, 0.0), 1.0, (0.0, 0.0)),
        ((14.0, 0.0, 0.0), 1.0, (0.0, 0.0)),  # yaw alone
        ((0.0, -12.0, 0.0), 1.0, (0.0, 0.0)),  # pitch alone
        ((0.0, 0.0, 13.0), 1.0, (0.0, 0.0)),  # roll alone
        ((0.0, 0.0, 0.0), 1.1, (0.1, -0.08)),  # size and place
        ((-12.0, 7.0, -9.0), 0.92, (-0.1, 0.1)),  # all at once
    ],
)
@pytest.mark.parametrize("smile", [0.0, 0.8])
def test_a_turned_portrait_shows_its_guides_where_its_labels_say(turn, scale, shift, smile):
    batch = head(yaw=-4.0, roll=3.0)
    batch = batch.replace(
        pictures=dots(batch.landmarks[0, list(GUIDES), :2], SIDE)[None]  # a channel a guide
    )
    shapes = np.zeros(52)
    shapes[[25, 44, 45]] = 0.3, smile, smile
    person = make_person(np.random.default_rng(2))
    offsets = torch.tensor(expression(person, shapes)).float()[None, list(GUIDES)]
    change = Change(torch.tensor([turn]), torch.tensor([[scale]]), torch.tensor([shift]), offsets)
    turned = turn_portraits(batch, change)
    labels = turned.landmarks[0, list(GUIDES), :2]
    away = (find_dots(turned.pictures[0]) - labels).norm(dim=-1)
    seen = turned.pictures[0].amax((1, 2)) > 0.4  # a guide that is hidden by the face has no dot
    assert seen.float().mean() > 0.85
    assert away[seen].median() < 0.7 * PX
    assert away[seen].max() < 4 * PX
    assert (posed_guides(turned)[0, :, :2] - labels).norm(dim=-1).max() < 0.5 * PX


def test_a_turned_portrait_has_the_pose_size_and_place_that_were_asked_for():
    batch = head(yaw=-4.0)
    turned = turn_portraits(
        batch,
        nothing(
            batch,
            turn_deg=torch.tensor([[10.0, 0.0, 0.0]]),
            scale=torch.tensor([[1.1]]),
            shift=torch.tensor([[0.05, -0.02]]),
        ),
    )
    assert pose_from_rotation(turned.rotation).yaw_deg.item() == pytest.approx(6, abs=1e-3)
    assert torch.allclose(turned.scale, 1.1 * batch.scale)
    assert torch.allclose(turned.translation, batch.translation + torch.tensor([[0.05, -0.02]]))
    assert torch.equal(turned.canonical, batch.canonical)


def test_a_portrait_that_is_asked_for_nothing_stays_as_it_is():
    smooth = make_grid(SIDE, SIDE).permute(2, 0, 1)[None] / 2 + 0.5
    batch = head().replace(pictures=smooth)
    same = turn_portraits(batch, nothing(batch))
    away = (same.pictures - batch.pictures).abs()
    assert away.mean() < 0.001
    assert away.max() < 0.03
    assert torch.allclose(same.landmarks, batch.landmarks, atol=1e-5)
    assert same.trust.mean() > 0.98


def test_the_corners_of_a_turned_portrait_stay():
    corners = torch.tensor([[-0.95, -0.95], [0.95, -0.95], [-0.95, 0.95], [0.95, 0.95]])
    batch = head().replace(pictures=dots(corners, SIDE)[None])
    turned = turn_portraits(batch, nothing(batch, turn_deg=torch.tensor([[20.0, 8.0, 8.0]])))
    assert (find_dots(turned.pictures[0]) - corners).abs().max() < 2 * PX


def test_the_nose_hides_the_far_cheek_and_what_opens_behind_it_is_not_trusted():
    batch = head().replace(pictures=torch.zeros(1, 3, SIDE, SIDE))
    small = turn_portraits(batch, nothing(batch, turn_deg=torch.tensor([[5.0, 0.0, 0.0]])))
    large = turn_portraits(batch, nothing(batch, turn_deg=torch.tensor([[32.0, 0.0, 0.0]])))
    assert large.trust.mean() < small.trust.mean() - 0.01
    assert large.trust.min() == 0
    assert large.trust.mean() > 0.6

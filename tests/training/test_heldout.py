"""Quick measures on held-out people."""

from __future__ import annotations

import pytest
import torch

from mmfa_core.training.heldout import sharpness


def test_sharpness_is_one_for_the_truth_and_falls_with_blur() -> None:
    truth = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(truth, 3, stride=1, padding=1)
    assert sharpness(truth, truth) == pytest.approx(1)
    assert sharpness(blurred, truth) < 0.5
    assert sharpness(truth.flip(0), truth) == pytest.approx(1)
    assert sharpness(truth, torch.full_like(truth, 0.5)) > 1  # no detail to compare with

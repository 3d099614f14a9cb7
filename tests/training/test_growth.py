"""A larger model that starts as a smaller one, and the stage that trains only what generates."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from mmfa_core.checkpoint import load_model, save_model
from mmfa_core.config import ExpressionStats
from mmfa_core.errors import MismatchError
from mmfa_core.model import MMFA, build_model
from mmfa_core.training.growth import grow
from mmfa_core.training.run import _first_model
from mmfa_core.training.settings import StageSettings
from tests.helpers import awake_model, tiny_config
from tests.training.runs import make_trainer, tiny_settings

SMALL = tiny_config()
LARGE = dataclasses.replace(
    SMALL,
    motion_widths=tuple(w + 8 for w in SMALL.motion_widths),
    motion_blocks=tuple(n + 1 for n in SMALL.motion_blocks),
    expression_widths=tuple(w + 8 for w in SMALL.expression_widths),
    expression_blocks=tuple(n + 1 for n in SMALL.expression_blocks),
    relight=True,
    appearance_widths=tuple(w + 8 for w in SMALL.appearance_widths),
    appearance_blocks=tuple(n + 1 for n in SMALL.appearance_blocks),
    dense_widths=tuple(w + 16 for w in SMALL.dense_widths),
    dense_blocks=SMALL.dense_blocks + 1,
    decoder_blocks=tuple(n + 1 for n in SMALL.decoder_blocks),
)


def pictures(model: MMFA) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    side = model.config.size_px
    source, driving = torch.rand(2, 2, 3, side, side, generator=generator)
    with torch.no_grad():
        return model.eval()(source, driving).picture


def test_a_grown_model_computes_what_the_small_one_does():
    small = awake_model()
    assert small.config == SMALL
    large = build_model(LARGE)
    large.load_state_dict(grow(small.state_dict(), SMALL, LARGE))
    assert sum(p.numel() for p in large.parameters()) > 1.2 * sum(
        p.numel() for p in small.parameters()
    )
    torch.testing.assert_close(pictures(large), pictures(small), atol=1e-4, rtol=0)


def test_every_new_weight_learns_after_one_step():
    torch.manual_seed(0)
    large = build_model(LARGE)
    large.load_state_dict(grow(awake_model().state_dict(), SMALL, LARGE))
    side = LARGE.size_px
    source, driving = torch.rand(2, 2, 3, side, side)
    optimiser = torch.optim.SGD(large.parameters(), lr=1e-2)
    for _ in range(2):
        optimiser.zero_grad()
        made = large(source, driving)
        (made.picture.square().mean() + made.painted.mean()).backward()
        optimiser.step()
    small = {name: value.shape for name, value in awake_model().state_dict().items()}
    for name, parameter in large.named_parameters():
        if small.get(name) != parameter.shape and "hints" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_the_same_seed_grows_the_same_weights():
    weights = awake_model().state_dict()
    one, same, other = (grow(weights, SMALL, LARGE, seed) for seed in (5, 5, 6))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "changes",
    [
        {"dense_widths": (4, 4)},
        {"formula": "liveportrait"},
        {"expression_code": SMALL.expression_code + 1},
    ],
)
def test_other_changes_are_refused(changes):
    wanted = dataclasses.replace(SMALL, **changes)
    with pytest.raises(MismatchError, match="can't grow"):
        grow(awake_model().state_dict(), SMALL, wanted)


def test_a_run_starts_from_smaller_weights(tmp_path: Path):
    save_model(tmp_path, awake_model(), SMALL, ExpressionStats(), {})
    settings = tiny_settings(model=LARGE, start=str(tmp_path))
    grown = _first_model(settings, torch.zeros(SMALL.keypoints, 3))
    small = load_model(tmp_path).model
    torch.testing.assert_close(pictures(grown), pictures(small), atol=1e-3, rtol=0)


def test_a_generator_stage_leaves_the_encoders_as_they_are(corpus_folder: Path, tmp_path: Path):
    stage = StageSettings(kind="generator", name="generator", steps=2, batch=2, warmup=0)
    trainer = make_trainer(corpus_folder, tmp_path / "run", tiny_settings(stages=(stage,)))
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    terms = [trainer.one_step() for _ in range(2)]
    assert not {"pose", "kl", "guide", "offsets"} & set(terms[0])
    assert {"pixel", "flow"} <= set(terms[0])
    encoders = ("motion_estimator", "expression_encoder", "expression_vae", "refinement")
    for name, value in trainer.model.state_dict().items():
        if name.startswith(encoders):
            assert torch.equal(value, before[name]), name
    assert not torch.equal(trainer.model.generator.paint.bias, before["generator.paint.bias"])

"""The loop: its schedule, its averages, what it reports and refuses, and that it learns."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from mmfa_core.config import to_dict
from mmfa_core.errors import MismatchError, ResourceError
from mmfa_core.losses.terms import LossWeights
from mmfa_core.training.batches import PairSampler
from mmfa_core.training.settings import StageSettings
from mmfa_core.training.state import STATE_NAME, load_state, save_state
from mmfa_core.training.trainer import Trainer, learning_rate
from tests.helpers import tiny_config
from tests.training.runs import (
    OneBatch,
    differences,
    everything,
    make_trainer,
    tiny_settings,
)

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def trainer(corpus_folder: Path, tmp_path: Path) -> Trainer:
    return make_trainer(corpus_folder, tmp_path / "run")


@pytest.mark.parametrize(
    ("step", "name", "within"),
    [
        (0, "encoders", 0),
        (1, "encoders", 1),
        (2, "joint", 0),
        (4, "joint", 2),
        (5, "adversarial", 0),
        (7, "adversarial", 2),
    ],
)
def test_a_step_has_its_place_in_the_schedule(trainer: Trainer, step, name, within):
    trainer.step = step
    place = trainer.place()
    assert place is not None
    assert (place.stage.name, place.step) == (name, within)


def test_beyond_the_schedule_there_is_no_place_and_no_step(trainer: Trainer):
    trainer.step = 8
    assert trainer.place() is None
    with pytest.raises(ValueError, match="the schedule is over"):
        trainer.one_step()


@pytest.mark.parametrize(
    ("step", "share"),
    [
        (0, 0.25),  # warm-up, a quarter a step
        (3, 1.0),
        (4, 1.0),  # the peak
        (54, 0.1 + 0.9 / 2),  # half way down the cosine
        (104, 0.1),  # the end
        (500, 0.1),
    ],
)
def test_the_rate_warms_up_and_falls_as_a_cosine(step, share):
    stage = StageSettings(steps=104, warmup=4, lr=2e-3, lr_end=0.1)
    assert learning_rate(stage, step) == pytest.approx(share * 2e-3)


def test_encoders_have_their_own_factor_on_the_rate(corpus_folder: Path, tmp_path: Path):
    stage = StageSettings(steps=4, batch=1, warmup=0, lr=1e-3, encoder_lr=0.25)
    trainer = make_trainer(corpus_folder, tmp_path, tiny_settings(stages=(stage,)))
    trainer.one_step()
    assert [g["lr"] for g in trainer.optimiser.param_groups] == pytest.approx([2.5e-4, 1e-3])
    grouped = sum(len(g["params"]) for g in trainer.optimiser.param_groups)
    assert grouped == len(list(trainer.model.parameters()))


def test_noise_is_a_function_of_seed_step_and_rank_alone(trainer: Trainer):
    stage = trainer.settings.stages[1]
    first = trainer._noise(stage)
    torch.rand(10)
    assert torch.equal(first, trainer._noise(stage))
    trainer.rank = 1
    assert not torch.equal(first, trainer._noise(stage))
    trainer.rank, trainer.step = 0, 1
    assert not torch.equal(first, trainer._noise(stage))


def test_a_stage_that_takes_the_mean_code_still_jitters_the_crop(trainer: Trainer):
    stage = dataclasses.replace(trainer.settings.stages[1], sample_code=False)
    noise = trainer._noise(stage)
    assert noise[:, :8].abs().max() == 0
    assert noise[:, 8:].abs().min() > 0


def test_averaged_weights_follow_the_weights_by_the_decay(trainer: Trainer):
    before = everything(trainer)
    trainer.one_step()
    after = everything(trainer)
    decay = 1 / 10  # quick while young: (1 + 0) / (10 + 0)
    for name in trainer.model.state_dict():
        expected = decay * before[f"averaged/{name}"] + (1 - decay) * after[f"model/{name}"]
        assert torch.allclose(after[f"averaged/{name}"], expected, atol=1e-6), name


def test_a_step_whose_gradient_is_not_finite_changes_no_weight(
    trainer: Trainer, sampler: PairSampler
):
    pair = sampler.batch(0, 2, joint=False)
    pair.source.pictures[0, 0, 0, 0] = math.nan
    trainer.sampler = OneBatch(pair)  # type: ignore[assignment]
    before = everything(trainer)
    terms = trainer.one_step()
    assert not math.isfinite(terms["norm"])
    assert trainer.step == 1
    changed = differences(before, everything(trainer))
    assert changed == ["step"]


def test_a_gradient_is_clipped_to_the_norm_of_the_settings(corpus_folder: Path, tmp_path: Path):
    settings = tiny_settings(clip_norm=0.01)
    trainer = make_trainer(corpus_folder, tmp_path, settings)
    assert trainer.one_step()["norm"] > 0.01
    squares = [(p.grad**2).sum() for p in trainer.model.parameters() if p.grad is not None]
    assert torch.stack(squares).sum().sqrt().item() == pytest.approx(0.01, rel=1e-3)


def test_an_adversarial_step_trains_both_sides(trainer: Trainer):
    trainer.step = 5
    before = everything(trainer)
    terms = trainer.one_step()
    assert {"adversarial", "feature_matching"} <= set(terms)
    assert all(math.isfinite(v) for v in terms.values())
    changed = differences(before, everything(trainer))
    assert any(n.startswith("discriminator/") and "weight" in n for n in changed)
    assert any(n.startswith("model/generator") for n in changed)


def test_the_discriminator_learns_to_tell_a_fixed_pair_apart(
    corpus_folder: Path, tmp_path: Path, sampler: PairSampler
):
    trainer = make_trainer(corpus_folder, tmp_path)
    fakes, reals = torch.rand(2, 2, 3, 64, 64)
    scores = []
    for _ in range(15):
        terms = trainer._adversarial((fakes, reals))
        scores.append(terms["adversarial"].item())  # minus the score of the fakes
    assert scores[-1] > scores[0] + 0.3


def test_without_an_adversarial_stage_there_is_no_discriminator(corpus_folder, tmp_path):
    stages = tiny_settings().stages[:2]
    assert make_trainer(corpus_folder, tmp_path, tiny_settings(stages=stages)).discriminator is None


def test_a_run_reports_evaluates_at_the_end_of_stages_and_saves(trainer: Trainer):
    lines: list[dict[str, Any]] = []
    evaluated: list[int] = []

    def evaluate(at: Trainer) -> dict[str, Any]:
        evaluated.append(at.step)
        return {"l1": 0.5}

    trainer.run(lines.append, evaluate)
    assert trainer.step == trainer.total == 8
    assert evaluated == [2, 5, 8]
    assert {"step": 8, "evaluation": {"l1": 0.5}} in lines
    last = [line for line in lines if "pairs_per_s" in line][-1]
    assert (last["step"], last["steps"], last["seconds_left"]) == (8, 8, 0)
    assert math.isfinite(last["loss"])
    assert (trainer.folder / STATE_NAME).is_file()


def test_a_run_that_is_asked_to_stop_saves_where_it_is(corpus_folder: Path, tmp_path: Path):
    trainer = make_trainer(corpus_folder, tmp_path, tiny_settings(checkpoint_minutes=1e6))
    trainer.run(lambda line: None, None, lambda: trainer.step == 3)
    again = make_trainer(corpus_folder, tmp_path)
    assert again.resume()
    assert again.step == 3
    assert differences(everything(trainer), everything(again)) == []


def test_the_hours_of_a_run_add_up_over_its_resumes(trainer: Trainer, corpus_folder: Path):
    trainer.run(lambda line: None, None, lambda: trainer.step == 1)
    again = make_trainer(corpus_folder, trainer.folder)
    again.resume()
    assert again.seconds == trainer.seconds > 0
    again.run(lambda line: None, None, lambda: again.step == 2)
    assert again.seconds > trainer.seconds


def test_nothing_to_resume_says_so(trainer: Trainer):
    assert trainer.resume() is False


@pytest.mark.parametrize("done", [1, 4, 6])  # within each stage
def test_a_resumed_run_equals_an_unbroken_one_to_the_last_bit(
    corpus_folder: Path, tmp_path: Path, done: int
):
    whole = make_trainer(corpus_folder, tmp_path / "whole")
    for _ in range(8):
        whole.one_step()
    first = make_trainer(corpus_folder, tmp_path / "broken")
    for _ in range(done):
        first.one_step()
    first.save()
    torch.manual_seed(99)  # nothing may come from the global generator
    second = make_trainer(corpus_folder, tmp_path / "broken", tiny_settings())
    assert second.resume()
    for _ in range(8 - done):
        second.one_step()
    assert differences(everything(whole), everything(second)) == []


def test_a_full_disk_stops_a_run_with_a_sentence_and_keeps_the_last_state(
    trainer: Trainer, corpus_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    trainer.one_step()
    trainer.save()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 3 * 2**20))
    with pytest.raises(ResourceError) as caught:
        trainer.run(lambda line: None)
    assert caught.value.message.startswith("Only 3 MB are free where the training state goes;")
    again = make_trainer(corpus_folder, trainer.folder)
    assert again.resume()
    assert again.step == 1


def test_a_damaged_state_stops_the_resume_with_a_sentence(trainer: Trainer):
    trainer.save()
    path = trainer.folder / STATE_NAME
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(MismatchError) as caught:
        trainer.resume()
    assert caught.value.message == "The training state state.pt is damaged."


def test_a_state_of_another_architecture_is_refused(trainer: Trainer, corpus_folder: Path):
    trainer.save()
    other = tiny_settings(model=tiny_config(expression_code=9))
    with pytest.raises(MismatchError) as caught:
        make_trainer(corpus_folder, trainer.folder, other).resume()
    assert caught.value.message == "The training state belongs to another model configuration."


def overfit(trainer: Trainer, steps: int) -> list[dict[str, float]]:
    return [trainer.one_step() for _ in range(steps)]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"volume_depth": 4, "volume_width": 6}])
def test_a_model_overfits_one_pair(
    corpus_folder: Path, tmp_path: Path, sampler: PairSampler, changes: dict[str, int]
):
    stage = StageSettings(steps=110, batch=1, lr=3e-3, warmup=5, sample_code=False)
    settings = tiny_settings(model=tiny_config(**changes), stages=(stage,))
    trainer = make_trainer(corpus_folder, tmp_path, settings)
    trainer.sampler = OneBatch(sampler.batch(2, 1, joint=True))  # type: ignore[assignment]
    terms = overfit(trainer, 110)
    first, last = terms[0], terms[-1]
    assert last["loss"] < 0.25 * first["loss"]
    assert last["pose"] < 0.4 * first["pose"]
    assert last["flow"] < 0.5 * first["flow"]
    assert last["pixel"] < 0.7 * first["pixel"]


@pytest.mark.slow
def test_a_model_without_a_teacher_learns_from_one_pair(
    corpus_folder: Path, tmp_path: Path, sampler: PairSampler
):
    weights = LossWeights(
        equivariance=20.0, similarity=5.0, keypoint_prior=10.0, expression_invariance=1.0
    )
    stage = StageSettings(steps=120, batch=2, lr=2e-3, warmup=5, sample_code=False, weights=weights)
    settings = tiny_settings(stages=(stage,), teacher=False)
    trainer = make_trainer(corpus_folder, tmp_path, settings)
    trainer.sampler = OneBatch(sampler.batch(2, 2, joint=True))  # type: ignore[assignment]
    terms = overfit(trainer, 120)

    def mean(name: str, part: slice) -> float:
        values = [t[name] for t in terms[part]]
        return sum(values) / len(values)

    for name in ("loss", "equivariance", "similarity", "pose"):
        # Each step draws new warps, so a term swings by a fifth: many steps are averaged.
        assert mean(name, slice(-40, None)) < 0.85 * mean(name, slice(0, 15)), name


def test_the_vae_stage_changes_nothing_but_the_vae(corpus_folder: Path, tmp_path: Path):
    stages = (StageSettings(kind="vae", name="polish", steps=2, batch=2, warmup=1),)
    trainer = make_trainer(corpus_folder, tmp_path, tiny_settings(stages=stages))
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    trainer.one_step()
    changed = {
        k.split(".")[0] for k, v in trainer.model.state_dict().items() if (v != before[k]).any()
    }
    assert changed == {"expression_vae"}


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (lambda values: values.pop("turn_affine"), True),  # older than the field
        (lambda values: values.update(turn_affine=False), False),
        (lambda values: values.update(no_field_of_ours=1), False),
    ],
)
def test_a_state_fits_a_configuration_that_has_only_gained_fields(
    corpus_folder: Path, tmp_path: Path, change, fits
):
    trainer = make_trainer(corpus_folder, tmp_path)
    described = to_dict(trainer.model.config)
    trainer.save()
    values = load_state(tmp_path)
    assert values is not None
    change(described)
    save_state(tmp_path, {**values, "model_config": json.dumps(described)})
    if fits:
        assert trainer.resume()
    else:
        with pytest.raises(MismatchError, match="another model configuration"):
            trainer.resume()

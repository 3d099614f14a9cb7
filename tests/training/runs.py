"""Small trainings that several tests run, in this process or in another."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from mmfa_core.losses.terms import LossWeights
from mmfa_core.model import build_model
from mmfa_core.training.batches import Pair, PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.settings import StageSettings, TrainSettings
from mmfa_core.training.teacher import build_teacher, initial_keypoints
from mmfa_core.training.trainer import Trainer
from tests.helpers import tiny_config
from tests.synthetic import RADIUS

ADVERSARIAL = LossWeights(adversarial=0.5, feature_matching=1.0, equivariance=5.0)


def tiny_settings(**changes: Any) -> TrainSettings:
    """Describe a run of 8 steps: encoders, joint, and joint with an adversary."""
    stages = (
        StageSettings(kind="encoders", name="encoders", steps=2, batch=2, warmup=1),
        StageSettings(kind="joint", name="joint", steps=3, batch=2, warmup=1),
        StageSettings(
            kind="joint", name="adversarial", steps=3, batch=2, warmup=1, weights=ADVERSARIAL
        ),
    )
    return TrainSettings(
        **{
            "model": tiny_config(),
            "stages": stages,
            "checkpoint_minutes": 0.0,
            # With bfloat16 on AMX tiles two equal runs differ in the last bits of their sums.
            "precision": "float32",
            **changes,
        }
    )


def make_trainer(
    corpus_folder: Path, folder: Path, settings: TrainSettings | None = None, rank: int = 0
) -> Trainer:
    """Set a training up as the train command does."""
    settings = settings or tiny_settings()
    corpus = Corpus(corpus_folder, "train")
    teacher = build_teacher(corpus, RADIUS)
    torch.manual_seed(settings.seed)
    model = build_model(settings.model)
    model.motion_estimator.mean_keypoints.data.copy_(
        initial_keypoints(teacher, settings.model.keypoints)
    )
    sampler = PairSampler(corpus, teacher, settings.seed)
    folder.mkdir(parents=True, exist_ok=True)
    return Trainer(settings, model, sampler, folder, device=torch.device("cpu"), rank=rank)


class OneBatch:
    """Give the same pairs at every step."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def batch(self, step: int, size: int, *, joint: bool, rank: int = 0) -> Pair:
        return self.pair


def everything(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Copy every number that a run changes."""
    found: dict[str, torch.Tensor] = {"step": torch.tensor(trainer.step)}
    for name, row in zip(trainer.clip_errors.names, trainer.clip_errors.sums, strict=True):
        found[f"clip_errors/{name}"] = row.clone()
    parts: dict[str, Any] = {
        "model": trainer.model.state_dict(),
        "averaged": trainer.averaged.state_dict(),
        "optimiser": trainer.optimiser.state_dict()["state"],
    }
    if trainer.discriminator is not None and trainer.critic_optimiser is not None:
        parts["discriminator"] = trainer.discriminator.state_dict()
        parts["critic_optimiser"] = trainer.critic_optimiser.state_dict()["state"]
    for part, values in parts.items():
        _flatten(part, values, found)
    return found


def differences(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> list[str]:
    """Name what is not equal to the last bit."""
    names = sorted({*one, *other})
    return [n for n in names if n not in one or n not in other or not torch.equal(one[n], other[n])]


def _flatten(name: str, value: Any, found: dict[str, torch.Tensor]) -> None:
    if isinstance(value, torch.Tensor):
        found[name] = copy.deepcopy(value)
    elif isinstance(value, dict):
        for key, part in value.items():
            _flatten(f"{name}/{key}", part, found)

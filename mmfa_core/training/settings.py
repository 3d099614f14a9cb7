"""Settings of a training run, read strictly from JSON.

In: a dictionary. Out: TrainSettings. Knows nothing about tensors.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from mmfa_core.config import MODEL_CONFIGS, ModelConfig, from_dict, mmfa_s_256
from mmfa_core.errors import ConfigError
from mmfa_core.losses.terms import LossWeights

STAGES = ("encoders", "motion", "joint", "generator", "vae")
PRECISIONS = ("auto", "float32")


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Describe one stage; stages run one after the other."""

    # encoders (teacher only), motion (they and the flow, by the warped source), joint (all
    # networks), generator (encoders frozen) or vae (polish)
    kind: str = "joint"
    name: str = "joint"  # for the log
    steps: int = 1000  # optimiser steps, > 0
    batch: int = 8  # pairs a step, > 0
    lr: float = 6e-4  # peak learning rate, > 0
    lr_end: float = 0.05  # rate at the end, as a share of the peak
    warmup: int = 100  # steps of linear warm-up
    encoder_lr: float = 1.0  # factor on the encoders' rate
    sample_code: bool = True  # sample z; False takes its mean
    weights: LossWeights = field(default_factory=LossWeights)  # of the terms

    @property
    def moves(self) -> bool:
        """Say whether the stage shows one picture of a pair with the motion of the other."""
        return self.kind in {"motion", "joint", "generator"}

    def __post_init__(self) -> None:
        """Check kind and counts."""
        if self.kind not in STAGES or min(self.steps, self.batch) < 1 or not self.lr > 0:
            raise ConfigError(
                f"Stage {self.name!r} has kind {self.kind!r}, {self.steps} steps, batch "
                f"{self.batch} and rate {self.lr}; kinds are {STAGES}, counts are positive.",
                "Correct the stage.",
            )


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Describe a training run."""

    model: ModelConfig = field(default_factory=mmfa_s_256)
    start: str = ""  # folder of weights to start from; "" = fresh ones
    data: str = ""  # folder of a corpus, or of clips and portraits
    output: str = ""  # folder for state, metrics and sheets; "" = under the user's cache
    seed: int = 1
    tiers: str = "ABC"  # licence tiers to train on
    leave_out: tuple[str, ...] = ()  # sources or shards not to train on; patterns such as heads*
    stills: bool = True  # single portraits as warped pairs
    turned: bool = True  # pictures turned in depth; False leaves single portraits to the encoders
    wide_pairs: bool = True  # half of the pairs of clips: the farthest of some driving pictures
    hard_cases: str = ""  # clips.tsv of an earlier run: hard clips are drawn more; "" = off
    teacher: bool = True  # landmark guides; False = pose labels alone (unsupervised keypoints)
    stages: tuple[StageSettings, ...] = ()
    ema: float = 0.999  # decay of the averaged weights a step
    precision: str = "auto"  # auto: bfloat16 where it is fast; float32: sums that repeat to the bit
    clip_norm: float = 3.0  # largest norm of the gradient
    checkpoint_minutes: float = 10.0
    evaluate_minutes: float = 30.0
    perceptual_weights: str = ""  # file of VGG16 weights (h5); "" leaves the term out

    def __post_init__(self) -> None:
        """Check ranges."""
        checks = (
            (0 <= self.ema < 1, f"ema is {self.ema}, allowed are 0 up to but not 1"),
            (
                self.precision in PRECISIONS,
                f"precision is {self.precision!r}, not one of {', '.join(PRECISIONS)}",
            ),
            (self.clip_norm > 0, f"clip_norm is {self.clip_norm}, it must be above 0"),
            (
                bool(self.tiers) and set(self.tiers) <= set("ABC"),
                f"tiers is {self.tiers!r}, letters of ABC are needed",
            ),
            (
                all(name and isinstance(name, str) for name in self.leave_out),
                f"leave_out is {self.leave_out!r}, names of sources or shards are needed",
            ),
            (
                min(self.checkpoint_minutes, self.evaluate_minutes) >= 0,
                "checkpoint_minutes and evaluate_minutes can't be below 0",
            ),
        )
        problems = [text for holds, text in checks if not holds]
        if problems:
            raise ConfigError(
                f"The training settings can't be used: {'; '.join(problems)}.", "Correct them."
            )


def settings_from_dict(values: dict[str, Any]) -> TrainSettings:
    """Build settings strictly; ``model`` may be a shipped name or an object.

    Raises:
        ConfigError: for unknown keys or values out of range.
    """
    values = dict(values)
    model = values.pop("model", "mmfa-s-256")
    if isinstance(model, str):
        if model not in MODEL_CONFIGS:
            raise ConfigError(
                f"There is no model configuration {model!r}.",
                f"Shipped are {', '.join(MODEL_CONFIGS)}.",
            )
        config = MODEL_CONFIGS[model]()
    else:
        config = from_dict(ModelConfig, model)
    stages = values.pop("stages", ())
    if not isinstance(stages, list | tuple):
        raise ConfigError("stages is not a list.", "Give a list of stages, each an object.")
    stages = tuple(_stage(s) for s in stages)
    plain = from_dict(TrainSettings, values)
    return dataclasses.replace(plain, model=config, stages=stages)


def _stage(values: Any) -> StageSettings:
    if not isinstance(values, dict):
        raise ConfigError(f"The stage {values!r} is not an object.", "Give names and values.")
    values = dict(values)
    weights = from_dict(LossWeights, values.pop("weights", {}))
    return dataclasses.replace(from_dict(StageSettings, values), weights=weights)

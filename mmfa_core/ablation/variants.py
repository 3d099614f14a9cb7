"""What is changed: variants as small changes of one base configuration, and budgets in steps.

In: names. Out: TrainSettings. Knows nothing about running or measuring.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmfa_core.config import to_dict
from mmfa_core.errors import ConfigError
from mmfa_core.training.settings import StageSettings, TrainSettings

BASE = "base"
SYNTHETIC = "heads*"  # what sources or shards of rendered heads are called in a corpus
# A step of the encoders (24 pairs, about 75 a second) takes as long as so many joint steps (8
# pairs, about 9 a second), on two cores. So a run without warm-up gets the same time, not the same
# number of pictures, which would take five times as long.
JOINT_STEPS_A_WARM_UP_STEP = 0.36
# Steps of the base configuration are multiplied by this.
BUDGETS: dict[str, float] = {"trial": 1 / 15, "short": 1.0, "long": 4.0}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Describe one row of the table.

    Attributes:
        name: of the row and of its folder.
        what: what is changed, in a few words.
        against: the variant that it is compared with, which differs in that one thing.
        model: fields of ModelConfig.
        settings: fields of TrainSettings.
        stage: fields of every StageSettings.
        weights: fields of the LossWeights of every stage.
        hard_cases: True draws clips by their errors in the log of the base's run of the same seed.
        warm_up: False drops the stages of the encoders, and trains jointly for the same time.
    """

    name: str
    what: str
    against: str = BASE
    model: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    stage: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    hard_cases: bool = False
    warm_up: bool = True


VARIANTS = (
    Variant(name=BASE, what="everything on: formula `mmfa`, rigid gauge"),
    Variant(name="no-gauge", what="gauge off", model={"gauge": "off"}),
    Variant(
        name="liveportrait",
        what="formula `liveportrait`: offsets are added after the turn; gauge off",
        against="no-gauge",
        model={"formula": "liveportrait", "gauge": "off"},
    ),
    Variant(
        name="facevid2vid",
        what="formula `facevid2vid`: the same and no scale; gauge off",
        against="no-gauge",
        model={"formula": "facevid2vid", "gauge": "off"},
    ),
    Variant(
        name="no-vae",
        what="a plain autoencoder: z is never sampled, no KL",
        stage={"sample_code": False},
        weights={"kl": 0.0},
    ),
    Variant(
        name="no-cross",
        what="no cross-identity terms",
        weights={"cross_pose": 0.0, "cross_expression": 0.0, "cross_identity": 0.0},
    ),
    Variant(
        name="no-affine",
        what="A is the ratio of scales, without the rotations",
        model={"turn_affine": False},
    ),
    Variant(name="no-stills", what="no single portraits", settings={"stills": False}),
    Variant(name="no-turning", what="no picture turned in depth", settings={"turned": False}),
    Variant(
        name="no-wide-pairs",
        what="no choice of the farthest driving picture",
        settings={"wide_pairs": False},
    ),
    Variant(
        name="hard-cases",
        what="clips drawn by the error in the log of the base's run of the same seed",
        hard_cases=True,
    ),
    Variant(name="no-synthetic", what="no rendered heads", settings={"leave_out": (SYNTHETIC,)}),
    Variant(
        name="no-warm-up",
        what="no stage of the encoders alone; joint from the start, for the same time",
        warm_up=False,
    ),
)


def choose_variants(names: tuple[str, ...]) -> tuple[Variant, ...]:
    """Choose variants by their names, and what they are compared with; all when none is given.

    Raises:
        ConfigError: for a name that is none of VARIANTS.
    """
    known = {variant.name: variant for variant in VARIANTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"There is no variant {unknown[0]!r}.", f"Variants are {', '.join(known)}."
        )
    wanted = set(names or known) | {BASE} | {known[name].against for name in names}
    return tuple(variant for variant in VARIANTS if variant.name in wanted)


def prepare_settings(
    variant: Variant, base: TrainSettings, *, budget: str, seed: int, data: str, log: str = ""
) -> TrainSettings:
    """Make the settings of one run.

    Args:
        variant: what to change.
        base: what to change it in.
        budget: one of BUDGETS.
        seed: of weights, batches and noise.
        data: folder of the corpus.
        log: clips.tsv of the base's run of that seed, for the variant that draws by it.

    Raises:
        ConfigError: for an unknown budget.
    """
    if budget not in BUDGETS:
        raise ConfigError(f"There is no budget {budget!r}.", f"Budgets are {', '.join(BUDGETS)}.")
    stages = [_scaled(stage, BUDGETS[budget]) for stage in base.stages]
    if not variant.warm_up:
        stages = _without_warm_up(stages)
    changed = tuple(
        dataclasses.replace(
            stage,
            **{**variant.stage, "weights": dataclasses.replace(stage.weights, **variant.weights)},
        )
        for stage in stages
    )
    return dataclasses.replace(
        base,
        model=dataclasses.replace(base.model, **variant.model),
        stages=changed,
        seed=seed,
        data=data,
        hard_cases=log if variant.hard_cases else base.hard_cases,
        **variant.settings,
    )


def fingerprint(settings: TrainSettings) -> str:
    """Tell apart runs that were asked for different things; where files lie doesn't count.

    Of ``hard_cases`` only counts whether it is on; off it is left out, as runs from before had it.
    """
    values = {k: v for k, v in to_dict(settings).items() if k not in ("data", "output")}
    if values.pop("hard_cases"):
        values["hard_cases"] = True
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def _scaled(stage: StageSettings, factor: float) -> StageSettings:
    steps, warmup = (max(1, round(factor * count)) for count in (stage.steps, stage.warmup))
    return dataclasses.replace(stage, steps=steps, warmup=warmup)


def _without_warm_up(stages: list[StageSettings]) -> list[StageSettings]:
    """Give the time of the encoders' stages to the first joint one, at the full rate for all."""
    saved = sum(stage.steps for stage in stages if stage.kind == "encoders")
    left = [stage for stage in stages if stage.kind != "encoders"]
    more = round(JOINT_STEPS_A_WARM_UP_STEP * saved)
    first = dataclasses.replace(left[0], steps=left[0].steps + more, encoder_lr=1.0)
    return [first, *left[1:]]

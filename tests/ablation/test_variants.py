"""Variants: each changes what it says and nothing else; budgets count steps."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from mmfa_core.ablation.table import END, START
from mmfa_core.ablation.variants import (
    BASE,
    BUDGETS,
    VARIANTS,
    choose_variants,
    fingerprint,
    prepare_settings,
)
from mmfa_core.config import to_dict
from mmfa_core.errors import ConfigError
from mmfa_core.training.run import read_settings
from mmfa_core.training.settings import TrainSettings

ROOT = Path(__file__).resolve().parents[2]
BASE_SETTINGS = read_settings("ablation")


def prepared(name: str, budget: str = "short", seed: int = 0) -> TrainSettings:
    (variant,) = (v for v in VARIANTS if v.name == name)
    return prepare_settings(
        variant, BASE_SETTINGS, budget=budget, seed=seed, data="corpus", log="base/clips.tsv"
    )


def differences(one: dict, other: dict, place: str = "") -> dict[str, object]:
    """List what differs, as place -> value of the second; stages by their number."""
    found: dict[str, object] = {}
    for key, value in one.items():
        mine, name = other[key], f"{place}{key}"
        if isinstance(value, dict):
            found |= differences(value, mine, f"{name}.")
        elif key == "stages":
            for number, pair in enumerate(zip(value, mine, strict=True)):
                found |= differences(*pair, f"{number}.")
        elif mine != value:
            found[name] = mine
    return found


CHANGES: dict[str, dict[str, object]] = {
    "base": {},
    "no-gauge": {"model.gauge": "off"},
    "liveportrait": {"model.formula": "liveportrait", "model.gauge": "off"},
    "facevid2vid": {"model.formula": "facevid2vid", "model.gauge": "off"},
    "no-vae": {
        f"{stage}.{key}": value
        for stage in (0, 1)
        for key, value in (("sample_code", False), ("weights.kl", 0.0))
    },
    "no-cross": {
        f"1.weights.{name}": 0.0 for name in ("cross_pose", "cross_expression", "cross_identity")
    },
    "no-affine": {"model.turn_affine": False},
    "no-stills": {"stills": False},
    "no-turning": {"turned": False},
    "no-wide-pairs": {"wide_pairs": False},
    "hard-cases": {"hard_cases": "base/clips.tsv"},
    "no-synthetic": {"leave_out": ("heads*",)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_variant_changes_what_it_says_and_nothing_else(name: str):
    base, changed = to_dict(prepared(BASE)), to_dict(prepared(name))
    assert differences(base, changed) == CHANGES[name]


def test_every_variant_is_looked_at_here():
    assert {v.name for v in VARIANTS} == {*CHANGES, "no-warm-up"}


def test_without_warm_up_the_joint_stage_gets_its_time_and_the_full_rate():
    encoders, joint = prepared(BASE).stages
    (alone,) = prepared("no-warm-up").stages
    assert (encoders.kind, joint.kind, alone.kind) == ("encoders", "joint", "joint")
    assert alone.steps == joint.steps + 162
    assert dataclasses.replace(alone, steps=joint.steps, encoder_lr=joint.encoder_lr) == joint


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_multiplies_steps_and_warm_up(budget: str):
    for base, stage in zip(BASE_SETTINGS.stages, prepared(BASE, budget).stages, strict=True):
        assert stage.steps == round(BUDGETS[budget] * base.steps)
        assert stage.warmup == max(1, round(BUDGETS[budget] * base.warmup))


def test_the_base_configuration_has_every_part_that_a_variant_takes_away():
    encoders, joint = BASE_SETTINGS.stages
    assert BASE_SETTINGS.model.formula == "mmfa"
    assert BASE_SETTINGS.model.gauge == "rigid"
    assert BASE_SETTINGS.teacher and BASE_SETTINGS.stills and BASE_SETTINGS.turned
    assert encoders.sample_code and joint.sample_code
    weights = joint.weights
    assert min(weights.kl, weights.cross_pose, weights.cross_expression, weights.cross_identity) > 0


def test_a_run_is_told_from_one_of_another_seed_budget_or_variant_and_not_by_its_folder():
    base = prepared(BASE)
    others = [prepared(BASE, seed=1), prepared(BASE, "long"), prepared("no-vae")]
    assert len({fingerprint(s) for s in (base, *others)}) == 4
    assert fingerprint(dataclasses.replace(base, data="elsewhere")) == fingerprint(base)


def test_drawing_by_a_log_tells_a_run_apart_and_where_the_log_lies_does_not():
    base, hard = prepared(BASE), prepared("hard-cases")
    moved = dataclasses.replace(hard, hard_cases="elsewhere/clips.tsv")
    assert fingerprint(moved) == fingerprint(hard) != fingerprint(base)


def test_a_run_from_before_there_were_logs_is_still_known():
    base = prepared(BASE)
    values = to_dict(base)
    for name in ("data", "output", "hard_cases"):  # the last is newer than such a run
        del values[name]
    text = json.dumps(values, sort_keys=True)
    assert fingerprint(base) == hashlib.sha256(text.encode()).hexdigest()[:12]


def test_chosen_variants_bring_what_they_are_compared_with():
    assert [v.name for v in choose_variants(("facevid2vid",))] == [BASE, "no-gauge", "facevid2vid"]
    assert choose_variants(()) == VARIANTS


def test_an_unknown_variant_or_budget_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError, match="There is no variant 'no-gague'") as caught:
        choose_variants(("no-gague",))
    assert "no-gauge" in caught.value.hint
    with pytest.raises(ConfigError, match="There is no budget 'huge'") as caught:
        prepared(BASE, "huge")
    assert "short" in caught.value.hint


def test_the_document_explains_every_variant_and_has_a_place_for_the_table():
    text = (ROOT / "docs/ablations.md").read_text(encoding="utf-8")
    assert [v.name for v in VARIANTS if f"`{v.name}`" not in text] == []
    assert text.index(START) < text.index(END)

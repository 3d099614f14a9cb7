"""Settings of a run: read strictly, shipped ones valid, mistakes in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mmfa_core.training
from mmfa_core.config import MODEL_CONFIGS
from mmfa_core.errors import ConfigError
from mmfa_core.training.settings import StageSettings, TrainSettings, settings_from_dict

CONFIGS = sorted((Path(mmfa_core.training.__file__).parent / "configs").glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_is_valid_and_has_stages(path: Path):
    settings = settings_from_dict(json.loads(path.read_text(encoding="utf-8")))
    assert settings.stages


def test_the_unsupervised_configuration_uses_equivariance_and_no_landmark():
    path = next(p for p in CONFIGS if p.stem == "unsupervised")
    settings = settings_from_dict(json.loads(path.read_text(encoding="utf-8")))
    assert settings.teacher is False
    assert all(stage.weights.equivariance > 0 for stage in settings.stages)


@pytest.mark.parametrize("name", sorted(MODEL_CONFIGS))
def test_a_model_may_be_given_by_its_shipped_name(name: str):
    assert settings_from_dict({"model": name}).model == MODEL_CONFIGS[name]()


def test_a_model_may_be_given_as_an_object():
    assert settings_from_dict({"model": {"keypoints": 60}}).model.keypoints == 60


def test_nothing_given_means_the_defaults():
    assert settings_from_dict({}) == TrainSettings()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model": "mmfa-xl"}, "There is no model configuration 'mmfa-xl'."),
        ({"model": 3}, "The configuration is not a JSON object."),
        ({"model": {"keypoint": 3}}, "did you mean 'keypoints'?"),
        ({"see": 1}, "unknown key 'see' (did you mean 'seed'?)"),
        ({"stages": 3}, "stages is not a list."),
        ({"stages": ["joint"]}, "The stage 'joint' is not an object."),
        ({"stages": [{"step": 1}]}, "unknown key 'step' (did you mean 'steps'?)"),
        ({"stages": [{"kind": "warm"}]}, "has kind 'warm'"),
        ({"stages": [{"steps": 0}]}, "0 steps"),
        ({"stages": [{"batch": 0}]}, "batch 0"),
        ({"stages": [{"lr": 0.0}]}, "rate 0.0"),
        ({"stages": [{"lr": float("nan")}]}, "rate nan"),
        ({"stages": [{"weights": {"pixels": 1.0}}]}, "did you mean 'pixel'?"),
        ({"stages": [{"weights": 3}]}, "The configuration is not a JSON object."),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"tiers": "ABX"}, "tiers is 'ABX'"),
        ({"tiers": ""}, "tiers is ''"),
        ({"leave_out": "heads"}, "leave_out is 'heads'"),
        ({"leave_out": [3]}, "leave_out is (3,), names of sources or shards are needed"),
        ({"turned": 1}, "turned is 1"),
        ({"checkpoint_minutes": -1.0}, "can't be below 0"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(values: dict, sentence: str):
    with pytest.raises(ConfigError) as caught:
        settings_from_dict(values)
    assert sentence in caught.value.message
    assert caught.value.hint


def test_reading_settings_leaves_the_given_values_as_they_are():
    values = {"model": "mmfa-s-256", "stages": [{"weights": {"pose": 1.0}}]}
    settings_from_dict(values)
    assert values == {"model": "mmfa-s-256", "stages": [{"weights": {"pose": 1.0}}]}


def test_weights_of_a_stage_start_from_the_defaults():
    stage = settings_from_dict({"stages": [{"weights": {"pose": 1.0}}]}).stages[0]
    assert stage.weights.pose == 1.0
    assert stage.weights.guide == StageSettings().weights.guide

"""Configurations round-trip, and unknown keys never pass."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.config import FORMULAS, GAUGES, ModelConfig, from_dict, to_dict
from mmfa_core.errors import ConfigError
from mmfa_core.losses.terms import LossWeights

NAMES = {f.name for f in dataclasses.fields(ModelConfig)}
width = st.integers(1, 512)

configs = st.builds(
    ModelConfig,
    size_px=st.integers(1, 16).map(lambda n: 32 * n),
    formula=st.sampled_from(FORMULAS),
    gauge=st.sampled_from(GAUGES),
    keypoints=st.integers(11, 128),
    radius=st.floats(1e-3, 10),
    motion_widths=st.tuples(width, width, width),
    expression_code=st.integers(1, 256),
    dense_blocks=st.integers(0, 6),
)


@given(configs)
def test_a_configuration_round_trips_through_json(config):
    assert from_dict(ModelConfig, json.loads(json.dumps(to_dict(config)))) == config


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in dataclasses.fields(LossWeights)]), st.floats(0, 100)
    )
)
def test_loss_weights_round_trip_through_json(values):
    weights = LossWeights(**values)
    assert from_dict(LossWeights, json.loads(json.dumps(to_dict(weights)))) == weights


@given(st.text().filter(lambda key: key not in NAMES))
def test_any_unknown_key_is_refused_with_a_valid_suggestion(key):
    with pytest.raises(ConfigError) as caught:
        from_dict(ModelConfig, {key: 1})
    suggestion = caught.value.message.rsplit("did you mean '", 1)[1].split("'")[0]
    assert suggestion in NAMES

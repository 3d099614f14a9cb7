"""Configurations: strict reading, every problem at once, and what the shipped ones promise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mmfa_core.config import (
    MODEL_CONFIGS,
    ModelConfig,
    from_dict,
    mmfa_l_256,
    mmfa_s_256,
    read_json,
    to_dict,
)
from mmfa_core.errors import ConfigError, MMFAError
from mmfa_core.training.teacher import EYES, MOUTH


@pytest.mark.parametrize("name", sorted(MODEL_CONFIGS))
def test_a_shipped_configuration_has_its_own_name_and_256_px(name):
    config = MODEL_CONFIGS[name]()
    assert (config.name, config.size_px) == (name, 256)


def test_the_trained_configuration_is_the_default_of_every_field_but_hints_and_light():
    # Files of models without hints or light don't name the fields, so their defaults are none.
    assert dataclasses.replace(mmfa_s_256(), hint_regions=(), relight=False) == ModelConfig()


def test_the_regions_of_the_hints_are_the_eyes_and_the_mouth_of_the_guides():
    right, left, lips = mmfa_s_256().hint_regions
    assert (*right, *left) == (20, 21, 24, 22, 23, 25)
    assert set(right) | set(left) == set(EYES)
    assert lips == MOUTH


@pytest.mark.parametrize("regions", [((),), ((0, 50),), ((-1,),)])
def test_a_region_of_hints_needs_keypoints_that_exist(regions):
    with pytest.raises(ConfigError, match="hint_regions"):
        ModelConfig(hint_regions=regions)


def test_the_wide_configuration_has_a_volume_and_is_wider_everywhere():
    small, wide = mmfa_s_256(), mmfa_l_256()
    assert small.volume_depth == 1 < wide.volume_depth
    for name in ("motion_widths", "expression_widths", "appearance_widths", "dense_widths"):
        pairs = zip(getattr(small, name), getattr(wide, name), strict=True)
        assert all(a < b for a, b in pairs), name


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"format_version": 9}, "format_version is 9, this program reads 1"),
        ({"size_px": 250}, "size_px is 250, not a multiple of 32"),
        ({"size_px": 0}, "size_px is 0, not a multiple of 32"),
        ({"formula": "fomm"}, "formula is 'fomm', not one of ('mmfa', 'liveportrait', "),
        ({"gauge": "soft"}, "gauge is 'soft', not one of ('rigid', 'all', 'off')"),
        ({"keypoints": 3}, "keypoints is 3, allowed are 4 to 128"),
        ({"rigid_keypoints": (0, 1, 2, 2)}, "rigid_keypoints needs at least 4 different"),
        ({"rigid_keypoints": (0, 1, 2, 50)}, "indices below keypoints"),
        ({"radius": 0.0}, "radius is 0.0, it must be above 0"),
        ({"volume_depth": 4}, "volume_width must be 0 exactly when volume_depth is 1"),
        ({"motion_widths": (8, 8)}, "motion_widths and motion_blocks must be of one length n"),
        ({"expression_blocks": ()}, "expression_widths and expression_blocks must be of one"),
        ({"motion_size_px": 120}, "(120 px) a multiple of 2 to the power n + 1"),
        ({"crop_size_px": 40}, "(40 px) a multiple of 2 to the power n + 1"),
        ({"appearance_widths": (8, 8, 8)}, "decoder_blocks need two numbers each"),
        ({"appearance_blocks": (1,)}, "decoder_blocks need two numbers each"),
        ({"dense_widths": (0, 8)}, "widths and sizes of features must be above 0"),
        ({"expression_code": 0}, "widths and sizes of features must be above 0"),
        ({"dense_blocks": -1}, "blocks not below 0"),
        ({"crop_half": 0.0}, "crop_half is 0.0, it must be above 0"),
    ],
)
def test_a_value_out_of_range_is_told_with_what_is_allowed(values, sentence):
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**values)
    assert sentence in caught.value.message
    assert caught.value.hint == "Correct it, or start from one of the shipped configurations."


def test_all_values_out_of_range_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        ModelConfig(size_px=1, gauge="x", radius=-1.0)
    assert all(word in caught.value.message for word in ("size_px", "gauge", "radius"))


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("keypoint", "keypoints"),
        ("motion_width", "motion_widths"),
        ("formular", "formula"),
        ("expresion_code", "expression_code"),
        ("Radius", "radius"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_valid_one(key, nearest):
    with pytest.raises(ConfigError) as caught:
        from_dict(ModelConfig, {key: 1})
    assert f"unknown key {key!r} (did you mean {nearest!r}?)" in caught.value.message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keypoints", "50"),
        ("keypoints", 50.0),
        ("keypoints", True),
        ("keypoints", None),
        ("radius", "wide"),
        ("name", 3),
        ("motion_widths", 48),
        ("motion_widths", [48, "96", 192]),
        ("rigid_keypoints", {"0": 1}),
    ],
)
def test_a_value_of_a_wrong_type_is_told_with_an_example(key, value):
    with pytest.raises(ConfigError) as caught:
        from_dict(ModelConfig, {key: value})
    example = getattr(ModelConfig(), key)
    assert f"{key} is {value!r}, a value like {example!r} is needed" in caught.value.message


def test_an_integer_may_stand_for_a_float_and_a_list_for_a_tuple():
    config = from_dict(ModelConfig, {"radius": 1, "motion_blocks": [0, 1, 1]})
    assert config.radius == 1
    assert config.motion_blocks == (0, 1, 1)


@pytest.mark.parametrize("values", [[], "mmfa-s-256", 3, None])
def test_something_that_is_no_object_is_refused(values):
    with pytest.raises(ConfigError, match="not a JSON object"):
        from_dict(ModelConfig, values)


def test_a_configuration_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().keypoints = 5  # type: ignore[misc]


def test_a_plain_dictionary_names_every_field_once():
    assert set(to_dict(ModelConfig())) == {f.name for f in dataclasses.fields(ModelConfig)}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"[1]", b"3", b"[" * 100_000], ids=lambda c: repr(c[:5])
)
def test_a_file_that_is_no_json_object_is_told_by_its_name_alone(tmp_path: Path, content: bytes):
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_json(path)
    assert caught.value.message.startswith("odd.json ")
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_is_told_by_its_name_alone(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        read_json(tmp_path / "none.json")
    assert caught.value.message == "none.json can't be read as JSON."


def test_an_error_reads_as_its_sentence_and_its_hint():
    assert str(MMFAError("One thing is wrong.", "Do this.")) == "One thing is wrong. Do this."
    assert str(MMFAError("One thing is wrong.")) == "One thing is wrong."

"""The JSON Schema of recipes: published, that of the page, and what it refuses gets a sentence."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mmfa_core import Animator, MMFAError
from studio.recipe_schema import PUBLISHED, Rule, check_recipe, schema_of, to_text
from studio.write_schema import page_schema

RULES = {
    "pose": {
        "yaw_deg": Rule(low=-20, high=20),
        "steps": Rule(low=2, high=9, whole=True),
        "easing": Rule(choices=("linear", "hold")),
    },
    "animate": {"lock": Rule(switch=True)},
}


def test_the_published_schema_is_that_of_the_page():
    animator = Animator.from_pretrained(threads=1)
    wanted = to_text(page_schema(animator))
    assert PUBLISHED.read_text(encoding="utf-8") == wanted, "run python -m studio.write_schema"
    published = Draft202012Validator(json.loads(wanted))
    Draft202012Validator.check_schema(published.schema)
    for tab, values in (
        ("pose", {"yaw_deg": 12.5, "fps": "30000/1001", "paste_back": True}),
        ("animate", {"driver": "motion", "motion": "nod", "gain_scale": 0, "driving_face": 1}),
        ("expressions", {"smile": 0.5}),
        ("keypoints", {}),
    ):
        published.validate({"version": 1, "tab": tab, "values": values})
    for tab, values in (
        ("pose", {"yaw_deg": 99}),
        ("pose", {"smile": 0.5}),
        ("animate", {"motion": "fly"}),
        ("expressions", {"smile": 99}),
        ("nowhere", {}),
    ):
        assert not published.is_valid({"version": 1, "tab": tab, "values": values})


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
WRITTEN = st.sampled_from(["version", "tab", "values", "yaw_deg", "steps", "easing", "x"])


@given(
    st.dictionaries(
        WRITTEN, NESTED | st.sampled_from([1, "pose"]) | st.dictionaries(WRITTEN, NESTED)
    )
)
def test_any_recipe_is_allowed_or_refused_in_a_sentence(raw):
    allowed = Draft202012Validator(schema_of(RULES)).is_valid(raw)
    try:
        check_recipe(raw, RULES)
    except MMFAError as error:
        assert not allowed
        assert error.message.endswith(".")
        assert len(str(error)) < 300
    else:
        assert allowed

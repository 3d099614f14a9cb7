"""The JSON Schema of a recipe, and its complaints as sentences.

In: what the controls of each tab accept. Out: a schema (draft 2020-12), and the first complaint
about a recipe. Knows nothing about components.

recipe.schema.json beside this file is the published one, for other programs: it leaves open which
directions a model has. The page checks against its own, in which they are spelled out.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator, ValidationError

from mmfa_core import MMFAError

VERSION = 1
PUBLISHED = Path(__file__).parent / "recipe.schema.json"
WIDEST = 1e6  # limit of a number whose component has none
WIDEST_AMOUNT = 4.0  # of a direction, whatever the model
AGAIN = "Save the recipe again from this page, or correct it."
KEYS = ("version", "tab", "values")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Say what one control accepts: a switch, a choice, or a number in a range."""

    switch: bool = False
    choices: tuple[str, ...] = ()
    low: float = -WIDEST
    high: float = WIDEST
    whole: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the rule as JSON Schema."""
        if self.switch:
            return {"type": "boolean"}
        if self.choices:
            return {"enum": list(self.choices)}
        kind = "integer" if self.whole else "number"
        return {"type": kind, "minimum": self.low, "maximum": self.high}


Rules = Mapping[str, Mapping[str, Rule]]  # tab -> name of a control -> its rule


def schema_of(rules: Rules, directions: Iterable[str] = ()) -> dict[str, Any]:
    """Describe every recipe of a page.

    Args:
        rules: what each tab's controls accept.
        directions: of a model, to be left open: any name with a small number takes their place.

    Returns:
        JSON Schema, draft 2020-12.
    """
    left_open = set(directions)
    tabs: dict[str, Any] = {}
    for tab, known in rules.items():
        named = {name: rule.schema() for name, rule in known.items() if name not in left_open}
        amount = {"type": "number", "minimum": -WIDEST_AMOUNT, "maximum": WIDEST_AMOUNT}
        others: Any = amount if left_open & set(known) else False
        tabs[tab] = {"type": "object", "properties": named, "additionalProperties": others}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of MMFA Studio: the settings of one tab, numbers and choices only",
        "type": "object",
        "required": list(KEYS),
        "additionalProperties": False,
        "properties": {
            "version": {"const": VERSION},
            "tab": {"enum": list(rules)},
            "values": {"type": "object"},
        },
        "allOf": [
            {
                "if": {"properties": {"tab": {"const": tab}}, "required": ["tab"]},
                "then": {"properties": {"values": {"$ref": f"#/$defs/{tab}"}}},
            }
            for tab in rules
        ],
        "$defs": tabs,
    }


def check_recipe(raw: Any, rules: Rules) -> None:
    """Check a recipe, as read from JSON without NaN, against the schema of the page.

    Raises:
        MMFAError: the first thing that isn't right, with what is allowed.
    """
    try:
        complaints = Draft202012Validator(schema_of(rules)).iter_errors(raw)
        worst = min(complaints, key=_rank, default=None)
    except RecursionError:
        refuse("The recipe holds deeply nested values; it must be names with numbers.")
    if worst is not None:
        _tell(worst, rules)


def _rank(complaint: ValidationError) -> tuple[int, int]:
    """Tell what is wrong with the whole before what is wrong with a value."""
    place = list(complaint.absolute_path)
    if complaint.validator == "additionalProperties":
        return len(place), 0
    first = KEYS.index(place[0]) if place and place[0] in KEYS else 0
    return len(place), 1 + first


def _tell(complaint: ValidationError, rules: Rules) -> NoReturn:
    place, value = list(complaint.absolute_path), complaint.instance
    match place, complaint.validator:
        case [], "type":
            refuse("The file is not a recipe: it must hold version, tab and values.")
        case [], "required":
            missing = next(name for name in KEYS if name not in value)
            refuse(f"The recipe has no {missing}.")
        case [], _:
            _tell_unknown("key", value, KEYS)
        case ["version"], _:
            refuse(f"The recipe has version {show(value)}; this page reads {VERSION}.")
        case ["tab"], _:
            near = nearest(str(value)[:100], rules)
            refuse(f"There is no tab {show(value)}.", f"Did you mean {near!r}?")
        case ["values"], "type":
            refuse("The values of the recipe must be names with numbers.")
        case ["values"], _:
            _tell_unknown("setting", value, complaint.schema["properties"])
    _tell_value(str(place[-1]), complaint)


def _tell_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> NoReturn:
    names = list(known)
    name = next(name for name in given if name not in names)
    hint = f"Did you mean {nearest(name[:100], names)!r}?" if names else "Leave it out."
    refuse(f"There is no {what} {show(name)} in a recipe of this tab.", hint)


def _tell_value(name: str, complaint: ValidationError) -> NoReturn:
    value, schema = complaint.instance, complaint.schema
    said = f"{name} is {show(value)}"
    match complaint.validator, schema.get("type"):
        case "enum", _:
            allowed = schema["enum"]
            near = nearest(str(value)[:100], allowed)
            refuse(f"{said}; allowed are {', '.join(allowed)}.", f"Did you mean {near}?")
        case "type", "boolean":
            refuse(f"{said}; it must be true or false.")
        case "type", "integer" if isinstance(value, float):
            refuse(f"{said}; it must be a whole number from {_range(schema)}.")
        case "type", _:
            refuse(f"{said}; it must be a number from {_range(schema)}.")
    refuse(f"{said}; allowed are {_range(schema)}.")


def _range(schema: Mapping[str, Any]) -> str:
    return f"{schema['minimum']:g} to {schema['maximum']:g}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like a name."""
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def show(value: Any) -> str:
    """Show a value of a stranger, not longer than a person would read."""
    if isinstance(value, dict | list):
        return "a nested value"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def refuse(message: str, hint: str = AGAIN) -> NoReturn:
    """Refuse a recipe.

    Raises:
        MMFAError: always.
    """
    raise MMFAError(message, hint)


def to_text(schema: Mapping[str, Any]) -> str:
    """Write a schema as it is published."""
    return json.dumps(schema, indent=1) + "\n"

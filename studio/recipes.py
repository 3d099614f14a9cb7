"""Settings as a recipe: numbers, switches and choices, never a picture.

In: text of a person, or the query of a URL. Out: a Recipe that the schema allows, and the same back
to JSON or a query. Knows nothing about components but how to read their limits.

    {"version": 1, "tab": "pose", "values": {"yaw_deg": 12.5, "scale": 1.05}}
    ?recipe=1&tab=pose&yaw_deg=12.5&scale=1.05

A value that is left out keeps what the page shows. Everything else is strict: one thing that isn't
right, and nothing is set.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component

from mmfa_core import CONTROL_RANGES, MMFAError
from studio.recipe_schema import AGAIN, VERSION, WIDEST, Rule, Rules, check_recipe, refuse

LARGEST_BYTES = 64 * 1024

Value = float | int | bool | str


@dataclass(frozen=True)
class Recipe:
    """Hold the settings of one tab."""

    tab: str
    values: Mapping[str, Value]


def rule_of(component: Component, name: str = "") -> Rule:
    """Read what a component accepts.

    Args:
        component: of a tab.
        name: of the control; one of CONTROL_RANGES takes the core's limits, which are wider than
            those that a slider begins with.

    Raises:
        TypeError: a recipe can't hold the value of such a component (a programmer's mistake).
    """
    if isinstance(component, gr.Checkbox):
        return Rule(switch=True)
    if isinstance(component, gr.Radio | gr.Dropdown) and not getattr(
        component, "multiselect", False
    ):
        return Rule(choices=tuple(str(value) for _, value in component.choices))
    if isinstance(component, gr.Slider | gr.Number):
        limits = CONTROL_RANGES.get(name)
        low, high = component.minimum, component.maximum
        if limits is not None:
            low, high = limits.hard_low, limits.hard_high
        whole = getattr(component, "precision", None) == 0 or (
            isinstance(component, gr.Slider) and component.step == 1
        )
        return Rule(
            low=-WIDEST if low is None else low, high=WIDEST if high is None else high, whole=whole
        )
    raise TypeError(f"a recipe can't hold a {type(component).__name__}")


def parse_json(text: str, rules: Rules) -> Recipe:
    """Read a recipe that a person gives as JSON.

    Args:
        text: of the file.
        rules: what each tab's controls accept.

    Returns:
        The checked recipe.

    Raises:
        MMFAError: the first thing that isn't right.
    """
    if len(text.encode("utf-8", "replace")) > LARGEST_BYTES:
        refuse(f"The recipe is larger than {LARGEST_BYTES // 1024} kB, so it can't be one.")
    try:
        raw = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MMFAError("The file is not a recipe: it holds no valid JSON.", AGAIN) from error
    return _checked(raw, rules)


def parse_query(query: Mapping[str, str], rules: Rules) -> Recipe | None:
    """Read a recipe from the query of a URL.

    Args:
        query: names and texts; names that begin with ``_`` and ``view`` are Gradio's.
        rules: what each tab's controls accept.

    Returns:
        The checked recipe, or None when the URL holds none.

    Raises:
        MMFAError: the first thing that isn't right.
    """
    if "recipe" not in query:
        return None
    version, tab = query["recipe"], query.get("tab")
    known = rules.get(tab or "", {})
    values = {
        name: _read(known.get(name), text)
        for name, text in query.items()
        if name not in {"recipe", "tab", "view"} and not name.startswith("_")
    }
    short = version.isascii() and version.isdecimal() and len(version) < 10
    number = int(version) if short else version
    return _checked({"version": number, "tab": tab, "values": values}, rules)


def to_json(recipe: Recipe) -> str:
    """Write a recipe as JSON."""
    raw = {"version": VERSION, "tab": recipe.tab, "values": dict(recipe.values)}
    return json.dumps(raw, indent=1, allow_nan=False) + "\n"


def to_query(recipe: Recipe) -> str:
    """Write a recipe as the query of a URL, with its ``?``."""
    values = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in recipe.values.items()
    }
    return "?" + urlencode({"recipe": VERSION, "tab": recipe.tab, **values})


def _checked(raw: Any, rules: Rules) -> Recipe:
    check_recipe(raw, rules)
    known = rules[raw["tab"]]
    return Recipe(
        raw["tab"],
        {name: int(value) if known[name].whole else value for name, value in raw["values"].items()},
    )


def _read(rule: Rule | None, text: str) -> Value:
    """Read a value as it stands in a URL; what can't be read stays text, and is refused as such."""
    if rule is None or rule.choices:
        return text
    if rule.switch:
        return text == "true" if text in {"true", "false"} else text
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse("The recipe names a setting twice.")
    return found


def _no_constant(text: str) -> NoReturn:
    refuse(f"The recipe holds {text}, which is no number.")

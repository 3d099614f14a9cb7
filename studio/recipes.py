"""Settings as a recipe: numbers, switches and choices, never a picture.

In: text of a person, or the query of a URL. Out: a checked Recipe, and the same back to JSON or a
query. Knows nothing about components but how to read their limits.

    {"version": 1, "tab": "pose", "values": {"yaw_deg": 12.5, "scale": 1.05}}
    ?recipe=1&tab=pose&yaw_deg=12.5&scale=1.05

A value that is left out keeps what the page shows. Everything else is strict: one thing that isn't
right, and nothing is set.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component

from mmfa_core import MMFAError

VERSION = 1
LARGEST_BYTES = 64 * 1024
WIDEST = 1e6  # limit of a number whose component has none

Value = float | int | bool | str
_AGAIN = "Save the recipe again from this page, or correct it."


@dataclass(frozen=True)
class Recipe:
    """Hold the settings of one tab."""

    tab: str
    values: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Say what one control accepts: a switch, a choice, or a number in a range."""

    switch: bool = False
    choices: tuple[str, ...] = ()
    low: float = -WIDEST
    high: float = WIDEST
    whole: bool = False

    def check(self, name: str, value: Any) -> Value:
        """Return the value if it is allowed.

        Raises:
            MMFAError: it isn't, with what is.
        """
        if self.switch:
            if not isinstance(value, bool):
                _refuse(f"{name} is {_show(value)}; it must be true or false.")
            return value
        if self.choices:
            if value not in self.choices:
                near = nearest(str(value), self.choices)
                _refuse(
                    f"{name} is {_show(value)}; allowed are {', '.join(self.choices)}.",
                    f"Did you mean {near}?",
                )
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(f"{name} is {_show(value)}; it must be a number.")
        if not self.low <= value <= self.high:  # also catches NaN
            _refuse(f"{name} is {_show(value)}; allowed are {self.low:g} to {self.high:g}.")
        if self.whole and value != round(value):
            _refuse(f"{name} is {value:g}; it must be a whole number.")
        return int(value) if self.whole else value

    def read(self, name: str, text: str) -> Value:
        """Read a value as it stands in a URL, and check it.

        Raises:
            MMFAError: it isn't allowed.
        """
        if self.switch and text in {"true", "false"}:
            return text == "true"
        if self.switch or self.choices:
            return self.check(name, text)
        try:
            return self.check(name, float(text))
        except ValueError:
            return self.check(name, text)


Rules = Mapping[str, Mapping[str, Rule]]  # tab -> name of a control -> its rule


def rule_of(component: Component) -> Rule:
    """Read what a component accepts.

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
        low, high = component.minimum, component.maximum
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
        _refuse(f"The recipe is larger than {LARGEST_BYTES // 1024} kB, so it can't be one.")
    try:
        raw = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MMFAError("The file is not a recipe: it holds no valid JSON.", _AGAIN) from error
    if not isinstance(raw, dict):
        _refuse("The file is not a recipe: it must hold version, tab and values.")
    _check_names("key", raw, ("version", "tab", "values"))
    missing = [name for name in ("version", "tab", "values") if name not in raw]
    if missing:
        _refuse(f"The recipe has no {missing[0]}.")
    if not isinstance(raw["values"], dict):
        _refuse("The values of the recipe must be names with numbers.")
    return _checked(raw["version"], raw["tab"], raw["values"], rules, as_text=False)


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
    version = query["recipe"]
    values = {
        name: text
        for name, text in query.items()
        if name not in {"recipe", "tab", "view"} and not name.startswith("_")
    }
    number = int(version) if version.isascii() and version.isdecimal() else version
    return _checked(number, query.get("tab"), values, rules, as_text=True)


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


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like a name."""
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def _checked(
    version: Any, tab: Any, values: Mapping[str, Any], rules: Rules, *, as_text: bool
) -> Recipe:
    if version != VERSION or isinstance(version, bool):
        _refuse(f"The recipe has version {_show(version)}; this page reads {VERSION}.")
    if not isinstance(tab, str) or tab not in rules:
        _refuse(f"There is no tab {_show(tab)}.", f"Did you mean {nearest(str(tab), rules)!r}?")
    known = rules[tab]
    _check_names("setting", values, known)
    return Recipe(
        tab,
        {
            name: known[name].read(name, value) if as_text else known[name].check(name, value)
            for name, value in values.items()
        },
    )


def _check_names(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            hint = f"Did you mean {nearest(name, names)!r}?" if names else "Leave it out."
            _refuse(f"There is no {what} {_show(name)} in a recipe of this tab.", hint)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("The recipe names a setting twice.")
    return found


def _no_constant(text: str) -> NoReturn:
    _refuse(f"The recipe holds {text}, which is no number.")


def _show(value: Any) -> str:
    """Show a value of a stranger, not longer than a person would read."""
    if isinstance(value, dict | list):
        return "a nested value"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _refuse(message: str, hint: str = _AGAIN) -> NoReturn:
    raise MMFAError(message, hint)

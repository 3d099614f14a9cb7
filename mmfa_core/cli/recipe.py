"""The settings of the page's tab Animate, from a recipe that the page saved.

In: a JSON file, as studio/recipe.schema.json describes it. Out: values of AnimateOptions. Knows
nothing about the page itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from mmfa_core.config import read_json
from mmfa_core.errors import ConfigError
from mmfa_core.inference.options import GAIN_LIMITS, MODES, PARTS

VERSION, TAB = 1, "animate"
KEYS = ("version", "tab", "values")
SWITCHES = ("best_frame", *(f"lock_{part}" for part in PARTS))
CHOICES = {
    "mode": MODES,
    "shown": ("face", "portrait"),
    # What drives and what is written are named by other arguments, so these only have to be right.
    "driver": ("clip", "picture", "motion"),
    "file_format": ("mp4", "gif", "png sequence"),
}
RANGES = {
    **{f"gain_{part}": (100 * GAIN_LIMITS[0], 100 * GAIN_LIMITS[1]) for part in PARTS},  # per cent
    "smoothing": (0.0, 1.0),
    "start_s": (0.0, 1e6),
    "end_s": (0.0, 1e6),
    "driving_face": (0.0, 1e6),
}
KNOWN = (*SWITCHES, *CHOICES, *RANGES, "motion")


def read_recipe(path: str | Path) -> dict[str, Any]:
    """Read a recipe of the tab Animate.

    Args:
        path: of the JSON file.

    Returns:
        Values of AnimateOptions by name; one that the recipe leaves out is left out.

    Raises:
        ConfigError: the first thing that isn't right.
    """
    raw = read_json(path)
    _check_names("key", raw, KEYS)
    for key in KEYS:
        if key not in raw:
            _refuse(f"The recipe has no {key}.")
    if raw["version"] != VERSION or isinstance(raw["version"], bool):
        _refuse(f"The recipe has version {_show(raw['version'])}; allowed is {VERSION}.")
    if raw["tab"] != TAB:
        _refuse(f"The recipe is of the tab {_show(raw['tab'])}, not of {TAB}.")
    values = raw["values"]
    if not isinstance(values, dict):
        _refuse("The values of the recipe must be names with numbers.")
    _check_names("setting", values, KNOWN)
    for name, value in values.items():
        _check_value(name, value)
    return _options(values)


def _options(values: dict[str, Any]) -> dict[str, Any]:
    same = ("mode", "smoothing", "best_frame", "start_s")
    found = {name: values[name] for name in same if name in values}
    for part in PARTS:
        if f"gain_{part}" in values:
            found[f"gain_{part}"] = values[f"gain_{part}"] / 100
    if any(f"lock_{part}" in values for part in PARTS):
        found["parts"] = tuple(part for part in PARTS if not values.get(f"lock_{part}"))
    if values.get("end_s"):  # 0 is the clip's end
        found["end_s"] = values["end_s"]
    if values.get("driving_face"):  # 0 is the largest
        found["driving_face_index"] = int(values["driving_face"])
    if "shown" in values:
        found["paste_back"] = values["shown"] == "portrait"
    return found


def _check_names(what: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.0)[0]
            _refuse(f"There is no {what} {_show(name)} in a recipe.", f"Did you mean {near!r}?")


def _check_value(name: str, value: Any) -> None:
    if name in SWITCHES:
        if not isinstance(value, bool):
            _refuse(f"{name} is {_show(value)}; it must be true or false.")
    elif name in CHOICES:
        if value not in CHOICES[name]:
            _refuse(f"{name} is {_show(value)}; allowed are {', '.join(CHOICES[name])}.")
    elif name in RANGES:
        low, high = RANGES[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:  # also catches NaN
            _refuse(f"{name} is {_show(value)}; allowed are numbers from {low:g} to {high:g}.")
        if name == "driving_face" and value != int(value):
            _refuse(f"{name} is {_show(value)}; it must be a whole number.")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _refuse(
    message: str, hint: str = "Save the recipe again from the page, or correct it."
) -> NoReturn:
    raise ConfigError(message, hint)

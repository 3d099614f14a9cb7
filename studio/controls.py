"""Sliders made from the ranges of the core, and what a tab tells about its controls.

In: names of CONTROL_RANGES. Out: components. The core holds the numbers, this file the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component

from mmfa_core import CONTROL_RANGES
from studio.inputs import OpenSlider


@dataclass(frozen=True)
class ControlText:
    """Hold the words of one slider."""

    label: str
    info: str
    step: float


CONTROL_TEXTS: dict[str, ControlText] = {
    "yaw_deg": ControlText("Turn", "left (-) or right (+) in the picture, degrees", 0.5),
    "pitch_deg": ControlText("Nod", "down (-) or up (+), degrees", 0.5),
    "roll_deg": ControlText("Tilt", "clockwise (-) or counter-clockwise (+), degrees", 0.5),
    "scale": ControlText("Size", "1 keeps the size of the head", 0.005),
    "tx": ControlText("Move sideways", "+ is right; 1 is half the width of the crop", 0.005),
    "ty": ControlText("Move up or down", "+ is down; 1 is half the height of the crop", 0.005),
    "expression_gain": ControlText(
        "Expression strength", "0 is a neutral face, 1 as it is, 2 twice as strong", 0.05
    ),
    "frontalise": ControlText(
        "Face the viewer", "how much of the head's own turn is taken away, 0 to 1", 0.05
    ),
}


@dataclass(frozen=True)
class Refresh:
    """Say what to run after a recipe has set the controls of a tab."""

    fn: Callable[..., Any]
    inputs: Sequence[Component]
    outputs: Sequence[Component]


@dataclass(frozen=True)
class TabControls:
    """Name the controls of a tab that a recipe holds: numbers, switches and choices only.

    Attributes:
        name: of the tab, as in the recipe, such as ``pose``.
        controls: name -> gr.Slider, gr.Number, gr.Checkbox, gr.Radio or gr.Dropdown.
        refresh: what to run after they were set, if the result should follow at once.
    """

    name: str
    controls: Mapping[str, Component] = field(default_factory=dict)
    refresh: Refresh | None = None


def slider(name: str, *, label: str | None = None, info: str | None = None, **more: Any) -> Any:
    """Build the slider of one control of the core.

    Args:
        name: of CONTROL_RANGES, such as ``yaw_deg``.
        label: another label than the usual one.
        info: other words of explanation than the usual ones.
        **more: other arguments of gr.Slider.

    Returns:
        The slider, at its neutral value.
    """
    limits, text = CONTROL_RANGES[name], CONTROL_TEXTS[name]
    return OpenSlider(
        **{
            "minimum": limits.low,
            "maximum": limits.high,
            "value": limits.neutral,
            "step": text.step,
            "label": label or text.label,
            "info": info or text.info,
            **more,
        }
    )


def wide_enough(low: float, high: float, value: float) -> Any:
    """Set a slider to a value that may lie outside its usual range: then it gets a wider one.

    Args:
        low: where the slider begins.
        high: where it ends.
        value: what it is to show.

    Returns:
        The value, or an update of the slider.
    """
    if low <= value <= high:
        return value
    return gr.Slider(min(low, value), max(high, value), value)

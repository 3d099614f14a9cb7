"""Places for pictures, which hand over the file itself, and for numbers and choices.

In: what a person drops, types or sends. Out: the path of the file, the number, the choice. Knows
nothing about what is done with it.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from typing import TYPE_CHECKING, Any

import gradio as gr

from mmfa_core import MMFAError
from studio.context import StudioContext
from studio.messages import as_gradio_error


def sources_of(studio: StudioContext, *names: str) -> list[Any]:
    """List where a picture or clip may come from, without a webcam where none is offered."""
    return [name for name in names if name != "webcam" or studio.settings.webcam]


def _preprocess(self: Any, payload: Any) -> Any:
    """Return the path of the file, or None if there is none."""
    if payload is not None and payload.path:
        return str(payload.path)
    return gr.Image.preprocess(self, payload)  # pixels inside the call itself, from the API


def _preprocess_number(self: Any, payload: Any) -> Any:
    """Return the number, or the nearest that is allowed."""
    low, high = self.minimum, self.maximum
    if payload is not None:
        payload = payload if low is None else max(payload, low)
        payload = payload if high is None else min(payload, high)
    return gr.Number.preprocess(self, payload)


def _preprocess_slider(self: Any, payload: Any) -> Any:
    """Return the number, whatever the slider's ends are."""
    number = isinstance(payload, int | float) and not isinstance(payload, bool)
    if not number or not abs(payload) <= sys.float_info.max:  # also catches NaN
        given = "empty" if payload is None else repr(payload)[:40]
        error = MMFAError(f"{self.label} is {given}, not a number that can be used.", "Give one.")
        raise as_gradio_error(error)
    return gr.Number.round_to_precision(payload, self.precision)


def _tell_slider(self: Any) -> dict[str, Any]:
    """Tell the API what a slider takes."""
    ends = f"on the page {self.minimum:g} to {self.maximum:g}"
    return {"type": "integer" if self.precision == 0 else "number", "description": ends}


def _preprocess_choice(_self: Any, payload: Any) -> Any:
    """Return what was chosen, in the list or not."""
    return payload


def _tell_choice(self: Any) -> dict[str, Any]:
    """Tell the API what a choice takes."""
    listed = ", ".join(str(value) for _, value in self.choices)
    return {"type": "string", "description": f"on the page {listed}"}


if TYPE_CHECKING:

    class PictureFile(gr.Image):
        """A gr.Image that gives handlers the file's path and leaves reading it to the core.

        gr.Image opens the picture before a handler is called: a file that is none then ends in
        a failure without a sentence, and some pictures are encoded again at every event.
        """

    class NumberInRange(gr.Number):
        """A gr.Number that takes the nearest number allowed in place of one that is not.

        gr.Number refuses such a number before a handler is called, and every event that takes it
        then fails.
        """

    class OpenSlider(gr.Slider):
        """A gr.Slider whose ends bind the page only; what a value may be, the core says.

        gr.Slider refuses what lies outside before a handler is called: whoever comes by the API
        would be held to the page's range, and read a sentence without a next step.
        """

    class OpenDropdown(gr.Dropdown):
        """A gr.Dropdown whose list binds the page only, as with OpenSlider."""

else:
    # No class statements: for each of those Gradio writes a .pyi file beside the source. They have
    # no __init__ of their own, since Gradio reads from it what to tell the browser.
    PictureFile = ABCMeta.__new__(
        type(gr.Image),
        "PictureFile",
        (gr.Image,),
        {
            "__module__": __name__,
            "__doc__": "A gr.Image that gives handlers the path of the file.",
            "is_template": True,  # looks and behaves as gr.Image in the browser
            "preprocess": _preprocess,
        },
    )
    NumberInRange = ABCMeta.__new__(
        type(gr.Number),
        "NumberInRange",
        (gr.Number,),
        {
            "__module__": __name__,
            "__doc__": "A gr.Number that takes the nearest number that is allowed.",
            "is_template": True,  # looks and behaves as gr.Number in the browser
            "preprocess": _preprocess_number,
        },
    )
    OpenSlider = ABCMeta.__new__(
        type(gr.Slider),
        "OpenSlider",
        (gr.Slider,),
        {
            "__module__": __name__,
            "__doc__": "A gr.Slider whose ends bind the page only.",
            "is_template": True,  # looks and behaves as gr.Slider in the browser
            "preprocess": _preprocess_slider,
            "api_info": _tell_slider,
        },
    )
    OpenDropdown = ABCMeta.__new__(
        type(gr.Dropdown),
        "OpenDropdown",
        (gr.Dropdown,),
        {
            "__module__": __name__,
            "__doc__": "A gr.Dropdown whose list binds the page only.",
            "is_template": True,  # looks and behaves as gr.Dropdown in the browser
            "preprocess": _preprocess_choice,
            "api_info": _tell_choice,
        },
    )

"""Places for pictures, which hand over the file itself, and for numbers, which stay in range.

In: what a person drops or types. Out: the path of the file, the number. Knows nothing about what is
done with it.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import TYPE_CHECKING, Any

import gradio as gr

from studio.context import StudioContext


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

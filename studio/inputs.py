"""Places for pictures and clips: where they may come from, and one that hands over the file itself.

In: what a person drops. Out: the path of the file. Knows nothing about what is done with it.
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


if TYPE_CHECKING:

    class PictureFile(gr.Image):
        """A gr.Image that gives handlers the file's path and leaves reading it to the core.

        gr.Image opens the picture before a handler is called: a file that is none then ends in
        a failure without a sentence, and some pictures are encoded again at every event.
        """

else:
    # Not a class statement: for each of those Gradio writes a .pyi file beside the source. It has
    # no __init__ of its own, since Gradio reads from it what to tell the browser.
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

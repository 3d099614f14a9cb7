"""A place for a picture that hands over the file as it was sent.

In: what a person drops. Out: the path of the file. Knows nothing about what is done with it.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


class PictureFile(gr.Image):
    """A gr.Image that gives handlers the file's path and leaves reading the picture to the core.

    gr.Image opens the picture before a handler is called: a file that is none then ends in a
    failure without a sentence, and some pictures are encoded again at every event.

    It has no __init__ of its own, since Gradio reads from it what to tell the browser.
    """

    is_template = True  # looks and behaves as gr.Image in the browser

    def preprocess(self, payload: Any) -> Any:
        """Return the path of the file, or None if there is none."""
        if payload is not None and payload.path:
            return str(payload.path)
        return super().preprocess(payload)  # pixels inside the call itself, from the API

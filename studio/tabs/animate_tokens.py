"""Tokens of what the tab Animate has under way, so that Cancel finds it.

In: events. Out: events between which a run has a token. Knows nothing about what runs do.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.tabs.animate_handlers import AnimateHandlers
from studio.tabs.animate_layout import Stage
from studio.terms import Terms
from studio.wiring import QUIET


class RunTokens:
    """Give each kind of run a token, and Cancel something to cancel while one is under way."""

    def __init__(
        self, handlers: AnimateHandlers, stage: Stage, tokens: list[gr.State], terms: Terms
    ) -> None:
        self.terms = terms
        self.stage = stage
        self.tokens = tokens
        self._handlers = handlers

        def cancel(*tokens: str | None) -> Any:
            handlers.cancel(*tokens)
            return gr.Button("Stopping..." if any(tokens) else "Cancel", interactive=False)

        stage.cancel.click(cancel, tokens, stage.cancel, queue=False, **QUIET)

    def begin(self, trigger: Any, number: int) -> Any:
        """Make a token when something is pressed or given, and switch Cancel on."""

        def begin() -> tuple[str, Any]:
            return self._handlers.runs.stops.new_token(), gr.Button("Cancel", interactive=True)

        return trigger(begin, None, [self.tokens[number], self.stage.cancel], queue=False, **QUIET)

    def end(self, run: Any, number: int) -> None:
        """Take the token away at the end, and switch Cancel off if it was the last."""
        others = [token for n, token in enumerate(self.tokens) if n != number]

        def end(*others: str | None) -> tuple[None, Any]:
            return None, gr.Button("Cancel", interactive=any(others))

        for after in (run.then, run.failure):  # then comes only after success
            after(end, others, [self.tokens[number], self.stage.cancel], queue=False, **QUIET)

"""Tokens of what the tab Animate has under way, so that Cancel finds it.

In: events. Out: events between which a run has a token. Knows nothing about what runs do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import gradio as gr

from studio.tabs.animate_layout import Stage
from studio.tabs.animate_stops import Stops
from studio.terms import Terms
from studio.wiring import QUIET


def tell_stopping(trigger: Any, token: gr.State, stops: Stops) -> None:
    """Tell whoever presses again while what went before is stopping, since Gradio leaves that out.

    Args:
        trigger: listens for the press.
        token: of what went before.
        stops: which runs were cancelled.
    """

    def tell(now: str | None) -> None:
        if stops.is_cancelled(now) and not stops.is_over(now):
            gr.Warning("What went before is still stopping. Press again in a moment.", title="Wait")

    trigger(tell, token, None, concurrency_limit=None, **QUIET)  # warnings go by the queue


class RunTokens:
    """Give each kind of run a token, and Cancel something to cancel while one is under way."""

    def __init__(self, stops: Stops, stage: Stage, tokens: list[gr.State], terms: Terms) -> None:
        self.terms = terms
        self.stage = stage
        self.tokens = tokens
        self._stops = stops

        def cancel(*tokens: str | None) -> Any:
            for token in tokens:
                stops.cancel(token)
            return gr.Button("Stopping..." if any(tokens) else "Cancel", interactive=False)

        stage.cancel.click(cancel, tokens, stage.cancel, queue=False, **QUIET)

    def begin(self, trigger: Any, number: int, *, replaces: bool = False) -> Any:
        """Make a token when something is pressed or given, and switch Cancel on.

        Args:
            trigger: listens for it.
            number: of the kind of run.
            replaces: what of this kind is under way is cancelled; otherwise it goes on, under its
                own token (also while it is stopping), and Gradio leaves the new run out.
        """

        def begin(now: str | None) -> tuple[str, Any]:
            if replaces:
                self._stops.cancel(now)
            elif now is not None and not self._stops.is_over(now):
                stopping = self._stops.is_cancelled(now)
                return now, gr.skip() if stopping else gr.Button("Cancel", interactive=True)
            return self._stops.new_token(), gr.Button("Cancel", interactive=True)

        mine = self.tokens[number]
        if not replaces:
            tell_stopping(trigger, mine, self._stops)
        return trigger(begin, mine, [mine, self.stage.cancel], queue=False, **QUIET)

    def replace(self, trigger: Any, number: int) -> Any:
        """Cancel what is under way when what it is about is replaced.

        Args:
            trigger: listens for it.
            number: of the kind of run.
        """
        return trigger(self._stops.cancel, self.tokens[number], None, queue=False, **QUIET)

    def ending(self, fn: Callable[..., Any]) -> Callable[..., Generator[Any]]:
        """Wrap a run, a generator: when it ends, the token among its values is over."""
        place = list(inspect.signature(fn).parameters).index("token")

        @functools.wraps(fn)
        def steps(*values: Any) -> Generator[Any]:
            try:
                yield from fn(*values)
            finally:
                self._stops.finish(values[place])

        return steps

    def end(self, run: Any, number: int) -> None:
        """Take the token away at the end, and switch Cancel off if it was the last.

        A token whose run is not over stays: it is of a run that waited for this one. After a
        failure none waits, and the run may not even have begun, as when the queue is full.
        """
        mine = self.tokens[number]
        others = [token for token in self.tokens if token is not mine]

        def end(now: str | None, *others: str | None) -> tuple[str | None, Any]:
            kept = None if self._stops.is_over(now) else now
            return kept, gr.Button("Cancel", interactive=any((kept, *others)))

        def fail(*others: str | None) -> tuple[None, Any]:
            return None, gr.Button("Cancel", interactive=any(others))

        changed = [mine, self.stage.cancel]
        run.then(end, [mine, *others], changed, queue=False, **QUIET)  # only after success
        run.failure(fail, others, changed, queue=False, **QUIET)

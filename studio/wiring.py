"""How events of the page are wired: what computes waits in one queue, what does not is at once.

In: nothing. Out: arguments of Gradio's events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studio.context import MODEL_QUEUE

MODEL: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
LIVE: dict[str, Any] = {"trigger_mode": "always_last", "show_progress": "hidden", **MODEL}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
LIVE_QUIET: dict[str, Any] = {**LIVE, **QUIET}
# What was clicked goes with each click: Gradio sends the first one again for the last.
EVERY_CLICK: dict[str, Any] = {"trigger_mode": "multiple", **QUIET, **MODEL}


def constant(value: str) -> Callable[[], str]:
    """Make a handler that always gives the same value."""
    return lambda: value

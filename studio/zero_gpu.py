"""Hugging Face's ZeroGPU: a GPU that is lent for one call at a time.

In: a page that is built. Out: the same page, whose events that compute with the model borrow a GPU.
Knows nothing about what the events do. Where there is no ZeroGPU all of this changes nothing.

ZeroGPU runs a borrowed call in a process that it forks, so what such a call keeps in memory is gone
afterwards, and a stop that is asked for here isn't seen there before the next answer. The package
`spaces` must be imported before torch; app.py does that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import gradio as gr

from mmfa_core import MMFAError, probe_clip
from studio.context import MODEL_QUEUE

Fn = TypeVar("Fn", bound=Callable[..., Any])

# Estimates, not measurements on a GPU: two CPU cores without matrix units render 30 frames a second
# with tracking and encoding, which stay on the CPU there too; the first call starts CUDA as well.
START_S = 10.0
FRAMES_PER_S = 30.0
CLIP_FPS = 30.0
SHORTEST_S, LONGEST_S = 15, 120  # shorter requests wait less; longer ones may be refused


class Spaces(Protocol):
    """What is used of the package `spaces`."""

    def GPU(self, *, duration: Callable[..., int]) -> Callable[[Fn], Fn]:  # noqa: N802
        """Make a function borrow a GPU for as long as ``duration`` says of its arguments."""


def is_zero_gpu() -> bool:
    """Say whether this is a Space on ZeroGPU.

    A forked process must not find threads of OpenMP that were lost on the way, so there the model
    computes on one CPU thread until it has a GPU.
    """
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def on_gpu(fn: Fn, spaces: Spaces | None) -> Fn:
    """Let a function borrow a GPU when it is called.

    Args:
        fn: a function or a generator function.
        spaces: the package, or None where there is none.

    Returns:
        What to call instead; ``fn`` itself without `spaces`.
    """
    return fn if spaces is None else spaces.GPU(duration=estimate_s)(fn)


def put_on_gpu(page: gr.Blocks, spaces: Spaces | None = None) -> int:
    """Let every event that computes with the model borrow a GPU.

    Args:
        page: built, not launched.
        spaces: the package; None takes the installed one, if there is one.

    Returns:
        How many events do so now.
    """
    lender = spaces or _spaces()
    if lender is None:
        return 0
    mine = [event for event in page.fns.values() if event.concurrency_id == MODEL_QUEUE]
    for event in mine:
        if event.fn is not None:
            event.fn = on_gpu(event.fn, lender)
    return len(mine)


def estimate_s(*values: Any, **named: Any) -> int:
    """Estimate how long a call needs the GPU, from the clips among its arguments.

    Args:
        values: of the event's components.
        named: others.

    Returns:
        Seconds, SHORTEST_S to LONGEST_S.
    """
    clips_s = sum(_length_s(value) for value in (*values, *named.values()))
    needed = START_S + clips_s * CLIP_FPS / FRAMES_PER_S
    return round(min(max(needed, SHORTEST_S), LONGEST_S))


def _length_s(value: Any) -> float:
    """Return the length of a clip, s; 0 for everything else."""
    if not isinstance(value, str) or not os.path.isabs(value):  # noqa: PTH117  # may be any text
        return 0.0
    try:
        return probe_clip(value).duration_s
    except MMFAError:  # a picture, or a clip that the handler will refuse with a sentence
        return 0.0


def _spaces() -> Spaces | None:
    try:
        import spaces  # only Spaces have it
    except ImportError:
        return None
    package: Spaces = spaces
    return package

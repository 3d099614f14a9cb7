"""Handlers whose pictures are marked, and which ask for consent first.

In: handlers that return frames. Out: handlers that return marked files, with two arguments more.
Knows nothing about what handlers compute.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from studio.context import StudioContext
from studio.messages import friendly
from studio.terms import SHOW_CONSENT, Terms, is_example, require_consent
from studio.wiring import QUIET

Handler = Callable[..., Any]
Frame = NDArray[np.uint8]
Marker = Callable[[Any], Any]  # a frame -> its marked file; what is no frame stays
SLOTS = "ABCD"  # how faces are named where there are several
BADGE_TEXT = "lay the visible badge over what is made."
CONSENT_TEXT = (
    "true says that you may use these pictures, and that the people in them agree; needed for all "
    "but the shipped examples."
)
FILE_CONSENT_TEXT = (
    "true says that you may use these files, and that the people in them agree; always needed."
)


@dataclass(frozen=True)
class Looks:
    """Wrap handlers that answer with pictures at once, such as those of sliders.

    The wrapped handler takes two values more, badge and consent. It asks for consent unless all
    pictures are shipped examples, and marks what it shows.

    Attributes:
        studio: what tabs share.
        sources: names of the arguments that are picture files; the first values of a handler.
        mark: which of the handler's outputs are generated pictures: mark(outputs, marker).
    """

    studio: StudioContext
    sources: Sequence[str]
    mark: Callable[[Any, Marker], Any]

    def wrap(
        self,
        fn: Handler,
        identity: str | None = None,
        *,
        used: Sequence[str] = (),
        like: Handler | None = None,
        live: bool = True,
        lasting: bool = False,
    ) -> Handler:
        """Wrap a handler.

        Args:
            fn: the handler.
            identity: name of the argument that names whose face is shown, A to D; None takes the
                first source.
            used: the faces whose expression shows, A to D or names of arguments that name one; the
                manifest tells of them and of no others.
            like: the handler whose name and arguments the manifest is to tell; None is fn itself.
            live: whether a person waits for it at a slider, so that it is measured.
            lasting: its pictures are part of the page itself.
        """
        told = like or fn
        names = list(inspect.signature(told).parameters)

        @_with_arguments(fn, "badge", "consent")
        def look(*values: Any, **event: Any) -> Any:
            *given, badge, consent = values
            if not self._are_examples(given):
                require_consent(consent)
            with self.studio.latency.measure() if live else contextlib.nullcontext():
                outputs = fn(*given, **event)
                settings = dict(zip(names, given, strict=False))
                faces = [settings.pop(name) for name in self.sources]
                shown = 0 if identity is None else SLOTS.find(str(settings[identity]))
                named = {str(settings.get(name, name)) for name in used} - {SLOTS[shown]}
                others = [f for n, f in zip(SLOTS, faces, strict=False) if n in named and f]

                def keep(frame: Frame) -> str:
                    return self.studio.keep(
                        frame,
                        self.studio.prepare(faces[shown]),
                        operation=told.__name__,
                        settings=settings,
                        expressions=[self.studio.prepare(face) for face in others],
                        badge=badge,
                        lasting=lasting,
                    )

                return self.mark(outputs, lambda v: keep(v) if isinstance(v, np.ndarray) else v)

        return friendly(look)

    def when_agreed(self, fn: Handler, outputs: int) -> Handler:
        """Make a handler that looks again once consent is given, if it was lacking before.

        Args:
            fn: a wrapped handler.
            outputs: how many it has.
        """
        unchanged = gr.skip() if outputs == 1 else (gr.skip(),) * outputs

        def again(*values: Any) -> Any:
            if values[-1] is not True or self._are_examples(values):
                return unchanged
            try:
                return fn(*values)
            except gr.Error:  # told when the pictures came
                return unchanged

        return again

    def _are_examples(self, given: Sequence[Any]) -> bool:
        return all(map(is_example, given[: len(self.sources)]))


def with_consent(fn: Handler) -> Handler:
    """Wrap a handler that makes files: it takes consent as one value more, and needs it."""
    if inspect.isgeneratorfunction(fn):

        @_with_arguments(fn, "consent", consent=FILE_CONSENT_TEXT)
        def steps(*values: Any) -> Generator[Any, Any, Any]:
            require_consent(values[-1])
            return (yield from fn(*values[:-1]))

        return friendly(steps)

    @_with_arguments(fn, "consent", consent=FILE_CONSENT_TEXT)
    def call(*values: Any) -> Any:
        require_consent(values[-1])
        return fn(*values[:-1])

    return friendly(call)


def ask_first(button: gr.Button, terms: Terms) -> Callable[..., Any]:
    """Ask for consent when a button is pressed, before anything waits in the queue or is hidden.

    What runs afterwards asks again, for whoever comes by the API.

    Args:
        button: makes files.
        terms: hold the tick, which is shown to whoever forgot it.

    Returns:
        What listens for the press with consent.
    """
    asked = button.click(
        friendly(require_consent),
        terms.consent,
        None,
        concurrency_limit=None,  # at once, whatever renders
        **QUIET,
    )
    asked.failure(None, js=SHOW_CONSENT, api_visibility="private")
    return asked.success


def _with_arguments(
    fn: Handler, *names: str, consent: str = CONSENT_TEXT
) -> Callable[[Handler], Handler]:
    """Give a wrapper the signature and docstring of a handler, with arguments at the end."""
    kinds = {"badge": (True, BADGE_TEXT), "consent": (False, consent)}
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    added = [
        inspect.Parameter(name, keyword, annotation=bool, default=kinds[name][0]) for name in names
    ]
    signature = inspect.signature(fn)
    parameters = list(signature.parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        added = []  # it takes any number of values already

    def give(wrapper: Handler) -> Handler:
        functools.update_wrapper(wrapper, fn)
        wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*parameters, *added]
        )
        lines = [f"    {name}: {kinds[name][1]}" for name in names]
        wrapper.__doc__ = _document(inspect.getdoc(fn) or "", lines)
        return wrapper

    return give


def _document(text: str, lines: Sequence[str]) -> str:
    """Add lines at the end of the Args of a docstring."""
    for section in ("\n\nReturns:", "\n\nYields:"):
        head, found, rest = text.partition(section)
        if found and "\nArgs:" in head:
            return "\n".join((head, *lines)) + found + rest
    return text

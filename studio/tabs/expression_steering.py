"""The endpoint of a model's named directions: an argument for each.

In: the handlers and names of directions. Out: a handler. Knows nothing about components.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from studio.messages import friendly
from studio.tabs.expression_faces import SLOTS
from studio.tabs.expression_vary import VaryHandlers


def steering(handlers: VaryHandlers, names: tuple[str, ...]) -> Callable[..., Any]:
    """Make a handler with an argument for each direction of the model, so that the API names it.

    Args:
        handlers: of the tab.
        names: of the directions.

    Returns:
        set_expression(face_a, face_b, face_c, face_d, shown_on, and one number a direction).
    """

    def set_expression(*values: Any) -> Any:
        *faces, shown_on = values[: len(SLOTS) + 1]
        amounts = dict(zip(names, values[len(SLOTS) + 1 :], strict=True))
        return handlers.set_expression(faces, shown_on, amounts)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    set_expression.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            *(inspect.Parameter(f"face_{s.lower()}", kind, annotation=str) for s in SLOTS),
            inspect.Parameter("shown_on", kind, annotation=str, default="A"),
            *(inspect.Parameter(n, kind, annotation=float, default=0.0) for n in names),
        ]
    )
    set_expression.__doc__ = "\n".join(
        [
            "Move a face's expression along the model's named directions.",
            "",
            "Args:",
            *(f"    face_{s.lower()}: picture file of a face." for s in SLOTS),
            "    shown_on: A, B, C or D, which face.",
            *(f"    {n}: how far, 0 is as it is." for n in names),
            "",
            "Returns:",
            "    The picture.",
        ]
    )
    return friendly(set_expression)

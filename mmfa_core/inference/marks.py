"""The mark that files of one result get.

In: an engine, and what was done with what. Out: a Mark. Knows nothing about how files are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmfa_core.inference.engine import Engine
from mmfa_core.provenance import Ingredient, Mark, Origin, hash_settings


def begin_mark(
    engine: Engine,
    operation: str,
    settings: Sequence[Any],
    ingredients: Sequence[Ingredient],
    *,
    badge: bool,
) -> Mark:
    """Describe how a result is made.

    Args:
        engine: whose model makes it.
        operation: such as ``animate``.
        settings: dataclasses and plain values; only their hash is declared.
        ingredients: the sources, the portrait first.
        badge: whether frames get the visible badge.
    """
    origin = Origin(
        operation=operation,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
        settings_hash=hash_settings(operation, *settings),
        ingredients=tuple(ingredients),
    )
    return Mark(origin, badge=badge)

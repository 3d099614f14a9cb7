"""Write recipe.schema.json anew when a control came, went or got another range.

    python -m studio.write_schema

In: the page of the bundled model. Out: the published schema. Knows nothing about recipes.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmfa_core import Animator
from studio.context import StudioContext
from studio.layout import TABS
from studio.recipe_panel import rules_of
from studio.recipe_schema import PUBLISHED, schema_of, to_text
from studio.terms import build_terms


def page_schema(animator: Animator) -> dict[str, Any]:
    """Describe the recipes of a page, with the directions of its model left open."""
    studio = StudioContext(animator)
    with gr.Blocks():
        terms = build_terms()
        tabs = {name: build(studio, terms) for name, _, build in TABS}
    recipes = {name: tab for name, tab in tabs.items() if tab.controls}
    return schema_of(rules_of(recipes), [d.name for d in animator.expressions.directions])


if __name__ == "__main__":
    PUBLISHED.write_text(to_text(page_schema(Animator.from_pretrained())), encoding="utf-8")

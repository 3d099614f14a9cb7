"""The tab Expressions: mix, sample, add and steer expressions, and see each at once.

In: StudioContext. Out: TabControls. Its events are in expression_wiring.py.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import StudioContext
from studio.controls import TabControls
from studio.examples import EXAMPLES
from studio.marked import Looks
from studio.tabs.expression_faces import SLOTS
from studio.tabs.expression_handlers import (
    STRIP,
    ExpressionHandlers,
    mark_shown,
)
from studio.tabs.expression_layout import (
    Mix,
    build_faces,
    build_mix,
    build_near,
    build_steer,
    build_sum,
    pad_part,
)
from studio.tabs.expression_vary import VaryHandlers
from studio.tabs.expression_wiring import (
    Wiring,
    wire_faces,
    wire_mix,
    wire_near,
    wire_pad,
    wire_steer,
    wire_sum,
)
from studio.terms import Terms

FIRST = (
    "london_034_neutral.jpg",
    "london_009_smiling.jpg",
    "london_101_neutral.jpg",
    "london_114_smiling.jpg",
)


def build_expressions(studio: StudioContext, terms: Terms) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.
        terms: consent and badge.

    Returns:
        Its controls, for recipes.
    """
    handlers = ExpressionHandlers(studio)
    looks = Looks(studio, [f"face_{slot.lower()}" for slot in SLOTS], mark_shown)
    first = [str(EXAMPLES / n) if (EXAMPLES / n).is_file() else None for n in FIRST]
    now: tuple[Any, Any] = (None, None)
    if None not in first[:2]:
        show_first = looks.wrap(
            handlers.show_faces,
            "shown_on",
            used="AB",
            like=handlers.mix_expressions,
            live=False,
            lasting=True,
        )
        now = show_first(*first, 0.5, "A", "linear", True, False)
    gr.Markdown(
        "Expressions live in a smooth space of their own, apart from who shows them. "
        "**Drag the slider** to walk from one face's expression to another's.",
        elem_classes="hint",
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280, elem_classes="rail"):
            faces = build_faces(studio, first)
        with gr.Column(scale=6, min_width=300, elem_classes="stage"):
            picture = gr.Image(
                now[0],
                label="Result",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="expression-picture",
                elem_classes="square",
                alt_text="The face that is shown with the expression that is set",
                placeholder="Add two faces, and their mix appears here",
            )
            strip = gr.Gallery(
                now[1],
                label="From A to B; click one to go there",
                show_label=False,
                columns=STRIP,
                rows=1,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="expression-strip",
            )
        with gr.Column(scale=6, min_width=300, elem_classes="rail"), gr.Tabs():
            with gr.Tab("A to B", id="mix") as mix_tab:
                share, path, seconds, make, clip = build_mix()
            with gr.Tab("Pad", id="pad") as pad_tab:
                pad = pad_part(handlers.slots.pad_corners(first))
            with gr.Tab("Nearby", id="near") as near_tab:
                near = build_near()
            with gr.Tab("Difference", id="sum") as sum_tab:
                total = build_sum()
            directions = studio.animator.expressions.directions
            steer: dict[str, gr.Slider] = {}
            reset: gr.Button | None = None
            if directions:
                with gr.Tab("Sliders", id="steer") as steer_tab:
                    steer, reset = build_steer(directions)
    mix = Mix(share, path, seconds, make, strip, clip)
    wiring = Wiring(handlers, VaryHandlers(studio), looks, faces, picture, terms)
    wire_mix(wiring, mix, mix_tab)
    wire_pad(wiring, pad, pad_tab)
    wire_near(wiring, near, near_tab)
    wire_sum(wiring, total, sum_tab)
    if reset is not None:
        wire_steer(wiring, steer, reset, steer_tab)
    refresh = wire_faces(wiring, mix, pad, near)
    return TabControls(
        "expressions",
        {
            "share": share,
            "path": path,
            "identity": faces.identity,
            "seconds": seconds,
            "pad_x": pad.x,
            "pad_y": pad.y,
            "near": near.around,
            "tau": near.tau,
            "seed": near.seed,
            "plus": total.plus,
            "minus": total.minus,
            "base": total.base,
            "gain": total.gain,
            **steer,
        },
        refresh,
    )

"""The tab Expressions: mix, sample, add and steer expressions, and see each at once.

In: StudioContext. Out: TabControls. What the events do is in expression_handlers.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.messages import friendly
from studio.tabs.expression_handlers import NEIGHBOURS, SEEDS, SLOTS, STRIP, ExpressionHandlers
from studio.tabs.expression_layout import (
    EXAMPLES,
    Faces,
    Mix,
    Near,
    Pad,
    Sum,
    build_faces,
    build_mix,
    build_near,
    build_steer,
    build_sum,
    pad_part,
)

FIRST = (
    "london_034_neutral.jpg",
    "london_009_smiling.jpg",
    "london_101_neutral.jpg",
    "london_114_smiling.jpg",
)
LIVE: dict[str, Any] = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
}
MODEL: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
NEXT_SEED = f"(seed) => [(Number(seed) + {NEIGHBOURS}) % {SEEDS}]"


def build_expressions(studio: StudioContext) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.

    Returns:
        Its controls, for recipes.
    """
    handlers = ExpressionHandlers(studio)
    first = [str(EXAMPLES / n) if (EXAMPLES / n).is_file() else None for n in FIRST]
    a, b, c, d = first
    ready = a is not None and b is not None
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
                handlers.mix(first, 0.5, "A", "linear") if ready else None,
                label="Result",
                format="webp",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="expression-picture",
                elem_classes="square",
                alt_text="The face that is shown with the expression that is set",
                placeholder="Add two faces, and their mix appears here",
            )
            strip = gr.Gallery(
                handlers.mix_strip(a, b, c, d) if ready else None,
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
                pad = pad_part(handlers.pad_corners(first))
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
    _wire_faces(handlers, faces, mix, pad, picture)
    _wire_mix(handlers, faces, mix, picture, mix_tab)
    _wire_pad(handlers, faces, pad, picture, pad_tab)
    _wire_near(handlers, faces, near, picture, near_tab)
    _wire_sum(handlers, faces, total, picture, sum_tab)
    if reset is not None:
        _wire_steer(handlers, faces, steer, reset, picture, steer_tab)
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
        Refresh(handlers.mix_expressions, [*faces.slots, share, faces.identity, path], [picture]),
    )


def _wire_faces(
    handlers: ExpressionHandlers, faces: Faces, mix: Mix, pad: Pad, picture: gr.Image
) -> None:
    given = {
        "fn": handlers.open_faces,
        "inputs": [*faces.slots, faces.kept, faces.identity, mix.share, mix.path],
        "outputs": [*faces.slots, faces.kept, pad.pad, picture, mix.strip],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": picture,
        "trigger_mode": "always_last",  # a face may come while the last one is being taken away
        **MODEL,
    }
    gr.on([slot.input for slot in faces.slots], **given)
    faces.picked.then(**given)


def _wire_mix(
    handlers: ExpressionHandlers, faces: Faces, mix: Mix, picture: gr.Image, tab: gr.Tab
) -> None:
    live = [*faces.slots, mix.share, faces.identity, mix.path]
    still = [*faces.slots, faces.identity, mix.path]
    gr.on(
        [mix.share.input, faces.identity.input, mix.path.input],
        handlers.mix_expressions,
        live,
        picture,
        api_name="mix_expressions",
        **LIVE,
    )
    gr.on(
        [faces.identity.input, mix.path.input],
        handlers.mix_strip,
        still,
        mix.strip,
        api_name="mix_strip",
        show_progress="minimal",
        **MODEL,
    )

    tab.select(handlers.mix_expressions, live, picture, **QUIET, **MODEL)

    def go_there(*values: Any, event: gr.SelectData) -> tuple[float, Any]:
        share = int(event.index) / (STRIP - 1)
        a, b, c, d, identity, path = values
        return share, handlers.mix_expressions(a, b, c, d, share, identity, path)

    mix.strip.select(_selecting(go_there), still, [mix.share, picture], **QUIET, **MODEL)
    mix.make.click(
        handlers.expression_clip,
        [*still, mix.seconds],
        mix.clip,
        api_name="expression_clip",
        show_progress="full",
        show_progress_on=mix.clip,
        **MODEL,
    )


def _wire_pad(
    handlers: ExpressionHandlers, faces: Faces, pad: Pad, picture: gr.Image, tab: gr.Tab
) -> None:
    inputs = [*faces.slots, pad.x, pad.y, faces.identity]
    gr.on(
        [pad.x.input, pad.y.input],
        handlers.mix_pad,
        inputs,
        picture,
        api_name="mix_pad",
        **LIVE,
    )
    tab.select(handlers.mix_pad, inputs, picture, **QUIET, **MODEL)


def _wire_near(
    handlers: ExpressionHandlers, faces: Faces, near: Near, picture: gr.Image, tab: gr.Tab
) -> None:
    inputs = [*faces.slots, near.around, near.tau, near.seed, faces.identity]

    def show(*values: Any, event: gr.SelectData) -> Any:
        return handlers.show_sample(*values, chosen=int(event.index))

    def first(*values: Any) -> Any:
        return handlers.show_sample(*values, chosen=0)

    gr.on(
        [near.around.input, near.tau.release, near.seed.submit, tab.select],
        handlers.sample_expression,
        inputs,
        near.found,
        api_name="sample_expression",
        show_progress="hidden",
        **MODEL,
    )
    gr.on(
        [near.around.input, near.tau.input, near.seed.submit, tab.select],
        friendly(first),
        inputs,
        picture,
        api_visibility="private",
        **LIVE,
    )
    near.another.click(None, near.seed, near.seed, js=NEXT_SEED, api_visibility="private").then(
        handlers.sample_expression, inputs, near.found, **QUIET, **MODEL
    ).then(friendly(first), inputs, picture, **QUIET, **MODEL)
    near.found.select(_selecting(show), inputs, picture, **QUIET, **MODEL)


def _wire_sum(
    handlers: ExpressionHandlers, faces: Faces, total: Sum, picture: gr.Image, tab: gr.Tab
) -> None:
    controls: list[Any] = [total.plus, total.minus, total.base, total.gain]
    gr.on(
        [control.input for control in controls],
        handlers.add_expression,
        [*faces.slots, *controls],
        picture,
        api_name="add_expression",
        **LIVE,
    )
    tab.select(handlers.add_expression, [*faces.slots, *controls], picture, **QUIET, **MODEL)


def _wire_steer(
    handlers: ExpressionHandlers,
    faces: Faces,
    steer: dict[str, gr.Slider],
    reset: gr.Button,
    picture: gr.Image,
    tab: gr.Tab,
) -> None:
    set_expression = steering(handlers, tuple(steer))
    inputs = [*faces.slots, faces.identity, *steer.values()]
    gr.on(
        [slider.input for slider in steer.values()],
        set_expression,
        inputs,
        picture,
        api_name="set_expression",
        **LIVE,
    )
    tab.select(set_expression, inputs, picture, **QUIET, **MODEL)
    reset.click(lambda: [0.0] * len(steer), None, list(steer.values()), queue=False, **QUIET).then(
        set_expression, inputs, picture, **QUIET, **MODEL
    )


def steering(handlers: ExpressionHandlers, names: tuple[str, ...]) -> Callable[..., Any]:
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


def _selecting(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give a handler of many values what was selected; Gradio finds the event by its annotation."""

    def call(event: gr.SelectData, *values: Any) -> Any:
        return fn(*values, event=event)

    return friendly(call)

"""The tab Expressions: mix, sample, add and steer expressions, and see each at once.

In: StudioContext. Out: TabControls. What the events do is in expression_handlers.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.marked import Looks, with_consent
from studio.messages import friendly
from studio.tabs.expression_handlers import (
    NEIGHBOURS,
    SEEDS,
    SLOTS,
    STRIP,
    ExpressionHandlers,
    mark_shown,
)
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
from studio.terms import SHOW_CONSENT, Terms

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


@dataclass(frozen=True, eq=False)
class Wiring:
    """Hold what every part of the tab is wired with.

    Attributes:
        handlers: what is done.
        looks: marks pictures, and asks for consent.
        faces: the four slots.
        picture: where results are shown.
        terms: consent and badge.
    """

    handlers: ExpressionHandlers
    looks: Looks
    faces: Faces
    picture: gr.Image
    terms: Terms

    def inputs(self, *controls: Any) -> list[Any]:
        """Return the inputs of a wrapped handler: the slots, some controls, badge and consent."""
        return [*self.faces.slots, *controls, *self.terms.inputs]


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
    wiring = Wiring(handlers, looks, faces, picture, terms)
    _wire_faces(wiring, mix, pad)
    _wire_mix(wiring, mix, mix_tab)
    _wire_pad(wiring, pad, pad_tab)
    _wire_near(wiring, near, near_tab)
    _wire_sum(wiring, total, sum_tab)
    if reset is not None:
        _wire_steer(wiring, steer, reset, steer_tab)
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
        Refresh(
            looks.wrap(handlers.mix_expressions, "shown_on"),
            wiring.inputs(share, faces.identity, path),
            [picture],
        ),
    )


def _wire_faces(wiring: Wiring, mix: Mix, pad: Pad) -> None:
    faces, handlers = wiring.faces, wiring.handlers
    given: dict[str, Any] = {
        "fn": handlers.open_faces,
        "inputs": [*faces.slots, faces.kept],
        "outputs": [*faces.slots, faces.kept, pad.pad],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": wiring.picture,
        "trigger_mode": "always_last",  # a face may come while the last one is being taken away
        **MODEL,
    }
    shown: dict[str, Any] = {
        "fn": wiring.looks.wrap(
            handlers.show_faces, "shown_on", like=handlers.mix_expressions, live=False
        ),
        "inputs": wiring.inputs(mix.share, faces.identity, mix.path),
        "outputs": [wiring.picture, mix.strip],
        **QUIET,
        **MODEL,
    }
    for opened in (
        gr.on([slot.input for slot in faces.slots], **given),
        faces.picked.then(**given),
    ):
        opened.success(**shown)
    again = wiring.looks.when_agreed(shown["fn"], 2)
    wiring.terms.consent.change(**{**shown, "fn": again})


def _wire_mix(wiring: Wiring, mix: Mix, tab: gr.Tab) -> None:
    handlers, looks, faces = wiring.handlers, wiring.looks, wiring.faces
    live = wiring.inputs(mix.share, faces.identity, mix.path)
    still = wiring.inputs(faces.identity, mix.path)
    mixed = looks.wrap(handlers.mix_expressions, "shown_on")
    gr.on(
        [mix.share.input, faces.identity.input, mix.path.input],
        mixed,
        live,
        wiring.picture,
        api_name="mix_expressions",
        **LIVE,
    )
    gr.on(
        [faces.identity.input, mix.path.input],
        looks.wrap(handlers.mix_strip, "shown_on", live=False),
        still,
        mix.strip,
        api_name="mix_strip",
        show_progress="minimal",
        **MODEL,
    )
    tab.select(mixed, live, wiring.picture, **QUIET, **MODEL)

    def go_there(*values: Any, event: gr.SelectData) -> tuple[float, Any]:
        share = int(event.index) / (STRIP - 1)
        a, b, c, d, identity, path = values
        return share, handlers.mix_expressions(a, b, c, d, share, identity, path)

    mix.strip.select(
        _selecting(looks.wrap(go_there, "shown_on", like=handlers.mix_strip)),
        still,
        [mix.share, wiring.picture],
        **QUIET,
        **MODEL,
    )
    made = mix.make.click(
        with_consent(handlers.expression_clip),
        wiring.inputs(faces.identity, mix.path, mix.seconds),
        mix.clip,
        api_name="expression_clip",
        show_progress="full",
        show_progress_on=mix.clip,
        **MODEL,
    )
    made.failure(None, js=SHOW_CONSENT, api_visibility="private")


def _wire_pad(wiring: Wiring, pad: Pad, tab: gr.Tab) -> None:
    inputs = wiring.inputs(pad.x, pad.y, wiring.faces.identity)
    mixed = wiring.looks.wrap(wiring.handlers.mix_pad, "shown_on")
    gr.on(
        [pad.x.input, pad.y.input],
        mixed,
        inputs,
        wiring.picture,
        api_name="mix_pad",
        **LIVE,
    )
    tab.select(mixed, inputs, wiring.picture, **QUIET, **MODEL)


def _wire_near(wiring: Wiring, near: Near, tab: gr.Tab) -> None:
    handlers, picture = wiring.handlers, wiring.picture
    inputs = wiring.inputs(near.around, near.tau, near.seed, wiring.faces.identity)

    def show(*values: Any, event: gr.SelectData) -> Any:
        return handlers.show_sample(*values, chosen=int(event.index))

    def first(*values: Any) -> Any:
        return handlers.show_sample(*values, chosen=0)

    sampled = wiring.looks.wrap(handlers.sample_expression, "shown_on", live=False)
    first_shown = wiring.looks.wrap(first, "shown_on", like=handlers.sample_expression)
    gr.on(
        [near.around.input, near.tau.release, near.seed.submit, tab.select],
        sampled,
        inputs,
        near.found,
        api_name="sample_expression",
        show_progress="hidden",
        **MODEL,
    )
    gr.on(
        [near.around.input, near.tau.input, near.seed.submit, tab.select],
        first_shown,
        inputs,
        picture,
        api_visibility="private",
        **LIVE,
    )
    near.another.click(None, near.seed, near.seed, js=NEXT_SEED, api_visibility="private").then(
        sampled, inputs, near.found, **QUIET, **MODEL
    ).then(first_shown, inputs, picture, **QUIET, **MODEL)
    shown = _selecting(wiring.looks.wrap(show, "shown_on", like=handlers.sample_expression))
    near.found.select(shown, inputs, picture, **QUIET, **MODEL)


def _wire_sum(wiring: Wiring, total: Sum, tab: gr.Tab) -> None:
    controls: list[Any] = [total.plus, total.minus, total.base, total.gain]
    added = wiring.looks.wrap(wiring.handlers.add_expression, "base")
    gr.on(
        [control.input for control in controls],
        added,
        wiring.inputs(*controls),
        wiring.picture,
        api_name="add_expression",
        **LIVE,
    )
    tab.select(added, wiring.inputs(*controls), wiring.picture, **QUIET, **MODEL)


def _wire_steer(wiring: Wiring, steer: dict[str, gr.Slider], reset: gr.Button, tab: gr.Tab) -> None:
    set_expression = wiring.looks.wrap(steering(wiring.handlers, tuple(steer)), "shown_on")
    inputs = wiring.inputs(wiring.faces.identity, *steer.values())
    picture = wiring.picture
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

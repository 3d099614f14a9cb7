"""What the parts of the tab Expressions set off.

In: components and handlers. Out: their events. What they do is in the handlers' modules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.marked import Looks, with_consent
from studio.messages import friendly
from studio.tabs.expression_handlers import STRIP, ExpressionHandlers
from studio.tabs.expression_layout import Faces, Mix, Near, Pad, Sum
from studio.tabs.expression_steering import steering
from studio.tabs.expression_vary import NEIGHBOURS, SEEDS, VaryHandlers
from studio.terms import SHOW_CONSENT, Terms
from studio.wiring import LIVE, MODEL, QUIET

NEXT_SEED = f"(seed) => [(Number(seed) + {NEIGHBOURS}) % {SEEDS}]"


@dataclass(frozen=True, eq=False)
class Wiring:
    """Hold what every part of the tab is wired with.

    Attributes:
        handlers: what is done with several faces.
        varied: what is done with the expression of one.
        looks: marks pictures, and asks for consent.
        faces: the four slots.
        picture: where results are shown.
        terms: consent and badge.
    """

    handlers: ExpressionHandlers
    varied: VaryHandlers
    looks: Looks
    faces: Faces
    picture: gr.Image
    terms: Terms

    def inputs(self, *controls: Any) -> list[Any]:
        """Return the inputs of a wrapped handler: the slots, some controls, badge and consent."""
        return [*self.faces.slots, *controls, *self.terms.inputs]


def wire_faces(wiring: Wiring, mix: Mix, pad: Pad) -> None:
    """Take faces that are given, and show the mix of them."""
    faces, handlers = wiring.faces, wiring.handlers
    given: dict[str, Any] = {
        "fn": handlers.slots.open_faces,
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


def wire_mix(wiring: Wiring, mix: Mix, tab: gr.Tab) -> None:
    """Follow the slider from A to B, its strip, and make its clip."""
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


def wire_pad(wiring: Wiring, pad: Pad, tab: gr.Tab) -> None:
    """Follow the pad."""
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


def wire_near(wiring: Wiring, near: Near, tab: gr.Tab) -> None:
    """Draw expressions near a face, and show the one that is picked."""
    varied, picture = wiring.varied, wiring.picture
    inputs = wiring.inputs(near.around, near.tau, near.seed, wiring.faces.identity)

    def show(*values: Any, event: gr.SelectData) -> Any:
        return varied.show_sample(*values, chosen=int(event.index))

    def first(*values: Any) -> Any:
        return varied.show_sample(*values, chosen=0)

    sampled = wiring.looks.wrap(varied.sample_expression, "shown_on", live=False)
    first_shown = wiring.looks.wrap(first, "shown_on", like=varied.sample_expression)
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
    shown = _selecting(wiring.looks.wrap(show, "shown_on", like=varied.sample_expression))
    near.found.select(shown, inputs, picture, **QUIET, **MODEL)


def wire_sum(wiring: Wiring, total: Sum, tab: gr.Tab) -> None:
    """Follow the difference of two expressions."""
    controls: list[Any] = [total.plus, total.minus, total.base, total.gain]
    added = wiring.looks.wrap(wiring.varied.add_expression, "base")
    gr.on(
        [control.input for control in controls],
        added,
        wiring.inputs(*controls),
        wiring.picture,
        api_name="add_expression",
        **LIVE,
    )
    tab.select(added, wiring.inputs(*controls), wiring.picture, **QUIET, **MODEL)


def wire_steer(wiring: Wiring, steer: dict[str, gr.Slider], reset: gr.Button, tab: gr.Tab) -> None:
    """Follow the sliders of the model's directions."""
    set_expression = wiring.looks.wrap(steering(wiring.varied, tuple(steer)), "shown_on")
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


def _selecting(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give a handler of many values what was selected; Gradio finds the event by its annotation."""

    def call(event: gr.SelectData, *values: Any) -> Any:
        return fn(*values, event=event)

    return friendly(call)

"""What the parts of the tab Expressions set off.

In: components and handlers. Out: their events. What they do is in the handlers' modules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import gradio as gr

from studio.marked import Looks, ask_first, with_consent
from studio.messages import friendly
from studio.tabs.expression_faces import SLOTS
from studio.tabs.expression_handlers import STRIP, ExpressionHandlers
from studio.tabs.expression_layout import Faces, Mix, Near, Pad, Sum
from studio.tabs.expression_steering import steering
from studio.tabs.expression_vary import NEIGHBOURS, SEEDS, VaryHandlers
from studio.terms import Terms
from studio.wiring import LIVE, MODEL, QUIET, constant

NEXT_SEED = f"(seed) => [(Number(seed) + {NEIGHBOURS}) % {SEEDS}]"


class OpenPart:
    """Know which part of the tab is open, and show it again when faces or recipes change."""

    def __init__(self) -> None:
        self.name = gr.State("mix")
        self._shows: dict[str, Callable[..., Any]] = {}
        self._controls: dict[str, list[Any]] = {}

    def add(self, name: str, tab: gr.Tab, show: Callable[..., Any], controls: list[Any]) -> None:
        """Tell of a part: its tab, and what shows it, given slots, controls, badge and consent."""
        self._shows[name] = show
        self._controls[name] = controls
        tab.select(constant(name), None, self.name, queue=False, **QUIET)

    @property
    def controls(self) -> list[Any]:
        """Return what `show` takes between the slots and badge and consent."""
        return [self.name, *chain.from_iterable(self._controls.values())]

    def show(self, *values: Any) -> Any:
        """Return the picture of the part that is open."""
        slots, name, controls = values[: len(SLOTS)], values[len(SLOTS)], values[len(SLOTS) + 1 :]
        for part, own in self._controls.items():
            if part == name:
                return self._shows[name](*slots, *controls[: len(own)], *values[-2:])
            controls = controls[len(own) :]
        raise ValueError(name)


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
        part: which part is open.
    """

    handlers: ExpressionHandlers
    varied: VaryHandlers
    looks: Looks
    faces: Faces
    picture: gr.Image
    terms: Terms
    part: OpenPart = field(default_factory=OpenPart)

    def inputs(self, *controls: Any) -> list[Any]:
        """Return the inputs of a wrapped handler: the slots, some controls, badge and consent."""
        return [*self.faces.slots, *controls, *self.terms.inputs]


def wire_faces(wiring: Wiring, mix: Mix, pad: Pad, near: Near) -> None:
    """Take faces that are given, and show the part that is open with them; after all parts."""
    faces, handlers, part = wiring.faces, wiring.handlers, wiring.part
    mixed = wiring.looks.wrap(
        handlers.show_faces, "shown_on", used="AB", like=handlers.mix_expressions, live=False
    )

    def show_given(*values: Any) -> tuple[Any, Any]:
        *slots, name, share, identity, path = values[: len(SLOTS) + 4]
        picture, strip = mixed(*slots, share, identity, path, *values[-2:])
        missing = picture == gr.skip()
        return picture if missing or name == "mix" else part.show(*values), strip

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
        "fn": show_given,
        "inputs": wiring.inputs(*part.controls),
        "outputs": [wiring.picture, mix.strip],
        **QUIET,
        **MODEL,
    }
    for opened in (
        gr.on([slot.input for slot in faces.slots], **given),
        faces.picked.then(**given),
    ):
        opened.success(**shown)
        _sample_again(wiring, near, opened.success)
    gr.on(
        [faces.identity.input],
        part.show,
        wiring.inputs(*part.controls),
        wiring.picture,
        api_visibility="private",
        **LIVE,
    )
    _sample_again(wiring, near, faces.identity.input)
    again = wiring.looks.when_agreed(shown["fn"], 2)
    wiring.terms.consent.change(**{**shown, "fn": again})


def wire_mix(wiring: Wiring, mix: Mix, tab: gr.Tab) -> None:
    """Follow the slider from A to B, its strip, and make its clip."""
    handlers, looks, faces = wiring.handlers, wiring.looks, wiring.faces
    live = wiring.inputs(mix.share, faces.identity, mix.path)
    still = wiring.inputs(faces.identity, mix.path)
    mixed = looks.wrap(handlers.mix_expressions, "shown_on", used="AB")
    wiring.part.add("mix", tab, mixed, [mix.share, faces.identity, mix.path])
    gr.on(
        [mix.share.input, mix.path.input],
        mixed,
        live,
        wiring.picture,
        api_name="mix_expressions",
        **LIVE,
    )
    gr.on(
        [faces.identity.input, mix.path.input],
        looks.wrap(handlers.mix_strip, "shown_on", used="AB", live=False),
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
        _selecting(looks.wrap(go_there, "shown_on", used="AB", like=handlers.mix_strip)),
        still,
        [mix.share, wiring.picture],
        **QUIET,
        **MODEL,
    )
    ask_first(mix.make, wiring.terms)(
        with_consent(handlers.expression_clip),
        wiring.inputs(faces.identity, mix.path, mix.seconds),
        mix.clip,
        api_name="expression_clip",
        show_progress="full",
        show_progress_on=mix.clip,
        **MODEL,
    )


def wire_pad(wiring: Wiring, pad: Pad, tab: gr.Tab) -> None:
    """Follow the pad."""
    controls = [pad.x, pad.y, wiring.faces.identity]
    inputs = wiring.inputs(*controls)
    mixed = wiring.looks.wrap(wiring.handlers.mix_pad, "shown_on", used=SLOTS)
    wiring.part.add("pad", tab, mixed, controls)
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
    controls = _near_controls(wiring, near)
    inputs = wiring.inputs(*controls)

    def show(*values: Any, event: gr.SelectData) -> Any:
        return varied.show_sample(*values, chosen=int(event.index))

    def first(*values: Any) -> Any:
        return varied.show_sample(*values, chosen=0)

    sampled = _sampling(wiring)
    told: dict[str, Any] = {"used": ["near"], "like": varied.sample_expression}
    first_shown = wiring.looks.wrap(first, "shown_on", **told)
    wiring.part.add("near", tab, first_shown, controls)
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
    shown = _selecting(wiring.looks.wrap(show, "shown_on", **told))
    near.found.select(shown, inputs, picture, **QUIET, **MODEL)


def wire_sum(wiring: Wiring, total: Sum, tab: gr.Tab) -> None:
    """Follow the difference of two expressions."""
    controls: list[Any] = [total.plus, total.minus, total.base, total.gain]
    added = wiring.looks.wrap(wiring.varied.add_expression, "base", used=["plus", "minus"])
    wiring.part.add("sum", tab, added, controls)
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
    controls = [wiring.faces.identity, *steer.values()]
    inputs = wiring.inputs(*controls)
    picture = wiring.picture
    wiring.part.add("steer", tab, set_expression, controls)
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


def _near_controls(wiring: Wiring, near: Near) -> list[Any]:
    return [near.around, near.tau, near.seed, wiring.faces.identity]


def _sampling(wiring: Wiring) -> Callable[..., Any]:
    return wiring.looks.wrap(wiring.varied.sample_expression, "shown_on", used=["near"], live=False)


def _sample_again(wiring: Wiring, near: Near, trigger: Any) -> None:
    """Draw the expressions near a face anew when faces change, if they are in sight."""
    sampled = _sampling(wiring)

    def again(*values: Any) -> Any:
        slots, name, controls = values[: len(SLOTS)], values[len(SLOTS)], values[len(SLOTS) + 1 :]
        return sampled(*slots, *controls) if name == "near" else gr.skip()

    trigger(
        again,
        wiring.inputs(wiring.part.name, *_near_controls(wiring, near)),
        near.found,
        trigger_mode="always_last",
        **QUIET,
        **MODEL,
    )


def _selecting(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give a handler of many values what was selected; Gradio finds the event by its annotation."""

    def call(event: gr.SelectData, *values: Any) -> Any:
        return fn(*values, event=event)

    return friendly(call)

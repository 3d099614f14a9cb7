"""What the parts of the tab Expressions set off.

In: components and handlers. Out: their events. What they do is in the handlers' modules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import gradio as gr

from studio.controls import Refresh
from studio.marked import Looks, ask_first, with_consent
from studio.messages import friendly
from studio.tabs.expression_faces import SLOTS
from studio.tabs.expression_handlers import STRIP, ExpressionHandlers
from studio.tabs.expression_layout import Faces, Mix, Near, Pad, Sum
from studio.tabs.expression_steering import steering
from studio.tabs.expression_vary import NEIGHBOURS, SEEDS, VaryHandlers
from studio.terms import Terms
from studio.wiring import EVERY_CLICK, LIVE, LIVE_QUIET, MODEL, QUIET, constant

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
        tab.select(
            constant(name), None, self.name, queue=False, trigger_mode="always_last", **QUIET
        )

    @property
    def controls(self) -> list[Any]:
        """Return what `show` takes between the slots and badge and consent."""
        return [self.name, *chain.from_iterable(self._controls.values())]

    def values(self, name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the values of a part's own controls among those of `show`."""
        rest = values[len(SLOTS) + 1 :]
        for part, own in self._controls.items():
            if part == name:
                return rest[: len(own)]
            rest = rest[len(own) :]
        raise ValueError(name)

    def show(self, *values: Any) -> Any:
        """Return the picture of the part that is open."""
        name = values[len(SLOTS)]
        own = self.values(name, values)
        return self._shows[name](*values[: len(SLOTS)], *own, *values[-2:])


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


def wire_faces(wiring: Wiring, mix: Mix, pad: Pad, near: Near) -> Refresh:
    """Take faces that are given, and show the part that is open with them; after all parts.

    Returns:
        What shows the open part, the strip, and what is drawn near a face.
    """
    faces, handlers, part = wiring.faces, wiring.handlers, wiring.part
    draw = _drawing(wiring)
    mixed = wiring.looks.wrap(
        handlers.show_faces, "shown_on", used="AB", like=handlers.mix_expressions, live=False
    )

    def show_given(*values: Any) -> tuple[Any, ...]:
        *slots, name, share, identity, path = values[: len(SLOTS) + 4]
        picture, strip = mixed(*slots, share, identity, path, *values[-2:])
        drawn: tuple[Any, Any] = (gr.skip(), gr.skip())
        ready = picture != gr.skip()
        if name == "near":
            own = part.values(name, values)
            ready = None not in (slots[SLOTS.index(own[0])], slots[SLOTS.index(identity)])
            drawn = draw(*slots, *own, *values[-2:]) if ready else drawn
        if ready and name != "mix":
            picture = part.show(*values)
        return picture, strip, *drawn

    refresh = Refresh(
        show_given, wiring.inputs(*part.controls), [wiring.picture, mix.strip, *near.outputs]
    )
    gr.on(
        [slot.change for slot in faces.slots],  # not input: a webcam's photo has none
        handlers.slots.open_faces,
        [*faces.slots, faces.kept, faces.taken],
        [*faces.slots, faces.kept, faces.taken, pad.pad],
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=wiring.picture,
        trigger_mode="always_last",  # a face may come while the last one is being taken away
        **MODEL,
    )
    shown: dict[str, Any] = {
        "inputs": refresh.inputs,
        "outputs": refresh.outputs,
        **LIVE_QUIET,
    }
    faces.taken.change(show_given, **shown)
    again = wiring.looks.when_agreed(show_given, len(refresh.outputs))
    wiring.terms.consent.change(again, **shown)
    gr.on(
        [faces.identity.input],
        part.show,
        wiring.inputs(*part.controls),
        wiring.picture,
        **LIVE_QUIET,
    )

    def draw_again(name: str, *values: Any) -> Any:
        return draw(*values) if name == "near" else (gr.skip(), gr.skip())

    faces.identity.input(
        draw_again,
        [part.name, *wiring.inputs(*_near_controls(wiring, near))],
        near.outputs,
        **LIVE_QUIET,
    )
    return refresh


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
        **{**LIVE, "show_progress": "minimal"},
    )
    tab.select(mixed, live, wiring.picture, **LIVE_QUIET)

    def go_there(*values: Any, event: gr.SelectData) -> tuple[float, Any]:
        share = int(event.index) / (STRIP - 1)
        a, b, c, d, identity, path = values
        return share, handlers.mix_expressions(a, b, c, d, share, identity, path)

    mix.strip.select(
        _selecting(looks.wrap(go_there, "shown_on", used="AB", like=handlers.mix_strip)),
        still,
        [mix.share, wiring.picture],
        **EVERY_CLICK,
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
    tab.select(mixed, inputs, wiring.picture, **LIVE_QUIET)


def wire_near(wiring: Wiring, near: Near, tab: gr.Tab) -> None:
    """Draw expressions near a face, and show the one that is picked."""
    varied, picture = wiring.varied, wiring.picture
    controls = _near_controls(wiring, near)
    inputs = wiring.inputs(*controls)

    def show(*values: Any, event: gr.SelectData) -> Any:
        return varied.show_sample(*values, chosen=int(event.index))

    def first(*values: Any) -> Any:
        return varied.show_sample(*values, chosen=0)

    draw = _drawing(wiring)
    told: dict[str, Any] = {"used": ["near"], "like": varied.sample_expression}
    first_shown = wiring.looks.wrap(first, "shown_on", **told)
    wiring.part.add("near", tab, first_shown, controls)
    gr.on(
        [near.around.input, near.tau.release, near.seed.submit, near.seed.blur, tab.select],
        draw,
        inputs,
        near.outputs,
        api_name="sample_expression",
        **LIVE,
    )
    gr.on(
        [near.around.input, near.tau.input, near.seed.submit, near.seed.blur, tab.select],
        first_shown,
        inputs,
        picture,
        **LIVE_QUIET,
    )
    near.another.click(None, near.seed, near.seed, js=NEXT_SEED, api_visibility="private").then(
        draw, inputs, near.outputs, **LIVE_QUIET
    ).then(first_shown, inputs, picture, **LIVE_QUIET)
    shown = wiring.looks.wrap(show, "shown_on", **told)

    def pick(drawn: list[Any], *terms: Any, event: gr.SelectData) -> Any:
        return shown(*drawn, *terms, event=event)

    near.found.select(_selecting(pick), [near.drawn, *wiring.terms.inputs], picture, **EVERY_CLICK)


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
    tab.select(added, wiring.inputs(*controls), wiring.picture, **LIVE_QUIET)


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
    tab.select(set_expression, inputs, picture, **LIVE_QUIET)
    reset.click(lambda: [0.0] * len(steer), None, list(steer.values()), queue=False, **QUIET).then(
        set_expression, inputs, picture, **QUIET, **MODEL
    )


def _near_controls(wiring: Wiring, near: Near) -> list[Any]:
    return [near.around, near.tau, near.seed, wiring.faces.identity]


def _drawing(wiring: Wiring) -> Callable[..., Any]:
    """Draw expressions near a face, and keep the values that they were drawn with."""
    sampled = wiring.looks.wrap(
        wiring.varied.sample_expression, "shown_on", used=["near"], live=False
    )

    @functools.wraps(sampled)
    def draw(*values: Any) -> tuple[Any, list[Any]]:
        return sampled(*values), list(values[:-2])

    return draw


def _selecting(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give a handler of many values what was selected; Gradio finds the event by its annotation."""

    def call(event: gr.SelectData, *values: Any) -> Any:
        return fn(*values, event=event)

    return friendly(call)

"""The tab Expressions: mix, sample, add and steer expressions, and see each at once.

In: StudioContext. Out: TabControls. What the events do is in expression_handlers.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from mmfa_core import ExpressionDirection
from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.inputs import PictureFile
from studio.messages import friendly
from studio.tabs.expression_handlers import NEIGHBOURS, SEEDS, SLOTS, STRIP, ExpressionHandlers
from studio.tabs.expression_pad import build_pad

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FIRST = (
    "london_034_neutral.jpg",
    "london_009_smiling.jpg",
    "london_101_neutral.jpg",
    "london_114_smiling.jpg",
)
PAIRS = (
    ("london_034_neutral.jpg", "london_009_smiling.jpg"),
    ("london_101_neutral.jpg", "london_034_smiling.jpg"),
    ("london_114_neutral.jpg", "astronaut.jpg"),
    ("london_009_neutral.jpg", "london_009_smiling.jpg"),
)
PATHS = [("straight", "linear"), ("round", "slerp")]
LIVE: dict[str, Any] = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
}
MODEL: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
NEXT_SEED = f"(seed) => [(Number(seed) + {NEIGHBOURS}) % {SEEDS}]"


@dataclass(frozen=True)
class _Faces:
    """Hold the four slots."""

    slots: list[PictureFile]
    kept: gr.State
    identity: gr.Radio
    picked: Any  # the event of a pair that was picked


@dataclass(frozen=True)
class _Mix:
    """Hold the controls from A to B."""

    share: gr.Slider
    path: gr.Radio
    seconds: gr.Slider
    make: gr.Button
    strip: gr.Gallery
    clip: gr.Video


@dataclass(frozen=True)
class _Pad:
    """Hold the pad and its sliders."""

    pad: gr.HTML
    x: gr.Slider
    y: gr.Slider


@dataclass(frozen=True)
class _Near:
    """Hold what samples."""

    around: gr.Radio
    tau: gr.Slider
    seed: gr.Number
    another: gr.Button
    found: gr.Gallery


@dataclass(frozen=True)
class _Sum:
    """Hold the arithmetic."""

    plus: gr.Radio
    minus: gr.Radio
    base: gr.Radio
    gain: gr.Slider


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
            faces = _build_faces(studio, first)
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
                share, path, seconds, make, clip = _build_mix()
            with gr.Tab("Pad", id="pad") as pad_tab:
                pad = _build_pad(handlers.pad_corners(first))
            with gr.Tab("Nearby", id="near") as near_tab:
                near = _build_near()
            with gr.Tab("Difference", id="sum") as sum_tab:
                total = _build_sum()
            directions = studio.animator.expressions.directions
            steer: dict[str, gr.Slider] = {}
            reset: gr.Button | None = None
            if directions:
                with gr.Tab("Sliders", id="steer") as steer_tab:
                    steer, reset = _build_steer(directions)
    mix = _Mix(share, path, seconds, make, strip, clip)
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


def _build_faces(studio: StudioContext, first: list[str | None]) -> _Faces:
    sources: list[Any] = ["upload", "clipboard"]
    if studio.settings.webcam:
        sources.insert(1, "webcam")
    slots: list[PictureFile] = []
    for row in (0, 2):
        with gr.Row():
            for name, value in list(zip(SLOTS, first, strict=True))[row : row + 2]:
                slots.append(
                    PictureFile(
                        value,
                        label=f"Face {name}",
                        type="filepath",
                        sources=sources,
                        min_width=120,
                        height=190,
                        buttons=[],
                        elem_id=f"expression-face-{name.lower()}",
                        alt_text=f"Portrait whose expression is {name}",
                        placeholder=f"Drop a face here ({name})",
                    )
                )
    identity = gr.Radio(
        list(SLOTS), value="A", label="Shown on", info="whose face wears the expression"
    )
    known = [[str(EXAMPLES / n) for n in pair] for pair in PAIRS]
    pairs: Any = gr.Examples(
        [pair for pair in known if all(Path(p).is_file() for p in pair)],
        slots[:2],
        label="Pairs to try",
        elem_id="expression-pairs",
        api_visibility="private",
    )
    return _Faces(slots, gr.State(list(first)), identity, pairs.load_input_event)


def _build_mix() -> tuple[gr.Slider, gr.Radio, gr.Slider, gr.Button, gr.Video]:
    share = gr.Slider(
        0,
        1,
        0.5,
        step=0.01,
        label="From A to B",
        info="0 is A's expression, 1 is B's",
        elem_id="expression-share",
    )
    path = gr.Radio(
        PATHS,
        value="linear",
        label="Way",
        info="straight through the space, or round with an even turn",
    )
    seconds = gr.Slider(
        1, 10, 3, step=0.5, label="Length of the loop", info="seconds, there and back"
    )
    make = gr.Button("Make a looping clip", variant="primary", elem_classes="hero")
    clip = gr.Video(
        label="There and back",
        autoplay=True,
        loop=True,
        interactive=False,
        buttons=["download"],
        elem_id="expression-clip",
        elem_classes="wide",
    )
    return share, path, seconds, make, clip


def _build_pad(corners: str) -> _Pad:
    gr.Markdown("Drag the point between up to four faces.", elem_classes="hint")
    pad = build_pad("expression-pad-x", "expression-pad-y", corners)
    with gr.Row():
        x = gr.Slider(
            0, 1, 0.5, step=0.01, label="Left to right", min_width=120, elem_id="expression-pad-x"
        )
        y = gr.Slider(
            0, 1, 0.5, step=0.01, label="Top to bottom", min_width=120, elem_id="expression-pad-y"
        )
    return _Pad(pad, x, y)


def _build_near() -> _Near:
    gr.Markdown(
        "Expressions that nobody posed, drawn near a face's own.",
        elem_classes="hint",
    )
    around = gr.Radio(list(SLOTS), value="A", label="Near", info="whose expression to start from")
    tau = gr.Slider(
        0,
        2,
        0.8,
        step=0.05,
        label="How far",
        info="0 is the face's own; 1 is as varied as people are",
    )
    seed = gr.Number(
        1, label="Seed", info="the same number draws the same", precision=0, minimum=0,
        maximum=SEEDS - 1,
    )  # fmt: skip
    another = gr.Button("Draw six more")
    found = gr.Gallery(
        label="Click one to see it large",
        columns=3,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        elem_id="expression-neighbours",
    )
    return _Near(around, tau, seed, another, found)


def _build_sum() -> _Sum:
    gr.Markdown(
        "What one face does more than another, put on a third.",
        elem_classes="hint",
    )
    plus = gr.Radio(list(SLOTS), value="B", label="Take", info="the expression that is added")
    minus = gr.Radio(list(SLOTS), value="A", label="Less", info="what it is compared with")
    base = gr.Radio(list(SLOTS), value="C", label="Put it on", info="the face that gets it")
    gain = gr.Slider(
        -2,
        2,
        1,
        step=0.05,
        label="How strongly",
        info="0 changes nothing, below 0 does the opposite",
        elem_id="expression-gain",
    )
    return _Sum(plus, minus, base, gain)


def _build_steer(
    directions: tuple[ExpressionDirection, ...],
) -> tuple[dict[str, gr.Slider], gr.Button]:
    gr.Markdown(
        "Directions of the space that were found to do what they say with this model.",
        elem_classes="hint",
    )
    sliders = {}
    for direction in directions:
        sliders[direction.name] = gr.Slider(
            direction.low,
            direction.high,
            0,
            step=0.01,
            label=direction.name.replace("_", " ").capitalize(),
            info="0 is the face as it is",
            elem_id=f"expression-{direction.name}",
        )
    return sliders, gr.Button("Back to the face as it is", elem_classes="quiet")


def _wire_faces(
    handlers: ExpressionHandlers, faces: _Faces, mix: _Mix, pad: _Pad, picture: gr.Image
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
    handlers: ExpressionHandlers, faces: _Faces, mix: _Mix, picture: gr.Image, tab: gr.Tab
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
    handlers: ExpressionHandlers, faces: _Faces, pad: _Pad, picture: gr.Image, tab: gr.Tab
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
    handlers: ExpressionHandlers, faces: _Faces, near: _Near, picture: gr.Image, tab: gr.Tab
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
    handlers: ExpressionHandlers, faces: _Faces, total: _Sum, picture: gr.Image, tab: gr.Tab
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
    faces: _Faces,
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

"""The components of the tab Expressions, and how they are laid out.

In: StudioContext, first values. Out: components, grouped. Knows nothing about what they set off.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.components import Component

from mmfa_core import ExpressionDirection
from studio.context import StudioContext
from studio.examples import EXAMPLES
from studio.inputs import OpenSlider, PictureFile, sources_of
from studio.tabs.expression_faces import SLOTS, contents
from studio.tabs.expression_handlers import LOOP_S
from studio.tabs.expression_pad import build_pad
from studio.tabs.expression_vary import SEEDS

PAIRS = (
    ("london_034_neutral.jpg", "london_009_smiling.jpg"),
    ("london_101_neutral.jpg", "london_034_smiling.jpg"),
    ("london_114_neutral.jpg", "astronaut.jpg"),
    ("london_009_neutral.jpg", "london_009_smiling.jpg"),
)
PATHS = [("straight", "linear"), ("round", "slerp")]


@dataclass(frozen=True)
class Faces:
    """Hold the four slots."""

    slots: list[PictureFile]
    kept: gr.State  # the last good face of each
    taken: gr.State  # what is in the slots, by content
    identity: gr.Radio


@dataclass(frozen=True)
class Mix:
    """Hold the controls from A to B."""

    share: gr.Slider
    path: gr.Radio
    seconds: gr.Slider
    make: gr.Button
    strip: gr.Gallery
    clip: gr.Video


@dataclass(frozen=True)
class Pad:
    """Hold the pad and its sliders."""

    pad: gr.HTML
    x: gr.Slider
    y: gr.Slider


@dataclass(frozen=True)
class Near:
    """Hold what samples."""

    around: gr.Radio
    tau: gr.Slider
    seed: gr.Number
    another: gr.Button
    found: gr.Gallery
    drawn: gr.State  # the values that what is found was drawn with

    @property
    def outputs(self) -> list[Component]:
        """Return what drawing changes."""
        return [self.found, self.drawn]


@dataclass(frozen=True)
class Sum:
    """Hold the arithmetic."""

    plus: gr.Radio
    minus: gr.Radio
    base: gr.Radio
    gain: gr.Slider


def build_faces(studio: StudioContext, first: list[str | None]) -> Faces:
    """Build the four slots, who shows the result, and pairs to try."""
    slots: list[PictureFile] = []
    for row in (0, 2):
        with gr.Row():
            for name, value in list(zip(SLOTS, first, strict=True))[row : row + 2]:
                slots.append(
                    PictureFile(
                        value,
                        label=f"Face {name}",
                        type="filepath",
                        sources=sources_of(studio, "upload", "webcam", "clipboard"),
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
    gr.Examples(
        [pair for pair in known if all(Path(p).is_file() for p in pair)],
        slots[:2],
        label="Pairs to try",
        elem_id="expression-pairs",
        api_visibility="private",
    )
    return Faces(slots, gr.State(list(first)), gr.State(contents(first)), identity)


def build_mix() -> tuple[gr.Slider, gr.Radio, gr.Slider, gr.Button, gr.Video]:
    """Build the slider from A to B, and what makes a clip of it."""
    share = OpenSlider(
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
    seconds = OpenSlider(
        *LOOP_S, 3, step=0.5, label="Length of the loop", info="seconds, there and back"
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


def pad_part(corners: str) -> Pad:
    """Build the pad and its sliders."""
    gr.Markdown("Drag the point between up to four faces.", elem_classes="hint")
    pad = build_pad("expression-pad-x", "expression-pad-y", corners)
    with gr.Row():
        x = OpenSlider(
            0, 1, 0.5, step=0.01, label="Left to right", min_width=120, elem_id="expression-pad-x"
        )
        y = OpenSlider(
            0, 1, 0.5, step=0.01, label="Top to bottom", min_width=120, elem_id="expression-pad-y"
        )
    return Pad(pad, x, y)


def build_near() -> Near:
    """Build what draws expressions near a face."""
    gr.Markdown(
        "Expressions that nobody posed, drawn near a face's own.",
        elem_classes="hint",
    )
    around = gr.Radio(list(SLOTS), value="A", label="Near", info="whose expression to start from")
    tau = OpenSlider(
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
    return Near(around, tau, seed, another, found, gr.State(None))


def build_sum() -> Sum:
    """Build what puts the difference of two faces on a third."""
    gr.Markdown(
        "What one face does more than another, put on a third.",
        elem_classes="hint",
    )
    plus = gr.Radio(list(SLOTS), value="B", label="Take", info="the expression that is added")
    minus = gr.Radio(list(SLOTS), value="A", label="Less", info="what it is compared with")
    base = gr.Radio(list(SLOTS), value="C", label="Put it on", info="the face that gets it")
    gain = OpenSlider(
        -2,
        2,
        1,
        step=0.05,
        label="How strongly",
        info="0 changes nothing, below 0 does the opposite",
        elem_id="expression-gain",
    )
    return Sum(plus, minus, base, gain)


def build_steer(
    directions: tuple[ExpressionDirection, ...],
) -> tuple[dict[str, gr.Slider], gr.Button]:
    """Build a slider for each direction of the model."""
    gr.Markdown(
        "Directions of the space that were found to do what they say with this model.",
        elem_classes="hint",
    )
    sliders: dict[str, gr.Slider] = {}
    for direction in directions:
        sliders[direction.name] = OpenSlider(
            direction.low,
            direction.high,
            0,
            step=0.01,
            label=direction.name.replace("_", " ").capitalize(),
            info="0 is the face as it is",
            elem_id=f"expression-{direction.name}",
        )
    return sliders, gr.Button("Back to the face as it is", elem_classes="quiet")

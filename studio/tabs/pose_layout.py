"""The components of the tab Pose.

In: StudioContext and the handlers, which make the first picture. Out: components, not wired yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from mmfa_core import CONTROL_RANGES
from studio.context import StudioContext
from studio.controls import slider
from studio.inputs import PictureFile
from studio.marked import Looks
from studio.tabs.animate_views import PROGRESS_CSS, progress_html
from studio.tabs.pose_drag import HINT, hand_stage
from studio.tabs.pose_handlers import BY_HAND, COMPARED, PoseHandlers
from studio.tabs.pose_moving import MovingHandlers
from studio.tabs.pose_table import (
    DATATYPES,
    EASING_NAMES,
    HEADERS,
    PRESETS,
    USUAL_EASING,
    WIDTHS,
    preset_rows,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FIRST = "london_009_neutral.jpg"
PORTRAITS = (FIRST, "london_034_smiling.jpg", "london_101_neutral.jpg", "astronaut.jpg")
DRIVERS = ("driving_turn.mp4", "driving_smile.mp4")
RATES = ["12", "15", "24000/1001", "24", "25", "30000/1001", "30", "60"]
LENGTH_S = 3.0
LONGEST_S = 20.0


@dataclass(frozen=True)
class Still:
    """Hold the components of the picture's part."""

    portrait: PictureFile
    given: list[Any]  # events of a new portrait
    kept: gr.State
    about: gr.Markdown
    picture: gr.Image
    compared: gr.ImageSlider
    view: gr.Radio
    paste_back: gr.Checkbox
    sliders: dict[str, gr.Slider]
    reset: gr.Button
    frontalise: gr.Button
    save: gr.Button
    saved: gr.DownloadButton


@dataclass(frozen=True)
class Moving:
    """Hold the components of the timeline's part."""

    time_s: gr.Slider
    easing: gr.Dropdown
    set_keyframe: gr.Button
    remove: gr.Button
    movement: gr.Dropdown
    table: gr.Dataframe
    curves: gr.HTML
    seconds: gr.Slider
    fps: gr.Dropdown
    driving: gr.Video
    render: gr.Button
    cancel: gr.Button
    status: gr.HTML
    clip: gr.Video


def build_still(studio: StudioContext, handlers: PoseHandlers, looks: Looks) -> Still:
    """Build the part of the single picture, with an example in it."""
    first = str(EXAMPLES / FIRST) if (EXAMPLES / FIRST).is_file() else None
    first_look = looks.wrap(handlers.edit_pose, live=False, lasting=True)
    picture_now = first_look(first, True, False)[0] if first else None
    about_now = handlers.open_portrait(first)[1]
    ids = {name: f"pose-{name}" for name in CONTROL_RANGES}
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320, elem_classes="stage"):
            view = gr.Radio(
                [BY_HAND, COMPARED], value=BY_HAND, label="View", show_label=False, container=False
            )
            with (
                gr.Column(elem_id="pose-by-hand") as by_hand,
                hand_stage(
                    {n: i for n, i in ids.items() if n not in {"expression_gain", "frontalise"}},
                    "pose-reset",
                ),
            ):
                picture = gr.Image(
                    picture_now,
                    label="Result",
                    format="png",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="pose-picture",
                    elem_classes="square",
                    alt_text="The portrait with the pose that is set",
                )
            with gr.Column(visible=False, elem_id="pose-compared") as beside:
                compared = gr.ImageSlider(
                    label="Before and after",
                    format="png",
                    interactive=False,
                    buttons=["fullscreen"],
                    max_height=1000,
                    elem_classes="square",
                )
            gr.Markdown(HINT, elem_classes="hint")
            with gr.Row():
                reset = gr.Button("Reset", size="md", elem_id="pose-reset", min_width=90)
                frontalise = gr.Button(
                    "Face the viewer", size="md", elem_id="pose-frontalise", min_width=120
                )
                save = gr.Button("Save PNG", size="md", elem_id="pose-save", min_width=100)
            saved = gr.DownloadButton(visible="hidden", elem_id="pose-save-file")
        with gr.Column(scale=6, min_width=320, elem_classes="rail"):
            with gr.Row(equal_height=False):
                with gr.Column(min_width=200):
                    portrait = PictureFile(
                        first,
                        type="filepath",
                        label="Portrait",
                        sources=_sources(studio, "clipboard"),
                        height=190,
                        elem_id="pose-portrait",
                        placeholder="Drop a portrait here, or pick an example",
                    )
                with gr.Column(min_width=200):
                    about = gr.Markdown(
                        about_now,
                        label="About the portrait",
                        elem_classes="hint",
                        elem_id="pose-about",
                    )
                    given = [portrait.input]  # not change: that comes twice for one file
                    if first:
                        chosen = gr.Examples(
                            [[str(EXAMPLES / name)] for name in PORTRAITS],
                            [portrait],
                            label="Examples",
                            api_visibility="private",
                        )
                        given.append(chosen.load_input_event.success)
            sliders = _build_sliders(ids)
            paste_back = gr.Checkbox(
                label="Whole portrait",
                info="put the face back into the picture it came from",
                elem_id="pose-paste",
            )
    view.change(
        lambda chosen: (
            gr.Column(visible=chosen == BY_HAND),
            gr.Column(visible=chosen == COMPARED),
        ),
        [view],
        [by_hand, beside],
        api_visibility="private",
        queue=False,
        show_progress="hidden",
    )
    return Still(
        portrait=portrait,
        given=given,
        kept=gr.State(first),
        about=about,
        picture=picture,
        compared=compared,
        view=view,
        paste_back=paste_back,
        sliders=sliders,
        reset=reset,
        frontalise=frontalise,
        save=save,
        saved=saved,
    )


def _build_sliders(ids: dict[str, str]) -> dict[str, gr.Slider]:
    """Put the sliders of all controls in two columns."""
    sliders = {}
    names = list(CONTROL_RANGES)
    for pair in zip(names[::2], names[1::2], strict=True):
        with gr.Row():
            for name in pair:
                sliders[name] = slider(name, elem_id=ids[name], min_width=200)
    return sliders


def build_moving(studio: StudioContext, handlers: MovingHandlers) -> Moving:
    """Build the part of the timeline, with a movement in it."""
    rows = preset_rows(next(iter(PRESETS)), LENGTH_S)
    with gr.Column(elem_id="pose-timeline"):
        gr.Markdown(
            "### Move it over time\nPick a moment, set the sliders above, press **Set keyframe**; "
            "between keyframes the head glides from one to the next."
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=320):
                curves = gr.HTML(
                    handlers.show_curves(rows, LENGTH_S, "25"),
                    label="Curves",
                    elem_id="pose-curves",
                )
                time_s = gr.Slider(
                    0,
                    LENGTH_S,
                    0,
                    step=0.05,
                    label="Moment",
                    info="seconds from the start; the picture above shows it",
                    elem_id="pose-time",
                )
                with gr.Row():
                    easing = gr.Dropdown(
                        EASING_NAMES,
                        value=USUAL_EASING,
                        label="Easing",
                        info="how it goes on from this keyframe",
                        min_width=150,
                    )
                    movement = gr.Dropdown(
                        list(PRESETS),
                        value=next(iter(PRESETS)),
                        label="Ready-made movement",
                        info="replaces the keyframes",
                        min_width=170,
                        elem_id="pose-movement",
                    )
                with gr.Row():
                    set_keyframe = gr.Button("Set keyframe", elem_id="pose-set", min_width=120)
                    remove = gr.Button("Remove it", elem_id="pose-remove", min_width=90)
                table = gr.Dataframe(
                    rows,
                    headers=HEADERS,
                    datatype=DATATYPES,
                    type="array",
                    column_count=len(HEADERS),
                    column_widths=WIDTHS,
                    interactive=True,
                    label="Keyframes: cells can be typed over",
                    max_height=240,
                    buttons=[],
                    elem_id="pose-table",
                )
            with gr.Column(scale=5, min_width=320, elem_classes="stage"):
                clip = gr.Video(
                    label="Clip",
                    interactive=False,
                    autoplay=True,
                    loop=True,
                    buttons=["download"],
                    elem_id="pose-clip",
                    elem_classes="square",
                )
                status = gr.HTML(
                    progress_html("The clip appears here: press Render clip."),
                    css_template=PROGRESS_CSS,
                    label="Progress",
                    elem_id="pose-status",
                )
                with gr.Row():
                    render = gr.Button(
                        "Render clip",
                        variant="primary",
                        elem_classes="hero",
                        elem_id="pose-render",
                        min_width=160,
                    )
                    cancel = gr.Button(
                        "Cancel", interactive=False, elem_id="pose-cancel", min_width=90
                    )
                with gr.Row():
                    seconds = gr.Slider(
                        0.5,
                        LONGEST_S,
                        LENGTH_S,
                        step=0.1,
                        label="Length",
                        info="seconds, over the still portrait",
                        min_width=150,
                        elem_id="pose-seconds",
                    )
                    fps = gr.Dropdown(
                        RATES,
                        value="25",
                        label="Frames a second",
                        info="exact; a driving clip keeps its own",
                        min_width=150,
                    )
                with gr.Accordion("Over a driving clip", open=False, elem_id="pose-driver"):
                    driving = gr.Video(
                        label="Driving clip (optional)",
                        sources=_sources(studio),
                        height=240,
                        elem_id="pose-driving",
                    )
                    gr.Markdown(
                        "The portrait follows this clip, and the keyframes are added to it. "
                        "Its length, rate and sound are kept.",
                        elem_classes="hint",
                    )
                    drivers = [[str(EXAMPLES / n)] for n in DRIVERS if (EXAMPLES / n).is_file()]
                    if drivers:
                        gr.Examples(drivers, [driving], label="Examples", api_visibility="private")
    return Moving(
        time_s=time_s,
        easing=easing,
        set_keyframe=set_keyframe,
        remove=remove,
        movement=movement,
        table=table,
        curves=curves,
        seconds=seconds,
        fps=fps,
        driving=driving,
        render=render,
        cancel=cancel,
        status=status,
        clip=clip,
    )


def _sources(studio: StudioContext, *more: Any) -> list[Any]:
    webcam = ["webcam"] if studio.settings.webcam else []
    return ["upload", *webcam, *more]

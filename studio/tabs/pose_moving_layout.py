"""The components of the timeline in the tab Pose.

In: StudioContext and the handlers, which draw the first curves. Out: components, not wired yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from studio.context import StudioContext
from studio.examples import known
from studio.inputs import OpenDropdown, OpenSlider, sources_of
from studio.tabs.animate_views import PROGRESS_CSS, progress_html
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

DRIVERS = ("driving_turn.mp4", "driving_smile.mp4")
RATES = ["12", "15", "24000/1001", "24", "25", "30000/1001", "30", "60"]
LENGTH_S = 3.0
LONGEST_S = 20.0


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
                time_s = OpenSlider(
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
                    seconds = OpenSlider(
                        0.5,
                        LONGEST_S,
                        LENGTH_S,
                        step=0.1,
                        label="Length",
                        info="seconds, over the still portrait",
                        min_width=150,
                        elem_id="pose-seconds",
                    )
                    fps = OpenDropdown(
                        RATES,
                        value="25",
                        label="Frames a second",
                        info="exact; a driving clip keeps its own",
                        min_width=150,
                    )
                with gr.Accordion("Over a driving clip", open=False, elem_id="pose-driver"):
                    driving = gr.Video(
                        label="Driving clip (optional)",
                        sources=sources_of(studio, "upload", "webcam"),
                        height=240,
                        elem_id="pose-driving",
                    )
                    gr.Markdown(
                        "The portrait follows this clip, and the keyframes are added to it. "
                        "Its length, rate and sound are kept.",
                        elem_classes="hint",
                    )
                    drivers = [[str(file)] for file in known(DRIVERS)]
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

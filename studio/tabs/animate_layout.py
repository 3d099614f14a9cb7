"""The result's column, the previews and the settings of the tab Animate.

In: nothing. Out: components, grouped. Knows nothing about what they set off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.inputs import NumberInRange, OpenSlider
from studio.tabs.animate_settings import DEFAULT, FORMATS, MOST_GAIN
from studio.tabs.animate_views import PROGRESS_CSS, live_view, progress_html

READY = "Give a portrait and a driver, look at the preview, then animate."
PART_TEXTS = {
    "rotation": ("Turn", "how far the head turns"),
    "translation": ("Move", "how far it goes sideways, up and down"),
    "scale": ("Near and far", "how much it grows and shrinks"),
    "expression": ("Expression", "how strong mouth, lids and brows are"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """Hold the components of the result's column."""

    live: gr.HTML
    clip: gr.Video
    picture: gr.Image
    progress: gr.HTML
    animate: gr.Button
    preview: gr.Button
    cancel: gr.Button
    download: gr.DownloadButton


@dataclass(frozen=True, eq=False, kw_only=True)
class Compare:
    """Hold the two previews, relative and absolute."""

    group: gr.Column
    clips: tuple[gr.Video, gr.Video]
    choose: tuple[gr.Button, gr.Button]


def stage_column() -> Stage:
    """Build the result's column."""
    live = live_view()
    clip = gr.Video(
        label="Result",
        interactive=False,
        visible=False,
        autoplay=True,
        buttons=[],
        elem_classes="square",
        elem_id="animate-result",
    )
    picture = gr.Image(
        label="Result",
        interactive=False,
        visible=False,
        buttons=["fullscreen"],
        elem_classes="square",
        elem_id="animate-result-picture",
    )
    with gr.Row():
        animate = gr.Button(
            "Animate", variant="primary", elem_classes="hero", elem_id="animate-run"
        )
        preview = gr.Button("Preview 2 s", elem_id="animate-preview", min_width=120)
        cancel = gr.Button(
            "Cancel", variant="stop", interactive=False, elem_id="animate-cancel", min_width=100
        )
    progress = gr.HTML(
        progress_html(READY),
        css_template=PROGRESS_CSS,
        padding=False,
        elem_classes="flush",
        elem_id="animate-progress",
    )
    download = gr.DownloadButton("Download", interactive=False, elem_id="animate-download")
    return Stage(
        live=live,
        clip=clip,
        picture=picture,
        progress=progress,
        animate=animate,
        preview=preview,
        cancel=cancel,
        download=download,
    )


def compare_row() -> Compare:
    """Build the two previews."""
    modes = {
        "relative": "the portrait's own pose, and the clip's changes on top of it",
        "absolute": "the clip's pose and expression, as they are",
    }
    with gr.Column(visible=False, elem_id="animate-compare") as group, gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            gr.Markdown("### Which of the two?\nThe same two seconds of the clip, in both modes.")
            choose = []
            for mode, text in modes.items():
                gr.Markdown(f"**{mode.capitalize()}**: {text}.", elem_classes="hint")
                choose.append(gr.Button(f"Use {mode}", elem_id=f"animate-use-{mode}"))
        clips = []
        for mode in modes:
            with gr.Column(min_width=280):
                clips.append(
                    gr.Video(
                        label=mode.capitalize(),
                        interactive=False,
                        autoplay=True,
                        loop=True,
                        buttons=[],
                        elem_classes="square",
                        elem_id=f"animate-preview-{mode}",
                    )
                )
    return Compare(group=group, clips=(clips[0], clips[1]), choose=(choose[0], choose[1]))


def settings_rows() -> dict[str, Component]:
    """Build the settings; the names are those of DriveSettings."""
    made: dict[str, Any] = {}
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300, elem_classes="rail"), gr.Accordion("How it follows"):
            made["mode"] = gr.Radio(
                [("Relative", "relative"), ("Absolute", "absolute")],
                value=DEFAULT.mode,
                label="Mode",
                info="relative adds the clip's changes to the portrait's own pose; absolute takes "
                "the clip's pose and expression as they are",
                elem_id="animate-mode",
            )
            made["smoothing"] = OpenSlider(
                0, 1, DEFAULT.smoothing, step=0.05, label="Smoothing",
                info="takes trembling away; 0 is off, 1 is slow and calm",
                elem_id="animate-smoothing",
            )  # fmt: skip
            made["best_frame"] = gr.Checkbox(
                DEFAULT.best_frame,
                label="Compare with the likest frame",
                info="relative motion counts from the frame that is most like the portrait, and "
                "not from the first",
            )
        with gr.Column(min_width=300, elem_classes="rail"), gr.Accordion("How strongly"):
            for part, (label, info) in PART_TEXTS.items():
                with gr.Row(equal_height=True):
                    made[f"gain_{part}"] = OpenSlider(
                        0,
                        MOST_GAIN,
                        100,
                        step=5,
                        label=f"{label}, %",
                        info=info,
                        min_width=160,
                        scale=3,
                    )
                    made[f"lock_{part}"] = gr.Checkbox(
                        False, label="Lock", info="keep the portrait's own", min_width=90, scale=1,
                        elem_id=f"animate-lock-{part}",
                    )  # fmt: skip
        with gr.Column(min_width=300, elem_classes="rail"), gr.Accordion("Which part, which file"):
            with gr.Row():
                made["start_s"] = NumberInRange(
                    0, minimum=0, label="Start, s", info="of the clip", min_width=90,
                    elem_id="animate-start",
                )  # fmt: skip
                made["end_s"] = NumberInRange(
                    0, minimum=0, label="End, s", info="0 is its end", min_width=90,
                    elem_id="animate-end",
                )  # fmt: skip
                made["driving_face"] = NumberInRange(
                    0, minimum=0, precision=0, label="Face", info="0 is the largest", min_width=90
                )
            made["shown"] = gr.Radio(
                [("Face only", "face"), ("In the whole portrait", "portrait")],
                value="face",
                label="Picture",
                info="the face crop, or the portrait with the face put back",
                elem_id="animate-shown",
            )
            made["file_format"] = gr.Radio(
                list(FORMATS),
                value="mp4",
                label="Download as",
                info="mp4 has the sound; choose before you animate",
                elem_id="animate-format",
            )
    return made

"""The components of the single picture in the tab Pose.

In: StudioContext and the handlers, which make the first picture. Out: components, not wired yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from mmfa_core import CONTROL_RANGES
from studio.context import StudioContext
from studio.controls import slider
from studio.examples import EXAMPLES
from studio.inputs import PictureFile, sources_of
from studio.marked import Looks
from studio.tabs.pose_drag import HINT, hand_stage
from studio.tabs.pose_handlers import BY_HAND, COMPARED, PoseHandlers

FIRST = "london_009_neutral.jpg"
PORTRAITS = (FIRST, "london_034_smiling.jpg", "london_101_neutral.jpg", "astronaut.jpg")


@dataclass(frozen=True)
class Still:
    """Hold the components of the picture's part."""

    portrait: PictureFile
    kept: gr.State  # the last good portrait
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
                        sources=sources_of(studio, "upload", "webcam", "clipboard"),
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
                    if first:
                        gr.Examples(
                            [[str(EXAMPLES / name)] for name in PORTRAITS],
                            [portrait],
                            label="Examples",
                            api_visibility="private",
                        )
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

"""The components of the tab Keypoints, and how they are laid out.

In: StudioContext, first values. Out: components, grouped. Knows nothing about what they set off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.context import StudioContext
from studio.controls import slider
from studio.examples import known
from studio.inputs import OpenSlider, PictureFile, sources_of
from studio.tabs.keypoint_compare import MODES
from studio.tabs.keypoint_handlers import FORMATS, STAGES, KeypointHandlers
from studio.tabs.keypoint_space import build_space

PORTRAITS = ("london_101_neutral.jpg", "london_009_smiling.jpg", "astronaut.jpg")
CLIPS = ("driving_expressive.mp4", "driving_smile.mp4", "driving_turn.mp4")
EDITS = ("yaw_deg", "pitch_deg", "roll_deg", "expression_gain")
FIRST_YAW_DEG = 15


@dataclass(frozen=True)
class Look:
    """Hold the components of one portrait's keypoints."""

    portrait: PictureFile
    kept: gr.State  # the last good portrait
    stage: gr.Radio
    picture: gr.Image
    space: gr.HTML
    words: gr.Markdown
    file_format: gr.Radio
    export: gr.Button
    file: gr.File


@dataclass(frozen=True)
class Inside:
    """Hold the components of a picture's anatomy."""

    sliders: dict[str, gr.Slider]
    pictures: list[gr.Image]
    words: gr.Markdown


@dataclass(frozen=True)
class Over:
    """Hold the components of the comparison over time."""

    clip: gr.Video
    mode: gr.Radio
    compare: gr.Button
    comparison: gr.State
    frame: gr.Slider
    trails: gr.Checkbox
    source: gr.Image
    driver: gr.Image
    space: gr.HTML
    words: gr.Markdown
    file_format: gr.Radio
    export: gr.Button
    file: gr.File


def build_look(
    studio: StudioContext, handlers: KeypointHandlers, first: str | None, known: list[str]
) -> Look:
    """Build one portrait's keypoints: over it, in space, and to save."""
    picture_now, space_now, words_now = handlers.look(first, "posed") if first else (None, None, "")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="rail"):
            portrait = PictureFile(
                first,
                label="Portrait",
                type="filepath",
                sources=sources_of(studio, "upload", "clipboard", "webcam"),
                height=240,
                buttons=[],
                elem_id="keypoint-portrait",
                alt_text="The portrait whose keypoints are shown",
                placeholder="Drop a portrait here, or pick an example below",
            )
            gr.Examples(known, portrait, label="Examples", api_visibility="private")
            stage = gr.Radio(
                [(s.capitalize(), s) for s in STAGES],
                value="posed",
                label="Stage",
                info="identity, then the expression, then the pose",
            )
            words = gr.Markdown(words_now, elem_classes="hint", elem_id="keypoint-words")
        with gr.Column(scale=5, min_width=280):
            picture = gr.Image(
                picture_now,
                label="Over the picture",
                format="webp",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="keypoint-picture",
                elem_classes="square",
                alt_text="The face with its keypoints",
                placeholder="The keypoints appear here",
            )
        with gr.Column(scale=5, min_width=280):
            space = build_space(space_now, "keypoint-space")
            gr.Markdown("Drag the points to turn them in space.", elem_classes="hint")
            file_format, export, file = build_export("Save these keypoints", "keypoint-file")
    return Look(
        portrait,
        gr.State(first),
        stage,
        picture,
        space,
        words,
        file_format,
        export,
        file,
    )


def build_inside(dissect: Callable[..., Any], first: str | None) -> Inside:
    """Build what a picture is made of.

    Args:
        dissect: the marked dissect_picture, which makes the first pictures.
        first: the portrait that they are of.
    """
    now: tuple[Any, ...] = (
        dissect(first, FIRST_YAW_DEG, 0, 0, 1, True, False) if first else (None,) * 4 + ("",)
    )
    with gr.Row():
        sliders = {}
        for name in EDITS:
            first_value: dict[str, Any] = {"value": FIRST_YAW_DEG} if name == "yaw_deg" else {}
            sliders[name] = slider(name, min_width=220, **first_value)
    titles = (
        ("Result", "what the model makes"),
        ("Dense flow", "where each place came from: hue is the direction, white stays"),
        ("Occlusion", "white is seen in the portrait, black must be invented"),
        ("Blend", "white keeps the portrait's own pixels, black is painted"),
    )
    pictures = []
    with gr.Row(equal_height=False):
        for (title, line), value in zip(titles, now[:4], strict=True):
            with gr.Column(min_width=140):
                pictures.append(
                    gr.Image(
                        value,
                        label=title,
                        format="webp",
                        interactive=False,
                        buttons=["download", "fullscreen"],
                        elem_id=f"keypoint-{title.lower().replace(' ', '-')}",
                        elem_classes="square",
                        alt_text=f"{title}: {line}",
                    )
                )
                gr.Markdown(f"{title}: {line}.", elem_classes="hint")
    return Inside(sliders, pictures, gr.Markdown(now[4], elem_classes="hint"))


def build_over(studio: StudioContext) -> Over:
    """Build the comparison over time."""
    clips = [str(file) for file in known(CLIPS)]
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="rail"):
            clip = gr.Video(
                clips[0] if clips else None,
                label="Driving clip",
                sources=sources_of(studio, "upload", "webcam"),
                height=220,
                buttons=[],
                elem_id="keypoint-clip",
            )
            gr.Examples(
                clips, clip, label="Examples", elem_id="keypoint-clips", api_visibility="private"
            )
            mode = gr.Radio(
                [(m.capitalize(), m) for m in MODES],
                value="relative",
                label="Follow",
                info="add the clip's changes, or copy its pose",
            )
            compare = gr.Button("Compare over time", variant="primary", elem_classes="hero")
            words = gr.Markdown(
                "Up to 300 frames are followed.", elem_classes="hint", elem_id="keypoint-compared"
            )
        with gr.Column(scale=10, min_width=300):
            with gr.Row(equal_height=False):
                views = [
                    gr.Image(
                        label=label,
                        format="webp",
                        interactive=False,
                        min_width=200,
                        buttons=["download", "fullscreen"],
                        elem_id=elem_id,
                        elem_classes="square",
                        alt_text=f"{label} with keypoints at the chosen frame",
                        placeholder=empty,
                    )
                    for label, elem_id, empty in (
                        ("Portrait", "keypoint-source", "Press Compare: the portrait follows here"),
                        ("Driver", "keypoint-driver", "and here is what it follows"),
                    )
                ]
                with gr.Column(min_width=200):
                    space = build_space(None, "keypoint-space-over")
            frame = OpenSlider(
                0,
                1,
                0,
                step=1,
                label="Frame",
                info="go through the clip",
                interactive=False,
                elem_id="keypoint-frame",
            )
            with gr.Row():
                trails = gr.Checkbox(True, label="Trails", info="where the points came from")
                file_format, export, file = build_export("Save both over time", "keypoint-tracks")
    return Over(
        clip,
        mode,
        compare,
        gr.State(None),
        frame,
        trails,
        views[0],
        views[1],
        space,
        words,
        file_format,
        export,
        file,
    )


def build_export(title: str, elem_id: str) -> tuple[gr.Radio, gr.Button, gr.File]:
    """Build what saves keypoints."""
    with gr.Column(min_width=240):
        file_format = gr.Radio(
            list(FORMATS),
            value="json",
            label="Format",
            info="of the file",
            elem_id=f"{elem_id}-format",
        )
        export = gr.Button(title, elem_classes="quiet")
        file = gr.File(label="Ready to save", interactive=False, visible=False, elem_id=elem_id)
    return file_format, export, file

"""The columns of the tab Animate where a person gives a portrait and what drives it.

In: a StudioContext. Out: components, grouped. Knows nothing about what they set off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from studio.context import StudioContext
from studio.examples import known
from studio.inputs import OpenSlider, PictureFile, sources_of
from studio.motions import OWN, SUFFIX, gallery_of
from studio.tabs.animate_driver_handlers import MENDS
from studio.tabs.animate_views import PROGRESS_CSS, REPORT_CSS

PORTRAITS = ("london_034_neutral.jpg", "london_009_neutral.jpg", "astronaut.jpg")
CLIPS = ("driving_smile.mp4", "driving_expressive.mp4", "driving_turn.mp4")
DRIVING_PICTURES = ("london_009_smiling.jpg", "london_114_smiling.jpg")
FARTHEST_PX = 6144  # of a frame by hand: 1.5 times the longest side that a portrait keeps


@dataclass(frozen=True, eq=False, kw_only=True)
class PortraitColumn:
    """Hold the components of the portrait's column."""

    picture: gr.Image
    frame: gr.Accordion
    framed: gr.Image
    words: gr.Markdown
    faces: gr.Gallery
    crop: tuple[gr.Slider, gr.Slider, gr.Slider]


@dataclass(frozen=True, eq=False, kw_only=True)
class DriverColumn:
    """Hold the components of the driver's column."""

    kind: gr.Radio
    clip: gr.Video
    clips: gr.Column
    picture: gr.Image
    pictures: gr.Column
    motion: gr.Radio
    motion_file: gr.File
    motion_words: gr.Markdown
    motions: gr.Column
    looked: gr.Column
    report: gr.HTML
    frames: gr.Gallery
    faces: gr.Gallery
    mends: gr.State
    buttons: list[gr.Button]
    save: gr.Button
    saved: gr.File


def portrait_column(studio: StudioContext) -> PortraitColumn:
    """Build the portrait's column."""
    picture = PictureFile(
        type="filepath",
        label="Portrait",
        sources=sources_of(studio, "upload", "webcam", "clipboard"),
        elem_classes="square",
        elem_id="animate-portrait",
        placeholder="Drop a portrait here,\nor pick an example below",
    )
    _examples(PORTRAITS, picture)
    words = gr.Markdown("", elem_classes="hint", elem_id="animate-portrait-words")
    faces = _choices("Which face", columns=4, height=150, elem_id="animate-faces")
    with gr.Accordion("Face frame", visible=False, elem_id="animate-frame") as frame:
        framed = gr.Image(
            label="What moves",
            interactive=False,
            height=260,
            buttons=[],
            elem_id="animate-framed",
        )
        with gr.Accordion("Move it by hand", open=False):
            crop = (
                _crop_slider("Left", "x of the frame, px", "animate-crop-x"),
                _crop_slider("Top", "y of the frame, px", "animate-crop-y"),
                _crop_slider("Side", "of the frame, px; it is a square", "animate-crop-size"),
            )
    return PortraitColumn(
        picture=picture, frame=frame, framed=framed, words=words, faces=faces, crop=crop
    )


def driver_column(studio: StudioContext) -> DriverColumn:
    """Build the driver's column."""
    with gr.Column() as clips:
        clip = gr.Video(
            label="Driving clip",
            sources=sources_of(studio, "upload", "webcam"),
            webcam_options=gr.WebcamOptions(mirror=False),
            include_audio=True,
            elem_classes="square",
            elem_id="animate-clip",
        )
        _examples(CLIPS, clip)
    with gr.Column(visible=False) as pictures:
        picture = PictureFile(
            type="filepath",
            label="Driving picture",
            sources=sources_of(studio, "upload", "webcam", "clipboard"),
            elem_classes="square",
            elem_id="animate-picture",
            placeholder="Drop a picture with an expression here,\nor pick an example below",
        )
        _examples(DRIVING_PICTURES, picture)
    motion, motion_file, motion_words, motions = _motion_column(studio)
    kind = gr.Radio(
        [("Clip", "clip"), ("Single picture", "picture"), ("Motion", "motion")],
        value="clip",
        label="Driver",
        info="what moves the portrait; a motion is a clip's movement without its pictures",
        elem_id="animate-driver",
    )
    with gr.Column() as looked:
        report = gr.HTML(
            "", css_template=REPORT_CSS + PROGRESS_CSS, padding=False, elem_id="animate-report"
        )
        buttons: list[gr.Button] = []
        with gr.Row():
            buttons += [
                gr.Button(
                    "Mend",
                    visible=False,
                    size="sm",
                    min_width=120,
                    elem_id=f"animate-mend-{number}",
                )
                for number in range(MENDS)
            ]
        faces = _choices("Which face drives", columns=4, height=150)
        frames = _choices("Where it starts, where it is calmest", columns=2, height=190)
        save = gr.Button(
            "Save its motion", size="sm", elem_classes="quiet", elem_id="animate-save-motion"
        )
        saved = gr.File(
            label="Its motion, without pictures",
            interactive=False,
            visible=False,
            elem_id="animate-saved-motion",
        )
    return DriverColumn(
        kind=kind,
        clip=clip,
        clips=clips,
        picture=picture,
        pictures=pictures,
        motion=motion,
        motion_file=motion_file,
        motion_words=motion_words,
        motions=motions,
        looked=looked,
        report=report,
        frames=frames,
        faces=faces,
        mends=gr.State([]),
        buttons=buttons,
        save=save,
        saved=saved,
    )


def _motion_column(studio: StudioContext) -> tuple[gr.Radio, gr.File, gr.Markdown, gr.Column]:
    """Build what chooses a motion of the gallery, or takes a motion file."""
    gallery = gallery_of(studio.animator)
    with gr.Column(visible=False, elem_id="animate-motions") as motions:
        motion = gr.Radio(
            [*gallery.items(), ("My own file", OWN)],
            value=next(iter(gallery.values()), OWN),
            label="Motion",
            info="ready to use, without a clip",
            elem_id="animate-motion",
        )
        motion_file = gr.File(
            label="Motion file",
            file_types=[SUFFIX],
            type="filepath",
            height=150,
            elem_id="animate-motion-file",
        )
        motion_words = gr.Markdown("", elem_classes="hint", elem_id="animate-motion-words")
    return motion, motion_file, motion_words, motions


def _crop_slider(label: str, info: str, elem_id: str) -> gr.Slider:
    """Build a slider whose range is set when there is a portrait."""
    return OpenSlider(
        -FARTHEST_PX,
        FARTHEST_PX,
        0,
        step=1,
        label=label,
        info=info,
        elem_id=elem_id,
    )


def _examples(names: Sequence[str], component: Component) -> None:
    gr.Examples(
        [[str(path)] for path in known(names)],
        inputs=[component],
        label="Examples",
        cache_examples=False,
        api_visibility="private",
    )


def _choices(label: str, *, columns: int, height: int, elem_id: str | None = None) -> gr.Gallery:
    """Build a row of pictures to choose from, which shows when there is something to choose."""
    return gr.Gallery(
        label=label,
        columns=columns,
        height=height,
        object_fit="contain",
        visible=False,
        allow_preview=False,
        interactive=False,
        elem_id=elem_id,
    )

"""The components of the tab Animate, and how they are laid out.

In: a StudioContext. Out: components, grouped. Knows nothing about what they set off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.context import StudioContext
from studio.inputs import PictureFile
from studio.motions import OWN, SUFFIX, gallery_of
from studio.tabs.animate_handlers import MENDS
from studio.tabs.animate_settings import DEFAULT, FORMATS
from studio.tabs.animate_views import PROGRESS_CSS, REPORT_CSS, live_view, progress_html

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTRAITS = ("london_034_neutral.jpg", "london_009_neutral.jpg", "astronaut.jpg")
CLIPS = ("driving_smile.mp4", "driving_expressive.mp4", "driving_turn.mp4")
DRIVING_PICTURES = ("london_009_smiling.jpg", "london_114_smiling.jpg")
LARGEST_PX = 4096
READY = "Give a portrait and a driver, look at the preview, then animate."
PART_TEXTS = {
    "rotation": ("Turn", "how far the head turns"),
    "translation": ("Move", "how far it goes sideways, up and down"),
    "scale": ("Near and far", "how much it grows and shrinks"),
    "expression": ("Expression", "how strong mouth, lids and brows are"),
}


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


def portrait_column(studio: StudioContext) -> PortraitColumn:
    """Build the portrait's column."""
    picture = PictureFile(
        type="filepath",
        label="Portrait",
        sources=_sources(studio, "upload", "webcam", "clipboard"),
        elem_classes="square",
        elem_id="animate-portrait",
        placeholder="Drop a portrait here,\nor pick an example below",
    )
    _examples(PORTRAITS, picture)
    words = gr.Markdown("", elem_classes="hint", elem_id="animate-portrait-words")
    faces = gr.Gallery(
        label="Which face",
        columns=4,
        height=150,
        object_fit="contain",
        visible=False,
        allow_preview=False,
        interactive=False,
        elem_id="animate-faces",
    )
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
            sources=_sources(studio, "upload", "webcam"),
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
            sources=_sources(studio, "upload", "webcam", "clipboard"),
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
        faces = gr.Gallery(
            label="Which face drives",
            columns=4,
            height=150,
            object_fit="contain",
            visible=False,
            allow_preview=False,
            interactive=False,
        )
        frames = gr.Gallery(
            label="Where it starts, where it is calmest",
            columns=2,
            height=190,
            object_fit="contain",
            visible=False,
            allow_preview=False,
            interactive=False,
        )
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
            made["smoothing"] = gr.Slider(
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
                    made[f"gain_{part}"] = gr.Slider(
                        0, 200, 100, step=5, label=f"{label}, %", info=info, min_width=160, scale=3
                    )
                    made[f"lock_{part}"] = gr.Checkbox(
                        False, label="Lock", info="keep the portrait's own", min_width=90, scale=1,
                        elem_id=f"animate-lock-{part}",
                    )  # fmt: skip
        with gr.Column(min_width=300, elem_classes="rail"), gr.Accordion("Which part, which file"):
            with gr.Row():
                made["start_s"] = gr.Number(
                    0, minimum=0, label="Start, s", info="of the clip", min_width=90,
                    elem_id="animate-start",
                )  # fmt: skip
                made["end_s"] = gr.Number(
                    0, minimum=0, label="End, s", info="0 is its end", min_width=90,
                    elem_id="animate-end",
                )  # fmt: skip
                made["driving_face"] = gr.Number(
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


def _crop_slider(label: str, info: str, elem_id: str) -> gr.Slider:
    """Build a slider whose range is set when there is a portrait."""
    return gr.Slider(
        -LARGEST_PX,
        LARGEST_PX,
        0,
        step=1,
        label=label,
        info=info,
        elem_id=elem_id,
    )


def _sources(studio: StudioContext, *names: str) -> list[Any]:
    return [name for name in names if name != "webcam" or studio.settings.webcam]


def known(names: Sequence[str]) -> list[Path]:
    """Return the files of those examples that are there."""
    return [EXAMPLES / name for name in names if (EXAMPLES / name).exists()]


def _examples(names: Sequence[str], component: Component) -> None:
    gr.Examples(
        [[str(path)] for path in known(names)],
        inputs=[component],
        label="Examples",
        cache_examples=False,
        api_visibility="private",
    )

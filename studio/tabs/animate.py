"""The tab Animate: its columns, and what each sets off.

In: a StudioContext. Out: the tab in the page. Knows nothing about how work is done.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import StudioContext
from studio.controls import TabControls
from studio.examples import known
from studio.portraits import CropByHand
from studio.tabs.animate_examples import make_ready
from studio.tabs.animate_inputs import (
    CLIPS,
    PORTRAITS,
    PortraitColumn,
    driver_column,
    portrait_column,
)
from studio.tabs.animate_layout import compare_row, settings_rows, stage_column
from studio.tabs.animate_portrait_handlers import PortraitHandlers
from studio.tabs.animate_tab_handlers import TabHandlers
from studio.tabs.animate_tokens import RunTokens
from studio.tabs.animate_wire_driver import wire_driver, wire_motion
from studio.tabs.animate_wire_runs import wire_animate, wire_preview
from studio.terms import Terms
from studio.wiring import MODEL, QUIET

RUNS = 4  # examination, preview, animation, saving: each may be waiting or running


def build_animate(studio: StudioContext, terms: Terms) -> TabControls:
    """Build the tab and wire it.

    Args:
        studio: what tabs share.
        terms: consent and badge.

    Returns:
        The controls that a recipe holds.
    """
    gr.Markdown(
        "A clip moves your portrait: head, lips, lids and brows, in step with its sound.",
        elem_classes="hint",
    )
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            portrait = portrait_column(studio)
        with gr.Column(min_width=300, elem_classes="driver"):
            driver = driver_column(studio)
        with gr.Column(min_width=300, elem_classes="stage"):
            stage = stage_column()
    compare = compare_row()
    settings = {"driver": driver.kind, "motion": driver.motion, **settings_rows()}
    handlers = TabHandlers.of(studio)
    if studio.settings.ready_examples:
        make_ready(handlers, known(PORTRAITS), known(CLIPS))
    tokens = [gr.State(None) for _ in range(RUNS)]
    runs = RunTokens(handlers.animation.runs.stops, stage, tokens, terms)
    _wire_portrait(handlers.portrait, portrait)
    wire_driver(handlers.driver, driver, settings, runs)
    wire_motion(handlers.motion, driver, settings, runs)
    wire_preview(handlers.preview, portrait, driver, settings, compare, runs)
    wire_animate(handlers.animation, portrait, driver, settings, runs)
    return TabControls("animate", settings)


def crop_sliders(width: int, height: int, crop: CropByHand) -> tuple[gr.Slider, ...]:
    """Set the sliders of the face frame to a crop, with ranges that hold it.

    Args:
        width: of the portrait, px.
        height: of the portrait, px.
        crop: left, top and side, px; where the face fills the portrait it reaches far beyond.

    Returns:
        The three sliders.
    """
    x, y, side = crop
    reach = int(1.5 * max(width, height, side, 1))
    return (
        gr.Slider(-reach, reach, x),
        gr.Slider(-reach, reach, y),
        gr.Slider(0, reach, side),
    )


def _wire_portrait(handlers: PortraitHandlers, portrait: PortraitColumn) -> None:
    crop = list(portrait.crop)

    def find_faces(picture: str | None) -> tuple[Any, ...]:
        framed, faces, words, width, height, x, y, side = handlers.find_faces(picture)
        return (
            gr.Accordion(visible=framed is not None),
            framed,
            gr.Gallery(faces, visible=bool(faces)),
            words,
            *crop_sliders(width, height, (x, y, side)),
        )

    def look_anew() -> tuple[int, int, int]:
        return 0, 0, 0  # until the new face is found: a frame by hand was of the old portrait

    find_faces.__doc__ = handlers.find_faces.__doc__
    fresh = portrait.picture.change(look_anew, None, crop, queue=False, **QUIET)
    fresh.then(
        find_faces,
        portrait.picture,
        [portrait.frame, portrait.framed, portrait.faces, portrait.words, *crop],
        api_name="find_faces",
        show_progress="minimal",
        show_progress_on=portrait.picture,
        trigger_mode="always_last",
        **MODEL,
    )

    def choose(picture: str | None, event: gr.SelectData) -> tuple[Any, ...]:
        return handlers.choose_face(picture, int(event.index))

    portrait.faces.select(
        choose,
        portrait.picture,
        [portrait.framed, *crop],
        trigger_mode="multiple",  # the last click counts, also while the first still waits
        **QUIET,
        **MODEL,
    )
    gr.on(
        [number.input for number in crop],
        handlers.frame_face,
        [portrait.picture, *crop],
        portrait.framed,
        api_name="frame_face",
        trigger_mode="always_last",
        show_progress="hidden",
        **MODEL,
    )

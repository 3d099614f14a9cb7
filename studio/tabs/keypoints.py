"""The tab Keypoints: what the model sees, over time, and what it makes pictures of.

In: StudioContext. Out: TabControls. What the events do is in keypoint_handlers.py.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.tabs.keypoint_handlers import KeypointHandlers
from studio.tabs.keypoint_layout import (
    EXAMPLES,
    PORTRAITS,
    Inside,
    Look,
    Over,
    build_inside,
    build_look,
    build_over,
)

LIVE: dict[str, Any] = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
}
MODEL: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build_keypoints(studio: StudioContext) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.

    Returns:
        Its controls, for recipes.
    """
    handlers = KeypointHandlers(studio)
    known = [str(EXAMPLES / n) for n in PORTRAITS if (EXAMPLES / n).is_file()]
    first = known[0] if known else None
    gr.Markdown(
        "The model moves a face by a few dozen points in depth. "
        "**Each has its own colour**, the same in every view of this page.",
        elem_classes="hint",
    )
    look = build_look(studio, handlers, first, known)
    gr.Markdown("### What a picture is made of")
    inside = build_inside(handlers, first)
    gr.Markdown("### Portrait against driver, over time")
    over = build_over(studio)
    _wire_look(handlers, look, inside)
    _wire_inside(handlers, look, inside)
    _wire_over(handlers, look, over)
    return TabControls(
        "keypoints",
        {
            "stage": look.stage,
            **inside.sliders,
            "mode": over.mode,
            "trails": over.trails,
        },
        Refresh(
            handlers.dissect_picture,
            [look.portrait, *inside.sliders.values()],
            [*inside.pictures, inside.words],
        ),
    )


def _wire_look(handlers: KeypointHandlers, look: Look, inside: Inside) -> None:
    shown: list[Any] = [look.picture, look.space, look.words]
    look.stage.input(
        handlers.show_keypoints,
        [look.portrait, look.stage],
        shown,
        api_name="show_keypoints",
        **LIVE,
    )

    given: dict[str, Any] = {
        "fn": handlers.open_portrait,
        "inputs": [look.portrait, look.kept, look.stage, *inside.sliders.values()],
        "outputs": [look.portrait, look.kept, *shown, *inside.pictures, inside.words],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": look.picture,
        "trigger_mode": "always_last",  # a portrait may come while the last one is being taken away
        **MODEL,
    }
    look.portrait.input(**given)
    look.picked.then(**given)
    _wire_export(handlers.export_keypoints, "export_keypoints", look.portrait, look)


def _wire_inside(handlers: KeypointHandlers, look: Look, inside: Inside) -> None:
    gr.on(
        [s.input for s in inside.sliders.values()],
        handlers.dissect_picture,
        [look.portrait, *inside.sliders.values()],
        [*inside.pictures, inside.words],
        api_name="dissect_picture",
        **LIVE,
    )


def _wire_over(handlers: KeypointHandlers, look: Look, over: Over) -> None:
    views: list[Any] = [over.source, over.driver, over.space]
    over.compare.click(
        handlers.compare_keypoints,
        [look.portrait, over.clip, over.mode, over.trails],
        [over.comparison, over.frame, *views, over.words],
        api_name="compare_keypoints",
        show_progress="full",
        show_progress_on=over.source,
        **MODEL,
    )
    gr.on(
        [over.frame.input, over.trails.input],
        handlers.show_frame,
        [over.comparison, over.frame, over.trails],
        views,
        api_name="show_frame",
        **LIVE,
    )
    _wire_export(handlers.export_comparison, "export_comparison", over.comparison, over)


def _wire_export(fn: Any, api_name: str, what: Any, part: Look | Over) -> None:
    part.export.click(
        fn,
        [what, part.file_format],
        part.file,
        api_name=api_name,
        show_progress="minimal",
        **MODEL,
    ).success(lambda: gr.File(visible=True), None, part.file, **QUIET)

"""The tab Keypoints: what the model sees, over time, and what it makes pictures of.

In: StudioContext. Out: TabControls. What the events do is in keypoint_handlers.py and
keypoint_compare.py.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import StudioContext
from studio.controls import Refresh, TabControls
from studio.examples import known
from studio.marked import Looks, ask_first, with_consent
from studio.tabs.keypoint_compare import CompareHandlers
from studio.tabs.keypoint_handlers import KeypointHandlers, mark_first
from studio.tabs.keypoint_layout import (
    PORTRAITS,
    Look,
    Over,
    build_inside,
    build_look,
    build_over,
)
from studio.terms import Terms
from studio.wiring import LIVE, LIVE_QUIET, MODEL, QUIET


def build_keypoints(studio: StudioContext, terms: Terms) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.
        terms: consent and badge.

    Returns:
        Its controls, for recipes.
    """
    handlers = KeypointHandlers(studio)
    looks = Looks(studio, ("portrait",), mark_first)
    dissect = looks.wrap(handlers.dissect_picture)
    dissect_first = looks.wrap(handlers.dissect_picture, live=False, lasting=True)
    portraits = [str(file) for file in known(PORTRAITS)]
    first = portraits[0] if portraits else None
    gr.Markdown(
        "The model moves a face by a few dozen points in depth. "
        "**Each has its own colour**, the same in every view of this page.",
        elem_classes="hint",
    )
    look = build_look(studio, handlers, first, portraits)
    gr.Markdown("### What a picture is made of")
    inside = build_inside(dissect_first, first)
    gr.Markdown("### Portrait against driver, over time")
    over = build_over(studio)
    taken: dict[str, Any] = {
        "inputs": [look.portrait, *inside.sliders.values(), *terms.inputs],
        "outputs": [*inside.pictures, inside.words],
    }
    given = looks.wrap(handlers.dissect_given, like=handlers.dissect_picture, live=False)
    _wire_look(handlers, look, {"fn": given, **taken})
    gr.on(
        [s.input for s in inside.sliders.values()],
        dissect,
        api_name="dissect_picture",
        **taken,
        **LIVE,
    )
    terms.consent.change(looks.when_agreed(given, 5), **taken, **QUIET, **MODEL)
    _wire_over(CompareHandlers(studio), look, over, terms)

    def look_again(portrait: str | None, stage: str, *values: Any) -> tuple[Any, ...]:
        return *dissect(portrait, *values), *handlers.show_keypoints(portrait, stage)

    return TabControls(
        "keypoints",
        {
            "stage": look.stage,
            **inside.sliders,
            "mode": over.mode,
            "trails": over.trails,
        },
        Refresh(
            look_again,
            [look.portrait, look.stage, *taken["inputs"][1:]],
            [*taken["outputs"], look.picture, look.space, look.words],
        ),
    )


def _wire_look(handlers: KeypointHandlers, look: Look, dissect: dict[str, Any]) -> None:
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
        "inputs": [look.portrait, look.kept, look.stage],
        "outputs": [look.portrait, look.kept, *shown],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": look.picture,
        "trigger_mode": "always_last",  # a portrait may come while the last one is being taken away
        **MODEL,
    }
    look.portrait.change(**given)  # not input: a webcam's photo has none
    look.kept.change(**dissect, **LIVE_QUIET)
    _wire_export(handlers.export_keypoints, "export_keypoints", look.portrait, look)


def _wire_over(handlers: CompareHandlers, look: Look, over: Over, terms: Terms) -> None:
    views: list[Any] = [over.source, over.driver, over.space]
    ask_first(over.compare, terms)(
        with_consent(handlers.compare_keypoints),
        [look.portrait, over.clip, over.mode, over.trails, *terms.inputs],
        [over.comparison, over.frame, *views, over.words],
        api_name="compare_keypoints",
        show_progress="full",
        show_progress_on=over.source,
        **MODEL,
    )
    gr.on(
        [over.frame.input, over.trails.input],
        handlers.show_frame,
        [over.comparison, over.frame, over.trails, terms.badge],
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

"""The tab Animate: what each of its components sets off.

In: a StudioContext. Out: the tab in the page. Knows nothing about how work is done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import TabControls
from studio.marked import with_consent
from studio.motions import OWN
from studio.tabs.animate_examples import make_ready
from studio.tabs.animate_handlers import MENDS, AnimateHandlers
from studio.tabs.animate_layout import (
    CLIPS,
    PORTRAITS,
    Compare,
    DriverColumn,
    PortraitColumn,
    Stage,
    compare_row,
    driver_column,
    known,
    portrait_column,
    settings_rows,
    stage_column,
)
from studio.tabs.animate_motion_handlers import MotionHandlers
from studio.tabs.animate_settings import NAMES, PREVIEWED
from studio.terms import SHOW_CONSENT, Terms

RUNS = 4  # examination, preview, animation, saving: each may be waiting or running
MODEL: dict[str, Any] = {"concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
Settings = dict[str, Component]
Mends = list[tuple[str, dict[str, Any]]]


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
    handlers = AnimateHandlers(studio)
    if studio.settings.ready_examples:
        make_ready(handlers, known(PORTRAITS), known(CLIPS))
    tokens = [gr.State(None) for _ in range(RUNS)]
    runs = _Runs(handlers, stage, tokens, terms)
    _wire_portrait(handlers, portrait)
    _wire_driver(handlers, driver, settings, runs)
    _wire_motion(MotionHandlers(studio, handlers.stops), driver, settings, runs)
    _wire_preview(handlers, portrait, driver, settings, compare, runs)
    _wire_animate(handlers, portrait, driver, settings, runs)
    return TabControls("animate", settings)


class _Runs:
    """Give each kind of run a token, and Cancel something to cancel while one is under way."""

    def __init__(
        self, handlers: AnimateHandlers, stage: Stage, tokens: list[gr.State], terms: Terms
    ) -> None:
        self.terms = terms
        self.stage = stage
        self.tokens = tokens
        self._handlers = handlers

        def cancel(*tokens: str | None) -> Any:
            handlers.cancel(*tokens)
            return gr.Button("Stopping..." if any(tokens) else "Cancel", interactive=False)

        stage.cancel.click(cancel, tokens, stage.cancel, queue=False, **QUIET)

    def begin(self, trigger: Any, number: int) -> Any:
        """Make a token when something is pressed or given, and switch Cancel on."""

        def begin() -> tuple[str, Any]:
            return self._handlers.stops.new_token(), gr.Button("Cancel", interactive=True)

        return trigger(begin, None, [self.tokens[number], self.stage.cancel], queue=False, **QUIET)

    def end(self, run: Any, number: int) -> None:
        """Take the token away at the end, and switch Cancel off if it was the last."""
        others = [token for n, token in enumerate(self.tokens) if n != number]

        def end(*others: str | None) -> tuple[None, Any]:
            return None, gr.Button("Cancel", interactive=any(others))

        for after in (run.then, run.failure):  # then comes only after success
            after(end, others, [self.tokens[number], self.stage.cancel], queue=False, **QUIET)


def _wire_portrait(handlers: AnimateHandlers, portrait: PortraitColumn) -> None:
    crop = list(portrait.crop)

    def find_faces(picture: str | None) -> tuple[Any, ...]:
        framed, faces, words, width, height, x, y, side = handlers.find_faces(picture)
        return (
            gr.Accordion(visible=picture is not None),
            framed,
            gr.Gallery(faces, visible=bool(faces)),
            words,
            gr.Slider(-width // 4, width, x),
            gr.Slider(-height // 4, height, y),
            gr.Slider(0, int(1.5 * max(width, height, 1)), side),
        )

    find_faces.__doc__ = handlers.find_faces.__doc__
    portrait.picture.change(
        find_faces,
        portrait.picture,
        [portrait.frame, portrait.framed, portrait.faces, portrait.words, *crop],
        api_name="find_faces",
        show_progress="minimal",
        show_progress_on=portrait.picture,
        **MODEL,
    )

    def choose(picture: str | None, event: gr.SelectData) -> tuple[Any, ...]:
        return handlers.choose_face(picture, int(event.index))

    portrait.faces.select(choose, portrait.picture, [portrait.framed, *crop], **QUIET, **MODEL)
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


def _wire_driver(
    handlers: AnimateHandlers, driver: DriverColumn, settings: Settings, runs: _Runs
) -> None:
    part = [settings[name] for name in ("start_s", "end_s", "driving_face")]
    shown = [driver.report, driver.frames, driver.faces, driver.mends]

    def whole() -> tuple[float, float, int]:
        return 0, 0, 0

    def lists(frames: list[Any], faces: list[Any], mends: Mends) -> list[Any]:
        buttons = [
            gr.Button(mends[n][0] if n < len(mends) else "Mend", visible=n < len(mends))
            for n in range(MENDS)
        ]
        return [gr.Gallery(visible=bool(frames)), gr.Gallery(visible=bool(faces)), *buttons]

    def examine(chain: Any, **more: Any) -> None:
        looked = chain.then(
            handlers.examine_clip,
            [driver.clip, *part, runs.tokens[0]],
            shown,
            show_progress="hidden",
            **more,
            **MODEL,
        )
        looked.then(
            lists,
            [driver.frames, driver.faces, driver.mends],
            [driver.frames, driver.faces, *driver.buttons],
            queue=False,
            **QUIET,
        )
        runs.end(looked, 0)

    fresh = driver.clip.change(whole, None, part, queue=False, **QUIET)
    examine(runs.begin(fresh.then, 0), api_name="examine_clip")

    def mend(number: int, mends: Mends) -> list[Any]:
        _, values = mends[number] if number < len(mends) else ("", {})
        return [values.get(name, gr.skip()) for name in settings]

    for number, button in enumerate(driver.buttons):
        mended = button.click(
            partial(mend, number), driver.mends, list(settings.values()), queue=False, **QUIET
        )
        examine(runs.begin(mended.then, 0), api_visibility="private")

    def choose(event: gr.SelectData) -> int:
        return int(event.index)

    chosen = driver.faces.select(choose, None, settings["driving_face"], queue=False, **QUIET)
    examine(runs.begin(chosen.then, 0), api_visibility="private")

    def switch(kind: str) -> list[Any]:
        return [gr.Column(visible=kind == shown) for shown in ("clip", "clip", "picture", "motion")]

    driver.kind.change(
        switch,
        driver.kind,
        [driver.clips, driver.looked, driver.pictures, driver.motions],
        queue=False,
        **QUIET,
    )


def _wire_motion(
    handlers: MotionHandlers, driver: DriverColumn, settings: Settings, runs: _Runs
) -> None:
    choice = [driver.motion, driver.motion_file]
    driver.motion_file.upload(_constant(OWN), None, driver.motion, queue=False, **QUIET)
    gr.on(
        [driver.motion.change, driver.motion_file.change, driver.kind.change],
        handlers.describe_motion,
        choice,
        driver.motion_words,
        api_name="describe_motion",
        show_progress="hidden",
        concurrency_limit=None,
    )
    begun = runs.begin(driver.save.click, 3)
    part = [settings[name] for name in ("start_s", "end_s", "driving_face")]
    run = begun.then(
        handlers.save_motion,
        [driver.clip, *part, runs.tokens[3]],
        [driver.saved, runs.stage.progress],
        api_name="save_motion",
        show_progress="minimal",
        show_progress_on=runs.stage.progress,
        **MODEL,
    )
    runs.end(run, 3)

    def settle(saved: str | None) -> Any:
        return gr.File(visible=saved is not None)

    run.then(settle, driver.saved, driver.saved, queue=False, **QUIET)
    driver.clip.change(
        lambda: gr.File(None, visible=False), None, driver.saved, queue=False, **QUIET
    )


def _wire_preview(
    handlers: AnimateHandlers,
    portrait: PortraitColumn,
    driver: DriverColumn,
    settings: Settings,
    compare: Compare,
    runs: _Runs,
) -> None:
    begun = runs.begin(runs.stage.preview.click, 1)
    ready = begun.then(lambda: gr.Column(visible=True), None, compare.group, queue=False, **QUIET)
    run = ready.then(
        with_consent(handlers.preview_animation),
        [
            portrait.picture,
            driver.clip,
            driver.kind,
            *portrait.crop,
            *_of(settings, PREVIEWED[1:]),  # the driver is above
            driver.motion_file,
            runs.tokens[1],
            *runs.terms.inputs,
        ],
        [*compare.clips, runs.stage.progress],
        api_name="preview_animation",
        show_progress="minimal",
        show_progress_on=runs.stage.progress,
        **MODEL,
    )
    runs.end(run, 1)
    run.failure(None, js=SHOW_CONSENT, api_visibility="private")
    for button, mode in zip(compare.choose, ("relative", "absolute"), strict=True):
        button.click(_constant(mode), None, settings["mode"], queue=False, **QUIET)


def _wire_animate(
    handlers: AnimateHandlers,
    portrait: PortraitColumn,
    driver: DriverColumn,
    settings: Settings,
    runs: _Runs,
) -> None:
    stage = runs.stage
    results = [stage.clip, stage.picture]
    stages = [*results, stage.live, stage.download, stage.animate]

    def ready() -> tuple[Any, ...]:
        return (
            gr.Video(visible=False),
            gr.Image(visible=False),
            gr.HTML("", visible=True),
            gr.skip(),
            gr.Button(interactive=False),
        )

    def settle(clip: str | None, picture: Any) -> tuple[Any, ...]:
        none = clip is None and picture is None
        return (
            gr.Video(visible=clip is not None),
            gr.Image(visible=picture is not None),
            gr.HTML("", visible=none),
            gr.DownloadButton(interactive=not none),
            gr.Button(interactive=True),
        )

    begun = runs.begin(stage.animate.click, 2)
    run = begun.then(ready, None, stages, queue=False, **QUIET).then(
        with_consent(handlers.animate),
        [
            portrait.picture,
            driver.clip,
            driver.picture,
            driver.kind,
            *portrait.crop,
            *_of(settings, NAMES[1:]),  # the driver is above
            driver.motion_file,
            runs.tokens[2],
            *runs.terms.inputs,
        ],
        [*results, stage.download, stage.progress, stage.live],
        api_name="animate",
        show_progress="minimal",
        show_progress_on=stage.progress,
        **MODEL,
    )
    runs.end(run, 2)
    run.failure(None, js=SHOW_CONSENT, api_visibility="private")
    for after in (run.then, run.failure):
        after(settle, results, stages, queue=False, **QUIET)


def _of(settings: Settings, names: list[str]) -> list[Component]:
    return [settings[name] for name in names]


def _constant(value: str) -> Callable[[], str]:
    return lambda: value

"""What the buttons Preview and Animate set off.

In: components and handlers. Out: their events. Knows nothing about how work is done.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from studio.marked import ask_first, with_consent
from studio.tabs.animate_handlers import AnimateHandlers
from studio.tabs.animate_inputs import DriverColumn, PortraitColumn
from studio.tabs.animate_layout import Compare
from studio.tabs.animate_preview import PreviewHandlers
from studio.tabs.animate_settings import NAMES, PREVIEWED
from studio.tabs.animate_tokens import RunTokens
from studio.wiring import MODEL, QUIET, constant

Settings = dict[str, Component]


def wire_preview(
    handlers: PreviewHandlers,
    portrait: PortraitColumn,
    driver: DriverColumn,
    settings: Settings,
    compare: Compare,
    runs: RunTokens,
) -> None:
    """Show two seconds in both modes, and let a person take one of them."""
    begun = runs.begin(ask_first(runs.stage.preview, runs.terms), 1)
    ready = begun.then(lambda: gr.Column(visible=True), None, compare.group, queue=False, **QUIET)
    run = ready.then(
        runs.ending(with_consent(handlers.preview_animation)),
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
    for button, mode in zip(compare.choose, ("relative", "absolute"), strict=True):
        button.click(constant(mode), None, settings["mode"], queue=False, **QUIET)


def wire_animate(
    handlers: AnimateHandlers,
    portrait: PortraitColumn,
    driver: DriverColumn,
    settings: Settings,
    runs: RunTokens,
) -> None:
    """Render, show the result as it grows, and hand it over."""
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

    begun = runs.begin(ask_first(stage.animate, runs.terms), 2)
    run = begun.then(ready, None, stages, queue=False, **QUIET).then(
        runs.ending(with_consent(handlers.animate)),
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
    for after in (run.then, run.failure):
        after(settle, results, stages, queue=False, **QUIET)


def _of(settings: Settings, names: list[str]) -> list[Component]:
    return [settings[name] for name in names]

"""What the driver's column of the tab Animate sets off.

In: components and handlers. Out: their events. Knows nothing about how work is done.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from studio.marked import ask_first, with_consent
from studio.motions import OWN
from studio.tabs.animate_driver_handlers import MENDS, DriverHandlers
from studio.tabs.animate_inputs import DriverColumn
from studio.tabs.animate_motion_handlers import MotionHandlers
from studio.tabs.animate_tokens import RunTokens
from studio.wiring import MODEL, QUIET, constant

Settings = dict[str, Component]
Mends = list[tuple[str, dict[str, Any]]]


def wire_driver(
    handlers: DriverHandlers, driver: DriverColumn, settings: Settings, runs: RunTokens
) -> None:
    """Examine a clip that is given, offer what mends it, and show the kind of driver."""
    part = [settings[name] for name in ("start_s", "end_s", "driving_face")]
    shown = [driver.report, driver.frames, driver.faces, driver.mends]

    had = gr.State(False)  # whether a clip was there before: a part of it says nothing of the next

    def whole(clip: str | None, had: bool) -> tuple[Any, ...]:
        kept = (0, 0, 0) if had else (gr.skip(),) * 3  # a recipe may have come before its clip
        return *kept, clip is not None

    def lists(frames: list[Any], faces: list[Any], mends: Mends) -> list[Any]:
        buttons = [
            gr.Button(mends[n][0] if n < len(mends) else "Mend", visible=n < len(mends))
            for n in range(MENDS)
        ]
        return [gr.Gallery(visible=bool(frames)), gr.Gallery(visible=bool(faces)), *buttons]

    def examine(chain: Any, **more: Any) -> None:
        looked = chain.then(
            runs.ending(handlers.examine_clip),
            [driver.clip, *part, runs.tokens[0]],
            shown,
            show_progress="hidden",
            trigger_mode="always_last",
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

    fresh = driver.clip.change(whole, [driver.clip, had], [*part, had], queue=False, **QUIET)
    examine(runs.begin(fresh.then, 0, replaces=True), api_name="examine_clip")

    def mend(number: int, mends: Mends) -> list[Any]:
        _, values = mends[number] if number < len(mends) else ("", {})
        return [values.get(name, gr.skip()) for name in settings]

    for number, button in enumerate(driver.buttons):
        mended = button.click(
            partial(mend, number), driver.mends, list(settings.values()), queue=False, **QUIET
        )
        examine(runs.begin(mended.then, 0, replaces=True), api_visibility="private")

    def choose(event: gr.SelectData) -> int:
        return int(event.index)

    chosen = driver.faces.select(choose, None, settings["driving_face"], queue=False, **QUIET)
    examine(runs.begin(chosen.then, 0, replaces=True), api_visibility="private")

    def switch(kind: str) -> list[Any]:
        return [gr.Column(visible=kind == shown) for shown in ("clip", "clip", "picture", "motion")]

    driver.kind.change(
        switch,
        driver.kind,
        [driver.clips, driver.looked, driver.pictures, driver.motions],
        queue=False,
        **QUIET,
    )


def wire_motion(
    handlers: MotionHandlers, driver: DriverColumn, settings: Settings, runs: RunTokens
) -> None:
    """Tell about the chosen motion, and save the motion of a clip."""
    choice = [driver.motion, driver.motion_file]
    driver.motion_file.upload(constant(OWN), None, driver.motion, queue=False, **QUIET)
    gr.on(
        [driver.motion.change, driver.motion_file.change, driver.kind.change],
        handlers.describe_motion,
        choice,
        driver.motion_words,
        api_name="describe_motion",
        show_progress="hidden",
        concurrency_limit=None,
    )
    begun = runs.begin(ask_first(driver.save, runs.terms), 3)
    part = [settings[name] for name in ("start_s", "end_s", "driving_face")]
    run = begun.then(
        runs.ending(with_consent(handlers.save_motion)),
        [driver.clip, *part, runs.tokens[3], runs.terms.consent],
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
    runs.replace(driver.clip.change, 3).then(
        lambda: gr.File(None, visible=False), None, driver.saved, queue=False, **QUIET
    )

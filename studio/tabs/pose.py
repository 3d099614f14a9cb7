"""The tab Pose: turn, move and size a head by hand or by sliders, or along keyframes.

In: StudioContext. Out: TabControls. The components are made in pose_layout.py and
pose_moving_layout.py; what the events do
is in pose_handlers.py and pose_moving.py.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.marked import Looks, ask_first, with_consent
from studio.tabs.animate_tokens import tell_stopping
from studio.tabs.pose_handlers import PoseHandlers, mark_edit
from studio.tabs.pose_layout import Still, build_still
from studio.tabs.pose_moving import MovingHandlers
from studio.tabs.pose_moving_layout import Moving, build_moving
from studio.terms import Terms
from studio.wiring import LIVE, QUIET

# Presses the hidden button that holds the file.
PRESS_SAVE = "() => document.querySelector('#pose-save-file a, #pose-save-file')?.click()"


def build_pose(studio: StudioContext, terms: Terms) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.
        terms: consent and badge.

    Returns:
        Its controls, for recipes.
    """
    handlers = PoseHandlers(studio)
    looks = Looks(studio, ("portrait",), mark_edit)
    moving_handlers = MovingHandlers(handlers)
    still = build_still(studio, handlers, looks)
    moving = build_moving(studio, moving_handlers)
    live = _live(looks.wrap(handlers.edit_pose), still, terms)
    _wire_still(handlers, still, looks, terms, live)
    _wire_moving(moving_handlers, still, moving, looks, terms)
    terms.consent.change(
        **{**live, "fn": looks.when_agreed(live["fn"], 2)}, api_visibility="private"
    )
    return TabControls(
        "pose",
        {
            **still.sliders,
            "paste_back": still.paste_back,
            "seconds": moving.seconds,
            "fps": moving.fps,
            "easing": moving.easing,
        },
        Refresh(live["fn"], live["inputs"], live["outputs"]),
    )


def _wire_still(
    handlers: PoseHandlers, still: Still, looks: Looks, terms: Terms, live: dict[str, Any]
) -> None:
    sliders = list(still.sliders.values())
    shown = looks.wrap(handlers.show_portrait, like=handlers.edit_pose, live=False)
    gr.on(
        [*(s.input for s in sliders), still.paste_back.input, still.view.input],
        api_name="edit_pose",
        **live,
    )
    opened = still.portrait.change(  # not input: a webcam's photo has none
        handlers.open_portrait,
        [still.portrait],
        [still.kept, still.about],
        api_name="open_portrait",
        trigger_mode="always_last",
        concurrency_id=MODEL_QUEUE,
        show_progress="minimal",
        show_progress_on=[still.picture],
    )
    opened.failure(
        lambda kept: kept,
        [still.kept],
        [still.portrait],
        api_visibility="private",
        queue=False,
    )
    still.kept.change(api_visibility="private", **{**live, "fn": shown})
    still.reset.click(handlers.reset_pose, None, sliders, api_name="reset_pose", queue=False).then(
        api_visibility="private", **live
    )
    angles = [still.sliders[n] for n in ("yaw_deg", "pitch_deg", "roll_deg", "frontalise")]
    still.frontalise.click(
        handlers.frontalise_pose, None, angles, api_name="frontalise_pose", queue=False
    ).then(api_visibility="private", **live)
    saved = ask_first(still.save, terms)(
        with_consent(handlers.save_pose),
        [still.portrait, *sliders, still.paste_back, *terms.inputs],
        [still.saved],
        api_name="save_pose",
        concurrency_id=MODEL_QUEUE,
        show_progress="hidden",
    )
    saved.success(None, js=PRESS_SAVE, api_visibility="private")


def _wire_moving(
    handlers: MovingHandlers, still: Still, moving: Moving, looks: Looks, terms: Terms
) -> None:
    sliders = list(still.sliders.values())
    small: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    clock = [moving.table, moving.seconds, moving.fps]
    driver_s = gr.State(None)
    moving.driving.change(
        handlers.measure_driver,
        [moving.driving],
        [driver_s],
        concurrency_limit=None,  # at once, but by the queue: else driver_s tells of no change
        **QUIET,
    )
    moving.set_keyframe.click(
        handlers.set_keyframe,
        [moving.table, moving.time_s, moving.easing, *sliders],
        [moving.table],
        api_name="set_keyframe",
        **small,
    )
    moving.remove.click(
        handlers.remove_keyframe,
        [moving.table, moving.time_s],
        [moving.table],
        api_name="remove_keyframe",
        **small,
    )
    moving.movement.input(
        handlers.fill_timeline,
        [moving.movement, moving.seconds, driver_s],
        [moving.table],
        api_name="fill_timeline",
        **small,
    )
    gr.on(
        [moving.table.change, moving.seconds.change, moving.fps.change, driver_s.change],
        handlers.show_curves,
        [*clock, driver_s],
        [moving.curves],
        api_name="show_curves",
        trigger_mode="always_last",
        **small,
    )
    gr.on(
        [moving.seconds.change, driver_s.change],
        handlers.reach,
        [moving.seconds, driver_s, moving.time_s],
        [moving.time_s],
        api_visibility="private",
        **small,
    )
    moving.time_s.input(
        looks.wrap(handlers.look_at_time),
        [
            still.portrait,
            *clock,
            moving.time_s,
            still.paste_back,
            still.view,
            driver_s,
            *terms.inputs,
        ],
        [still.picture, still.compared, *sliders],
        api_name="look_at_time",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_id=MODEL_QUEUE,
    )
    token = gr.State(None)
    quiet: dict[str, Any] = {**small, "api_visibility": "private"}
    pressed = ask_first(moving.render, terms)
    tell_stopping(pressed, token, handlers.stops)
    begun = pressed(handlers.begin, [token], [token, moving.cancel], **quiet)
    run = begun.then(
        with_consent(handlers.render_timeline),
        [still.portrait, *clock, moving.driving, still.paste_back, token, *terms.inputs],
        [moving.clip, moving.status],
        api_name="render_timeline",
        concurrency_id=MODEL_QUEUE,
        show_progress="minimal",
        show_progress_on=[moving.status],
    )
    for after in (run.then, run.failure):  # then comes only after success
        after(lambda: (None, gr.Button(interactive=False)), None, [token, moving.cancel], **quiet)
    moving.cancel.click(handlers.cancel, [token], [moving.cancel], **quiet)


def _live(fn: Any, still: Still, terms: Terms) -> dict[str, Any]:
    """Say how the picture follows the sliders."""
    controls = [*still.sliders.values(), still.paste_back, still.view]
    return {
        "fn": fn,
        "inputs": [still.portrait, *controls, *terms.inputs],
        "outputs": [still.picture, still.compared],
        **LIVE,
    }

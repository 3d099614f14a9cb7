"""The tab Pose: turn, move and size a head by hand or by sliders, or along keyframes.

In: StudioContext. Out: TabControls. The components are made in pose_layout.py; what the events do
is in pose_handlers.py and pose_moving.py.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.context import MODEL_QUEUE, StudioContext
from studio.controls import Refresh, TabControls
from studio.tabs.pose_handlers import PoseHandlers
from studio.tabs.pose_layout import Moving, Still, build_moving, build_still
from studio.tabs.pose_moving import MovingHandlers

# Presses the hidden button that holds the file.
PRESS_SAVE = "() => document.querySelector('#pose-save-file a, #pose-save-file')?.click()"


def build_pose(studio: StudioContext) -> TabControls:
    """Build the tab.

    Args:
        studio: the animator and what tabs share.

    Returns:
        Its controls, for recipes.
    """
    handlers = PoseHandlers(studio)
    moving_handlers = MovingHandlers(handlers)
    still = build_still(studio, handlers)
    moving = build_moving(studio, moving_handlers)
    _wire_still(handlers, still)
    _wire_moving(moving_handlers, still, moving)
    inputs = [still.portrait, *still.sliders.values(), still.paste_back, still.view]
    return TabControls(
        "pose",
        {
            **still.sliders,
            "paste_back": still.paste_back,
            "seconds": moving.seconds,
            "fps": moving.fps,
            "easing": moving.easing,
        },
        Refresh(handlers.edit_pose, inputs, [still.picture, still.compared]),
    )


def _wire_still(handlers: PoseHandlers, still: Still) -> None:
    sliders = list(still.sliders.values())
    live = _live(handlers, still)
    gr.on(
        [*(s.input for s in sliders), still.paste_back.input, still.view.input],
        api_name="edit_pose",
        **live,
    )
    for number, given in enumerate(still.given):
        opened = given(
            handlers.open_portrait,
            [still.portrait],
            [still.kept, still.about],
            api_name=None if number else "open_portrait",
            api_visibility="private" if number else "public",
            trigger_mode="always_last",
            concurrency_id=MODEL_QUEUE,
            show_progress="minimal",
            show_progress_on=[still.picture],
        )
        opened.success(api_visibility="private", **{**live, "fn": handlers.show_portrait})
        opened.failure(
            lambda kept: kept,
            [still.kept],
            [still.portrait],
            api_visibility="private",
            queue=False,
        )
    still.reset.click(handlers.reset_pose, None, sliders, api_name="reset_pose", queue=False).then(
        api_visibility="private", **live
    )
    angles = [still.sliders[n] for n in ("yaw_deg", "pitch_deg", "roll_deg", "frontalise")]
    still.frontalise.click(
        handlers.frontalise_pose, None, angles, api_name="frontalise_pose", queue=False
    ).then(api_visibility="private", **live)
    still.save.click(
        handlers.save_pose,
        [still.portrait, *sliders, still.paste_back],
        [still.saved],
        api_name="save_pose",
        concurrency_id=MODEL_QUEUE,
        show_progress="hidden",
    ).success(None, js=PRESS_SAVE, api_visibility="private")


def _wire_moving(handlers: MovingHandlers, still: Still, moving: Moving) -> None:
    sliders = list(still.sliders.values())
    small: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
    clock = [moving.table, moving.seconds, moving.fps]
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
        [moving.movement, moving.seconds],
        [moving.table],
        api_name="fill_timeline",
        **small,
    )
    gr.on(
        [moving.table.change, moving.seconds.change, moving.fps.change],
        handlers.show_curves,
        clock,
        [moving.curves],
        api_name="show_curves",
        trigger_mode="always_last",
        **small,
    )
    moving.seconds.change(
        lambda seconds, now: gr.Slider(maximum=seconds, value=min(now, seconds)),
        [moving.seconds, moving.time_s],
        [moving.time_s],
        api_visibility="private",
        **small,
    )
    moving.time_s.input(
        handlers.look_at_time,
        [still.portrait, *clock, moving.time_s, still.paste_back, still.view],
        [still.picture, still.compared, *sliders],
        api_name="look_at_time",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_id=MODEL_QUEUE,
    )
    token = gr.State(None)
    quiet: dict[str, Any] = {**small, "api_visibility": "private"}
    begun = moving.render.click(handlers.begin, None, [token, moving.cancel], **quiet)
    begun.then(
        handlers.render_timeline,
        [still.portrait, *clock, moving.driving, still.paste_back, token],
        [moving.clip, moving.status],
        api_name="render_timeline",
        concurrency_id=MODEL_QUEUE,
        show_progress="minimal",
        show_progress_on=[moving.status],
    ).then(lambda: gr.Button(interactive=False), None, [moving.cancel], **quiet)
    moving.cancel.click(handlers.cancel, [token], [moving.cancel], **quiet)


def _live(handlers: PoseHandlers, still: Still) -> dict[str, Any]:
    """Say how the picture follows the sliders."""
    return {
        "fn": handlers.edit_pose,
        "inputs": [still.portrait, *still.sliders.values(), still.paste_back, still.view],
        "outputs": [still.picture, still.compared],
        "trigger_mode": "always_last",
        "show_progress": "hidden",
        "concurrency_id": MODEL_QUEUE,
        "concurrency_limit": 1,
    }

"""What the timeline of the tab Pose does: handlers without components.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

import contextlib
import html
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from mmfa_core import (
    CONTROL_RANGES,
    AnimateOptions,
    Keyframe,
    MMFAError,
    RenderUpdate,
    probe_clip,
)
from studio.controls import wide_enough
from studio.messages import friendly, sentence
from studio.tabs.animate_stops import Stops
from studio.tabs.animate_views import progress_html
from studio.tabs.pose_curves import draw_curves
from studio.tabs.pose_handlers import BY_HAND, PoseHandlers, edit_of
from studio.tabs.pose_table import Rows, preset_rows, timeline_of, with_row, without_row

TELL_EVERY_S = 0.25  # how often a render tells how far it is
STOPPED = "Stopped before the first frame."
NO_CURVES = '<p class="hint">{}</p>'


@dataclass(frozen=True)
class MovingHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        pose: the handlers of single pictures.
        stops: which renders were cancelled.
    """

    pose: PoseHandlers
    stops: Stops = field(default_factory=Stops)

    @friendly
    def set_keyframe(  # noqa: PLR0913, PLR0917  # as edit_pose
        self,
        keyframes: Rows,
        time_s: float,
        easing: str,
        yaw_deg: float = 0,
        pitch_deg: float = 0,
        roll_deg: float = 0,
        scale: float = 1,
        tx: float = 0,
        ty: float = 0,
        expression_gain: float = 1,
        frontalise: float = 0,
    ) -> Rows:
        """Add the sliders' values as a keyframe, in place of one at the same time.

        Args:
            keyframes: the table so far.
            time_s: when, s.
            easing: how values go from there to the next keyframe.
            yaw_deg: as for edit_pose, like the others.
            pitch_deg: degrees.
            roll_deg: degrees.
            scale: factor.
            tx: half widths of the face crop.
            ty: half widths of the face crop.
            expression_gain: factor.
            frontalise: share, 0 to 1.

        Returns:
            The new table.
        """
        edit = edit_of(yaw_deg, pitch_deg, roll_deg, scale, tx, ty, expression_gain, frontalise)
        return with_row(keyframes, Keyframe(time_s=time_s, edit=edit, easing=easing))

    def remove_keyframe(self, keyframes: Rows, time_s: float) -> Rows:
        """Remove the keyframe at a time.

        Args:
            keyframes: the table so far.
            time_s: when, s.

        Returns:
            The new table.
        """
        kept = without_row(keyframes, time_s)
        if len(kept) == len(without_row(keyframes, -1.0)):
            gr.Info(f"There is no keyframe at {time_s:g} s.")
        return kept

    @friendly
    def fill_timeline(self, movement: str, seconds: float, driver_s: float | None = None) -> Rows:
        """Fill the table with a ready-made movement.

        Args:
            movement: its name.
            seconds: length of the clip, s.
            driver_s: length of the driving clip, s; only the page has one.

        Returns:
            The new table.
        """
        return preset_rows(movement, seconds if driver_s is None else driver_s)

    def show_curves(
        self, keyframes: Rows, seconds: float, fps: str, driver_s: float | None = None
    ) -> str:
        """Draw the curves of a timeline, or say what keeps it from being one.

        Args:
            keyframes: the table.
            seconds: length of the clip, s.
            fps: frames a second.
            driver_s: length of the driving clip, s; only the page has one.

        Returns:
            HTML.
        """
        try:
            return draw_curves(timeline_of(keyframes, seconds, fps, driver_s))
        except MMFAError as error:
            return NO_CURVES.format(html.escape(sentence(error)))

    @friendly
    def look_at_time(  # noqa: PLR0917  # as edit_pose
        self,
        portrait: str | None,
        keyframes: Rows,
        seconds: float,
        fps: str,
        time_s: float,
        paste_back: bool = False,
        view: str = BY_HAND,
        driver_s: float | None = None,
    ) -> tuple[Any, ...]:
        """Show one moment of the timeline, and put its values on the sliders.

        Args:
            portrait: a picture file with a face.
            keyframes: the table.
            seconds: length of the clip, s.
            fps: frames a second.
            time_s: the moment, s.
            paste_back: show the whole portrait.
            view: as for edit_pose.
            driver_s: length of the driving clip, s; only the page has one.

        Returns:
            The picture, the pair if it was asked for, and the sliders in the order of edit_pose;
            one whose range a keyframe leaves, as it may, gets a wider one.
        """
        edit = timeline_of(keyframes, seconds, fps, driver_s).at(time_s)
        values = {name: round(getattr(edit, name), 4) for name in CONTROL_RANGES}
        shown = self.pose.edit_pose(portrait, **values, paste_back=paste_back, view=view)
        return *shown, *(_slider_value(name, value) for name, value in values.items())

    @friendly
    def render_timeline(  # noqa: PLR0917  # as edit_pose
        self,
        portrait: str | None,
        keyframes: Rows,
        seconds: float = 3,
        fps: str = "25",
        driving: str | None = None,
        paste_back: bool = False,
        token: str | None = None,
        badge: bool = True,
    ) -> Generator[tuple[Any, str]]:
        """Render the timeline to a clip: over the still portrait, or added to a driving clip.

        Args:
            portrait: a picture file with a face.
            keyframes: the table.
            seconds: length of the clip over a still, s; a driving clip keeps its own.
            fps: frames a second over a still; a driving clip keeps its own.
            driving: a clip whose motion the portrait follows, or nothing.
            paste_back: render the whole portrait and not the face crop only.
            token: what cancel knows this by; only the page has one.
            badge: lay the visible badge over the clip.

        Yields:
            The clip when it is finished, and how far it is, as HTML.
        """
        longest = self.pose.studio.settings.max_clip_s
        if driving is None and seconds > longest:
            raise MMFAError(
                f"The clip would be {seconds:g} s long; the limit here is {longest:g} s.",
                "Make it shorter.",
            )
        timeline = timeline_of(keyframes, seconds, fps, None if driving is None else seconds)
        prepared = self.pose.studio.prepare(portrait)
        options = AnimateOptions(
            paste_back=paste_back,
            max_seconds=longest,
            badge=badge,
        )
        output = self.pose.studio.new_file(".mp4", "timeline")
        yield gr.skip(), progress_html("Starting ...")
        told = time.monotonic()
        updates = self.pose.studio.animator.stream_timeline(
            prepared, timeline, output, driving=driving, options=options
        )
        with contextlib.closing(updates):
            for update in updates:
                if update.result is not None:
                    notes = " ".join(update.result.notes)
                    made = f"Done: {update.done} frames at {update.result.fps_out} a second."
                    yield str(output), progress_html(f"{made} {notes}".strip())
                elif self.stops.is_cancelled(token):
                    updates.close()
                    kept = output.is_file()
                    words = f"Stopped; the {update.done} frames so far are kept."
                    yield (
                        str(output) if kept else gr.skip(),
                        progress_html(words if kept else STOPPED),
                    )
                    return
                elif time.monotonic() - told >= TELL_EVERY_S:
                    told = time.monotonic()
                    yield gr.skip(), _progress(update)

    def measure_driver(self, driving: str | None) -> float | None:
        """Measure a driving clip as far as it is rendered, s; None if there is none, or no clip."""
        if driving is None:
            return None
        try:
            length = round(probe_clip(driving).duration_s, 2)
        except MMFAError:  # told when it is to be rendered
            return None
        return min(length, self.pose.studio.settings.max_clip_s)

    def reach(self, seconds: float, driver_s: float | None, now: float) -> Any:
        """Let the moment go as far as the clip does."""
        last = seconds if driver_s is None else driver_s
        return gr.Slider(maximum=last, value=min(now, last))

    def begin(self, now: str | None) -> tuple[str, Any]:
        """Give a render a token, and Cancel something to cancel; one under way keeps its own."""
        stopping = self.stops.is_cancelled(now)
        return now or self.stops.new_token(), gr.skip() if stopping else gr.Button(interactive=True)

    def cancel(self, token: str | None) -> Any:
        """Ask a render to stop; it ends in good order and keeps what it has."""
        self.stops.cancel(token)
        return gr.Button(interactive=False)


def _slider_value(name: str, value: float) -> Any:
    return wide_enough(CONTROL_RANGES[name].low, CONTROL_RANGES[name].high, value)


def _progress(update: RenderUpdate) -> str:
    if update.stage == "survey":
        words = f"Looking through the clip: frame {update.done} ..."
    else:
        left = "" if update.seconds_left is None else f", about {update.seconds_left:.0f} s left"
        words = f"Frame {update.done} of {update.total}{left}"
    return progress_html(words, update.done, update.total)

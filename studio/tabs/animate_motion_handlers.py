"""What the tab Animate does with motion files: tell what is in one, save one from a clip.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.context import StudioContext
from studio.messages import friendly, sentence
from studio.motions import OWN, SUFFIX, chosen_motion, describe_motion
from studio.tabs.animate_settings import NO_DRIVER, DriveSettings
from studio.tabs.animate_stops import Stops, Throttle
from studio.tabs.animate_views import progress_html

STAGES = {"survey": "Following the face", "motion": "Reading its motion"}


@dataclass(frozen=True)
class MotionHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        studio: what tabs share.
        stops: which runs were cancelled.
    """

    studio: StudioContext
    stops: Stops

    def describe_motion(self, motion: str = "nod", motion_file: str | None = None) -> str:
        """Tell what a motion of the gallery, or a motion file, holds.

        Args:
            motion: its name in the gallery, or "own" for the file.
            motion_file: a motion file, as save_motion gives it.

        Returns:
            One or two sentences; also about a file that can't be used.
        """
        if motion == OWN and motion_file is None:
            return "Drop a motion file here: Save its motion, under a clip, makes one."
        try:
            return describe_motion(self.studio.animator, chosen_motion(motion, motion_file))
        except Exception as error:  # noqa: BLE001  # told where the motion is shown
            return sentence(error)

    @friendly
    def save_motion(
        self,
        clip: str | None,
        start_s: float = 0,
        end_s: float = 0,
        driving_face: int = 0,
        token: str | None = None,
    ) -> Generator[tuple[Any, str]]:
        """Save the motion of a clip, without its pictures, as a file that drives portraits.

        Args:
            clip: a clip file with a face.
            start_s: where the part that is saved begins, s.
            end_s: where it ends, s; 0 is the clip's end.
            driving_face: which face, 0 is the largest.
            token: what cancel knows this by; only the page has one.

        Yields:
            The motion file, and a line of progress as HTML.
        """
        if clip is None:
            raise NO_DRIVER
        settings = DriveSettings(start_s=start_s, end_s=end_s, driving_face=driving_face)
        options = settings.options(self.studio.settings.max_clip_s)
        path = self.studio.new_file(SUFFIX, "motion")
        told = Throttle()
        updates = self.studio.animator.save_motion_in_steps(clip, path, options=options)
        with contextlib.closing(updates):
            for update in updates:
                if self.stops.is_cancelled(token):
                    break
                if told.may():
                    text = f"{STAGES[update.stage]}: frame {update.done} of {update.total}"
                    yield gr.skip(), progress_html(text, update.done, update.total)
        if self.stops.is_cancelled(token) or not path.exists():
            yield gr.skip(), progress_html("Cancelled: no motion was saved.")
            return
        yield str(path), progress_html(f"Saved. {describe_motion(self.studio.animator, path)}")

"""What a preview and an animation have in common: the driver, the portrait, frames until a stop.

In: what a person chose. Out: files to drive with, RenderUpdates and words about them. Knows
nothing about components.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from mmfa_core import AnimateOptions, PreparedPortrait, RenderUpdate
from studio.context import StudioContext
from studio.motions import chosen_motion
from studio.tabs.animate_settings import NO_DRIVER, DriveSettings
from studio.tabs.animate_stops import Stops
from studio.tabs.animate_views import time_left

CHUNK_S = 1.0
CANCELLED = "Cancelled before there was a frame. What you had is still here."


@dataclass(frozen=True)
class Runs:
    """Render what was chosen until its end, or until it is cancelled.

    Attributes:
        studio: what tabs share.
        stops: which runs were cancelled.
    """

    studio: StudioContext
    stops: Stops = field(default_factory=Stops)

    def prepare(self, portrait: str | None, x: float, y: float, size: float) -> PreparedPortrait:
        """Make a portrait ready, with a face crop by hand unless its size is 0."""
        return self.studio.prepare(portrait, crop=(x, y, size) if size else None)

    def render(
        self,
        prepared: PreparedPortrait,
        driving: str,
        files: list[Path],
        options: AnimateOptions,
        *,
        token: str | None,
        folder: Path | None = None,
    ) -> Generator[RenderUpdate]:
        """Pass updates on until the end, or until the token is cancelled."""
        updates = self.studio.animator.stream(
            prepared, driving, files, options=options, chunk_s=CHUNK_S, chunk_folder=folder
        )
        with contextlib.closing(updates):
            for update in updates:
                yield update
                if self.stops.is_cancelled(token):
                    return


def driving_file(
    settings: DriveSettings, clip: str | None, picture: str | None, motion_file: str | None
) -> str:
    """Choose the file that drives."""
    if settings.driver == "motion":
        return str(chosen_motion(settings.motion, motion_file))
    given = picture if settings.driver == "picture" else clip
    if given is None:
        raise NO_DRIVER
    return given


def stage_words(update: RenderUpdate) -> str:
    """Say how far a run is."""
    if update.stage == "survey":
        return f"Following the face: frame {update.done} of {update.total}"
    return f"Frame {update.done} of {update.total}{time_left(update.seconds_left)}"

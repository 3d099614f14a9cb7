"""What the tab Animate tells about a driving clip before anything is rendered.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmfa_core import DriveReport, MMFAError
from studio.context import StudioContext
from studio.messages import friendly, sentence
from studio.ready import REPORT
from studio.tabs.animate_settings import mend_values
from studio.tabs.animate_stops import Stops, Throttle
from studio.tabs.animate_views import progress_html, report_html

MENDS = 4  # buttons for mends


@dataclass(frozen=True)
class DriverHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        studio: what tabs share.
        stops: which runs were cancelled.
    """

    studio: StudioContext
    stops: Stops

    @friendly
    def examine_clip(
        self,
        clip: str | None,
        start_s: float = 0,
        end_s: float = 0,
        driving_face: int = 0,
        token: str | None = None,
    ) -> Generator[tuple[Any, ...]]:
        """Tell how well a clip will drive a portrait, and what would mend it.

        Args:
            clip: a clip file.
            start_s: where the part that drives begins, s.
            end_s: where it ends, s; 0 is the clip's end.
            driving_face: which face drives, 0 is the largest.
            token: what cancel knows this by; only the page has one.

        Yields:
            The report as HTML, pictures of the start and of the calmest frame, the faces of the
            clip if there are several, and the mends as (label, values of controls).
        """
        if clip is None:
            yield "", [], [], []
            return
        whole = not (start_s or end_s or driving_face)
        ready = self.studio.ready.find((clip,), REPORT) if whole else None
        if ready is not None:
            yield ready
            return
        told, found = Throttle(), None
        yield progress_html("Looking through the clip...", 0, 1), gr.skip(), gr.skip(), []
        updates = self.studio.animator.examine_in_steps(
            clip,
            face_index=int(driving_face or 0) or None,
            start_s=start_s or 0.0,
            end_s=end_s or None,
            max_seconds=self.studio.settings.max_clip_s,
        )
        try:
            with contextlib.closing(updates):
                for update in updates:
                    found = update.report
                    if self.stops.is_cancelled(token):
                        break
                    if found is None and told.may():
                        text = f"Looking through the clip: frame {update.done} of {update.total}"
                        line = progress_html(text, update.done, update.total)
                        yield line, gr.skip(), gr.skip(), []
        except MMFAError as error:
            yield progress_html(sentence(error)), [], [], []
            return
        if found is None:
            yield progress_html("Not looked through: cancelled."), [], [], []
            return
        yield _shown(found)


def _shown(found: DriveReport) -> tuple[Any, ...]:
    facts = found.facts
    frames = [
        (found.start_picture, f"start, {facts.start_s:.1f} s"),
        (found.best_picture, f"calmest, {facts.best_s:.1f} s"),
    ]
    if facts.best_s == facts.start_s:
        frames = []
    mends = [
        (finding.mend.label, mend_values(finding.mend.changes))
        for finding in found.findings
        if finding.mend is not None
    ]
    faces = [(face.thumbnail, f"Face {face.index}") for face in found.faces]
    return report_html(found), frames, faces, mends[:MENDS]

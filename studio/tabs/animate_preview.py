"""What the button Preview of the tab Animate does: two seconds in both modes.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from mmfa_core import MMFAError
from studio.messages import friendly
from studio.tabs.animate_runs import CANCELLED, Runs, driving_file, stage_words
from studio.tabs.animate_settings import DriveSettings
from studio.tabs.animate_stops import Throttle
from studio.tabs.animate_views import progress_html

PREVIEW_S = 2.0
NO_PREVIEW = MMFAError("A picture has no two seconds to look at.", "Press Animate.")


@dataclass(frozen=True)
class PreviewHandlers:
    """Hold the handler; nothing of one person is kept here.

    Attributes:
        runs: renders.
    """

    runs: Runs

    @friendly
    def preview_animation(  # noqa: PLR0913, PLR0917  # one argument a control, as in the API
        self,
        portrait: str | None,
        clip: str | None = None,
        driver: str = "clip",
        crop_x: float = 0,
        crop_y: float = 0,
        crop_size: float = 0,
        gain_rotation: float = 100,
        gain_translation: float = 100,
        gain_scale: float = 100,
        gain_expression: float = 100,
        lock_rotation: bool = False,
        lock_translation: bool = False,
        lock_scale: bool = False,
        lock_expression: bool = False,
        smoothing: float = 0.1,
        best_frame: bool = True,
        start_s: float = 0,
        end_s: float = 0,
        driving_face: int = 0,
        motion: str = "nod",
        motion_file: str | None = None,
        token: str | None = None,
        badge: bool = True,
    ) -> Generator[tuple[Any, Any, str]]:
        """Animate the first two seconds twice, in relative and in absolute mode.

        Args:
            portrait: a picture file with a face.
            clip: a clip file with a face.
            driver: "clip" or "motion": which of the two drives.
            crop_x: left of the face crop, px.
            crop_y: top of the face crop, px.
            crop_size: side of the face crop, px; 0 looks for the face.
            gain_rotation: how strongly the head turns, per cent of the clip, 0 to 200.
            gain_translation: how far it moves, per cent.
            gain_scale: how much it comes nearer, per cent.
            gain_expression: how strong expressions are, per cent.
            lock_rotation: keep the portrait's own turn.
            lock_translation: keep its place.
            lock_scale: keep its size.
            lock_expression: keep its expression.
            smoothing: 0 (off) to 1 (strong).
            best_frame: compare with the frame most like the portrait, not with the first.
            start_s: where the part of the clip begins, s.
            end_s: where it ends, s; 0 is the clip's end.
            driving_face: which face of the clip drives, 0 is the largest.
            motion: name in the gallery of motions, or "own" for the motion file.
            motion_file: a motion file, as save_motion gives it.
            token: what cancel knows this by; only the page has one.
            badge: lay the visible badge over both.

        Yields:
            The clip in relative mode, the one in absolute mode, and a line of progress as HTML.
        """
        settings = DriveSettings(
            gain_rotation=gain_rotation,
            gain_translation=gain_translation,
            gain_scale=gain_scale,
            gain_expression=gain_expression,
            lock_rotation=lock_rotation,
            lock_translation=lock_translation,
            lock_scale=lock_scale,
            lock_expression=lock_expression,
            smoothing=smoothing,
            best_frame=best_frame,
            start_s=start_s,
            end_s=min(end_s or np.inf, (start_s or 0) + PREVIEW_S),
            driving_face=driving_face,
            driver=driver,
            motion=motion,
        )
        if driver == "picture":
            raise NO_PREVIEW
        driving = driving_file(settings, clip, None, motion_file)
        options = settings.options(self.runs.studio.settings.max_clip_s).changed(badge=badge)
        prepared = self.runs.prepare(portrait, crop_x, crop_y, crop_size)
        made: dict[str, Path | None] = {"relative": None, "absolute": None}
        stopped, told = False, Throttle()
        for mode in made:
            output = self.runs.studio.new_file(".mp4", f"preview-{mode}")
            for update in self.runs.render(
                prepared, driving, [output], options.changed(mode=mode), token=token
            ):
                if not told.may():
                    continue
                text = f"Preview, {mode}: {stage_words(update).lower()}"
                yield gr.skip(), gr.skip(), progress_html(text, update.done, update.total)
            stopped = self.runs.stops.is_cancelled(token)
            made[mode] = output if output.exists() else None
            if stopped:
                break
            yield made["relative"], made["absolute"], progress_html("Preview...", 1, 2)
        words = "Two seconds of each. Choose the mode that you like, then press Animate."
        if stopped:
            words = "Preview cancelled." if made["relative"] else CANCELLED
        relative, absolute = (path or gr.skip() for path in made.values())
        yield relative, absolute, progress_html(words)

"""What the button Animate of the tab Animate does, testable without a server.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from mmfa_core import AnimateOptions, AnimateResult, PreparedPortrait, RenderUpdate
from studio.messages import friendly
from studio.ready import animation
from studio.tabs.animate_runs import CANCELLED, Runs, driving_file, stage_words
from studio.tabs.animate_settings import FORMATS, DriveSettings
from studio.tabs.animate_stops import Throttle
from studio.tabs.animate_views import live_value, progress_html


@dataclass(frozen=True)
class AnimateHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        runs: renders, and knows which runs were cancelled.
    """

    runs: Runs

    @friendly
    def animate(  # noqa: PLR0913, PLR0917  # one argument a control, as in the API
        self,
        portrait: str | None,
        clip: str | None = None,
        picture: str | None = None,
        driver: str = "clip",
        crop_x: float = 0,
        crop_y: float = 0,
        crop_size: float = 0,
        mode: str = "relative",
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
        shown: str = "face",
        file_format: str = "mp4",
        motion: str = "nod",
        motion_file: str | None = None,
        token: str | None = None,
        badge: bool = True,
    ) -> Generator[tuple[Any, Any, Any, str, str]]:
        """Make a portrait follow a clip or a motion, or take pose and expression of a picture.

        Args:
            portrait: a picture file with a face.
            clip: a clip file with a face.
            picture: a picture file that drives instead of the clip.
            driver: "clip", "picture" or "motion": which of them drives.
            crop_x: left of the portrait's face crop, px.
            crop_y: top of the face crop, px.
            crop_size: side of the face crop, px; 0 looks for the face.
            mode: "relative" adds the clip's changes, "absolute" takes its pose as it is.
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
            start_s: where the part of the clip that drives begins, s.
            end_s: where it ends, s; 0 is the clip's end.
            driving_face: which face of the clip drives, 0 is the largest.
            shown: "face" for the face crop, "portrait" to put it back into the portrait.
            file_format: of the download: "mp4", "gif" or "png sequence".
            motion: name in the gallery of motions, or "own" for the motion file.
            motion_file: a motion file, as save_motion gives it.
            token: what cancel knows this by; only the page has one.
            badge: lay the visible badge over what is made.

        Yields:
            The clip, the picture if a picture drove, the file to download, a line of progress as
            HTML, and what the live view plays.
        """
        settings = DriveSettings(
            mode=mode,
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
            end_s=end_s,
            driving_face=driving_face,
            shown=shown,
            file_format=file_format,
            driver=driver,
            motion=motion if driver == "motion" else DriveSettings.motion,  # else it says nothing
        )
        driving = driving_file(settings, clip, picture, motion_file)
        options = settings.options(self.runs.studio.settings.max_clip_s).changed(badge=badge)
        choice = animation(settings, crop_x or 0, crop_y or 0, crop_size or 0)
        ready = self.runs.studio.ready.find((portrait, driving), choice) if badge else None
        if ready is not None:
            output = self.runs.studio.new_file(".mp4", "animation")
            output.write_bytes(ready.content)
            yield output, None, output, ready.line, ""
            return
        prepared = self.runs.prepare(portrait, crop_x, crop_y, crop_size)
        if driver == "picture":
            yield self._animate_picture(prepared, driving, options)
            return
        output = self.runs.studio.new_file(".mp4", "animation")
        files = [output]
        if FORMATS[file_format] != ".mp4":
            files.append(output.with_suffix(FORMATS[file_format]))
        run, chunks = self.runs.stops.new_token(), list[Path]()
        told, result = Throttle(), None
        skip = gr.skip()
        yield skip, skip, skip, progress_html("Getting ready...", 0, 1), live_value(run, [])
        updates = self.runs.render(
            prepared,
            driving,
            files,
            options,
            token=token,
            folder=self.runs.studio.new_file("").parent,
        )
        last = RenderUpdate(stage="survey", done=0, total=None)
        with contextlib.closing(updates):
            for update in updates:
                last, result = update, update.result
                if update.chunk is not None:
                    chunks.append(update.chunk)
                if result is None and (update.chunk is not None or told.may()):
                    line = progress_html(stage_words(update), update.done, update.total)
                    view = live_value(run, chunks) if update.chunk is not None else skip
                    yield skip, skip, skip, line, view
        if not output.exists():
            yield skip, skip, skip, progress_html(CANCELLED), ""
            return
        words = _summary(result) if result is not None else _partial(last)
        yield output, None, files[-1], progress_html(words), live_value(run, chunks, done=True)

    def _animate_picture(
        self, prepared: PreparedPortrait, driving: str, options: AnimateOptions
    ) -> tuple[Any, Any, Any, str, str]:
        output = self.runs.studio.new_file(".png", "animation")
        result = self.runs.studio.animator.animate(prepared, driving, output, options=options)
        words = " ".join(("Done: one picture.", *result.notes))
        return None, output, output, progress_html(words), ""


def _summary(result: AnimateResult) -> str:
    words = (
        f"Done: {result.frames_out} frames in {result.seconds['total']:.1f} s, "
        f"{result.speed_fps:.0f} a second."
    )
    return " ".join((words, *result.notes))


def _partial(last: RenderUpdate) -> str:
    return f"Cancelled after {last.done} of {last.total} frames; this is what there is."

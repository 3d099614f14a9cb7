"""What the tab Animate does: handlers without components, so that they run without a server.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmfa_core import AnimateOptions, AnimateResult, MMFAError, PreparedPortrait, RenderUpdate
from studio.context import StudioContext
from studio.messages import friendly, sentence
from studio.motions import chosen_motion
from studio.ready import REPORT, animation
from studio.tabs.animate_settings import FORMATS, NO_DRIVER, DriveSettings, mend_values
from studio.tabs.animate_stops import Stops, Throttle
from studio.tabs.animate_views import live_value, progress_html, report_html, time_left

Frame = NDArray[np.uint8]
Gallery = list[tuple[Frame, str]]

MENDS = 4  # buttons for mends
PREVIEW_S = 2.0
CHUNK_S = 1.0
NO_PREVIEW = MMFAError("A picture has no two seconds to look at.", "Press Animate.")
CANCELLED = "Cancelled before there was a frame. What you had is still here."


@dataclass(frozen=True)
class AnimateHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        studio: what tabs share.
        stops: which runs were cancelled.
    """

    studio: StudioContext
    stops: Stops = field(default_factory=Stops)

    # ------------------------------------------------------------------------- portrait

    @friendly
    def find_faces(
        self, portrait: str | None
    ) -> tuple[Frame | None, Gallery, str, int, int, float, float, float]:
        """Find the faces of a portrait.

        Args:
            portrait: a picture file.

        Returns:
            The portrait with the frame of the face crop, the faces, a line of words, the
            portrait's width and height, and the frame's left, top and side, in px.
        """
        if portrait is None:
            return None, [], "", 0, 0, 0, 0, 0
        view = self.studio.animator.view(portrait)
        faces = [(face.thumbnail, f"Face {face.index}") for face in view.faces]
        if not faces:
            words = "No face was found. Move the frame over it by hand, or use another picture."
        elif len(faces) == 1:
            words = "The face was found: what is in the frame will move."
        else:
            words = f"{len(faces)} faces were found; the largest is framed. Pick another below."
        choice = faces if len(faces) > 1 else []
        return view.picture, choice, words, view.width, view.height, *view.crop_box

    @friendly
    def choose_face(
        self, portrait: str | None, face: int = 0
    ) -> tuple[Frame | None, float, float, float]:
        """Frame one of several faces.

        Args:
            portrait: a picture file.
            face: its number in the list of find_faces.

        Returns:
            The portrait with the frame, and the frame's left, top and side in px.
        """
        if portrait is None:
            return None, 0, 0, 0
        faces = self.studio.animator.faces(portrait)
        if not 0 <= face < len(faces):
            raise MMFAError(f"There is no face number {face}.", f"There are {len(faces)}.")
        box = faces[face].crop_box
        return self.studio.animator.view(portrait, box).picture, *box

    @friendly
    def frame_face(
        self, portrait: str | None, crop_x: float = 0, crop_y: float = 0, crop_size: float = 0
    ) -> Frame | None:
        """Show a portrait with the frame of the face crop.

        Args:
            portrait: a picture file.
            crop_x: left of the frame, px.
            crop_y: top of the frame, px.
            crop_size: side of the frame, px.

        Returns:
            The portrait, darker outside the frame.
        """
        if portrait is None or not crop_size:
            return None
        return self.studio.animator.view(portrait, (crop_x, crop_y, crop_size)).picture

    # --------------------------------------------------------------------------- driver

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
        yield report_html(found), frames, faces, mends[:MENDS]

    # ----------------------------------------------------------------------------- runs

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
        driving = _driving(settings, clip, None, motion_file)
        options = settings.options(self.studio.settings.max_clip_s).changed(badge=badge)
        prepared = self._prepare(portrait, crop_x, crop_y, crop_size)
        made: dict[str, Path | None] = {"relative": None, "absolute": None}
        stopped, told = False, Throttle()
        for mode in made:
            output = self.studio.new_file(".mp4", f"preview-{mode}")
            for update in self._render(
                prepared, driving, [output], options.changed(mode=mode), token=token
            ):
                if not told.may():
                    continue
                text = f"Preview, {mode}: {_stage(update).lower()}"
                yield gr.skip(), gr.skip(), progress_html(text, update.done, update.total)
            stopped = self.stops.is_cancelled(token)
            made[mode] = output if output.exists() else None
            if stopped:
                break
            yield made["relative"], made["absolute"], progress_html("Preview...", 1, 2)
        words = "Two seconds of each. Choose the mode that you like, then press Animate."
        if stopped:
            words = "Preview cancelled." if made["relative"] else CANCELLED
        relative, absolute = (path or gr.skip() for path in made.values())
        yield relative, absolute, progress_html(words)

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
            motion=motion,
        )
        driving = _driving(settings, clip, picture, motion_file)
        options = settings.options(self.studio.settings.max_clip_s).changed(badge=badge)
        choice = animation(settings, crop_x or 0, crop_y or 0, crop_size or 0)
        ready = self.studio.ready.find((portrait, driving), choice) if badge else None
        if ready is not None:
            output = self.studio.new_file(".mp4", "animation")
            output.write_bytes(ready.content)
            yield output, None, output, ready.line, ""
            return
        prepared = self._prepare(portrait, crop_x, crop_y, crop_size)
        if driver == "picture":
            yield self._animate_picture(prepared, driving, options)
            return
        output = self.studio.new_file(".mp4", "animation")
        files = [output]
        if FORMATS[file_format] != ".mp4":
            files.append(output.with_suffix(FORMATS[file_format]))
        run, chunks = self.stops.new_token(), list[Path]()
        told, result = Throttle(), None
        skip = gr.skip()
        yield skip, skip, skip, progress_html("Getting ready...", 0, 1), live_value(run, [])
        updates = self._render(
            prepared, driving, files, options, token=token, folder=self.studio.new_file("").parent
        )
        last = RenderUpdate(stage="survey", done=0, total=None)
        with contextlib.closing(updates):
            for update in updates:
                last, result = update, update.result
                if update.chunk is not None:
                    chunks.append(update.chunk)
                if result is None and (update.chunk is not None or told.may()):
                    line = progress_html(_stage(update), update.done, update.total)
                    view = live_value(run, chunks) if update.chunk is not None else skip
                    yield skip, skip, skip, line, view
        if not output.exists():
            yield skip, skip, skip, progress_html(CANCELLED), ""
            return
        words = _summary(result) if result is not None else _partial(last)
        yield output, None, files[-1], progress_html(words), live_value(run, chunks, done=True)

    def cancel(self, *tokens: str | None) -> None:
        """Stop what was begun with these tokens; what was made so far is kept."""
        for token in tokens:
            self.stops.cancel(token)

    def _prepare(self, portrait: str | None, x: float, y: float, size: float) -> PreparedPortrait:
        return self.studio.prepare(portrait, crop=(x, y, size) if size else None)

    def _animate_picture(
        self, prepared: PreparedPortrait, driving: str, options: AnimateOptions
    ) -> tuple[Any, Any, Any, str, str]:
        output = self.studio.new_file(".png", "animation")
        result = self.studio.animator.animate(prepared, driving, output, options=options)
        words = " ".join(("Done: one picture.", *result.notes))
        return None, output, output, progress_html(words), ""

    def _render(
        self,
        prepared: PreparedPortrait,
        driving: str,
        files: list[Path],
        options: AnimateOptions,
        *,
        token: str | None,
        folder: Path | None = None,
    ) -> Generator[RenderUpdate]:
        """Pass updates on until the end, or until it is cancelled."""
        updates = self.studio.animator.stream(
            prepared, driving, files, options=options, chunk_s=CHUNK_S, chunk_folder=folder
        )
        with contextlib.closing(updates):
            for update in updates:
                yield update
                if self.stops.is_cancelled(token):
                    return


def _driving(
    settings: DriveSettings, clip: str | None, picture: str | None, motion_file: str | None
) -> str:
    """Choose the file that drives."""
    if settings.driver == "motion":
        return str(chosen_motion(settings.motion, motion_file))
    given = picture if settings.driver == "picture" else clip
    if given is None:
        raise NO_DRIVER
    return given


def _stage(update: RenderUpdate) -> str:
    if update.stage == "survey":
        return f"Following the face: frame {update.done} of {update.total}"
    return f"Frame {update.done} of {update.total}{time_left(update.seconds_left)}"


def _summary(result: AnimateResult) -> str:
    words = (
        f"Done: {result.frames_out} frames in {result.seconds['total']:.1f} s, "
        f"{result.speed_fps:.0f} a second."
    )
    return " ".join((words, *result.notes))


def _partial(last: RenderUpdate) -> str:
    return f"Cancelled after {last.done} of {last.total} frames; this is what there is."

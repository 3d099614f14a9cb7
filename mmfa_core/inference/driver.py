"""What drives a portrait over time, behind one face: a clip, or the motion of one.

In: a file, options and an engine. Out: a Survey, and moments with what estimates their motion.
Knows nothing about the portrait.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mmfa_core.errors import MismatchError, NoFaceError
from mmfa_core.face import Crop
from mmfa_core.inference.clip import driving_crops
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.motion_files import is_motion, load_motion
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.render import StageClock
from mmfa_core.inference.survey import Survey, gap_notes, survey_clip
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import ClipInfo, Frame, check_length, probe_clip
from mmfa_core.motion import Motion


class Driver(Protocol):
    """Give the motion of a driver a few frames at a time."""

    @property
    def info(self) -> ClipInfo:
        """Return the part that drives."""

    def survey(self, progress: ReportProgress) -> Survey:
        """Look the driver through once."""

    def moments(self, survey: Survey, clock: StageClock) -> Generator[Any]:
        """Give what there is of each frame, or None where there is no face."""

    def estimate(self, moments: list[Any]) -> Motion:
        """Turn a few moments into motion; called within computing()."""


def open_driver(engine: Engine, path: Path, options: AnimateOptions) -> Driver:
    """Open a clip or a motion file.

    Args:
        engine: estimates, and knows its model.
        path: a motion file by its ending, else a clip.
        options: which part drives, and what of it.

    Returns:
        The driver.

    Raises:
        MediaError: it can't be read, or no frame is left of it.
        MismatchError: the motion is of another version, or of another model whose expressions
            this one can't read.
    """
    if not is_motion(path):
        info = probe_clip(path).trimmed(options.start_s, options.end_s)
        return ClipDriver(engine, path, options, info)
    track = _readable(engine, path, load_motion(path), options)
    info = _info(engine, track).trimmed(options.start_s, options.end_s)
    part = track.part(info.first_frame, info.frames)
    return TrackDriver(engine, path, options, info, part)


@dataclass(frozen=True, eq=False)
class ClipDriver:
    """Estimate motion from a clip; a moment is a face crop."""

    engine: Engine
    path: Path
    options: AnimateOptions
    info: ClipInfo

    def survey(self, progress: ReportProgress) -> Survey:
        """Follow the face through the clip."""
        return survey_clip(
            self.engine,
            self.path,
            self.info,
            face_index=self.options.driving_face_index,
            max_seconds=self.options.max_seconds,
            progress=progress,
        )

    def moments(self, survey: Survey, clock: StageClock) -> Generator[Frame | None]:
        """Cut the face out of every frame."""
        return driving_crops(self.engine, self.path, self.info, survey, clock)

    def estimate(self, moments: list[Frame]) -> Motion:
        """Estimate the motion of face crops."""
        return self.engine.estimate_motion(moments)


@dataclass(frozen=True, eq=False)
class TrackDriver:
    """Read motion from a motion file; a moment is the motion of one frame."""

    engine: Engine
    path: Path
    options: AnimateOptions
    info: ClipInfo
    track: MotionTrack  # of the part that drives

    def survey(self, progress: ReportProgress) -> Survey:
        """Tell what was seen when the motion was saved."""
        check_length(self.path, self.info, self.options.max_seconds)
        if not self.track.candidate_frames:
            raise NoFaceError(
                f"In this part of {self.path.name} there is no face.", "Choose another part."
            )
        with self.engine.computing():
            candidates = self.track.candidates.to_motion(self.engine)
        progress("survey", len(self.track), len(self.track))
        return Survey(
            crop=Crop(0.0, 0.0, float(self.engine.size_px)),  # places are those of the crop
            present=self.track.present,
            candidates=candidates,
            candidate_frames=self.track.candidate_frames,
            notes=tuple(gap_notes(self.track.present, self.info)),
        )

    def moments(self, survey: Survey, clock: StageClock) -> Generator[HeadMotion | None]:
        """Give the motion of each frame."""
        del clock
        for number, seen in enumerate(survey.present):
            yield self.track.frames[number : number + 1] if seen else None

    def estimate(self, moments: list[HeadMotion]) -> Motion:
        """Decode the offsets of a few frames."""
        return HeadMotion.cat(moments).to_motion(self.engine)


def _readable(
    engine: Engine, path: Path, track: MotionTrack, options: AnimateOptions
) -> MotionTrack:
    """Refuse expressions of another model; turn, place and size mean the same to every one."""
    loaded = engine.loaded
    length = loaded.config.expression_code
    if track.model_hash == loaded.model_hash and track.frames.expression_code.shape[1] == length:
        return track
    if options.gain("expression"):
        raise MismatchError(
            f"The expressions of {path.name} are of the model {track.model_id} "
            f"({track.model_hash}); this is {loaded.model_id} ({loaded.model_hash}).",
            "Save it again from the clip with this model, or lock the expression: then it turns, "
            "moves and sizes the head only.",
        )
    return track.without_expression(length)


def _info(engine: Engine, track: MotionTrack) -> ClipInfo:
    return ClipInfo(
        width=engine.size_px,
        height=engine.size_px,
        fps=track.fps,
        duration_s=track.duration_s,
        has_sound=False,
        frames=len(track),
        variable_rate=False,
    )

"""From a clip to its motion.

In: a clip and an engine. Out: a MotionTrack, also as a file. Knows nothing about portraits.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.inference.driver import Driver, open_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.motion_files import MOTION_SUFFIX, is_motion, save_track
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.render import (
    BATCH,
    READ_AHEAD,
    StageClock,
    batches,
    hold_through_gaps,
    read_ahead,
)
from mmfa_core.inference.still import is_picture
from mmfa_core.inference.survey import Survey
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import ClipInfo, check_output
from mmfa_core.motion import Motion


def record_motion(
    engine: Engine, clip: Path, options: AnimateOptions, progress: ReportProgress
) -> MotionTrack:
    """Estimate the motion of every frame of a clip, exactly as an animation does.

    Args:
        engine: estimates.
        clip: the driver.
        options: of them the part, the face and the longest length count.
        progress: told about ``survey`` and ``motion``.

    Returns:
        The motion.

    Raises:
        MediaError: as for Animator.animate.
    """
    if is_picture(clip) or is_motion(clip):
        kind = "a picture" if is_picture(clip) else "a motion file already"
        raise MediaError(f"{clip.name} is {kind}; motion is saved from a clip.", "Choose a clip.")
    driver = open_driver(engine, clip, options)
    survey, motion = estimate_all(engine, driver, progress)
    return MotionTrack(
        fps=driver.info.fps,
        present=survey.present[: len(motion)],
        frames=HeadMotion.of(motion),
        candidates=HeadMotion.of(survey.candidates),
        candidate_frames=survey.candidate_frames,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
    )


def save_motion(
    engine: Engine, clip: Path, output: Path, options: AnimateOptions, progress: ReportProgress
) -> MotionTrack:
    """Estimate the motion of a clip and write it to a file; see Animator.save_motion."""
    check_output(output, overwrite=options.overwrite, suffixes=(MOTION_SUFFIX,))
    track = record_motion(engine, clip, options, progress)
    save_track(output, track, overwrite=options.overwrite)
    return track


def estimate_all(engine: Engine, driver: Driver, progress: ReportProgress) -> tuple[Survey, Motion]:
    """Estimate the motion of every frame of a driver, in the same batches as an animation does.

    Args:
        engine: estimates.
        driver: a clip or its motion.
        progress: told about ``survey`` and ``motion``.

    Returns:
        What the survey saw, and the motion, batch T; where there is no face the last one is held.
    """
    survey = driver.survey(progress)
    held, parts = survey.candidates[:1], []
    done = 0
    moments = driver.moments(survey, StageClock())
    with contextlib.closing(read_ahead(batches(moments, BATCH), READ_AHEAD)) as ready:
        for batch in ready:
            seen = [moment for moment in batch if moment is not None]
            with engine.computing():
                estimated = driver.estimate(seen) if seen else None
                motion = hold_through_gaps(batch, estimated, held)
                held = motion[len(motion) - 1 : len(motion)]
            parts.append(motion)
            done += len(batch)
            progress("motion", done, len(survey.present))
    return survey, Motion.cat(parts)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadDriver:
    """Give the motion of a driver, estimated once, to any number of portraits.

    A portrait follows it as it follows the driver itself, to the last bit with as many threads.

    Attributes:
        info: the part that drives.
        seen: what the survey saw.
        motion: of every frame, batch T; about 1 kB a frame.
    """

    info: ClipInfo
    seen: Survey
    motion: Motion

    def survey(self, progress: ReportProgress) -> Survey:
        """Tell again what was seen."""
        progress("survey", len(self.motion), len(self.motion))
        return self.seen

    def moments(self, survey: Survey, clock: StageClock) -> Generator[int | None]:
        """Give the number of each frame that has a face."""
        del clock
        for number in range(len(self.motion)):
            yield number if number < len(survey.present) and survey.present[number] else None

    def estimate(self, moments: list[int]) -> Motion:
        """Take the motion of a few frames, as batch B."""
        return Motion.cat([self.motion[number : number + 1] for number in moments])


def read_driver(
    engine: Engine, path: Path, options: AnimateOptions, progress: ReportProgress
) -> ReadDriver:
    """Read a clip, or its motion, once for several portraits.

    Args:
        engine: estimates.
        path: the driver.
        options: of them the part, the face and the longest length count.
        progress: told about ``survey`` and ``motion``.

    Returns:
        What drives, without the file.

    Raises:
        MMFAError: as for open_driver and Animator.animate.
    """
    driver = open_driver(engine, path, options)
    seen, motion = estimate_all(engine, driver, progress)
    return ReadDriver(info=driver.info, seen=seen, motion=motion)

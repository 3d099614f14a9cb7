"""From a clip to its motion.

In: a clip and an engine. Out: a MotionTrack. Knows nothing about portraits or motion files.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.inference.driver import open_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.motion_files import is_motion
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
from mmfa_core.inference.watching import ReportProgress


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
                parts.append(HeadMotion.of(motion))
            done += len(batch)
            progress("motion", done, len(survey.present))
    return MotionTrack(
        fps=driver.info.fps,
        present=survey.present[:done],
        frames=HeadMotion.cat(parts),
        candidates=HeadMotion.of(survey.candidates),
        candidate_frames=survey.candidate_frames,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
    )

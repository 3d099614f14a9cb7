"""From a portrait and a driving clip to a written clip, told while it happens.

In: files, options and an engine. Out: RenderUpdates, the last with the AnimateResult; and files.
Knows nothing about how motion is estimated, transferred or rendered: it puts the steps together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.inference.clip import (
    check_driver_output,
    follow_driver,
    note_size,
    prepare_timed,
)
from mmfa_core.inference.driver import Driver, open_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.outputs import Delivery, Outputs, drain
from mmfa_core.inference.portrait import Portrait, PreparedPortrait
from mmfa_core.inference.reference import Reference, choose_reference
from mmfa_core.inference.render import Show, StageClock, stream_frames
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.survey import Survey
from mmfa_core.inference.watching import ReportProgress, watch
from mmfa_core.media import OUTPUT_SUFFIXES, PICTURE_SUFFIXES
from mmfa_core.provenance import Mark, hash_file
from mmfa_core.provenance.origin import DRIVING


@dataclass(frozen=True, eq=False, kw_only=True)
class _Job:
    """Hold what every step of one animation needs."""

    engine: Engine
    prepared: PreparedPortrait
    clip: Path
    driver: Driver
    options: AnimateOptions
    outputs: Outputs
    adjust: Show | None
    clock: StageClock
    mark: Mark


def animate_clip(
    engine: Engine,
    portrait: Portrait,
    clip: Path,
    output: Path | None,
    options: AnimateOptions,
    progress: ReportProgress,
    *,
    driver: Driver | None = None,
    adjust: Show | None = None,
) -> AnimateResult:
    """Make a portrait follow a clip; see Animator.animate.

    ``driver`` is the clip if it was read already. ``adjust`` changes the motions that the portrait
    would show, a few at a time and in order.
    """
    outputs = Outputs(files=() if output is None else (output,))
    updates = stream_clip(engine, portrait, clip, options, outputs, driver=driver, adjust=adjust)
    return drain(updates, keep=output is None, progress=progress)


def stream_clip(
    engine: Engine,
    portrait: Portrait,
    clip: Path,
    options: AnimateOptions,
    outputs: Outputs,
    *,
    driver: Driver | None = None,
    adjust: Show | None = None,
    declared: tuple[str, Any] = ("animate", None),
) -> Generator[RenderUpdate]:
    """Make a portrait follow a clip and tell after every frame; see Animator.stream.

    ``declared`` are the operation that the files name, and its settings beside the options.
    """
    clock = StageClock()
    with clock.measure("total"):
        for file in outputs.files:
            check_driver_output(file, OUTPUT_SUFFIXES, PICTURE_SUFFIXES, "a clip", options)
        driver = driver or open_driver(engine, clip, options)
        prepared = prepare_timed(engine, portrait, options, clock)
        operation, more = declared
        job = _Job(
            engine=engine,
            prepared=prepared,
            clip=clip,
            driver=driver,
            options=options,
            outputs=outputs,
            adjust=adjust,
            clock=clock,
            mark=begin_mark(
                engine,
                operation,
                (options, more),
                (prepared.ingredient, hash_file(clip, DRIVING)),
                badge=options.badge,
            ),
        )
        with clock.measure("survey"):
            survey = yield from _survey(job)
            reference = choose_reference(
                engine.loaded.model,
                job.prepared.source,
                survey,
                best_frame=options.best_frame,
            )
        count, notes = yield from _render(job, survey, reference)
    result = AnimateResult(
        output=outputs.files[0] if outputs.files else None,
        frames_in=len(survey.present),
        frames_out=count,
        fps_in=driver.info.fps,
        fps_out=driver.info.fps,
        seconds=clock.seconds,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
        reference_frame=reference.frame,
        notes=(
            *job.prepared.notes,
            *survey.notes,
            *note_size(options),
            *notes,
            *job.mark.notes,
        ),
        signed=job.mark.signed,
    )
    yield RenderUpdate(stage="done", done=count, total=count, seconds_left=0.0, result=result)


def _survey(job: _Job) -> Generator[RenderUpdate, None, Survey]:
    steps = watch(job.driver.survey)
    with contextlib.closing(steps):
        while True:
            try:
                stage, done, total = next(steps)
            except StopIteration as end:
                survey: Survey = end.value
                return survey
            yield RenderUpdate(stage=stage, done=done, total=total)


def _render(
    job: _Job, survey: Survey, reference: Reference
) -> Generator[RenderUpdate, None, tuple[int, tuple[str, ...]]]:
    shown = stream_frames(
        job.engine,
        job.prepared.source,
        job.driver.moments(survey, job.clock),
        survey.candidates[:1],
        follow_driver(
            job.engine, job.prepared, reference.motion, job.driver.info, job.options, job.adjust
        ),
        job.clock,
        estimate=job.driver.estimate,
    )
    delivery = Delivery(
        outputs=job.outputs,
        prepared=job.prepared,
        options=job.options,
        clip=job.clip,
        info=job.driver.info,
        clock=job.clock,
        mark=job.mark,
    )
    return (yield from delivery.write(shown, len(survey.present)))

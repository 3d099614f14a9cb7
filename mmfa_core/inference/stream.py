"""From a portrait and a driving clip to a written clip, told while it happens.

In: files, options and an engine. Out: RenderUpdates, the last with the AnimateResult; and files.
Knows nothing about how motion is estimated, transferred or rendered: it puts the steps together.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmfa_core.inference.clip import (
    check_driver_output,
    finish_frame,
    follow_driver,
    open_writer,
    prepare_timed,
)
from mmfa_core.inference.driver import Driver, open_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import Portrait, PreparedPortrait
from mmfa_core.inference.render import Show, StageClock, stream_frames
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.survey import Reference, Survey, choose_reference
from mmfa_core.inference.watching import ReportProgress, watch
from mmfa_core.media import (
    OUTPUT_SUFFIXES,
    PICTURE_SUFFIXES,
    ChunkWriter,
    Frame,
    FrameWriter,
)
from mmfa_core.provenance import Mark, hash_file
from mmfa_core.provenance.origin import DRIVING

PACE_AFTER = 4  # frames that are made before the time left is estimated


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Say where the frames of one animation go; with nothing set they go nowhere.

    Attributes:
        files: clips, GIFs and zips of pictures, each with every frame.
        chunk_folder: where playable chunks go while the frames are made, or None.
        chunk_s: length of a chunk, s.
        keep_partial: whether the files are finished with what there is when the work is left
            before its end.
    """

    files: tuple[Path, ...] = ()
    chunk_folder: Path | None = None
    chunk_s: float = 1.0
    keep_partial: bool = False


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


def drain(
    updates: Generator[RenderUpdate], *, keep: bool, progress: ReportProgress
) -> AnimateResult:
    """Follow an animation to its end.

    Args:
        updates: of one animation.
        keep: whether the frames are kept in the result.
        progress: told about each update.

    Returns:
        The result of the last update.
    """
    kept: list[Frame] = []
    result: AnimateResult | None = None
    with contextlib.closing(updates):
        for update in updates:
            result = update.result
            if update.frame is not None and keep:
                kept.append(update.frame)
            if result is None:
                progress(update.stage, update.done, update.total)
    assert result is not None  # the last update carries it
    return replace(result, frames=tuple(kept))


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
                job.prepared.source.motion, survey, best_frame=options.best_frame
            )
        count = yield from _render(job, survey, reference)
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
        notes=(*job.prepared.notes, *survey.notes, *job.mark.notes),
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


def _render(job: _Job, survey: Survey, reference: Reference) -> Generator[RenderUpdate, None, int]:
    total = len(survey.present)
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
    pace = Pace(total)
    count = 0
    with contextlib.ExitStack() as stack:
        writers, chunks = _open(job, stack)
        stack.enter_context(contextlib.closing(shown))
        for generated in shown:
            with job.clock.measure("encode"):
                frame = finish_frame(job.prepared, generated, job.options)
                chunk = _write(frame, writers, chunks, last=count + 1 == total)
            count += 1
            yield RenderUpdate(
                stage="render",
                done=count,
                total=total,
                seconds_left=pace.seconds_left(count),
                chunk=chunk,
                frame=frame,
            )
        with job.clock.measure("encode"):
            stack.close()
    return count


def _open(job: _Job, stack: contextlib.ExitStack) -> tuple[list[FrameWriter], ChunkWriter | None]:
    height, width = finish_frame(job.prepared, job.prepared.face, job.options).shape[:2]
    writers: list[FrameWriter] = []
    for file in job.outputs.files:
        writer = open_writer(
            file,
            job.clip,
            job.driver.info,
            (width, height),
            overwrite=job.options.overwrite,
            keep_partial=job.outputs.keep_partial,
            mark=job.mark,
        )
        writers.append(stack.enter_context(writer))
    if job.outputs.chunk_folder is None:
        return writers, None
    chunks = ChunkWriter(
        job.outputs.chunk_folder,
        width,
        height,
        job.driver.info.fps,
        job.outputs.chunk_s,
        mark=job.mark,
    )
    stack.callback(chunks.abandon)
    return writers, chunks


def _write(
    frame: Frame, writers: Sequence[FrameWriter], chunks: ChunkWriter | None, *, last: bool
) -> Path | None:
    for writer in writers:
        writer.write(frame)
    if chunks is None:
        return None
    chunk = chunks.write(frame)
    return chunks.finish() if last and chunk is None else chunk


@dataclass
class Pace:
    """Estimate the time left from the pace since the first frame, which is a slow one."""

    total: int
    began: float | None = None

    def seconds_left(self, done: int) -> float | None:
        """Estimate after ``done`` frames; None while there is too little to go by."""
        now = time.monotonic()
        if self.began is None:
            self.began = now
        if done <= PACE_AFTER:
            return None
        return (self.total - done) * (now - self.began) / (done - 1)

"""From a portrait and a driving clip to a written clip, step by step.

In: files, options and an engine. Out: AnimateResult and the file.
Knows nothing about how motion is estimated, transferred or rendered: it puts the steps together.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.face import cut_crop, resize_frame
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import Portrait, PreparedPortrait, prepare_portrait
from mmfa_core.inference.render import Show, StageClock, stream_frames
from mmfa_core.inference.result import AnimateResult
from mmfa_core.inference.smoothing import MotionSmoother
from mmfa_core.inference.survey import ReportProgress, Survey, survey_clip
from mmfa_core.inference.transfer import transfer_motion
from mmfa_core.media import (
    CLIP_SUFFIXES,
    PICTURE_SUFFIXES,
    ClipInfo,
    ClipWriter,
    Frame,
    check_output,
    probe_clip,
    read_clip,
)
from mmfa_core.motion import Motion


def animate_clip(
    engine: Engine,
    portrait: Portrait,
    clip: Path,
    output: Path | None,
    options: AnimateOptions,
    progress: ReportProgress,
    *,
    adjust: Show | None = None,
) -> AnimateResult:
    """Make a portrait follow a clip; see Animator.animate.

    ``adjust`` changes the motions that the portrait would show, a few at a time and in order.
    """
    started = time.perf_counter()
    clock = StageClock()
    check_driver_output(output, CLIP_SUFFIXES, PICTURE_SUFFIXES, "a clip", options)
    info = probe_clip(clip)
    prepared = prepare_timed(engine, portrait, options, clock)
    with clock.measure("survey"):
        survey = survey_clip(
            engine,
            prepared.source.motion,
            clip,
            info,
            face_index=options.driving_face_index,
            best_frame=options.best_frame,
            max_seconds=options.max_seconds,
            progress=progress,
        )
    shown = stream_frames(
        engine,
        prepared.source,
        _driving_crops(engine, clip, info, survey, clock),
        survey.first,
        _follow(engine, prepared, survey.reference, info, options, adjust),
        clock,
    )
    kept: list[Frame] = []
    count = 0
    with contextlib.closing(shown), contextlib.ExitStack() as stack:
        write = kept.append
        if output is not None:
            write = stack.enter_context(_writer(output, clip, info, prepared, options)).write
        for generated in shown:
            with clock.measure("encode"):
                write(finish_frame(prepared, generated, options))
            count += 1
            progress("render", count, len(survey.present))
        with clock.measure("encode"):
            stack.close()
    clock.add("total", time.perf_counter() - started)
    return AnimateResult(
        output=output,
        frames_in=len(survey.present),
        frames_out=count,
        fps_in=info.fps,
        fps_out=info.fps,
        seconds=clock.seconds,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
        reference_frame=survey.reference_frame,
        notes=(*prepared.notes, *survey.notes),
        frames=tuple(kept),
    )


def check_driver_output(
    output: Path | None,
    wanted: tuple[str, ...],
    other: tuple[str, ...],
    driver: str,
    options: AnimateOptions,
) -> None:
    """Check that the output may be written and is of the driver's kind, before any work."""
    if output is None:
        return
    if output.suffix.lower() in other:
        raise MediaError(
            f"{output.name} can't hold the result: the driver is {driver}, so the output ends in "
            f"{' or '.join(wanted)}.",
            f"Name it {output.stem}{wanted[0]}.",
        )
    check_output(output, overwrite=options.overwrite, suffixes=wanted)


def prepare_timed(
    engine: Engine, portrait: Portrait, options: AnimateOptions, clock: StageClock
) -> PreparedPortrait:
    """Prepare the portrait and add its time to the stage ``prepare``."""
    with clock.measure("prepare"):
        return prepare_portrait(engine, portrait, face_index=options.face_index, crop=options.crop)


def _driving_crops(
    engine: Engine, clip: Path, info: ClipInfo, survey: Survey, clock: StageClock
) -> Generator[Frame | None]:
    """Cut the face out of every frame; None where it is missing."""
    frames = clock.timed("decode", read_clip(clip, info=info))
    with contextlib.closing(frames):
        for number, frame in enumerate(frames):
            if number < len(survey.present) and survey.present[number]:
                with clock.measure("crop"):
                    crop = cut_crop(frame, survey.crop, engine.size_px)
                yield crop
            else:
                yield None


def _follow(
    engine: Engine,
    prepared: PreparedPortrait,
    reference: Motion,
    info: ClipInfo,
    options: AnimateOptions,
    adjust: Show | None,
) -> Show:
    smoother = MotionSmoother(options.smoothing, float(info.fps), engine.decode_expression)

    def show(driving: Motion) -> Motion:
        shown = transfer_motion(
            prepared.source.motion,
            smoother.smooth(driving),
            reference,
            options,
            engine.decode_expression,
        )
        return shown if adjust is None else adjust(shown)

    return show


def _writer(
    output: Path, clip: Path, info: ClipInfo, prepared: PreparedPortrait, options: AnimateOptions
) -> ClipWriter:
    height, width = finish_frame(prepared, prepared.face, options).shape[:2]
    return ClipWriter(
        output,
        width,
        height,
        info.fps,
        sound_from=clip if info.has_sound else None,
        overwrite=options.overwrite,
    )


def finish_frame(prepared: PreparedPortrait, generated: Frame, options: AnimateOptions) -> Frame:
    """Bring a generated face crop to the size or into the picture that was asked for."""
    frame = generated
    if options.size_px is not None and options.size_px != frame.shape[0]:
        frame = resize_frame(frame, options.size_px, options.size_px)
    return prepared.paste(frame) if options.paste_back else frame

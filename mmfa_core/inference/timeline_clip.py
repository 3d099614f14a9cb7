"""From a portrait and a timeline to a written clip: over the still portrait, or over a driver.

In: files, options, a timeline and an engine. Out: RenderUpdates, the last with the result.
Knows nothing about how edits change over time: timeline.py does.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.inference.clip import (
    check_driver_output,
    finish_frame,
    note_size,
    prepare_timed,
)
from mmfa_core.inference.driver import open_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.outputs import Delivery, Outputs, drain
from mmfa_core.inference.portrait import Portrait, PreparedPortrait
from mmfa_core.inference.render import StageClock, stream_frames
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.still import is_picture
from mmfa_core.inference.stream import stream_clip
from mmfa_core.inference.timeline import Timeline
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import OUTPUT_SUFFIXES, PICTURE_SUFFIXES, ClipInfo
from mmfa_core.provenance import Mark


def stream_timeline(
    engine: Engine,
    portrait: Portrait,
    timeline: Timeline,
    driving: Path | None,
    options: AnimateOptions,
    outputs: Outputs,
) -> Generator[RenderUpdate]:
    """Show a portrait along a timeline and tell after every frame; see Animator.stream_timeline."""
    if driving is None:
        timeline.check_reach()
        return _over_still(engine, portrait, timeline, options, outputs)
    return _over_clip(engine, portrait, timeline, driving, options, outputs)


def render_timeline(
    engine: Engine,
    portrait: Portrait,
    timeline: Timeline,
    output: Path | None,
    driving: Path | None,
    options: AnimateOptions,
    *,
    progress: ReportProgress,
) -> AnimateResult:
    """Show a portrait along a timeline, to the end; see Animator.render_timeline."""
    outputs = Outputs(files=() if output is None else (output,))
    updates = stream_timeline(engine, portrait, timeline, driving, options, outputs)
    return drain(updates, keep=output is None, progress=progress)


def _over_clip(
    engine: Engine,
    portrait: Portrait,
    timeline: Timeline,
    driving: Path,
    options: AnimateOptions,
    outputs: Outputs,
) -> Generator[RenderUpdate]:
    if is_picture(driving):
        raise MediaError(
            f"{driving.name} is a picture; a timeline goes over a clip.",
            "Choose a clip, or leave it out to move the still portrait.",
        )
    driver = open_driver(engine, driving, options)
    adjust = timeline.edits(driver.info.fps)
    updates = stream_clip(
        engine,
        portrait,
        driving,
        options,
        outputs,
        driver=driver,
        adjust=adjust,
        declared=("timeline", timeline),
    )
    with contextlib.closing(updates):
        for update in updates:
            result = update.result
            if result is not None:
                result = replace(result, notes=(*result.notes, *_unreached(timeline, driver.info)))
            yield replace(update, result=result)


def _over_still(
    engine: Engine,
    portrait: Portrait,
    timeline: Timeline,
    options: AnimateOptions,
    outputs: Outputs,
) -> Generator[RenderUpdate]:
    clock = StageClock()
    with clock.measure("total"):
        for file in outputs.files:
            check_driver_output(file, OUTPUT_SUFFIXES, PICTURE_SUFFIXES, "a clip", options)
        prepared = prepare_timed(engine, portrait, options, clock)
        mark = begin_mark(
            engine, "timeline", (options, timeline), (prepared.ingredient,), badge=options.badge
        )
        yield from _render(engine, prepared, timeline, options, outputs, clock=clock, mark=mark)
    result = AnimateResult(
        output=outputs.files[0] if outputs.files else None,
        frames_in=1,
        frames_out=timeline.frames,
        fps_in=Fraction(0),
        fps_out=timeline.fps,
        seconds=clock.seconds,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
        reference_frame=0,
        notes=(*prepared.notes, *note_size(options), *mark.notes),
        signed=mark.signed,
    )
    yield RenderUpdate(
        stage="done",
        done=timeline.frames,
        total=timeline.frames,
        seconds_left=0.0,
        result=result,
    )


def _render(
    engine: Engine,
    prepared: PreparedPortrait,
    timeline: Timeline,
    options: AnimateOptions,
    outputs: Outputs,
    *,
    clock: StageClock,
    mark: Mark,
) -> Generator[RenderUpdate]:
    """Render as for a driver without a face: the own motion is held, and edits are added to it."""
    total = timeline.frames
    still = prepared.source.motion
    nobody = itertools.repeat(None, total)
    shown = stream_frames(
        engine,
        prepared.source,
        nobody,
        still,
        timeline.edits(),
        clock,
        estimate=engine.estimate_motion,
    )
    height, width = finish_frame(prepared, prepared.face, options).shape[:2]
    silent = ClipInfo(
        width=width,
        height=height,
        fps=timeline.fps,
        duration_s=float(total / timeline.fps),
        has_sound=False,
        frames=total,
        variable_rate=False,
    )
    delivery = Delivery(
        outputs=outputs,
        prepared=prepared,
        options=options,
        clip=Path(),
        info=silent,
        clock=clock,
        mark=mark,
    )
    yield from delivery.write(shown, total)


def _unreached(timeline: Timeline, info: ClipInfo) -> list[str]:
    """Tell of keyframes after the end of the driver."""
    late = [key.time_s for key in timeline.keyframes if key.time_s > info.duration_s]
    if not late:
        return []
    some = "A keyframe lies" if len(late) == 1 else f"{len(late)} keyframes lie"
    return [f"{some} after the end of the clip, at {info.duration_s:.2f} s."]

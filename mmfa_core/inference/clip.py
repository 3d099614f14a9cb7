"""The steps between a portrait, a driving clip and a written clip.

In: files, options and an engine. Out: a prepared portrait, crops, motion to show.
Knows nothing about their order: stream.py puts them together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.face import cut_crop, resize_frame
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import Portrait, PreparedPortrait, prepare_portrait
from mmfa_core.inference.render import Show, StageClock
from mmfa_core.inference.smoothing import MotionSmoother
from mmfa_core.inference.survey import Survey
from mmfa_core.inference.transfer import transfer_motion
from mmfa_core.media import ClipInfo, Frame, check_output, read_clip
from mmfa_core.motion import Motion

PASTED_NOTE = "The whole portrait was kept, so the result has its size and not the one asked for."


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


def driving_crops(
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


def follow_driver(
    engine: Engine,
    prepared: PreparedPortrait,
    reference: Motion,
    info: ClipInfo,
    options: AnimateOptions,
    adjust: Show | None,
) -> Show:
    """Make the function that turns driving motions into the portrait's, in order of frames."""
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


def finish_frame(prepared: PreparedPortrait, generated: Frame, options: AnimateOptions) -> Frame:
    """Bring a generated face crop to the size or into the picture that was asked for."""
    if options.paste_back:
        return prepared.paste(generated)
    if options.size_px is not None and options.size_px != generated.shape[0]:
        return resize_frame(generated, options.size_px, options.size_px)
    return generated


def note_size(options: AnimateOptions) -> tuple[str, ...]:
    """Tell that a size was asked for that the whole portrait doesn't take."""
    unused = options.paste_back and options.size_px is not None
    return (PASTED_NOTE,) if unused else ()

"""From a portrait and one driving picture to a picture.

In: files, options and an engine. Out: AnimateResult and the file. Knows nothing about clips.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

from mmfa_core.face import cut_crop
from mmfa_core.inference.clip import (
    check_driver_output,
    finish_frame,
    note_size,
    prepare_timed,
)
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import Portrait, frame_face
from mmfa_core.inference.render import StageClock
from mmfa_core.inference.result import AnimateResult
from mmfa_core.inference.transfer import transfer_motion
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import OUTPUT_SUFFIXES, PICTURE_SUFFIXES, read_picture, write_picture
from mmfa_core.provenance import hash_file
from mmfa_core.provenance.origin import DRIVING

DRIVING_PICTURES = (*PICTURE_SUFFIXES, ".bmp", ".tif", ".tiff", ".avif", ".jp2")
PICTURE_NOTE = "The driver is one picture: its pose and expression were taken as they are."


def is_picture(path: Path) -> bool:
    """Tell by its name whether a driver is a picture."""
    return path.suffix.lower() in DRIVING_PICTURES


def animate_picture(
    engine: Engine,
    portrait: Portrait,
    driving: Path,
    output: Path | None,
    options: AnimateOptions,
    progress: ReportProgress,
) -> AnimateResult:
    """Give a portrait the pose and expression of one picture.

    There is no frame to compare with, so the mode is absolute and nothing is smoothed.
    """
    started = time.perf_counter()
    clock = StageClock()
    check_driver_output(output, PICTURE_SUFFIXES, OUTPUT_SUFFIXES, "a picture", options)
    picture = read_picture(driving)
    prepared = prepare_timed(engine, portrait, options, clock)
    with clock.measure("crop"):
        square, note = frame_face(picture, driving.name, face_index=options.driving_face_index)
        crop = cut_crop(picture, square, engine.size_px)
    with engine.computing():
        with clock.measure("estimate"):
            motion = engine.estimate_motion([crop])
        with clock.measure("render"):
            shown = transfer_motion(
                prepared.source.motion,
                motion,
                motion,
                options.changed(mode="absolute"),
                engine.decode_expression,
            )
            generated = engine.render(prepared.source, shown)[0]
    ingredients = (prepared.ingredient, hash_file(driving, DRIVING))
    mark = begin_mark(engine, "animate", (options,), ingredients, badge=options.badge)
    with clock.measure("encode"):
        frame = finish_frame(prepared, generated, options)
        if output is not None:
            write_picture(output, frame, overwrite=options.overwrite, mark=mark)
    progress("render", 1, 1)
    clock.add("total", time.perf_counter() - started)
    seen = (note,) if note else ()
    notes = (*prepared.notes, *seen, *note_size(options), *mark.notes)
    return AnimateResult(
        output=output,
        frames_in=1,
        frames_out=1,
        fps_in=Fraction(0),
        fps_out=Fraction(0),
        seconds=clock.seconds,
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
        reference_frame=0,
        notes=notes if options.mode == "absolute" else (*notes, PICTURE_NOTE),
        signed=mark.signed,
        frames=() if output is not None else (frame,),
    )

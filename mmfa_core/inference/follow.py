"""Make a portrait follow whatever drives it: a clip, its motion, or one picture.

In: files, options and an engine. Out: AnimateResult, at the end or after updates; and files.
Knows nothing about how it is done: stream.py and still.py do.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from mmfa_core.errors import MediaError
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.outputs import Outputs
from mmfa_core.inference.portrait import Portrait
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.still import animate_picture, is_picture
from mmfa_core.inference.stream import animate_clip, stream_clip
from mmfa_core.inference.watching import ReportProgress, report_nothing


def animate_portrait(
    engine: Engine,
    portrait: Portrait,
    driving: Path,
    output: Path | None,
    options: AnimateOptions,
    progress: ReportProgress,
) -> AnimateResult:
    """Make a portrait follow a driver, to the end; see Animator.animate."""
    work = animate_picture if is_picture(driving) else animate_clip
    return work(engine, portrait, driving, output, options, progress)


def stream_portrait(
    engine: Engine,
    portrait: Portrait,
    driving: Path,
    options: AnimateOptions,
    outputs: Outputs,
) -> Generator[RenderUpdate]:
    """Make a portrait follow a driver, and tell after every frame; see Animator.stream."""
    if is_picture(driving):
        if len(outputs.files) > 1:
            raise MediaError(
                f"{driving.name} is a picture and makes one picture; {len(outputs.files)} files "
                "were asked for.",
                "Name one output.",
            )
        result = animate_picture(
            engine, portrait, driving, outputs.files[0], options, report_nothing
        )
        yield RenderUpdate(stage="done", done=1, total=1, seconds_left=0.0, result=result)
    else:
        yield from stream_clip(engine, portrait, driving, options, outputs)

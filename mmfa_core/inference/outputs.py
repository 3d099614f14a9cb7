"""Where the frames of one animation go: files, chunks to watch meanwhile, or the result itself.

In: generated face crops, one at a time. Out: files, and RenderUpdates of the stage ``render``.
Knows nothing about what drives.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmfa_core.inference.clip import finish_frame
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import PreparedPortrait
from mmfa_core.inference.render import StageClock
from mmfa_core.inference.result import AnimateResult, RenderUpdate
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import ChunkWriter, ClipInfo, Frame, FrameWriter, open_output
from mmfa_core.provenance import Mark

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
class Delivery:
    """Finish generated face crops and write them to every output.

    Attributes:
        outputs: where they go.
        prepared: the portrait they show.
        options: of them the size, paste_back and overwrite count.
        clip: the driver, whose sound clips get.
        info: the part of it that drives; its rate is that of the outputs.
        clock: the time that writing takes is added to its stage ``encode``.
        mark: marks frames and files.
    """

    outputs: Outputs
    prepared: PreparedPortrait
    options: AnimateOptions
    clip: Path
    info: ClipInfo
    clock: StageClock
    mark: Mark

    def write(
        self, shown: Generator[Frame], total: int
    ) -> Generator[RenderUpdate, None, tuple[int, tuple[str, ...]]]:
        """Write frames as they come; what was begun is closed or dropped as outputs say.

        Args:
            shown: the generated face crops; closed at the end.
            total: how many they are.

        Yields:
            An update a frame.

        Returns:
            How many were written, and what a person should know about the files.
        """
        pace = Pace(total)
        count = 0
        with contextlib.ExitStack() as stack:
            writers, chunks = self._open(stack)
            stack.enter_context(contextlib.closing(shown))
            for generated in shown:
                with self.clock.measure("encode"):
                    frame = finish_frame(self.prepared, generated, self.options)
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
            with self.clock.measure("encode"):
                stack.close()
        return count, tuple(dict.fromkeys(note for writer in writers for note in writer.notes))

    def _open(self, stack: contextlib.ExitStack) -> tuple[list[FrameWriter], ChunkWriter | None]:
        outputs, prepared = self.outputs, self.prepared
        height, width = finish_frame(prepared, prepared.face, self.options).shape[:2]
        writers: list[FrameWriter] = []
        for file in outputs.files:
            writer = open_output(
                file,
                (width, height),
                self.info.fps,
                self.clip if self.info.has_sound else None,
                sound_start_s=self.info.trim_s,
                overwrite=self.options.overwrite,
                keep_partial=outputs.keep_partial,
                mark=self.mark,
            )
            writers.append(stack.enter_context(writer))
        if outputs.chunk_folder is None:
            return writers, None
        chunks = ChunkWriter(
            outputs.chunk_folder, width, height, self.info.fps, outputs.chunk_s, mark=self.mark
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

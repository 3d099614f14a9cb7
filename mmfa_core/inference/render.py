"""Streaming: decode, estimate, render and hand on a few frames at a time, in constant memory.

In: an iterator of moments of a driver. Out: a generator of frames, one for each, in order.
Knows nothing about files or about what moments are.

A thread of its own decodes and crops; batches are estimated and rendered side by side by the
workers of the engine, while the order of frames is kept; the caller encodes.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mmfa_core.estimates import EncodedSource
from mmfa_core.inference.engine import Engine
from mmfa_core.media import Frame
from mmfa_core.motion import Motion

BATCH = 4  # frames that are computed together
READ_AHEAD = 2  # batches that wait decoded
POLL_S = 0.1  # how often a waiting reader looks whether it should stop

T = TypeVar("T")
Show = Callable[[Motion], Motion]  # driving motion -> motion of the portrait, in order of frames


@dataclass
class StageClock:
    """Add up the seconds of each stage; stages run side by side, so they may exceed the total."""

    seconds: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextlib.contextmanager
    def measure(self, stage: str) -> Generator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Add seconds to a stage."""
        with self._lock:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def timed(self, stage: str, items: Iterable[T]) -> Generator[T]:
        """Pass items on and add the time that they took to make."""
        iterator = iter(items)
        try:
            while True:
                with self.measure(stage):
                    try:
                        item = next(iterator)
                    except StopIteration:
                        return
                yield item
        finally:
            close(iterator)


def stream_frames(
    engine: Engine,
    source: EncodedSource,
    moments: Iterable[T | None],
    first: Motion,
    show: Show,
    clock: StageClock,
    *,
    estimate: Callable[[list[T]], Motion],
) -> Generator[Frame]:
    """Render the portrait for each driving frame.

    Args:
        engine: computes.
        source: the portrait, batch 1.
        moments: what there is of the driver in each frame, such as its face crop; None where
            there is no face: the last motion is held then.
        first: motion held before the first moment, batch 1.
        show: turns driving motions into the portrait's; called in order.
        clock: adds up ``estimate`` and ``render``.
        estimate: turns a few moments, without None, into motion; called within computing(), side
            by side.

    Yields:
        One frame of the model's size for each moment.
    """
    workers = engine.workers

    def look(batch: list[T | None]) -> Motion | None:
        seen = [moment for moment in batch if moment is not None]
        if not seen:
            return None
        with clock.measure("estimate"), engine.computing():
            return estimate(seen)

    def render(motion: Motion) -> list[Frame]:
        with clock.measure("render"), engine.computing():
            return engine.render(source, motion)

    held = first
    estimates: deque[tuple[list[T | None], Future[Motion | None]]] = deque()
    rendered: deque[Future[list[Frame]]] = deque()
    with (
        contextlib.closing(read_ahead(batches(moments, BATCH), READ_AHEAD)) as ready,
        ThreadPoolExecutor(workers, thread_name_prefix="render") as pool,
    ):
        try:
            exhausted = False
            while not exhausted or estimates or rendered:
                while not exhausted and len(estimates) < workers:
                    batch = next(ready, None)
                    if batch is None:
                        exhausted = True
                    else:
                        estimates.append((batch, pool.submit(look, batch)))
                if estimates and len(rendered) <= workers:
                    batch, estimated = estimates.popleft()
                    motion = hold_through_gaps(batch, estimated.result(), held)
                    held = motion[len(motion) - 1 : len(motion)]
                    with engine.computing():
                        shown = show(motion)
                    rendered.append(pool.submit(render, shown))
                else:
                    yield from rendered.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def hold_through_gaps(batch: Sequence[object], seen: Motion | None, held: Motion) -> Motion:
    """Give every frame of a batch a motion.

    Args:
        batch: moments; None where there is no face.
        seen: motion of the moments that are there, in order; None if there are none.
        held: motion of the frame before, batch 1.

    Returns:
        Motion of the whole batch, where a frame without a face repeats the one before.
    """
    if seen is not None and len(seen) == len(batch):
        return seen
    parts = []
    taken = 0
    for moment in batch:
        if moment is not None and seen is not None:
            held = seen[taken : taken + 1]
            taken += 1
        parts.append(held)
    return Motion.cat(parts)


def batches(items: Iterable[T], size: int) -> Generator[list[T]]:
    """Group items; the last group may be smaller."""
    iterator = iter(items)
    group: list[T] = []
    try:
        for item in iterator:
            group.append(item)
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group
    finally:
        close(iterator)


@dataclass(frozen=True)
class _Failure:
    error: BaseException


class _Box(Generic[T]):
    """Hold an item on its way between threads, so that None is an item like any other."""

    def __init__(self, item: T) -> None:
        self.item = item


def read_ahead(items: Iterable[T], depth: int) -> Generator[T]:
    """Make items in a thread of their own, at most ``depth`` ahead.

    An exception there is raised here. Closing this generator stops the thread and closes
    ``items`` in it.
    """
    waiting: queue.Queue[_Box[T] | _Failure | None] = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry: _Box[T] | _Failure | None) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(entry, timeout=POLL_S)
                return True
        return False

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put(_Box(item)):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001  # raised again by the reader
            put(_Failure(error))
        finally:
            close(iterator)

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (entry := waiting.get()) is not None:
            if isinstance(entry, _Failure):
                raise entry.error
            yield entry.item
    finally:
        stopped.set()
        thread.join()


def close(iterator: Iterator[T]) -> None:
    """Close a generator now; other iterators have nothing to close."""
    if isinstance(iterator, Generator):
        iterator.close()

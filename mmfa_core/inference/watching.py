"""Turn work that reports its progress through a callback into a generator that yields it.

In: a function that takes such a callback. Out: its reports, one at a time, and then its result.
Knows nothing about what the work is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
ReportProgress = Callable[[str, int, int | None], None]  # stage, done, total if it is known
Step = tuple[str, int, int | None]


def report_nothing(stage: str, done: int, total: int | None) -> None:
    """Take a report and do nothing with it."""
    del stage, done, total


class _LeftError(BaseException):
    """End the work from inside its own report, since nobody waits for it any more."""


@dataclass(frozen=True)
class _Done(Generic[T]):
    result: T


def watch(work: Callable[[ReportProgress], T]) -> Generator[Step, None, T]:
    """Do some work in a thread of its own and yield what it reports.

    An exception of the work is raised here. Closing the generator ends the work at its next
    report and waits for that.

    Args:
        work: called with the callback that it reports to.

    Yields:
        (stage, done, total).

    Returns:
        What the work returned.
    """
    waiting: queue.SimpleQueue[Step | _Done[T] | BaseException] = queue.SimpleQueue()
    left = threading.Event()

    def report(stage: str, done: int, total: int | None) -> None:
        if left.is_set():
            raise _LeftError
        waiting.put((stage, done, total))

    def run() -> None:
        try:
            waiting.put(_Done(work(report)))
        except BaseException as error:  # noqa: BLE001  # raised again by the reader
            waiting.put(error)

    thread = threading.Thread(target=run, name="watched", daemon=True)
    thread.start()
    try:
        while True:
            entry = waiting.get()
            if isinstance(entry, _Done):
                return entry.result
            if isinstance(entry, BaseException):
                raise entry
            yield entry
    finally:
        left.set()
        thread.join()

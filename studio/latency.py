"""How long a person waits from a slider to its picture.

In: the times of live handlers. Out: their median. Knows nothing about what they compute.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections import deque
from collections.abc import Generator

KEPT = 200  # newest measurements; older ones say little about now


class LatencyMeter:
    """Measure live handlers; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times_s: deque[float] = deque(maxlen=KEPT)

    @contextlib.contextmanager
    def measure(self) -> Generator[None]:
        """Time what is done inside, unless it fails."""
        start = time.perf_counter()
        yield
        taken = time.perf_counter() - start
        with self._lock:
            self._times_s.append(taken)

    @property
    def count(self) -> int:
        """Return how many measurements are kept."""
        return len(self._times_s)

    def median_ms(self) -> float | None:
        """Return the median in ms, or None before the first measurement."""
        with self._lock:
            return 1000 * statistics.median(self._times_s) if self._times_s else None

"""How a run shares a machine: threads by the other load, memory that is kept, room on disk.

In: /proc and the C library where they exist. Out: numbers and settings of this process.
Knows nothing about training.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import time
from pathlib import Path

import torch

from mmfa_core.errors import ResourceError

BUSY_CORES = 0.6  # other load, in cores, from which one thread is faster than all
CHECK_SECONDS = 5.0
LEAST_FREE_MB = 500


class ThreadTuner:
    """Use every core while the machine is ours, and one thread in company.

    With another busy process on the same cores, OpenMP's barriers make many threads far slower
    than one.
    """

    def __init__(self) -> None:
        """Start with all cores; does nothing where /proc/stat is missing."""
        self.cores = os.cpu_count() or 1
        self.last = self._read()
        torch.set_num_threads(self.cores)

    def update(self) -> int:
        """Look at the load if some seconds have passed, set threads, and return their number."""
        now = self._read()
        if now is None or self.last is None:
            return torch.get_num_threads()
        wall = now[0] - self.last[0]
        if wall < CHECK_SECONDS:
            return torch.get_num_threads()
        others = (now[1] - self.last[1] - (now[2] - self.last[2])) / wall
        self.last = now
        wanted = 1 if others > BUSY_CORES and self.cores <= 4 else self.cores
        if wanted != torch.get_num_threads():
            torch.set_num_threads(wanted)
        return wanted

    @staticmethod
    def _read() -> tuple[float, float, float] | None:
        """Return wall seconds, busy seconds of every process that competes, and of this one.

        Processes of a lower priority (niced) don't compete with one that isn't.
        """
        try:
            fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        except OSError:
            return None
        tick = os.sysconf("SC_CLK_TCK")
        user, nice, system = (int(v) for v in fields[1:4])
        own = os.times()
        busy = user + system + (nice if os.nice(0) > 0 else 0)
        return time.monotonic(), busy / tick, own.user + own.system


def keep_memory() -> None:
    """Let the C library keep freed memory (glibc only): large maps otherwise fault every step."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD
        libc.mallopt(-2, 1 << 26)  # M_TOP_PAD


def require_room(folder: Path, megabytes: int = LEAST_FREE_MB) -> None:
    """Refuse a disk that is nearly full.

    Raises:
        ResourceError: when less than ``megabytes`` are free.
    """
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise ResourceError(
            f"Only {free} MB are free where the training state goes; {megabytes} MB are needed.",
            "Free some space; the run resumes from its last state.",
        )

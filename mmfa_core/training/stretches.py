"""Which frames of a clip to take, and which of them one fixed crop can hold.

In: counts, thumbnails, faces. Out: frame numbers. Knows nothing about files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import Face

SAMPLED_FPS = 12.0
MOST_FRAMES = 160  # of one clip, evenly spaced
WIDEST_WAY = 1.75  # side of the union of the face boxes of a stretch, in face sizes
JUMP = 0.6  # way of a face from one sample to the next, in face sizes
GROWTH = 1.5  # and by how much it may grow or shrink
# Scene changes: mean difference of the thumbnails of neighbouring samples, of 255. Over cuts
# between the corpus's clips it is 35 or more, and within clips at most 28; two people before the
# same wall differ by 15 or more, but far more than the samples before and after.
CUT = 32.0
CUT_IF_SUDDEN, SUDDEN, NEIGHBOURS = 12.0, 5.0, 4


def sample_numbers(frames: int, fps: float) -> list[int]:
    """Choose the frames of a clip to look at: at most 12 a second and 160 in all, evenly spaced."""
    count = min(frames, MOST_FRAMES, max(1, round(frames / fps * SAMPLED_FPS)))
    return [int((i + 0.5) * frames / count) for i in range(count)]


def find_cuts(thumbnails: Sequence[NDArray[np.float32]]) -> list[int]:
    """Find the samples that begin a new scene.

    Args:
        thumbnails: (16, 16, 3) in [0, 255], one a sample.

    Returns:
        Their numbers, increasing; never 0.
    """
    changes = [float(np.abs(a - b).mean()) for a, b in pairwise(thumbnails)]
    cuts = []
    for i, change in enumerate(changes):
        around = changes[max(0, i - NEIGHBOURS) : i] + changes[i + 1 : i + 1 + NEIGHBOURS]
        sudden = bool(around) and change > SUDDEN * (median(around) + 1)
        if change > CUT or (change > CUT_IF_SUDDEN and sudden):
            cuts.append(i + 1)
    return cuts


def split_stretches(faces: Sequence[Face | None], cuts: Sequence[int]) -> list[list[int]]:
    """Split the samples of a clip into stretches that one fixed crop can hold.

    A stretch ends at a scene change, where the face stays somewhere else than it was, and where
    it has wandered too far for a crop. One sample somewhere else is a mistake and left out.

    Args:
        faces: the face in each sample, or None.
        cuts: samples that begin a new scene.

    Returns:
        Numbers of the samples of each stretch, in order.
    """
    stretches: list[list[int]] = []
    current = _Stretch()
    stray: int | None = None
    for i, face in enumerate(faces):
        if face is None:
            continue
        if current.numbers and any(current.numbers[-1] < cut <= i for cut in cuts):
            stretches.append(current.numbers)
            current, stray = _Stretch(), None
        if current.far(face):
            before = faces[stray] if stray is not None else None
            if before is None or jumps(before, face):
                stray = i
                continue
            stretches.append(current.numbers)
            current = _Stretch()
            current.add(stray if stray is not None else i, before)
        elif current.too_wide(face):
            stretches.append(current.numbers)
            current = _Stretch()
        current.add(i, face)
        stray = None
    return [*stretches, current.numbers] if current.numbers else stretches


@dataclass
class _Stretch:
    """Collect samples and the union of their face boxes."""

    numbers: list[int] = field(default_factory=list)
    last: Face | None = None
    union: tuple[float, float, float, float] = (np.inf, np.inf, -np.inf, -np.inf)

    def add(self, number: int, face: Face) -> None:
        self.numbers.append(number)
        self.last = face
        self.union = self._with(face)

    def far(self, face: Face) -> bool:
        return self.last is not None and jumps(self.last, face)

    def too_wide(self, face: Face) -> bool:
        x0, y0, x1, y1 = self._with(face)
        return max(x1 - x0, y1 - y0) > WIDEST_WAY * face.box.side

    def _with(self, face: Face) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = self.union
        box = face.box
        return min(x0, box.x0), min(y0, box.y0), max(x1, box.x1), max(y1, box.y1)


def jumps(before: Face, after: Face) -> bool:
    """Tell whether a face is elsewhere, or of another size, than it can be a moment later."""
    growth = after.box.side / before.box.side
    return before.box.distance(after.box) > JUMP or not 1 / GROWTH < growth < GROWTH

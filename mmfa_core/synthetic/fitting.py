"""What sums of shapes leave to be mended on a head: parted lips, tall skulls, where teeth stand.

In: Anatomy, vertices of a person. Out: mended vertices, placements. Knows nothing about pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmfa_core.synthetic.anatomy import Anatomy, Ints, eyeball
from mmfa_core.synthetic.geometry import Floats, fit_similarity

TALLEST_SKULL = 1.08  # top of the head over the eyes, as a share of eyes over chin
BROW_M = 0.030  # over the eyes; the skull is bounded from here on
MOVED_M = 0.010  # a lower lip goes further down when the jaw opens, an upper one doesn't
LIPS_Z_M = 0.146  # lips of the mean head lie before it
COLUMNS_M = (0.0, 0.005, 0.0102, 0.0155)  # from the middle: where its lips have vertices
COLUMN_REACH_M = 0.0024
SHUT_REACH_M = (0.009, 0.014)  # how far shutting the lips moves the skin round them: y, z
SHUT_MORE, SHUT_TIMES = 1.2, 3  # as lips a little off the seam move less
LINING = ((0.640, 0.680), 0.125, 0.030)  # inside of lips and cheeks: y, least z, most |x|, m


@dataclass(frozen=True, eq=False)
class Mouth:
    """Find lips, chin and the mouth's lining on the mean head.

    Attributes:
        anatomy: the head model.
    """

    anatomy: Anatomy

    @cached_property
    def moved(self) -> Floats:
        """What a fully open jaw adds, (V, 3) m."""
        return self.anatomy.expression({"jawOpen": 1.0})

    @cached_property
    def columns(self) -> Floats:
        """Where lips are compared, from the picture's left to its right, (N,) m."""
        half = np.array(COLUMNS_M, np.float32)
        return np.concatenate((-half[:0:-1], half))

    @cached_property
    def edges(self) -> tuple[Ints, Ints]:
        """The lowest vertex of the upper lip and the highest of the lower in each column."""
        template, regions = self.anatomy.template, self.anatomy.regions
        lips = (regions["inside"] > 0.5) | (regions["lips"] > 0.3)
        lips &= template[:, 2] > LIPS_Z_M
        lower = self.moved[:, 1] < -MOVED_M
        chains = []
        for side, sign in ((lips & ~lower, 1.0), (lips & lower, -1.0)):
            rows = np.flatnonzero(side)
            off = np.abs(template[rows, 0][None] - self.columns[:, None])
            height = sign * template[rows, 1][None] + 1e3 * (off > COLUMN_REACH_M)
            chains.append(rows[height.argmin(1)].astype(np.int32))
        return chains[0], chains[1]

    @cached_property
    def lining(self) -> tuple[Ints, Ints]:
        """Rows of the lining before the upper and before the lower teeth."""
        (least, most), front, side = LINING
        x, y, z = self.anatomy.template.T
        near = (self.anatomy.regions["inside"] > 0.5) & (y > least) & (y < most)
        near &= (z > front) & (np.abs(x) < side)
        lower = self.moved[:, 1] < -MOVED_M
        upper_rows, lower_rows = np.flatnonzero(near & ~lower), np.flatnonzero(near & lower)
        return upper_rows.astype(np.int32), lower_rows.astype(np.int32)

    def gaps(self, head: Floats) -> Floats:
        """Measure how far the lips are apart in each column, seen from the front, (N,) m."""
        upper, lower = self.edges
        lips = head - self.anatomy.template  # the mean head's are shut
        return np.asarray(lips[upper, 1] - lips[lower, 1], np.float32)


def shut_lips(mouth: Mouth, neutral: Floats) -> Floats:
    """Move lips that a person's shape parted together; (V, 3) m."""
    template = mouth.anatomy.template
    upper, lower = mouth.edges
    fading = np.clip((0.030 - np.abs(template[:, 0])) / 0.009, 0, 1)  # beyond the corners
    seam = template[np.concatenate((upper, lower))].mean(0)
    high, deep = SHUT_REACH_M
    near = np.exp(
        -(((template[:, 1] - seam[1]) / high) ** 2) - ((template[:, 2] - seam[2]) / deep) ** 2
    )
    # Each lip takes half; between them the sign goes over as the jaw's pull does.
    pull = np.clip(mouth.moved[:, 1] / -0.030, 0, 1)
    share = fading * near * (pull - 0.5)
    mended = neutral.copy()
    for _ in range(SHUT_TIMES):
        gap = SHUT_MORE * np.maximum(mouth.gaps(mended), 0)
        mended[:, 1] += (share * np.interp(template[:, 0], mouth.columns, gap)).astype(np.float32)
    return mended


def bound_skull(anatomy: Anatomy, neutral: Floats) -> Floats:
    """Lower a skull that is taller over the eyes than `TALLEST_SKULL` of eyes over chin."""
    eyes = float(eyeball(neutral, anatomy.eyes)[0][:, 1].mean())
    height, face = skull_and_face(anatomy, neutral)
    over = height - TALLEST_SKULL * face
    if over <= 0:
        return neutral
    share = np.clip((neutral[:, 1] - eyes - BROW_M) / (height - BROW_M), 0, None)
    mended = neutral.copy()
    mended[:, 1] -= over * (0.4 * share + 0.6 * share**2)
    return mended


def skull_and_face(anatomy: Anatomy, head: Floats) -> tuple[float, float]:
    """Measure the top of the head over the eyes, and the eyes over the chin, m."""
    eyes = float(eyeball(head, anatomy.eyes)[0][:, 1].mean())
    front = (anatomy.template[:, 2] > 0.13) & (np.abs(anatomy.template[:, 0]) < 0.01)
    chin = float(head[front & (anatomy.regions["jaw"] > 0.8), 1].min())
    return float(head[:, 1].max()) - eyes, eyes - chin


def place_teeth(mouth: Mouth, neutral: Floats) -> tuple[Floats, Floats]:
    """Fit the mean head's rows of teeth to a person's lining; a matrix and an offset."""
    rows = np.concatenate(mouth.lining)
    return fit_similarity(mouth.anatomy.template[rows], neutral[rows])


def move_jaw(mouth: Mouth, neutral: Floats, weights: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Find how the lower jaw moves: a rotation and an offset that act on places of the head.

    Teeth are bone: they follow the jaw's own expressions and no others, and don't change size.
    They keep to the lining of the lower lip, which the jaw carries, and not to the chin, which
    swings further back.
    """
    own = {name: value for name, value in weights.items() if name.startswith("jaw")}
    rows = mouth.lining[1]
    here = neutral[rows]
    there = here + mouth.anatomy.expression(own)[rows]
    matrix, _ = fit_similarity(here, there)
    matrix = matrix / np.cbrt(np.linalg.det(matrix))
    return matrix, there.mean(0) - matrix @ here.mean(0)

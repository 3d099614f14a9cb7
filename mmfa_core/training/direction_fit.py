"""Named directions through the expression code, found by regression on blendshapes.

In: codes and labels of a corpus. Out: a change of the code for each candidate.
Knows nothing about networks or pictures; direction_trials.py finds out whether a direction works.

A direction is the smallest change of the code, measured by the spread of the codes, that raises
some blendshapes and leaves the main ones of other parts of the face alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import BLENDSHAPE_NAMES
from mmfa_core.training.corpus import Corpus

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """Say which blendshapes a direction raises, and which it lowers."""

    name: str
    raises: tuple[str, ...]
    lowers: tuple[str, ...] = ()


CANDIDATES = (
    Candidate("jaw_open", ("jawOpen",)),
    Candidate("smile", ("mouthSmileLeft", "mouthSmileRight")),
    Candidate("smile_side", ("mouthSmileLeft",), ("mouthSmileRight",)),
    Candidate("mouth_frown", ("mouthFrownLeft", "mouthFrownRight")),
    Candidate("pucker", ("mouthPucker",)),
    Candidate("upper_lip_raise", ("mouthUpperUpLeft", "mouthUpperUpRight")),
    Candidate("lips_press", ("mouthPressLeft", "mouthPressRight")),
    Candidate("mouth_side", ("mouthLeft",), ("mouthRight",)),
    Candidate("blink", ("eyeBlinkLeft", "eyeBlinkRight")),
    Candidate("wink_side", ("eyeBlinkLeft",), ("eyeBlinkRight",)),
    Candidate("eyes_wide", ("eyeWideLeft", "eyeWideRight")),
    Candidate("brow_raise", ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")),
    Candidate("brow_frown", ("browDownLeft", "browDownRight")),
    Candidate(
        "look_up",
        ("eyeLookUpLeft", "eyeLookUpRight"),
        ("eyeLookDownLeft", "eyeLookDownRight"),
    ),
    Candidate(
        "look_side",
        ("eyeLookOutLeft", "eyeLookInRight"),
        ("eyeLookInLeft", "eyeLookOutRight"),
    ),
)
GUARDS = ("jaw_open", "smile", "blink", "brow_raise")  # what other directions leave alone
RELATED = 0.7  # a guard that goes along with a candidate more than this is not asked to stay
RIDGE = 0.01  # of the regression on codes, in units of their mean variance
SLACK = 0.02  # how much a guard may give way, share of its own variance
STRONG_PERCENTILE = 98  # of what the codes say about the blendshape
FARTHEST = 4.0  # longest change of the code, in standard deviations


@dataclass(frozen=True)
class Fit:
    """Hold what the codes of a corpus say about its blendshapes.

    Attributes:
        codes: (C, Z), the change of the code at v = 1 of each candidate.
        longest: (C,), v at which that change is FARTHEST standard deviations long.
        spread: (C,), standard deviation of each candidate's blendshape within clips.
        together: (C, C), correlation of what the codes say about the blendshapes.
    """

    codes: Floats
    longest: Floats
    spread: Floats
    together: Floats


def fit_directions(
    corpus: Corpus, rows: NDArray[np.int64], code: Floats, covariance: Floats
) -> Fit:
    """Regress blendshapes on codes, and turn each candidate into a change of the code.

    Equation: y = W z within clips and over stills, pose taken out; the change that raises y_k by
    1, leaves the guards y_g alone and is shortest in the spread S of the codes is
    S W (W^T S W + slack)^-1 e_k, with W the columns of k and g.

    Args:
        corpus: labels.
        rows: (N,), which pictures.
        code: (N, Z), their codes.
        covariance: S, (Z, Z).

    Returns:
        The fit of all CANDIDATES.
    """
    shapes = np.stack([blendshape_signal(corpus.blendshapes[rows], c) for c in CANDIDATES], 1)
    pose = corpus.pose_deg[rows].astype(np.float64) / 30
    nuisance = np.concatenate((pose, pose[:, :2] ** 2, pose[:, :1] * pose[:, 1:2]), 1)
    group = _groups(corpus, rows)
    changes, wanted, aside = (_within(v, group) for v in (code, shapes, nuisance))
    changes, wanted = (v - aside @ np.linalg.lstsq(aside, v)[0] for v in (changes, wanted))
    gram = changes.T @ changes / len(rows)
    ridge = RIDGE * float(np.trace(gram)) / len(gram) * np.eye(len(gram))
    weights = np.linalg.solve(gram + ridge, changes.T @ wanted / len(rows))  # (Z, C)
    told = changes @ weights
    with np.errstate(divide="ignore", invalid="ignore"):  # a blendshape that never moves
        together = np.nan_to_num(np.corrcoef(told.T))
    strong = np.percentile(told, STRONG_PERCENTILE, axis=0)
    names = [c.name for c in CANDIDATES]
    guards = [names.index(name) for name in GUARDS]
    directions = []
    for k in range(len(names)):
        used = [k, *(g for g in guards if g != k and abs(together[k, g]) < RELATED)]
        part = weights[:, used]
        inner = part.T @ covariance @ part
        inner += SLACK * np.diag(np.diag(inner)) + 1e-12 * np.eye(len(used))
        change = covariance @ part @ np.linalg.solve(inner, np.eye(len(used))[0])
        directions.append(change * (strong[k] / max(float(change @ part[:, 0]), 1e-9)))
    codes = np.stack(directions)
    lengths = np.sqrt(np.einsum("cz,zc->c", codes, np.linalg.solve(covariance, codes.T)))
    return Fit(codes, FARTHEST / np.maximum(lengths, 1e-9), wanted.std(0), together)


def blendshape_signal(blendshapes: NDArray[np.float32], candidate: Candidate) -> Floats:
    """Average what a candidate raises, less what it lowers; (N, 52) to (N,)."""

    def mean(names: Sequence[str]) -> Floats:
        chosen = [BLENDSHAPE_NAMES.index(name) for name in names]
        return np.asarray(blendshapes[:, chosen].mean(1), np.float64)

    raised = mean(candidate.raises)
    return raised - mean(candidate.lowers) if candidate.lowers else raised


def _groups(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each picture the number of its clip; stills of all people are one group."""
    counts = np.array([clip.count for clip in corpus.clips])
    clip = corpus.clip_of[rows]
    return np.asarray(np.where(counts[clip] > 1, clip + 1, 0), np.int64)


def _within(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Take each group's mean away."""
    sums = np.zeros((int(group.max()) + 1, values.shape[1]))
    np.add.at(sums, group, values)
    sums /= np.maximum(np.bincount(group, minlength=len(sums)), 1)[:, None]
    return np.asarray(values - sums[group])

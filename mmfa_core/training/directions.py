"""The spread of expression codes over a corpus, and named directions that visibly do what they say.

In: a trained model and a corpus with blendshapes. Out: ExpressionStats.
Knows nothing about the training loop.

A direction is the smallest change of the code, measured by the spread of the codes, that raises
some blendshapes and leaves the main ones of other parts of the face alone. Each candidate is then
tried out: portraits are rendered along it, the landmarker measures them, and only directions that
the picture follows are kept, over the range over which it follows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.face import BLENDSHAPE_NAMES, FaceFinder, whole_crop
from mmfa_core.model import MMFA
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
ALIKE = 0.9  # cosine of two directions of which only the first is kept
RIDGE = 0.01  # of the regression on codes, in units of their mean variance
SLACK = 0.02  # how much a guard may give way, share of its own variance
STRONG_PERCENTILE = 98  # of what the codes say about the blendshape
CODES = 3000  # pictures that are looked at
PORTRAITS = 6  # that directions are tried out on, and half as many that show them already
UP = tuple(0.5 * i for i in range(7))  # how far each candidate is tried out, 1 = STRONG_PERCENTILE
DOWN = tuple(-0.5 * i for i in range(4))  # the same on portraits that show the expression
FARTHEST = 4.0  # longest change of the code, in standard deviations
FOLLOWS = 0.85  # rank correlation of v and what is measured that a direction needs
LEAST_SWING = 0.05  # of the blendshape over the range that is kept
LEAST_SHARE = 0.75  # of that swing in within-clip standard deviations
FLAT = 0.01  # of the blendshape: a step smaller than this ends the range
BATCH = 16


@torch.no_grad()
def measure_expressions(
    model: MMFA, corpus: Corpus, *, codes: int = CODES, portraits: int = PORTRAITS
) -> ExpressionStats:
    """Measure the spread of the expression codes and find the directions that work.

    Args:
        model: trained, in evaluation mode.
        corpus: the train split; its blendshapes name the directions.
        codes: how many pictures are looked at; whole clips, stills and pairs alike.
        portraits: how many portraits each direction is tried out on; 0 looks for no directions.

    Returns:
        Mean, standard deviation, covariance and the directions that the picture follows.
    """
    rows = _choose_rows(corpus, codes)
    code = _codes_of(model, corpus, rows)
    found: tuple[ExpressionDirection, ...] = ()
    centred = code - code.mean(0)
    covariance = centred.T @ centred / max(len(rows) - 1, 1) + 1e-6 * np.eye(code.shape[1])
    if portraits and len(rows) > 2 * code.shape[1]:
        fit = fit_directions(corpus, rows, code, covariance)
        found = _try_out(model, corpus, rows, fit, portraits)
    return ExpressionStats(
        mean=_rounded(code.mean(0)),
        std=_rounded(np.sqrt(np.diag(covariance))),
        covariance=tuple(_rounded(row, 6) for row in covariance),
        directions=found,
    )


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
    shapes = np.stack([_signal(corpus.blendshapes[rows], c) for c in CANDIDATES], 1)
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


def judge_direction(tried: Floats, measured: Floats, spread: float, most: Floats) -> float | None:
    """Decide by measurement whether a direction does what it says, and how far.

    Args:
        tried: (V,), how far the code was changed, rising from 0.
        measured: (P, V), the blendshape in P portraits rendered so; NaN = no face was found.
        spread: the blendshape's standard deviation within clips of the corpus.
        most: (V,), how much the unrelated candidate that changed most did so, in its own standard
            deviations.

    Returns:
        How far the picture follows; None when it doesn't.
    """
    change = measured - measured[:, :1]
    last = _follow(_median(change), np.isfinite(change).mean(0) >= 0.75)
    swing = float(_median(change)[last])
    if last == 0 or swing < max(LEAST_SWING, LEAST_SHARE * spread):
        return None
    ranks = [_rank_correlation(tried[: last + 1], row[: last + 1]) for row in change]
    own = swing / max(spread, 1e-6)
    if float(np.median(ranks)) < FOLLOWS or own < LEAST_SHARE * float(most[last]):
        return None
    return float(tried[last])


def _follow(change: Floats, seen: NDArray[np.bool_]) -> int:
    """Walk from 0 as long as the measured change still grows; returns where that ends."""
    best = 0
    for at in range(1, len(change)):
        if not seen[at] or change[at] < change[best] - 2 * FLAT or (best and at - best > 2):
            break
        if change[at] >= change[best] + FLAT:
            best = at
    return best


def _try_out(
    model: MMFA, corpus: Corpus, rows: NDArray[np.int64], fit: Fit, count: int
) -> tuple[ExpressionDirection, ...]:
    """Render portraits along each candidate, measure them, and keep what the picture follows."""
    found: list[ExpressionDirection] = []
    with FaceFinder() as finder:
        for k, candidate in enumerate(CANDIDATES):

            def sweep(show: bool, tried: Floats, portraits: int, k: int = k) -> Floats:
                chosen = _choose_portraits(corpus, rows, CANDIDATES[k], portraits, show=show)
                change = np.outer(tried, fit.codes[k])
                return np.stack([_sweep(model, finder, corpus, row, change) for row in chosen])

            tried = np.array([v for v in UP if v <= fit.longest[k]])
            seen = sweep(False, tried, count)  # (P, V, C)
            moved = np.abs(_median(seen - seen[:, :1])) / np.maximum(fit.spread, 1e-6)
            apart = np.abs(fit.together[k]) < RELATED
            most = np.maximum(moved[:, apart].max(1, initial=0.0), moved[:, k])
            high = judge_direction(tried, seen[:, :, k], float(fit.spread[k]), most)
            if high is None or any(_alike(fit.codes[k], d.code) for d in found):
                continue
            down = np.array(DOWN)
            shown = -sweep(True, down, max(1, count // 2))[:, :, k]
            low = down[
                _follow(_median(shown - shown[:, :1]), np.asarray(np.isfinite(shown).all(0)))
            ]
            found.append(
                ExpressionDirection(
                    name=candidate.name,
                    code=_rounded(high * fit.codes[k]),
                    low=round(float(low) / high, 2) + 0.0,
                    high=1.0,
                )
            )
    return tuple(found)


def _alike(change: Floats, kept: Sequence[float]) -> bool:
    """Tell whether a direction is nearly one that was kept already."""
    other = np.asarray(kept)
    return float(change @ other) > ALIKE * float(np.linalg.norm(change) * np.linalg.norm(other))


def _sweep(model: MMFA, finder: FaceFinder, corpus: Corpus, row: int, changes: Floats) -> Floats:
    """Measure every candidate's blendshape in one portrait with each (V, Z) change; (V, C)."""
    device = model.rigid.device
    picture = torch.tensor(corpus.picture(int(row)), device=device).permute(2, 0, 1)
    source = model.encode_source(picture[None].float() / 255)
    steps = torch.tensor(changes, dtype=torch.float32, device=device)
    code = source.motion.expression_code + steps
    many = model.expand(source, len(code))
    motion = dataclasses.replace(
        many.motion, expression_code=code, expression_offsets=model.expression_vae.decode(code)
    )
    frames = model.render(many, motion).picture.permute(0, 2, 3, 1).mul(255).round().byte()
    values = np.full((len(changes), len(CANDIDATES)), np.nan)
    for number, frame in enumerate(frames.cpu().numpy()):
        face = finder.detect_in_crop(frame, whole_crop(frame.shape))
        if face is None and number == 0:
            break  # nothing to compare with
        if face is not None:
            values[number] = [_signal(face.blendshapes[None], c)[0] for c in CANDIDATES]
    return values


def _choose_portraits(
    corpus: Corpus, rows: NDArray[np.int64], candidate: Candidate, count: int, *, show: bool
) -> list[int]:
    """Choose frontal portraits of different people that show an expression strongly, or not."""
    own = np.abs(_signal(corpus.blendshapes[rows], candidate))
    fits = own >= np.quantile(own, 0.95) if show else own <= np.quantile(own, 0.4)
    aside = np.abs(corpus.pose_deg[rows]).max(1)
    chosen: dict[str, int] = {}
    for row in rows[np.lexsort((aside, ~fits))]:
        chosen.setdefault(corpus.clips[int(corpus.clip_of[row])].identity, int(row))
        if len(chosen) == count:
            break
    return list(chosen.values())


def _choose_rows(corpus: Corpus, count: int) -> NDArray[np.int64]:
    """Choose pictures evenly over all clips, so that each clip keeps several."""
    total = len(corpus)
    step = max(1.0, total / max(count, 1))
    return np.unique(np.arange(0, total, step).astype(np.int64))


def _codes_of(model: MMFA, corpus: Corpus, rows: NDArray[np.int64]) -> Floats:
    device = model.rigid.device
    codes = []
    for few in np.array_split(rows, max(1, -(-len(rows) // BATCH))):
        pictures = torch.from_numpy(np.stack([corpus.picture(int(row)) for row in few]))
        seen = pictures.to(device).permute(0, 3, 1, 2).float() / 255
        codes.append(model.estimate_motion(seen).expression_code.float().cpu().numpy())
    return np.concatenate(codes).astype(np.float64)


def _signal(blendshapes: NDArray[np.float32], candidate: Candidate) -> Floats:
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


def _rank_correlation(a: Floats, b: Floats) -> float:
    kept = np.isfinite(b)
    if kept.sum() < 3 or np.ptp(b[kept]) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(v[kept])) for v in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _median(values: Floats) -> Floats:
    """Take the median over portraits, 0 where no face was found in any."""
    return np.asarray(np.nanmedian(np.where(np.isfinite(values).any(0), values, 0.0), 0))


def _rounded(values: Floats, digits: int = 5) -> tuple[float, ...]:
    return tuple(round(float(v), digits) for v in values)

"""Try directions out: render portraits along them and measure what the landmarker sees.

In: a model, a corpus and a Fit. Out: the directions that the picture follows, and how far.
Knows nothing about how directions are found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.config import ExpressionDirection
from mmfa_core.face import FaceFinder, whole_crop
from mmfa_core.model import MMFA
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.direction_fit import (
    CANDIDATES,
    RELATED,
    Candidate,
    Fit,
    Floats,
    blendshape_signal,
)

UP = tuple(0.5 * i for i in range(7))  # how far each candidate is tried out, 1 = its strong change
DOWN = tuple(-0.5 * i for i in range(4))  # the same on portraits that show the expression
ALIKE = 0.9  # cosine of two directions of which only the first is kept
FOLLOWS = 0.85  # rank correlation of v and what is measured that a direction needs
LEAST_SWING = 0.05  # of the blendshape over the range that is kept
LEAST_SHARE = 0.75  # of that swing in within-clip standard deviations
FLAT = 0.01  # of the blendshape: a step smaller than this ends the range


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


def try_out(
    model: MMFA, corpus: Corpus, rows: NDArray[np.int64], fit: Fit, count: int
) -> tuple[ExpressionDirection, ...]:
    """Render portraits along each candidate, measure them, and keep what the picture follows.

    Args:
        model: trained, in evaluation mode.
        corpus: labels and pictures.
        rows: (N,), pictures to choose portraits from.
        fit: the changes of the code.
        count: portraits that don't show the expression yet; half as many do.

    Returns:
        Directions with v = 1 where the picture stops following.
    """
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
                    code=rounded(high * fit.codes[k]),
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
            values[number] = [blendshape_signal(face.blendshapes[None], c)[0] for c in CANDIDATES]
    return values


def _choose_portraits(
    corpus: Corpus, rows: NDArray[np.int64], candidate: Candidate, count: int, *, show: bool
) -> list[int]:
    """Choose frontal portraits of different people that show an expression strongly, or not."""
    own = np.abs(blendshape_signal(corpus.blendshapes[rows], candidate))
    fits = own >= np.quantile(own, 0.95) if show else own <= np.quantile(own, 0.4)
    aside = np.abs(corpus.pose_deg[rows]).max(1)
    chosen: dict[str, int] = {}
    for row in rows[np.lexsort((aside, ~fits))]:
        chosen.setdefault(corpus.clips[int(corpus.clip_of[row])].identity, int(row))
        if len(chosen) == count:
            break
    return list(chosen.values())


def _rank_correlation(a: Floats, b: Floats) -> float:
    kept = np.isfinite(b)
    if kept.sum() < 3 or np.ptp(b[kept]) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(v[kept])) for v in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _median(values: Floats) -> Floats:
    """Take the median over portraits, 0 where no face was found in any."""
    return np.asarray(np.nanmedian(np.where(np.isfinite(values).any(0), values, 0.0), 0))


def rounded(values: Floats, digits: int = 5) -> tuple[float, ...]:
    """Return plain numbers, rounded."""
    return tuple(round(float(v), digits) for v in values)

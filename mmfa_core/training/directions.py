"""The spread of expression codes over a corpus, and named directions that visibly do what they say.

In: a trained model and a corpus with blendshapes. Out: ExpressionStats.
Knows nothing about the training loop.

direction_fit.py finds candidates by regression; direction_trials.py renders portraits along each,
lets the landmarker measure them, and keeps only what the picture follows, as far as it follows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.model import MMFA
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.direction_fit import Floats, fit_directions
from mmfa_core.training.direction_trials import rounded, try_out

CODES = 3000  # pictures that are looked at
PORTRAITS = 12  # that directions are tried out on, and half as many that show them already
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
        found = try_out(model, corpus, rows, fit, portraits)
    return ExpressionStats(
        mean=rounded(code.mean(0)),
        std=rounded(np.sqrt(np.diag(covariance))),
        covariance=tuple(rounded(row, 6) for row in covariance),
        directions=found,
    )


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

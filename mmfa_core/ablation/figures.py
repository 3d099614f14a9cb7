"""What is measured of each run: cheap figures on held-out people.

In: a model, held-out people, the landmarker. Out: figures by name.
Knows nothing about variants or seeds. The protocols are those of evaluation/, on fewer people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from mmfa_core.evaluation.cross import evaluate_cross
from mmfa_core.evaluation.edits import evaluate_edits
from mmfa_core.evaluation.heldout import HeldOut
from mmfa_core.evaluation.measure import Progress, Tools
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.same import same_scores
from mmfa_core.inference.engine import choose_dtype
from mmfa_core.model import MMFA

LEAKAGE = "decoupling leakage, mean off diagonal / diagonal"
SIZE_DRIFT = "head-size drift under expression, %"


@dataclass(frozen=True)
class Figure:
    """Describe one column of the table.

    Attributes:
        name: in the JSON file.
        title: over the column.
        lower: True when less is better.
        digits: after the point.
    """

    name: str
    title: str
    lower: bool
    digits: int


FIGURES = (
    Figure("L1_face", "L1_face", True, 4),
    Figure("L1_face_to_copy", "/ copy", True, 3),
    Figure("L1_face_to_landmark_warp", "/ landmark warp", True, 3),
    Figure("PSNR_above_copy", "PSNR above copy", False, 2),
    Figure("yaw_r", "yaw r", False, 2),
    Figure("pitch_r", "pitch r", False, 2),
    Figure("roll_r", "roll r", False, 2),
    Figure("jawOpen_r", "jaw r", False, 2),
    Figure("smile_r", "smile r", False, 2),
    Figure("blink_r", "blink r", False, 2),
    Figure("identity_distance", "identity distance", True, 3),
    Figure("edit_leakage", "edit leakage", True, 3),
    Figure("head_size_drift_pct", "size drift %", True, 2),
)
CROSS = ("yaw_r", "pitch_r", "roll_r", "jawOpen_r", "smile_r", "blink_r", "identity_distance")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Say on how many people is measured.

    Attributes:
        same: clips of the protocol ``same``, three frames each; None takes all.
        cross: portraits that every driving clip drives.
        edit: portraits that are edited.
    """

    same: int | None = None
    cross: int = 3
    edit: int = 4


def measure_model(
    model: MMFA,
    heldout: HeldOut,
    tools: tuple[Tools, Tools],
    limits: Limits,
    progress: Progress,
) -> dict[str, float]:
    """Measure one model.

    Args:
        model: weights to measure.
        heldout: held-out people.
        tools: as evaluation.run.open_tools gives them.
        limits: how much is measured.
        progress: told what is being done.

    Returns:
        A figure for each of FIGURES; NaN where nothing could be measured.
    """
    model.eval()
    same = same_scores(model, heldout, limits.same)
    ours, copy, warp = (same[name] for name in ("ours", "copy", "landmark_warp"))
    renderer = Renderer(model, choose_dtype(torch.device("cpu")))
    plain, closely = tools
    modes = ("absolute",)
    cross = evaluate_cross(renderer, heldout, plain, limits.cross, progress, modes)
    row: dict[str, Any] = cross["rows"]["absolute"]
    edits = evaluate_edits(renderer, heldout, closely, limits.edit, progress)["margins"]
    return {
        "L1_face": ours["L1_face"],
        "L1_face_to_copy": _ratio(ours["L1_face"], copy["L1_face"]),
        "L1_face_to_landmark_warp": _ratio(ours["L1_face"], warp["L1_face"]),
        "PSNR_above_copy": ours["PSNR"] - copy["PSNR"],
        **{name: float(row.get(name, float("nan"))) for name in CROSS},
        "edit_leakage": float(edits[LEAKAGE]),
        "head_size_drift_pct": float(edits[SIZE_DRIFT]),
    }


def _ratio(mine: float, reference: float) -> float:
    return mine / reference if reference else float("nan")

"""Protocol ``edit``: ask held-out portraits for known edits and measure what they answer.

In: a model and held-out people. Out: response of each factor, decoupling, drift, background.
Knows nothing about files or reports.

Each control of MotionEdit is swept over its default range, alone, from the portrait's own motion.
``expression`` is one sweep more, from the portrait's expression to a strong one of somebody else,
in the code of the VAE: expression_gain changes little on a neutral face. The landmarker, which
the model doesn't contain, measures every factor of the outputs again: yaw, pitch and roll from
its matrix, scale and place from the rigid landmarks (eye corners, bridge, temples, forehead), the
expression from the blendshapes. It is shown the face in the middle of a crop, because it takes a
shifted head for a turned one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.errors import MediaError
from mmfa_core.estimates import EncodedSource
from mmfa_core.evaluation import signals
from mmfa_core.evaluation.decoupling import (
    FACTORS,
    IN_PLANE,
    STEPS,
    average_spreads,
    decoupling_matrix,
    half_range,
    measure_factors,
    similarity_sweep,
    spread_of,
    spreads_of,
    sweep_values,
    undo_turn,
)
from mmfa_core.evaluation.heldout import HeldOut, choose_portraits, strongest_expressions, to_tensor
from mmfa_core.evaluation.measure import Frames, Measured, Progress, Tools, measure_faces
from mmfa_core.evaluation.metrics import l1, ring_mask
from mmfa_core.evaluation.page import Plot, Sheet
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.inference.editing import edit_motion
from mmfa_core.inference.interpolation import interpolate_codes
from mmfa_core.motion import CONTROL_RANGES, Motion, MotionEdit

Doubles = NDArray[np.float64]
PORTRAITS = 24
DONORS = 8
SHEET_ROWS = 5  # portraits on each sheet of the report
SWEEPS = (*FACTORS, "expression_gain")
RING_PX = 16  # at 256 px
NOTE = (
    "no copy or landmark-warp row: nobody knows the landmarks of a face that was only asked for, "
    "and a copy would answer every edit with slope 0 and drift 0"
)


def evaluate_edits(
    renderer: Renderer, heldout: HeldOut, tools: Tools, limit: int | None, progress: Progress
) -> dict[str, Any]:
    """Run the whole protocol.

    Args:
        renderer: the model to measure.
        heldout: held-out people.
        tools: the landmarker is used.
        limit: at most so many portraits; PORTRAITS when None.
        progress: told after each portrait.

    Returns:
        mode, n, rows (one a sweep), decoupling and margins, as report.write_report takes them.

    Raises:
        MediaError: there are not two donors of an expression.
    """
    portraits = choose_portraits(heldout, limit or PORTRAITS)
    donors = strongest_expressions(heldout, DONORS)
    if len(donors) < 2:  # with one alone, that one's portrait would have none
        raise MediaError(
            f"{len(donors)} of the held-out people look nearly to the front; 2 or more must, to "
            "lend their expressions.",
            "Choose other data, or another protocol.",
        )
    owners = heldout.owners
    people = [owners[row] for row in donors]
    codes = renderer.estimate_motion(heldout.frames(donors)).expression_code  # (DONORS, Z)
    answers: dict[str, list[dict[str, float]]] = {name: [] for name in SWEEPS}
    spreads = np.full((len(portraits), len(FACTORS), len(FACTORS)), np.nan)
    own_leak = np.full((len(portraits), len(IN_PLANE), len(FACTORS)), np.nan)
    titles = [
        (*(f"{v:g}" for v in sweep_values(n)),) if n in CONTROL_RANGES else () for n in SWEEPS
    ]
    sheets = {n: Sheet(n, t) for n, t in zip(SWEEPS, titles, strict=True)}
    curves: dict[str, list[Doubles]] = {name: [] for name in FACTORS if name in CONTROL_RANGES}
    for number, portrait in enumerate(portraits):
        row = portrait.rows[0]
        frame = heldout.frames([row])[0]
        source = renderer.encode_source(frame)
        box = torch.from_numpy(heldout.box[row])[None]
        donor = codes[choose_donor(number, portrait.identity, people)][None]
        for name in SWEEPS:
            frames = sweep(renderer, source, name, donor)
            measured = measure_faces(tools.detect, frames)
            factors = measure_factors(measured, frames.shape[1])
            if number < SHEET_ROWS:
                sheets[name].rows.append(list(frames))
            if name in curves:
                away = factors[name] - factors[name][STEPS // 2]
                curves[name].append(away * half_range(name))
            answers[name].append(_answer(name, factors, measured, frames, box))
            if name in FACTORS:
                spreads[number, FACTORS.index(name)] = spreads_of(factors)
        centre = 2 * signals.head_centre(heldout.landmarks[[row]])[0] / frame.shape[0] - 1
        for place, name in enumerate(IN_PLANE):
            frames = similarity_sweep(frame, (float(centre[0]), float(centre[1])), name)
            measured = measure_faces(tools.detect, frames)
            if name == "roll_deg":
                measured = undo_turn(measured)
            own_leak[number, place] = spreads_of(measure_factors(measured, frames.shape[1]))
        progress("portraits", number + 1, len(portraits))
    rows = {name: _average(parts) for name, parts in answers.items()}
    own = np.diag(average_spreads(spreads))
    matrix = decoupling_matrix(average_spreads(spreads), own)
    landmarker = decoupling_matrix(average_spreads(own_leak), own)
    drifts = {name: rows["expression"][f"{name}_drift_pct"] for name in ("head_size", "face_box")}
    plots = [
        Plot(
            f"{name}: what the output answers, and what was asked",
            f"asked, {CONTROL_RANGES[name].unit}",
            {
                "answered": (asked, np.array([signals.mean(v) for v in np.stack(parts, 1)])),
                "asked": (asked, asked),
            },
        )
        for name, parts in curves.items()
        for asked in [sweep_values(name) - CONTROL_RANGES[name].neutral]
    ]
    return {
        "mode": "explicit edits",
        "n": {"portraits": len(portraits), "frames": len(portraits) * len(SWEEPS) * STEPS},
        "rows": rows,
        "sheets": list(sheets.values()),
        "plots": plots,
        "notes": [NOTE],
        "decoupling": _named(matrix, FACTORS),
        "decoupling_of_the_landmarker": _named(landmarker, IN_PLANE),
        "margins": {
            "decoupling leakage, mean off diagonal / diagonal": _off_diagonal(matrix, FACTORS),
            "the same, edits in the plane only": _off_diagonal(
                matrix[[FACTORS.index(name) for name in IN_PLANE]], IN_PLANE
            ),
            "the landmarker's own, the whole picture edited": _off_diagonal(landmarker, IN_PLANE),
            "head-size drift under expression, %": drifts["head_size"],
            "face-box drift under expression (the jaw counts), %": drifts["face_box"],
            "background change, mean": signals.mean(
                np.array([row["background_change"] for row in rows.values()])
            ),
        },
    }


def choose_donor(number: int, identity: str, people: Sequence[str]) -> int:
    """Choose whose expression a portrait is swept to, by turns but never its own person's.

    Args:
        number: of the portrait.
        identity: of the portrait.
        people: the donors' identities, two or more.

    Returns:
        Index of the donor.
    """
    turns = ((number + step) % len(people) for step in range(len(people)))
    return next(index for index in turns if people[index] != identity)


def sweep(renderer: Renderer, source: EncodedSource, name: str, donor: Tensor) -> Frames:
    """Edit one factor, with all others as they are.

    Args:
        renderer: the model.
        source: batch 1.
        name: one of SWEEPS.
        donor: expression code at the end of the sweep of ``expression``, (1, Z).

    Returns:
        (STEPS, H, W, 3).
    """
    own = source.motion
    if name == "expression":
        codes = interpolate_codes(own.expression_code, donor, STEPS)
        still = Motion.cat([own] * STEPS)
        motion = dataclasses.replace(
            still, expression_code=codes, expression_offsets=renderer.decode_expression(codes)
        )
    else:
        edits = [MotionEdit(**{name: float(value)}) for value in sweep_values(name)]
        motion = Motion.cat([edit_motion(own, edit) for edit in edits])
    return renderer.render_frames(source, motion)


def background_change(frames: Frames, box: Tensor) -> float:
    """Measure how much a sweep changes the rim of the picture.

    Args:
        frames: (STEPS, H, W, 3).
        box: (1, 4), face box of the portrait, px.

    Returns:
        Mean absolute difference to the frame in the middle, [0, 1].
    """
    pictures = to_tensor(frames)
    middle = len(frames) // 2
    rows, columns = pictures.shape[-2:]
    mask = ring_mask(box, rows, columns, max(1, RING_PX * columns // 256))
    away = l1(pictures, pictures[middle : middle + 1], mask.expand(len(frames), -1, -1, -1))
    return float(away.sum() / (len(frames) - 1))


def _answer(
    name: str, factors: dict[str, Doubles], measured: Measured, frames: Frames, box: Tensor
) -> dict[str, float]:
    size = signals.head_size(measured.landmarks)
    face = signals.face_box_size(measured.landmarks)
    answer = {
        "found": float(measured.found.mean()),
        "head_size_drift_pct": 100 * spread_of(size) / signals.mean(size),
        "face_box_drift_pct": 100 * spread_of(face) / signals.mean(face),
        "background_change": background_change(frames, box),
        "expression_spread": spread_of(factors["expression"]),
    }
    if name in CONTROL_RANGES and name in FACTORS:
        asked, answered = sweep_values(name) / half_range(name), factors[name]
        middle = STEPS // 2
        answer["slope"] = signals.slope(answered, asked)
        answer["slope_low"] = signals.slope(answered[: middle + 1], asked[: middle + 1])
        answer["slope_high"] = signals.slope(answered[middle:], asked[middle:])
        answer["monotone_share"] = signals.monotone_share(answered)
        known = np.isfinite(answer["slope"])
        answer["right_sign"] = float(answer["slope"] > 0) if known else float("nan")
    return answer


def _average(parts: list[dict[str, float]]) -> dict[str, float]:
    return {name: signals.mean(np.array([part[name] for part in parts])) for name in parts[0]}


def _named(matrix: Doubles, edited: tuple[str, ...]) -> dict[str, dict[str, float]]:
    return {
        row: {column: float(matrix[i, j]) for j, column in enumerate(FACTORS)}
        for i, row in enumerate(edited)
    }


def _off_diagonal(matrix: Doubles, edited: tuple[str, ...]) -> float:
    mask = np.array([[row != column for column in FACTORS] for row in edited])
    return signals.mean(matrix[mask])

"""Protocol ``interpolation``: walk between the expressions of two people on one of them.

In: a model and held-out people. Out: rows: ours (z), raw e, linear pixels, landmark warp.
Knows nothing about files or reports.

Pairs are chosen by the labels: for each of jawOpen, smile and blink, people who do it least are
the portrait, people who do it most give the other end. Pose, size and place stay the portrait's.
``ours`` walks in the code z of the VAE, ``raw_e`` in the features before it, ``pixels`` mixes the
two end pictures of ``ours``, and ``landmark_warp`` warps the first of them to landmarks mixed
linearly between both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.errors import MediaError
from mmfa_core.estimates import EncodedSource
from mmfa_core.evaluation import signals
from mmfa_core.evaluation.heldout import HeldOut, is_frontal, one_a_person
from mmfa_core.evaluation.landmark_warp import warp_where_known
from mmfa_core.evaluation.measure import Detect, Frames, Measured, Progress, Tools, measure_faces
from mmfa_core.evaluation.page import Plot, Sheet
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.inference.interpolation import interpolate_codes

PAIRS = 12
POINTS = 11
ROWS = ("ours", "raw_e", "pixels", "landmark_warp")
VISIBLE = 0.15  # change of a blendshape that is worth counting
STILL = 0.01  # change of a blendshape that counts as none
NOTE = (
    "landmark_warp starts from the first picture of ours and knows the landmarks of the last: its "
    "steps are nearly even by construction, and what the portrait doesn't show (teeth, closed "
    "lids) it can't show; a copy would not move, so it has no path"
)


def choose_pairs(heldout: HeldOut, count: int) -> list[tuple[int, int]]:
    """Choose rows of pictures: the portrait, and the face that gives the other expression."""
    owner = heldout.owners
    frontal = [row for row in owner if is_frontal(heldout, row)]
    groups = list(signals.group_blendshapes(heldout.blendshapes[frontal]).values())
    pairs: list[tuple[int, int]] = []
    for number in range(count):
        values = groups[number % len(groups)]
        least = one_a_person(heldout, [frontal[i] for i in np.argsort(values)])
        most = one_a_person(heldout, [frontal[i] for i in np.argsort(-values)])
        place = number // len(groups)
        if place < len(least) and owner[least[place]] != owner[most[place]]:
            pairs.append((least[place], most[place]))
    return pairs


def evaluate_interpolation(
    renderer: Renderer, heldout: HeldOut, tools: Tools, limit: int | None, progress: Progress
) -> dict[str, Any]:
    """Run the whole protocol.

    Args:
        renderer: the model to measure.
        heldout: held-out people.
        tools: the landmarker is used.
        limit: at most so many pairs; PAIRS when None.
        progress: told after each pair.

    Returns:
        mode, n, rows, margins, sheets and plots, as report.write_report takes them.

    Raises:
        MediaError: there is no pair.
    """
    pairs = choose_pairs(heldout, limit or PAIRS)
    if not pairs:
        raise MediaError(
            "No two held-out people look nearly to the front, so there is no pair.",
            "Choose other data, or another protocol.",
        )
    steps: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ROWS}
    evenness: dict[str, list[float]] = {name: [] for name in ROWS}
    shares: dict[str, list[float]] = {name: [] for name in ROWS}
    found: dict[str, list[float]] = {name: [] for name in ROWS}
    sheet = Sheet("From one expression to another", ("portrait", "other", *map(str, range(POINTS))))
    for number, (first, second) in enumerate(pairs):
        frames = heldout.frames([first, second])
        source = renderer.encode_source(frames[0])
        other = renderer.encode_source(frames[1])
        ours = show_offsets(renderer, source, _code_path(renderer, source, other))
        walks = {
            "ours": ours,
            "raw_e": show_offsets(renderer, source, _feature_path(renderer, source, other)),
            "pixels": mix_pixels(ours[0], ours[-1]),
        }
        sheet.rows.append([*frames, *ours])
        seen = {name: measure_faces(tools.detect, walk) for name, walk in walks.items()}
        seen["landmark_warp"] = walk_by_landmarks(tools.detect, ours[0], seen["ours"])
        for name, measured in seen.items():
            points = measured.landmarks
            steps[name].append(signals.landmark_distance(points[1:], points[:-1]))
            evenness[name].append(signals.evenness(points))
            shares[name] += visible_shares(measured)
            found[name].append(float(measured.found.mean()))
        progress("pairs", number + 1, len(pairs))
    rows = {
        name: {
            "largest_step / mean_step": signals.mean(np.array(evenness[name])),
            "monotone_share": signals.mean(np.array(shares[name])),
            "monotone_n": float(len(shares[name])),
            "found": signals.mean(np.array(found[name])),
        }
        for name in ROWS
    }
    return {
        "mode": "expression code, pose of the portrait",
        "n": {"pairs": len(pairs), "points": POINTS},
        "rows": rows,
        "margins": {},
        "sheets": [sheet],
        "plots": [plot_steps(steps)],
        "notes": [NOTE],
    }


def plot_steps(steps: Mapping[str, Sequence[NDArray[np.float64]]]) -> Plot:
    """Draw how far landmarks go in each step of the path.

    Args:
        steps: row -> for each pair, (POINTS - 1,) mean distances, px.
    """
    across = np.arange(1.0, POINTS)
    lines = {
        name: (across, np.array([signals.mean(step) for step in np.stack(pairs, 1)]))
        for name, pairs in steps.items()
    }
    return Plot("Mean step of the landmarks, px (even is better)", "step of the path", lines)


def visible_shares(measured: Measured) -> list[float]:
    """Measure, for each of jawOpen, smile and blink that changes visibly, how monotonous it is.

    Args:
        measured: frames along a path.

    Returns:
        One share a blendshape group that changes by VISIBLE or more from end to end; a step
        against the direction by less than STILL is forgiven.
    """
    shares = []
    for values in signals.group_blendshapes(measured.blendshapes).values():
        change = values[-1] - values[0]
        if abs(change) >= VISIBLE:
            steps = np.diff(values) * np.sign(change)
            shares.append(float((steps > -STILL).mean()))
    return shares


def show_offsets(renderer: Renderer, source: EncodedSource, offsets: Tensor) -> Frames:
    """Show a source (batch 1) in its own pose with expression offsets (n, K, 3)."""
    own = source.motion
    count = len(offsets)
    motion = dataclasses.replace(
        own,
        rotation=own.rotation.expand(count, -1, -1),
        translation=own.translation.expand(count, -1),
        scale=own.scale.expand(count, -1),
        expression_code=own.expression_code.expand(count, -1),
        expression_offsets=offsets,
    )
    return renderer.render_frames(source, motion)


def mix_pixels(first: Frames, last: Frames) -> Frames:
    """Mix two frames (H, W, 3) linearly to (POINTS, H, W, 3)."""
    share = np.linspace(0, 1, POINTS)[:, None, None, None]
    return np.asarray(np.rint((1 - share) * first + share * last), np.uint8)


def walk_by_landmarks(detect: Detect, first: Frames, ours: Measured) -> Measured:
    """Measure the landmark warp from one end of a path to the other.

    Args:
        detect: the landmarker.
        first: picture at the start, (H, W, 3).
        ours: the path whose ends are taken, POINTS frames.

    Returns:
        POINTS frames, missing when an end has no face.
    """
    start, end = ours.landmarks[0], ours.landmarks[-1]
    share = np.linspace(0, 1, POINTS, dtype=np.float32)[:, None, None]
    frames, known = warp_where_known(first, start, start + share * (end - start))
    return measure_faces(detect, frames).only_where(known)


def _code_path(renderer: Renderer, source: EncodedSource, other: EncodedSource) -> Tensor:
    ends = source.motion.expression_code, other.motion.expression_code
    with torch.no_grad():
        codes = interpolate_codes(*ends, POINTS, decode=renderer.model.expression_vae.decode)
    return renderer.decode_expression(codes)


def _feature_path(renderer: Renderer, source: EncodedSource, other: EncodedSource) -> Tensor:
    model = renderer.model
    with torch.no_grad():
        first, last = (
            model.estimate_closely(encoded.picture).features for encoded in (source, other)
        )
        share = torch.linspace(0, 1, POINTS)[:, None]
        return model.expression_vae.decode_features(first + share * (last - first))

"""Protocol ``cross``: drive held-out portraits by held-out clips of other people.

In: a model and held-out people. Out: one row a mode, absolute and relative; and, where they are
asked for, the reference rows copy and landmark_warp.
Knows nothing about files or reports.

What is shown is what the product shows, without smoothing: transfer_motion with its default
options and the best-frame search; but in absolute mode heads keep their size. Videos give
consecutive frames, where most happens; tracks (a few distant frames) give wide poses and no
jitter. In relative mode only changes are asked for, so there the errors to the driver say nothing
and are left out, and so are correlations over all frames. ``copy`` is the portrait, unmoved;
``landmark_warp`` is the portrait warped to where the driver's landmarks are, so it is to be
compared with absolute mode. Where no face was found in the driver or the portrait it stays
unmoved, and counts as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core.estimates import EncodedSource
from mmfa_core.evaluation import signals
from mmfa_core.evaluation.compare import describe_spread
from mmfa_core.evaluation.decoupling import spread_of
from mmfa_core.evaluation.drivers import Driver, choose_drivers
from mmfa_core.evaluation.heldout import HeldOut, choose_portraits
from mmfa_core.evaluation.identity import identity_distance
from mmfa_core.evaluation.landmark_warp import warp_where_known
from mmfa_core.evaluation.measure import (
    Floats,
    Frames,
    Measured,
    Progress,
    Tools,
    describe_some,
    error_columns,
    measure_faces,
    motion_columns,
)
from mmfa_core.evaluation.page import Plot, Sheet
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.table import ASKED, FrameTable
from mmfa_core.inference.options import MODES, AnimateOptions
from mmfa_core.inference.reference import nearest_frame
from mmfa_core.inference.transfer import transfer_motion

PORTRAITS = 6
REFERENCES = ("copy", "landmark_warp")
FOLLOWED = {"yaw": "degrees", "jawOpen": "blendshape"}  # what the plots show, with its unit
NOTE = (
    "copy keeps the person, follows nothing and never shakes (-100 %); landmark_warp takes the "
    "shape and place of the driver's head over, so compare it with absolute"
)
SHEET_ROWS = 24  # on the sheet of the report


@dataclass(frozen=True)
class Portrait:
    """Hold a portrait, measured once for all drivers."""

    frame: Frames  # (H, W, 3)
    source: EncodedSource
    measured: Measured  # 1 frame
    known: Floats | None  # (1, 128), its identity; None when nobody describes it


@dataclass(frozen=True)
class Shown:
    """Hold what one row of the table shows for one driver; n frames."""

    frames: Frames
    measured: Measured
    descriptors: Floats | None


@dataclass
class Row:
    """Collect the figures of one row."""

    table: FrameTable = field(default_factory=FrameTable)
    shakes: list[tuple[float, float]] = field(default_factory=list)  # jitter: own, the driver's


def measured_options(mode: str) -> AnimateOptions:
    """Choose what is measured in a mode: the defaults, but in absolute mode the portrait's size.

    Figures of absolute mode have always been of heads that keep their size, so they are compared
    with nothing else.
    """
    usual = AnimateOptions(mode=mode)
    return usual.changed(gain_scale=0.0) if mode == "absolute" else usual


def evaluate_cross(
    renderer: Renderer,
    heldout: HeldOut,
    tools: Tools,
    limit: int | None,
    progress: Progress,
    modes: tuple[str, ...] = MODES,
    *,
    references: bool = False,
) -> dict[str, Any]:
    """Run the whole protocol.

    Args:
        renderer: the model to measure.
        heldout: held-out people.
        tools: landmarker and nets of the metrics.
        limit: at most so many portraits; PORTRAITS when None.
        progress: told after each portrait and clip.
        modes: which of MODES to run.
        references: also the rows of REFERENCES, which no model computes.

    Returns:
        mode, n, rows, sheets and plots, as report.write_report takes them.

    Raises:
        MediaError: no clip can drive.
    """
    drivers = []
    for clip, chosen in choose_drivers(heldout):
        frames = heldout.frames(chosen)
        measured = measure_faces(tools.detect, frames)
        drivers.append(Driver(clip, frames, renderer.estimate_motion(frames), measured))
    portraits = choose_portraits(heldout, limit or PORTRAITS)
    rows = {name: Row() for name in (*modes, *(REFERENCES if references else ()))}
    warped = ("landmark warp",) if references else ()
    sheet = Sheet("Cross identity", ("portrait", "driving", *modes, *warped))
    driven: dict[int, list[int]] = {}  # driver -> groups of the tables
    group = 0
    for number, clip in enumerate(portraits, 1):
        frame = heldout.frames(clip.rows[:1])
        seen = measure_faces(tools.detect, frame)
        source = renderer.encode_source(frame[0])
        portrait = Portrait(frame[0], source, seen, describe_spread(tools, frame, seen))
        for place, driver in enumerate(drivers):
            group += 1
            progress("clips", group, len(portraits) * len(drivers))
            if driver.clip.identity == clip.identity:
                continue
            driven.setdefault(place, []).append(group)
            shown = _drive(renderer, tools, portrait, driver, modes)
            if references:
                shown |= _refer(tools, portrait, driver)
            for name, row in rows.items():
                row.table.add(group, _columns(shown[name], portrait, driver))
                if driver.consecutive:
                    mine, theirs = shown[name].measured, driver.measured
                    both = signals.jitter(mine.landmarks), signals.jitter(theirs.landmarks)
                    row.shakes.append(both)
            if len(sheet.rows) < SHEET_ROWS * number // len(portraits):
                widest = int(np.nan_to_num(np.abs(driver.measured.pose_deg).sum(-1)).argmax())
                pictures = [show.frames[widest] for n, show in shown.items() if n != "copy"]
                sheet.rows.append([frame[0], driver.frames[widest], *pictures])
    tables = {name: row.table for name, row in rows.items()}
    people = _between_frames(tools, drivers)
    return {
        "mode": " and ".join(modes),
        "n": {
            "portraits": len(portraits),
            "clips": len(drivers),
            "frames_a_mode": len(tables[modes[0]]),
        },
        "rows": {name: _figures(row, name) for name, row in rows.items()},
        "margins": {"identity_distance of two frames of one person": people},
        "sheets": [sheet],
        "plots": [plot_followed(tables, driven, name) for name in FOLLOWED] if driven else [],
        "notes": [NOTE] if references else [],
    }


def plot_followed(
    tables: Mapping[str, FrameTable], driven: Mapping[int, list[int]], name: str
) -> Plot:
    """Draw what the output shows over what the driver does, for the driver that moves most.

    Both are changes, as in the correlations: the mean over the clip is taken off.

    Args:
        tables: one a row.
        driven: driver -> its groups, one a portrait; answers are their mean.
        name: one of FOLLOWED.
    """
    first = next(iter(tables.values()))
    asked = {d: first.only(groups[:1]).column(name + ASKED) for d, groups in driven.items()}
    widest = max(asked, key=lambda driver: float(np.nan_to_num(spread_of(asked[driver]))))
    order = np.argsort(asked[widest])
    across = asked[widest][order] - signals.mean(asked[widest])
    lines = {"driver": (across, across)}
    for row, table in tables.items():
        answers = table.only(driven[widest]).column(name).reshape(-1, len(order))
        changes = np.array([answer - signals.mean(answer) for answer in answers])
        lines[row] = across, np.array([signals.mean(changes[:, frame]) for frame in order])
    title = f"Change of {name}, {FOLLOWED[name]}, in the clip that moves most"
    return Plot(title, f"change of the driver; portraits: {len(driven[widest])}", lines)


def _drive(
    renderer: Renderer, tools: Tools, portrait: Portrait, driver: Driver, modes: tuple[str, ...]
) -> dict[str, Shown]:
    best = nearest_frame(renderer.model, portrait.source, driver.motion)
    shown = {}
    for mode in modes:
        motion = transfer_motion(
            portrait.source.motion,
            driver.motion,
            driver.motion[best : best + 1],
            measured_options(mode),
            renderer.decode_expression,
        )
        frames = renderer.render_frames(portrait.source, motion)
        measured = measure_faces(tools.detect, frames)
        shown[mode] = Shown(frames, measured, describe_spread(tools, frames, measured))
    return shown


def _refer(tools: Tools, portrait: Portrait, driver: Driver) -> dict[str, Shown]:
    count, own = len(driver.frames), portrait.measured
    still = np.repeat(portrait.frame[None], count, 0)
    known = None if portrait.known is None else np.repeat(portrait.known, count, 0)
    frames, moved = warp_where_known(portrait.frame, own.landmarks[0], driver.measured.landmarks)
    measured = measure_faces(tools.detect, frames).only_where(moved)
    warped = Shown(frames, measured, describe_spread(tools, frames, measured))
    return {"copy": Shown(still, own.repeat(count), known), "landmark_warp": warped}


def _columns(shown: Shown, portrait: Portrait, driver: Driver) -> dict[str, Any]:
    columns: dict[str, Any] = dict(error_columns(shown.measured, driver.measured))
    if shown.descriptors is not None and portrait.known is not None:
        columns["identity_distance"] = identity_distance(shown.descriptors, portrait.known)
    return columns | motion_columns(shown.measured, driver.measured)


def _figures(row: Row, name: str) -> dict[str, float]:
    figures = row.table.averages() | row.table.correlations()
    if name == "relative":
        figures = {
            name: value
            for name, value in figures.items()
            if not name.endswith("_r_all") and name not in ("expression_error", "pose_error_deg")
        }
    kept = np.array([both for both in row.shakes if np.isfinite(both).all()])
    if len(kept):
        figures["jitter_beyond_driver_pct"] = float(100 * (kept[:, 0].sum() / kept[:, 1].sum() - 1))
    return figures


def _between_frames(tools: Tools, drivers: list[Driver]) -> float:
    """Measure the identity distance between the first and last frame of each driving clip."""
    if tools.describe is None:
        return float("nan")
    distances: list[NDArray[np.float64]] = []
    for driver in drivers:
        ends = [0, len(driver.frames) - 1]
        both = describe_some(tools.describe, driver.frames[ends], driver.measured[ends], [0, 1])
        distances.append(identity_distance(both[:1], both[1:]))
    return signals.mean(np.concatenate(distances))

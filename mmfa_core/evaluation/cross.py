"""Protocol ``cross``: drive held-out portraits by held-out clips of other people.

In: a model and held-out people. Out: one row a mode, absolute and relative.
Knows nothing about files or reports.

What is shown is what the product shows, without smoothing: transfer_motion with its default
options and the best-frame search; but in absolute mode heads keep their size. Videos give
consecutive frames, where most happens; tracks (a few distant frames) give wide poses and no
jitter. In relative mode only changes are asked for, so there the errors to the driver say nothing
and are left out, and so are correlations over all frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import MediaError
from mmfa_core.evaluation import signals
from mmfa_core.evaluation.heldout import Clip, HeldOut, choose_portraits, spread
from mmfa_core.evaluation.identity import identity_distance
from mmfa_core.evaluation.measure import (
    Frames,
    Measured,
    Progress,
    Tools,
    describe_some,
    error_columns,
    measure_faces,
    motion_columns,
)
from mmfa_core.evaluation.page import Sheet
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.table import FrameTable
from mmfa_core.inference.options import MODES, AnimateOptions
from mmfa_core.inference.reference import nearest_frame
from mmfa_core.inference.transfer import transfer_motion
from mmfa_core.motion import Motion

PORTRAITS = 6
TRACKS = 8
VIDEO_FRAMES = 12  # consecutive
SHEET_ROWS = 24  # on the sheet of the report
IDENTITY_FRAMES = 2  # a portrait and clip; the embedder is slow


@dataclass(frozen=True)
class Driver:
    """Hold a driving clip, measured once for all portraits."""

    clip: Clip
    frames: Frames
    motion: Motion
    measured: Measured

    @property
    def consecutive(self) -> bool:
        """Say whether its frames follow each other in time."""
        return self.clip.kind == "video"


def choose_drivers(heldout: HeldOut) -> list[tuple[Clip, list[int]]]:
    """Choose the driving clips: every video, and TRACKS tracks evenly spaced over the corpus.

    Returns:
        Clips with the rows of their driving frames.

    Raises:
        MediaError: there is none.
    """
    chosen = []
    for clip in heldout.moving():
        if clip.kind == "video":
            chosen.append((clip, liveliest_window(heldout, clip, VIDEO_FRAMES)))
    tracks = [clip for clip in heldout.moving() if clip.kind == "track" and len(clip.rows) >= 5]
    for index in spread(range(len(tracks)), TRACKS):
        chosen.append((tracks[index], list(tracks[index].rows)))
    if not chosen:
        raise MediaError(
            "No held-out clip can drive: there is no video, and no track of 5 pictures.",
            "Choose other data, or another protocol.",
        )
    return chosen


def measured_options(mode: str) -> AnimateOptions:
    """Choose what is measured in a mode: the defaults, but in absolute mode the portrait's size.

    Figures of absolute mode have always been of heads that keep their size, so they are compared
    with nothing else.
    """
    usual = AnimateOptions(mode=mode)
    return usual.changed(gain_scale=0.0) if mode == "absolute" else usual


def liveliest_window(heldout: HeldOut, clip: Clip, length: int) -> list[int]:
    """Find the consecutive frames in which pose and expression vary most.

    Args:
        heldout: gives the labels.
        clip: to search.
        length: of the window, frames.

    Returns:
        Rows; all of a shorter clip.
    """
    rows = np.array(clip.rows)
    if len(rows) <= length:
        return [int(row) for row in rows]
    pose = heldout.pose_deg[rows] / 15  # a turn of 15 degrees counts as a full expression
    expression = np.stack(list(signals.group_blendshapes(heldout.blendshapes[rows]).values()), 1)
    series = np.concatenate((pose, expression), 1)
    life = [series[i : i + length].std(0).sum() for i in range(len(rows) - length + 1)]
    start = int(np.argmax(life))
    return [int(row) for row in rows[start : start + length]]


def evaluate_cross(
    renderer: Renderer,
    heldout: HeldOut,
    tools: Tools,
    limit: int | None,
    progress: Progress,
    modes: tuple[str, ...] = MODES,
) -> dict[str, Any]:
    """Run the whole protocol.

    Args:
        renderer: the model to measure.
        heldout: held-out people.
        tools: landmarker and nets of the metrics.
        limit: at most so many portraits; PORTRAITS when None.
        progress: told after each portrait and clip.
        modes: which of MODES to run.

    Returns:
        mode, n and rows, as report.write_report takes them.

    Raises:
        MediaError: no clip can drive.
    """
    drivers = []
    for clip, chosen in choose_drivers(heldout):
        frames = heldout.frames(chosen)
        measured = measure_faces(tools.detect, frames)
        drivers.append(Driver(clip, frames, renderer.estimate_motion(frames), measured))
    portraits = choose_portraits(heldout, limit or PORTRAITS)
    tables = {mode: FrameTable() for mode in modes}
    shakes: dict[str, list[tuple[float, float]]] = {mode: [] for mode in modes}
    sheet = Sheet("Cross identity", ("portrait", "driving", *modes))
    group = 0
    for portrait in portraits:
        frame = heldout.frames(portrait.rows[:1])
        source = renderer.encode_source(frame[0])
        seen = measure_faces(tools.detect, frame)
        known = None
        if tools.describe is not None:
            known = describe_some(tools.describe, frame, seen, [0])
        for driver in drivers:
            group += 1
            progress("clips", group, len(portraits) * len(drivers))
            if driver.clip.identity == portrait.identity:
                continue
            best = nearest_frame(renderer.model, source, driver.motion)
            reference = driver.motion[best : best + 1]
            pose = driver.measured.pose_deg
            widest = int(np.nan_to_num(np.abs(pose).sum(-1)).argmax())
            row = [frame[0], driver.frames[widest]]
            for mode in modes:
                options = measured_options(mode)
                motion = transfer_motion(
                    source.motion, driver.motion, reference, options, renderer.decode_expression
                )
                output = renderer.render_frames(source, motion)
                row.append(output[widest])
                measured = measure_faces(tools.detect, output)
                columns: dict[str, Any] = dict(error_columns(measured, driver.measured))
                if known is not None and tools.describe is not None:
                    some = spread(range(len(output)), IDENTITY_FRAMES)
                    mine = describe_some(tools.describe, output, measured, some)
                    columns["identity_distance"] = identity_distance(mine, known)
                columns |= motion_columns(measured, driver.measured)
                tables[mode].add(group, columns)
                if driver.consecutive:
                    both = signals.jitter(measured.landmarks), _driver_jitter(driver)
                    shakes[mode].append(both)
            if len(sheet.rows) < SHEET_ROWS * (1 + portraits.index(portrait)) // len(portraits):
                sheet.rows.append(row)
    rows = {mode: _row(table, mode, shakes[mode]) for mode, table in tables.items()}
    people = _between_frames(tools, drivers)
    return {
        "mode": " and ".join(modes),
        "n": {
            "portraits": len(portraits),
            "clips": len(drivers),
            "frames_a_mode": len(tables[modes[0]]),
        },
        "rows": rows,
        "margins": {"identity_distance of two frames of one person": people},
        "sheets": [sheet],
    }


def _row(table: FrameTable, mode: str, shakes: list[tuple[float, float]]) -> dict[str, float]:
    row = table.averages() | table.correlations()
    if mode == "relative":
        row = {
            name: value
            for name, value in row.items()
            if not name.endswith("_r_all") and name not in ("expression_error", "pose_error_deg")
        }
    kept = np.array([both for both in shakes if np.isfinite(both).all()])
    if len(kept):
        row["jitter_beyond_driver_pct"] = float(100 * (kept[:, 0].sum() / kept[:, 1].sum() - 1))
    return row


def _driver_jitter(driver: Driver) -> float:
    return signals.jitter(driver.measured.landmarks)


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

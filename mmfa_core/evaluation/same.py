"""Protocol ``same``: drive the first picture of a held-out clip by later ones.

In: a model and held-out people. Out: rows of figures: ours, copy, landmark_warp.
Knows nothing about files or reports.

The driver is also the truth: at most FRAMES_A_CLIP pictures of a clip, evenly spread, the first
left out. Motion is taken absolutely: the source's canonical keypoints with
all of the driver's motion. ``copy`` is the source, unmoved; ``landmark_warp`` is warped by the
true landmarks of both. Each figure is averaged over the frames of a clip, then over clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmfa_core.errors import MediaError
from mmfa_core.evaluation.compare import compare, look
from mmfa_core.evaluation.efflite import frechet_distance
from mmfa_core.evaluation.heldout import Clip, HeldOut, spread, to_frames, to_tensor
from mmfa_core.evaluation.landmark_warp import warp_by_landmarks
from mmfa_core.evaluation.measure import Frames, Progress, Tools
from mmfa_core.evaluation.metrics import picture_scores
from mmfa_core.evaluation.page import Plot, Sheet
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.table import FrameTable
from mmfa_core.model import MMFA

ROWS = ("ours", "copy", "landmark_warp")
FRAMES_A_CLIP = 8  # at most, evenly spaced
QUICK_FRAMES_A_CLIP = 3
SHEET_ROWS = 16  # clips on the sheet of the report, evenly spread
MARGINS = {
    "L1_face / copy": ("L1_face", "copy"),
    "L1_face / landmark_warp": ("L1_face", "landmark_warp"),
    "EffLite0 / copy": ("EffLite0", "copy"),
    "EffLite0 / landmark_warp": ("EffLite0", "landmark_warp"),
    "PSNR above copy": ("PSNR", "copy"),
    "PSNR above landmark_warp": ("PSNR", "landmark_warp"),
}


@dataclass(frozen=True)
class Drive:
    """Hold one clip of the protocol: a source and the frames that drive it."""

    clip: Clip
    rows: list[int]
    source: Frames  # (H, W, 3)
    truth: Frames  # (n, H, W, 3)
    boxes: Tensor  # (n, 4), face boxes of the truth, px


def list_drives(heldout: HeldOut, limit: int | None, frames_a_clip: int) -> Iterator[Drive]:
    """Read the clips of the protocol one after the other.

    Args:
        heldout: held-out people.
        limit: at most so many clips, evenly spaced over the corpus; all when None.
        frames_a_clip: at most so many driving frames a clip, evenly spaced.
    """
    clips = heldout.moving()
    for index in spread(range(len(clips)), limit or len(clips)):
        clip = clips[index]
        rows = spread(clip.rows[1:], frames_a_clip)
        frames = heldout.frames([clip.rows[0], *rows])
        boxes = torch.from_numpy(heldout.box[rows])
        yield Drive(clip, rows, frames[0], frames[1:], boxes)


def same_scores(
    model: MMFA, heldout: HeldOut, limit: int | None = None
) -> dict[str, dict[str, float]]:
    """Measure L1 and PSNR only, on few frames, in some ten seconds.

    Args:
        model: weights to measure.
        heldout: held-out people.
        limit: at most so many clips.

    Returns:
        L1, L1_face, PSNR and PSNR_face of ours, copy and landmark_warp.
    """
    renderer = Renderer(model)
    table = FrameTable()
    for group, drive in enumerate(list_drives(heldout, limit, QUICK_FRAMES_A_CLIP)):
        table.add(group, _quick(drive, _ours(renderer, drive)))
    return {"ours": table.averages(), **_reference_scores(heldout, limit)}


@lru_cache(maxsize=4)
def _reference_scores(heldout: HeldOut, limit: int | None) -> dict[str, dict[str, float]]:
    tables = {"copy": FrameTable(), "landmark_warp": FrameTable()}
    for group, drive in enumerate(list_drives(heldout, limit, QUICK_FRAMES_A_CLIP)):
        for name, table in tables.items():
            table.add(group, _quick(drive, _reference(name, heldout, drive)))
    return {name: table.averages() for name, table in tables.items()}


def _quick(drive: Drive, pictures: Tensor) -> dict[str, Tensor]:
    return picture_scores(pictures, to_tensor(drive.truth), drive.boxes, with_ssim=False)


def _ours(renderer: Renderer, drive: Drive) -> Tensor:
    motion = renderer.estimate_motion(drive.truth)
    return renderer.render(renderer.encode_source(drive.source), motion)


def _reference(name: str, heldout: HeldOut, drive: Drive) -> Tensor:
    source = to_tensor(drive.source[None])
    if name == "copy":
        return source.expand(len(drive.rows), -1, -1, -1)
    start = heldout.landmarks[drive.clip.rows[0]]
    return warp_by_landmarks(source, start, heldout.landmarks[drive.rows])


def evaluate_same(
    renderer: Renderer, heldout: HeldOut, tools: Tools, limit: int | None, progress: Progress
) -> dict[str, Any]:
    """Run the whole protocol.

    Args:
        renderer: the model to measure.
        heldout: held-out people.
        tools: landmarker and nets of the metrics.
        limit: at most so many clips; all when None.
        progress: told after each clip.

    Returns:
        mode, n, rows, margins, sheets and plots, as report.write_report takes them.

    Raises:
        MediaError: no clip can drive.
    """
    if not heldout.moving():
        raise MediaError(
            "No held-out clip has two pictures, so none can drive its first one.",
            "Choose other data, or another protocol.",
        )
    tables = {name: FrameTable() for name in ROWS}
    pools: dict[str, list[Tensor]] = {name: [] for name in (*ROWS, "truth")}
    clips: list[Clip] = []
    sheet = Sheet("Same identity", ("source", "driving (truth)", "ours", "landmark warp"))
    total = min(limit or len(heldout.moving()), len(heldout.moving()))
    on_sheet = set(spread(range(total), SHEET_ROWS))
    for group, drive in enumerate(list_drives(heldout, limit, FRAMES_A_CLIP)):
        truth = look(tools, drive.truth)
        shown: dict[str, Frames] = {}
        pools["truth"].append(truth.pool)
        for name, table in tables.items():
            if name == "ours":
                shown[name] = to_frames(_ours(renderer, drive))
                seen = look(tools, shown[name])
            elif name == "copy":
                seen = look(tools, drive.source[None]).repeat(len(drive.rows))
            else:
                shown[name] = to_frames(_reference(name, heldout, drive))
                seen = look(tools, shown[name])
            pools[name].append(seen.pool)
            table.add(group, compare(seen, truth, drive.boxes))
        clips.append(drive.clip)
        if group in on_sheet:
            widest = int(np.abs(drive.truth.astype(int) - drive.source).mean((1, 2, 3)).argmax())
            sheet.rows.append(
                (drive.source, drive.truth[widest], shown["ours"][widest],
                 shown["landmark_warp"][widest])
            )  # fmt: skip
        progress("clips", group + 1, total)
    rows = {}
    for name, table in tables.items():
        apart = frechet_distance(torch.cat(pools[name]), torch.cat(pools["truth"]))
        rows[name] = table.averages() | {"FD_EffLite0": apart} | table.correlations()
    kinds = [clip.kind for clip in clips]
    return {
        "mode": "absolute",
        "n": {
            "pairs": len(tables["ours"]),
            "clips": len(clips),
            "identities": len({clip.identity for clip in clips}),
        },
        "rows": rows,
        "sheets": [sheet],
        "plots": [plot_clips(tables)],
        "by_kind": {
            kind: {name: _of_kind(table, kinds, kind) for name, table in tables.items()}
            for kind in sorted(set(kinds))
        },
        "margins": margins(rows),
    }


def plot_clips(tables: Mapping[str, FrameTable], metric: str = "L1_face") -> Plot:
    """Draw a metric of every row over the clips, in the order of ours; values a clip's mean."""
    values = {name: table.group_averages(metric) for name, table in tables.items()}
    order = np.argsort(values["ours"])
    across = np.arange(1.0, len(order) + 1)
    lines = {name: (across, of_row[order]) for name, of_row in values.items()}
    return Plot(f"{metric} of each clip (lower is better)", "clips, sorted by ours", lines)


def margins(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Compare ours with the reference rows: ratios, and decibels above."""
    result = {}
    for name, (metric, row) in MARGINS.items():
        ours, theirs = rows["ours"][metric], rows[row][metric]
        if metric == "PSNR":
            result[name] = ours - theirs
        else:
            result[name] = ours / theirs if theirs else float("nan")
    return result


def _of_kind(table: FrameTable, kinds: list[str], kind: str) -> dict[str, float]:
    mine = [group for group, other in enumerate(kinds) if other == kind]
    part = table.only(mine)
    return {"pairs": float(len(part)), **part.averages()}

"""The contact sheet of a batch: rows are portraits, columns are clips, a few frames of each.

In: names and files of results. Out: one picture. Knows nothing about how results were made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmfa_core.batch.plan import Plan
from mmfa_core.errors import MMFAError
from mmfa_core.face import resize_frame
from mmfa_core.inference.still import is_picture
from mmfa_core.media import Frame, probe_clip, read_clip, read_picture

MOMENTS = (0.15, 0.5, 0.85)  # of a clip's length
LARGEST_PX = 8000  # a side of the sheet
SIDES_PX = (128, 96, 64, 48, 32)  # of a frame: the largest that fits is taken
GAP_PX, LINE_PX, TEXT_PX = 6, 18, 13
PAPER, INK, FAINT = (250, 250, 248), (32, 32, 36), (222, 222, 226)


@dataclass(frozen=True)
class Layout:
    """Say how large things are, px.

    Attributes:
        side: of each frame.
        frames: beside each other in a cell.
        rows: that are shown.
        columns: that are shown.
    """

    side: int
    frames: int
    rows: int
    columns: int

    @property
    def cell_width(self) -> int:
        """Width of a cell with its gap."""
        return self.side * self.frames + GAP_PX

    @property
    def row_height(self) -> int:
        """Height of a row with its gap and the portrait's name."""
        return self.side + LINE_PX + GAP_PX

    @property
    def left(self) -> int:
        """Width of the column of portraits."""
        return max(self.side, 96) + 2 * GAP_PX

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        return (
            self.left + self.columns * self.cell_width + GAP_PX,
            LINE_PX + 2 * GAP_PX + self.rows * self.row_height,
        )


def draw_sheet(plan: Plan, folder: Path, complete: Callable[[str], bool]) -> tuple[Frame, str]:
    """Draw the contact sheet.

    Args:
        plan: the grid.
        folder: of the results.
        complete: says by its name whether there is a result.

    Returns:
        The sheet, (H, W, 3), and a note if it doesn't hold everything.
    """
    layout = choose_layout(len(plan.sources), len(plan.drivings))
    sheet = Image.new("RGB", layout.size, PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_PX)

    def write(x: int, y: int, text: str, width: int) -> None:
        text = " ".join(text.split())  # a name may hold line feeds
        while text and pen.textlength(text, font=font) > width:
            text = text[:-2] + "…" if len(text) > 2 else ""
        pen.text((x, y), text, INK, font=font)

    def paste(x: int, y: int, frame: Frame) -> None:
        sheet.paste(Image.fromarray(fit(frame, layout.side)), (x, y))

    for column, driving in enumerate(plan.drivings[: layout.columns]):
        x = layout.left + column * layout.cell_width
        write(x, GAP_PX, driving.name, layout.cell_width - GAP_PX)
    for row, source in enumerate(plan.sources[: layout.rows]):
        y = LINE_PX + 2 * GAP_PX + row * layout.row_height
        write(GAP_PX, y + layout.side, source.name, layout.left - 2 * GAP_PX)
        with contextlib.suppress(MMFAError):
            paste(GAP_PX, y, read_picture(source.path))
        for column in range(layout.columns):
            cell = plan.cells[row * len(plan.drivings) + column]
            x = layout.left + column * layout.cell_width
            box = (x, y, x + layout.side * layout.frames - 1, y + layout.side - 1)
            pen.rectangle(box, fill=FAINT)
            if not complete(cell.output):
                write(x + GAP_PX, y + GAP_PX, "failed", layout.cell_width - 3 * GAP_PX)
                continue
            for number, frame in enumerate(few_frames(folder / cell.output, layout.frames)):
                paste(x + number * layout.side, y, frame)
    shown = f"{layout.rows} x {layout.columns}"
    whole = f"{len(plan.sources)} x {len(plan.drivings)}"
    note = "" if shown == whole else f"The contact sheet shows the first {shown} of {whole} cells."
    return np.asarray(sheet), note


def choose_layout(rows: int, columns: int) -> Layout:
    """Choose the largest frames with which a grid fits LARGEST_PX; else its first cells."""
    for frames in (len(MOMENTS), 1):
        for side in SIDES_PX:
            layout = Layout(side, frames, rows, columns)
            if max(layout.size) <= LARGEST_PX:
                return layout
    least = Layout(SIDES_PX[-1], 1, 1, 1)
    return Layout(
        least.side,
        1,
        min(rows, (LARGEST_PX - LINE_PX - 2 * GAP_PX) // least.row_height),
        min(columns, (LARGEST_PX - least.left - GAP_PX) // least.cell_width),
    )


def few_frames(path: Path, count: int) -> Sequence[Frame]:
    """Read a picture, or as many frames of a clip, spread over its length."""
    try:
        if is_picture(path):
            return [read_picture(path)]
        info = probe_clip(path)
        moments = MOMENTS if count > 1 else (0.5,)
        numbers = sorted({int(moment * (info.frames - 1)) for moment in moments})
        kept = []
        with contextlib.closing(read_clip(path, info=info, max_side_px=2 * SIDES_PX[0])) as frames:
            for number, frame in enumerate(frames):
                if number in numbers:
                    kept.append(frame)
                if number >= numbers[-1]:
                    break
    except MMFAError:  # the sheet is a look at the results, not a check of them
        return []
    return kept


def fit(frame: Frame, side: int) -> Frame:
    """Shrink a frame to fit a square, and centre it there."""
    height, width = frame.shape[:2]
    factor = side / max(height, width)
    small = resize_frame(frame, max(1, round(height * factor)), max(1, round(width * factor)))
    square = np.full((side, side, 3), FAINT, np.uint8)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square

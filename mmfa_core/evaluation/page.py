"""The report as one page: tables, curves and sheets of pictures in a single HTML file.

In: what a protocol found, with its sheets and plots. Out: HTML. The page asks for nothing else:
pictures are inside it. Knows nothing about how figures are made.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.media import Frame

Numbers = Sequence[float] | NDArray[np.float64]
CELL_PX = 128  # side of each picture of a sheet
JPEG_QUALITY = 85
PLOT_PX = (420, 260)  # width and height
MARGIN_PX = 42
COLOURS = ("#0b6e63", "#c2410c", "#4338ca", "#a16207", "#be185d", "#475569", "#15803d", "#7c3aed")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem;
  color: #1b1f1e; background: #fbfaf8 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .7rem;
  text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left }
.sheet { overflow-x: auto } .sheet td, .sheet th { padding: 2px; border: 0; text-align: center;
  font-size: 12px } .sheet img { display: block; width: 128px; height: 128px }
.plots { display: flex; flex-wrap: wrap; gap: 1rem }
svg { background: #fff; border: 1px solid #ddd }
@media (prefers-color-scheme: dark) { body { color: #e8e6e1; background: #161918 }
  td, th { border-color: #333 } }
"""


@dataclass(frozen=True)
class Sheet:
    """Hold pictures in rows.

    Attributes:
        title: what is shown.
        columns: a heading for each picture of a row.
        rows: frames (H, W, 3) of any size.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Frame]] = field(default_factory=list)


@dataclass(frozen=True)
class Plot:
    """Hold curves over one axis.

    Attributes:
        title: what is shown, with units.
        across: what is on the horizontal axis.
        lines: name -> (x values, y values); what is not finite is left out.
    """

    title: str
    across: str
    lines: Mapping[str, tuple[Numbers, Numbers]]


def to_html(
    title: str,
    tables: Mapping[str, Mapping[str, Mapping[str, float]]],
    facts: Mapping[str, str],
    sheets: Sequence[Sheet] = (),
    plots: Sequence[Plot] = (),
    notes: Sequence[str] = (),
) -> str:
    """Lay a report out.

    Args:
        title: of the page.
        tables: caption -> row -> metric -> figure.
        facts: name -> text, at the top.
        sheets: pictures.
        plots: curves.
        notes: sentences at the end.

    Returns:
        The page; everything that comes from outside is escaped.
    """
    parts = [f"<h1>{html.escape(title)}</h1><ul>"]
    parts += [f"<li><b>{html.escape(k)}</b> {html.escape(v)}</li>" for k, v in facts.items()]
    parts.append("</ul>")
    for caption, rows in tables.items():
        parts.append(f"<h2>{html.escape(caption)}</h2>{_table(rows)}")
    if plots:
        parts.append(f'<div class="plots">{"".join(_plot(plot) for plot in plots)}</div>')
    parts += [_sheet(sheet) for sheet in sheets]
    if notes:
        parts.append(f"<ul>{''.join(f'<li>{html.escape(note)}</li>' for note in notes)}</ul>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>{''.join(parts)}</html>\n"
    )


def _table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Lay rows out: a metric a line, a row of the result a column."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", *rows))
    lines = []
    for name in names:
        cells = "".join(f"<td>{_figure(row.get(name))}</td>" for row in rows.values())
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _figure(value: Any) -> str:
    if value is None or not np.isfinite(value):
        return "-"
    return f"{value:.4g}"


def _sheet(sheet: Sheet) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in sheet.columns)
    lines = []
    for row in sheet.rows:
        cells = "".join(f'<td><img src="{_data_url(frame)}" alt=""></td>' for frame in row)
        lines.append(f"<tr>{cells}</tr>")
    return (
        f'<h2>{html.escape(sheet.title)}</h2><div class="sheet"><table>'
        f"<tr>{head}</tr>{''.join(lines)}</table></div>"
    )


def _data_url(frame: Frame) -> str:
    picture = Image.fromarray(frame)
    if picture.width > CELL_PX:
        picture = picture.resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _plot(plot: Plot) -> str:
    """Draw curves as SVG, names under the title and the ends of both axes written."""
    width, height = PLOT_PX
    curves = {}
    for name, (across, up) in plot.lines.items():
        points = np.array([across, up], float).T
        kept = points[np.isfinite(points).all(1)]
        if len(kept):
            curves[name] = kept
    if not curves:
        return ""
    every = np.concatenate(list(curves.values()))
    low, high = every.min(0), every.max(0)
    size = np.where(high > low, high - low, 1)
    room = np.array([width - 2 * MARGIN_PX, height - 2 * MARGIN_PX])
    drawn, legend = [], []
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        place = (points - low) / size * room
        spots = [(f"{MARGIN_PX + x:.1f}", f"{height - MARGIN_PX - y:.1f}") for x, y in place]
        path = " ".join(f"{x},{y}" for x, y in spots)
        dots = "".join(f'<circle cx="{x}" cy="{y}" r="2"/>' for x, y in spots)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<g fill="{colour}">{dots}</g>'
        )
        legend.append(f'<tspan dx="10" fill="{colour}">{html.escape(name)}</tspan>')
    # An end that is tiny beside the size of its axis is 0: 5.8e-05 would not fit the margin.
    first, last = (np.where(np.abs(end) < 1e-3 * size, 0, end) for end in (low, high))
    ends = (
        (MARGIN_PX, height - MARGIN_PX + 14, "middle", first[0]),
        (width - MARGIN_PX, height - MARGIN_PX + 14, "middle", last[0]),
        (MARGIN_PX - 4, height - MARGIN_PX, "end", first[1]),
        (MARGIN_PX - 4, MARGIN_PX + 4, "end", last[1]),
    )
    words = [
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="11">{value:.3g}</text>'
        for x, y, anchor, value in ends
    ]
    words.append(
        f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle" font-size="12">'
        f"{html.escape(plot.across)}</text>"
        f'<text x="8" y="16" font-size="13">{html.escape(plot.title)}</text>'
        f'<text x="-2" y="32" font-size="11">{"".join(legend)}</text>'
    )
    return f'<svg width="{width}" height="{height}" role="img">{"".join(drawn + words)}</svg>'

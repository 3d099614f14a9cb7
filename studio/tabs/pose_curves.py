"""A small picture of a timeline: how each value changes, and where the keyframes are.

In: a Timeline. Out: SVG as text. Knows nothing about components.
"""

from __future__ import annotations

import html

from mmfa_core import CONTROL_RANGES, Timeline
from studio.controls import CONTROL_TEXTS

WIDTH, HEIGHT = 640, 132  # units of the drawing; it scales with the page
LEFT, RIGHT, TOP, BOTTOM = 12, 628, 10, 122
SAMPLES = 160
# At least 3 to 1 on a white and on a nearly black ground.
COLOURS = ("#ea580c", "#3b82f6", "#16a34a", "#c026d3", "#0891b2", "#a16207", "#e11d48", "#65a30d")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")


def draw_curves(timeline: Timeline) -> str:
    """Draw the values that change, each within its usual range, over the length of the timeline.

    Args:
        timeline: what to draw.

    Returns:
        SVG with a legend under it; colours and dashes tell the curves apart.
    """
    times = [timeline.seconds * i / SAMPLES for i in range(SAMPLES + 1)]
    edits = [timeline.at(t) for t in times]
    curves, words = [], []
    for number, (name, limits) in enumerate(CONTROL_RANGES.items()):
        if all(getattr(k.edit, name) == limits.neutral for k in timeline.keyframes):
            continue
        style = f'stroke="{COLOURS[number]}" stroke-dasharray="{DASHES[number]}"'
        points = " ".join(
            f"{_x(t, timeline):.1f},{_y(getattr(edit, name), name):.1f}"
            for t, edit in zip(times, edits, strict=True)
        )
        dots = "".join(
            f'<circle cx="{_x(k.time_s, timeline):.1f}" cy="{_y(getattr(k.edit, name), name):.1f}" '
            f'r="3.5" fill="{COLOURS[number]}"/>'
            for k in timeline.keyframes
        )
        curves.append(f'<polyline points="{points}" fill="none" stroke-width="2" {style}/>{dots}')
        words.append(_legend(CONTROL_TEXTS[name].label, style))
    middle = (TOP + BOTTOM) / 2
    lines = "".join(
        f'<line x1="{_x(k.time_s, timeline):.1f}" x2="{_x(k.time_s, timeline):.1f}" '
        f'y1="{TOP}" y2="{BOTTOM}" stroke="currentColor" stroke-opacity="0.25"/>'
        for k in timeline.keyframes
    )
    count = len(timeline.keyframes)
    title = f"{count} keyframe{'s' if count > 1 else ''} over {timeline.seconds:g} seconds"
    return (
        f'<div class="curves"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}" style="width:100%;height:auto;display:block">'
        f'<rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}" rx="4" '
        'fill="currentColor" fill-opacity="0.04"/>'
        f'<line x1="{LEFT}" x2="{RIGHT}" y1="{middle}" y2="{middle}" stroke="currentColor" '
        f'stroke-opacity="0.3"/>{lines}{"".join(curves)}</svg>{_ticks(timeline)}'
        f'<div style="display:flex;flex-wrap:wrap;gap:2px 14px;font-size:0.85em">'
        f"{''.join(words) or 'No value changes yet.'}</div></div>"
    )


def _x(time_s: float, timeline: Timeline) -> float:
    return LEFT + (RIGHT - LEFT) * time_s / timeline.seconds


def _y(value: float, name: str) -> float:
    """Put the neutral value in the middle, the usual range's ends at the rims."""
    limits = CONTROL_RANGES[name]
    side = limits.high - limits.neutral if value >= limits.neutral else limits.neutral - limits.low
    share = (value - limits.neutral) / (side or 1)
    middle = (TOP + BOTTOM) / 2
    return min(BOTTOM, max(TOP, middle - share * (BOTTOM - TOP) / 2))


def _legend(label: str, style: str) -> str:
    return (
        '<span style="white-space:nowrap"><svg width="26" height="8" aria-hidden="true" '
        'style="display:inline-block;vertical-align:middle">'
        f'<line x1="0" x2="26" y1="4" y2="4" stroke-width="3" {style}/></svg> '
        f"{html.escape(label)}</span>"
    )


def _ticks(timeline: Timeline) -> str:
    times = (0.0, timeline.seconds / 2, timeline.seconds)
    words = "".join(f"<span>{time_s:g} s</span>" for time_s in times)
    return (
        '<div style="display:flex;justify-content:space-between;padding:0 2%;font-size:0.8em">'
        f"{words}</div>"
    )

"""The parts of the tab Animate that are drawn by hand: live view, progress, the doctor's report.

In: plain values. Out: HTML, with every word of it escaped. Knows nothing about handlers.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from mmfa_core import DriveReport, Finding

ASSETS = Path(__file__).parent.parent / "assets"

LIVE_TEMPLATE = """
<div class="live">
  <video muted playsinline aria-label="The clip while it is rendered, without sound"></video>
  <p class="invite">Your clip appears here.<br><small>Give a portrait and a driver, then press
  Animate.</small></p>
  <p class="soon">Getting ready...</p>
  <p class="badge">live, without sound</p>
</div>
"""
LIVE_CSS = """
.live { position: relative; aspect-ratio: 1; width: 100%; border-radius: 10px; overflow: hidden;
  background: var(--ink-sunken); display: grid; place-items: center; }
.live video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain;
  visibility: hidden; }
.live.showing video { visibility: visible; }
.live p { margin: 0; text-align: center; color: var(--ink-soft); padding: 0 1.5rem; }
.live .soon, .live .badge, .live.running .invite { display: none; }
.live.running:not(.showing) .soon { display: block; }
.live.showing .badge { display: block; position: absolute; left: 8px; bottom: 8px; padding: 2px 8px;
  border-radius: 6px; font-size: 0.8rem; background: rgb(0 0 0 / 65%); color: #fff; }
"""
REPORT_CSS = """
.report { margin: 0; padding: 0; list-style: none; display: grid; gap: 6px; }
.report li { display: grid; grid-template-columns: 1.4em 1fr; gap: 4px; margin: 0;
  line-height: 1.4; }
.report .mark { font-weight: 700; text-align: center; }
.report .mark { width: 1.25em; height: 1.25em; border-radius: 50%; font-size: 0.8em;
  line-height: 1.25em; margin-top: 0.2em; }
.report .good .mark { color: var(--ink-accent); }
.report .note .mark { color: var(--ink-on-accent); background: var(--ink-accent); }
.report .warn .mark { color: var(--ink-surface); background: var(--ink-error); }
.report .good { color: var(--ink-soft); }
.doctor { margin: 0 0 6px; font-weight: 600; }
"""
PROGRESS_CSS = """
.progress { display: grid; gap: 6px; min-height: 4em; align-content: start; }
.progress progress { width: 100%; height: 6px; appearance: none; border: 0; border-radius: 3px;
  overflow: hidden; background: var(--ink-line); color: var(--ink-accent); }
.progress progress::-webkit-progress-bar { background: var(--ink-line); }
.progress progress::-webkit-progress-value { background: var(--ink-accent); }
.progress progress::-moz-progress-bar { background: var(--ink-accent); }
.progress p { margin: 0; }
"""
_MARKS = {"warn": ("!", "Warning"), "note": ("i", "Note"), "good": ("✓", "Good")}


def live_view() -> gr.HTML:
    """Build the view that invites, and then plays a clip while it is rendered."""
    return gr.HTML(
        value="",
        html_template=LIVE_TEMPLATE,
        css_template=LIVE_CSS,
        js_on_load=(ASSETS / "live.js").read_text(encoding="utf-8"),
        padding=False,
        elem_classes="flush",
        elem_id="animate-live",
    )


def live_value(run: str, chunks: Sequence[Path], *, done: bool = False) -> str:
    """Tell the live view what there is to play."""
    return json.dumps({"run": run, "chunks": [str(chunk) for chunk in chunks], "done": done})


def progress_html(text: str, done: int | None = None, total: int | None = None) -> str:
    """Draw a line of progress.

    Args:
        text: what is being done, or what was done.
        done: how much is finished; None leaves out the bar.
        total: of how much.
    """
    bar = ""
    if done is not None and total:
        bar = f'<progress max="{total}" value="{done}" aria-label="Progress"></progress>'
    return f'<div class="progress" role="status"><p>{html.escape(text)}</p>{bar}</div>'


def time_left(seconds: float | None) -> str:
    """Say how long something will take, or nothing."""
    if seconds is None:
        return ""
    if seconds >= 90:
        return f", about {seconds / 60:.0f} min left"
    return f", {max(1, round(seconds))} s left"


def report_html(report: DriveReport) -> str:
    """Draw what the drive doctor found."""
    facts = report.facts
    begin, end = facts.part
    words = f"{min(end - begin, facts.max_seconds):.1f} s, {float(facts.fps):.4g} frames a second"
    heading = f'<p class="doctor">Drive doctor: {words}</p>'
    return heading + findings_html(report.findings)


def findings_html(findings: Sequence[Finding]) -> str:
    """Draw findings as a list."""
    items = []
    for finding in findings:
        mark, word = _MARKS[finding.level]
        items.append(
            f'<li class="{finding.level}"><span class="mark" role="img" aria-label="{word}">{mark}'
            f"</span><span>{html.escape(finding.sentence)}</span></li>"
        )
    return f'<ul class="report">{"".join(items)}</ul>'

"""The table: means and spreads over seeds, and marks where a difference is more than chance.

In: figures of runs. Out: rows as plain values, and Markdown. Knows nothing about how runs are made.

A mark stands where the means of a variant and of what it is compared with are further apart than
each of the three: the range of the variant's seeds, the range of the other's, and twice the
standard error of a difference, from the variance between seeds pooled over all variants (two seeds
alone tell little of a variance). With one seed there is no mark. Even so some marks are chance: a
table of 12 rows has some 140 of them to give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.ablation.figures import FIGURES, Figure
from mmfa_core.ablation.variants import BASE, Variant
from mmfa_core.errors import NotFoundError, ResourceError

BETTER, WORSE = "better", "worse"
SIGNS = {BETTER: " (+)", WORSE: " (-)", "": ""}
START, END = "<!-- ablations -->", "<!-- /ablations -->"


@dataclass(frozen=True)
class Run:
    """Hold the figures of one run of one variant."""

    variant: str
    seed: int
    figures: Mapping[str, float | None]


def make_rows(variants: Sequence[Variant], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Summarise runs, one row a variant, the base first.

    Args:
        variants: in the order of the rows; those without a run get no row.
        runs: done ones.

    Returns:
        Rows of name, what, against, seeds, and figures: name -> mean, spread (largest less
        smallest of the seeds), values, and mark (better or worse than ``against``, or empty).
    """
    done = {v.name: [run for run in runs if run.variant == v.name] for v in variants}
    noise = {f.name: _pooled_deviation(list(done.values()), f.name) for f in FIGURES}
    rows = []
    for variant in sorted(variants, key=lambda v: v.name != BASE):
        mine = done[variant.name]
        if not mine:
            continue
        theirs = [] if variant.name == BASE else done.get(variant.against, [])
        rows.append(
            {
                "name": variant.name,
                "what": variant.what,
                "against": "" if variant.name == BASE else variant.against,
                "seeds": sorted(run.seed for run in mine),
                "figures": {f.name: _cell(f, mine, theirs, noise[f.name]) for f in FIGURES},
            }
        )
    return rows


def _cell(
    figure: Figure, mine: Sequence[Run], theirs: Sequence[Run], deviation: float
) -> dict[str, Any]:
    values, others = _values(mine, figure.name), _values(theirs, figure.name)
    mean = sum(values) / len(values) if values else None
    mark = ""
    if mean is not None and min(len(values), len(others)) > 1:
        away = mean - sum(others) / len(others)
        error = deviation * math.sqrt(1 / len(values) + 1 / len(others))
        if abs(away) > max(_range(values), _range(others), 2 * error):
            mark = BETTER if (away < 0) == figure.lower else WORSE
    spread = _range(values) if len(values) > 1 else None
    return {"mean": mean, "spread": spread, "values": values, "mark": mark}


def _values(runs: Sequence[Run], name: str) -> list[float]:
    found = [run.figures.get(name) for run in runs]
    return [v for v in found if v is not None and math.isfinite(v)]


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _pooled_deviation(groups: Sequence[Sequence[Run]], name: str) -> float:
    """Pool the standard deviation between the seeds of one variant over all variants."""
    squares, freedom = 0.0, 0
    for runs in groups:
        values = _values(runs, name)
        if len(values) > 1:
            mean = sum(values) / len(values)
            squares += sum((v - mean) ** 2 for v in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def to_markdown(result: Mapping[str, Any]) -> str:
    """Lay the result of run.run_ablations out as Markdown."""
    rows = result["rows"]
    head = ["variant", "against", "seeds", *(f.title for f in FIGURES)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        cells = (_show(row["figures"][f.name], f) for f in FIGURES)
        first = (row["name"], row["against"] or "-", str(len(row["seeds"])))
        lines.append(f"| {' | '.join((*first, *cells))} |")
    facts = [
        f"- data: {result['data']}; budget {result['budget']}: {result['steps']}",
        f"- command: `{result['command']}`",
        "- each cell: mean over seeds, and the range between them; (+) better and (-) worse than "
        "what the row is compared with, by more than chance as docs/ablations.md defines it",
        *(f"- {note}" for note in result["notes"]),
    ]
    return "\n".join((*facts, "", *lines)) + "\n"


def _show(cell: Mapping[str, Any], figure: Figure) -> str:
    if cell["mean"] is None:
        return "-"
    text = f"{cell['mean']:.{figure.digits}f}"
    if cell["spread"] is not None:
        text += f" ± {cell['spread']:.{figure.digits}f}"
    return text + SIGNS[cell["mark"]]


def include(document: Path, markdown: str) -> None:
    """Put a table between the marks of a document.

    Raises:
        NotFoundError: when the document or its marks are missing.
        ResourceError: when it can't be written.
    """
    try:
        text = document.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"{document.name} can't be read.", "Check --document.") from error
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise NotFoundError(
            f"{document.name} has no place for the table.", f"Write {START} and {END} into it."
        )
    try:
        document.write_text(f"{before}{START}\n\n{markdown}\n{END}{after}", encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            f"{document.name} can't be written: {error.strerror}.", "Choose another document."
        ) from error

"""What a batch says about itself.

In: counts, cells and reasons. Out: BatchReport and plain JSON values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPORT = "report.json"
SHEET = "contact-sheet.jpg"


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """Say what became of one cell.

    Attributes:
        source: name of the portrait in its folder.
        driving: name of the clip in its folder.
        output: name of the result.
        status: ``made`` now, ``kept`` from an earlier run, or ``failed``.
        why: reason of a failure; else empty.
        facts: frames, rate, seconds, notes, SHA-256 and more; empty after a failure.
    """

    source: str
    driving: str
    output: str
    status: str
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BatchReport:
    """Say what a batch did.

    Attributes:
        output: folder of the results.
        cells: all of the grid, row by row.
        passed_over: (name, reason) of files that are no portraits or clips.
        options: how portraits followed, as JSON values.
        model_id: what people call the model.
        model_hash: short hash of its weights.
        seconds: that the run took.
        sheet: the contact sheet, or None if there is no result to show.
        notes: what a person should know.
    """

    output: Path
    cells: tuple[CellReport, ...]
    passed_over: tuple[tuple[str, str], ...]
    options: dict[str, Any]
    model_id: str
    model_hash: str
    seconds: float
    sheet: Path | None
    notes: tuple[str, ...] = ()

    def count(self, status: str) -> int:
        """Return how many cells were made, kept or failed."""
        return sum(cell.status == status for cell in self.cells)

    def summary(self) -> dict[str, Any]:
        """Return the counts and where things are, as JSON values."""
        return {
            "output": str(self.output),
            "cells": len(self.cells),
            **{status: self.count(status) for status in ("made", "kept", "failed")},
            "passed_over": len(self.passed_over),
            "report": REPORT,
            "contact_sheet": None if self.sheet is None else self.sheet.name,
            "seconds": round(self.seconds, 3),
            "model_id": self.model_id,
            "model_hash": self.model_hash,
            "notes": list(self.notes),
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; names are relative to the folders."""
        return {
            **{k: v for k, v in self.summary().items() if k not in {"output", "report"}},
            "options": self.options,
            "grid": [
                {
                    "source": cell.source,
                    "driving": cell.driving,
                    "output": cell.output,
                    "status": cell.status,
                    **({"why": cell.why} if cell.why else {}),
                    **cell.facts,
                }
                for cell in self.cells
            ],
            "files_passed_over": [{"name": n, "why": why} for n, why in self.passed_over],
        }

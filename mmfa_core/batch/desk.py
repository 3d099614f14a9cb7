"""Where the results of a batch are handed in, however they were made.

In: what runners tell. Out: lines of the ledger, progress, reasons of failures. Knows nothing about
rendering or clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmfa_core.batch.ledger import Ledger
from mmfa_core.batch.maker import Facts, Failure
from mmfa_core.batch.plan import Cell

STAGE = "cells"

ReportProgress = Callable[[str, int, int | None], None]


@dataclass(eq=False)
class Desk:
    """Take what runners hand in.

    Attributes:
        ledger: of the folder of results.
        progress: told about cells as stage ``cells``, and by a runner about frames.
        total: cells of the grid.
        done: cells that are complete or can't be made.
        made: cells that were made now.
        failures: why cells can't be made, by the name of their result.
    """

    ledger: Ledger
    progress: ReportProgress
    total: int
    done: int = 0
    made: list[Cell] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def sort_out(self, cells: Sequence[Cell], *, overwrite: bool) -> list[Cell]:
        """Choose the cells that must be made; files of somebody else are kept.

        Args:
            cells: of the grid.
            overwrite: whether a file that this batch didn't write may be replaced.

        Returns:
            What is neither complete nor refused.
        """
        todo = []
        for cell in cells:
            if self.ledger.is_complete(cell):
                self.done += 1
            elif not (overwrite or self.ledger.owns(cell)) and self._is_there(cell):
                self.fail(
                    cell,
                    Failure(
                        f"{cell.output} is already there, is not of this batch and was kept. "
                        "Choose another output, or use --overwrite."
                    ),
                )
            else:
                todo.append(cell)
        self.progress(STAGE, self.done, self.total)
        return todo

    def publish(self, cell: Cell, facts: Facts) -> None:
        """Take a finished result, which lies at the ledger's work file."""
        self.ledger.publish(cell, facts)
        self.made.append(cell)
        self._count()

    def hand_in(self, cell: Cell, content: bytes, facts: Facts) -> None:
        """Take a finished result as bytes.

        Raises:
            ResourceError: it can't be written.
        """
        self.ledger.write_work(cell, content)
        self.publish(cell, facts)

    def fail(self, cell: Cell, failure: Failure) -> None:
        """Take a reason instead of a result.

        Raises:
            ResourceError: the reason is that there is no room here, so that going on is no use.
        """
        self.ledger.fail(cell, failure.why)
        self.failures[cell.output] = failure.why
        self._count()
        if failure.of_machine:
            self.ledger.require_room()

    def _is_there(self, cell: Cell) -> bool:
        try:
            return (self.ledger.folder / cell.output).exists()
        except OSError:  # what is wrong with its name is told when the cell is made
            return False

    def _count(self) -> None:
        self.done += 1
        self.progress(STAGE, self.done, self.total)

"""Make the cells of a batch one after the other in this process.

In: cells and an animator. Out: results at a desk.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmfa_core.batch.desk import Desk
from mmfa_core.batch.maker import CellMaker, explain_failure
from mmfa_core.batch.plan import Cell

WORKER = "here"


def run_local(cells: Sequence[Cell], desk: Desk, maker: CellMaker) -> None:
    """Make cells, row by row, so that each portrait is made ready once.

    Args:
        cells: to be made.
        desk: takes results and reasons.
        maker: makes them.

    Raises:
        ResourceError: there is no room left for results.
    """
    for cell in cells:
        attempt = desk.ledger.begin(cell)
        try:
            facts = maker.make(
                cell.source,
                cell.driving,
                desk.ledger.work_file(cell),
                desk.progress,
            )
        except Exception as error:  # noqa: BLE001  # one bad file must not stop the others
            desk.fail(cell, explain_failure(error))
        else:
            desk.publish(cell, {"worker": WORKER, "attempt": attempt, **facts})

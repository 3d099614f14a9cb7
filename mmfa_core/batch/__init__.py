"""Many portraits with many clips: a grid of results that can be stopped and taken up again.

In: two folders. Out: a folder of results with a ledger, a report and a contact sheet. On this
machine, or on a Ray cluster.
"""

from mmfa_core.batch.report import BatchReport, CellReport
from mmfa_core.batch.run import run_batch

__all__ = ["BatchReport", "CellReport", "run_batch"]

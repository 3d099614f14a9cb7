"""A batch from folders to results: plan, make what is missing, draw the sheet, write the report.

In: folders, options and the name of a model. Out: results in a folder, and BatchReport.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from mmfa_core.batch.desk import Desk
from mmfa_core.batch.ledger import open_ledger
from mmfa_core.batch.maker import CellMaker
from mmfa_core.batch.plan import Plan, build_plan
from mmfa_core.batch.report import REPORT, SHEET, BatchReport, CellReport
from mmfa_core.batch.run_local import run_local
from mmfa_core.batch.sheet import draw_sheet
from mmfa_core.errors import ConfigError
from mmfa_core.hub import resolve_model
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.marks import begin_mark
from mmfa_core.inference.options import AnimateOptions, build_options
from mmfa_core.inference.watching import ReportProgress, report_nothing
from mmfa_core.media import write_picture
from mmfa_core.provenance import Ingredient, Mark
from mmfa_core.provenance.origin import DRIVING, PORTRAIT


def run_batch(
    sources: str | Path,
    drivings: str | Path,
    output: str | Path,
    *,
    model: str | Path | None = None,
    device: str | None = None,
    threads: int | None = None,
    dtype: str | None = None,
    ray: str | None = None,
    options: AnimateOptions | None = None,
    progress: ReportProgress | None = None,
    **changes: Any,
) -> BatchReport:
    """Make every portrait of a folder follow every clip of another.

    Results are ``SOURCE__DRIVING.mp4`` (.png for a driving picture), with the clips' sound. Beside
    them lie ``ledger.jsonl``, ``report.json`` and ``contact-sheet.jpg``. The same call again goes
    on where the last one ended: what is complete stays, what depends on a changed file, option or
    model is made anew. A file that can't be used fails its own cells only.

    Args:
        sources: folder of portraits, with folders in it or not.
        drivings: folder of clips, or of pictures that drive.
        output: folder of the results; made if it is missing.
        model: a folder, or ``org/name[@revision]`` on the Hub; None takes the bundled model.
        device: such as ``cpu`` or ``cuda``; None takes a GPU if there is one.
        threads: CPU threads; None takes every core, and one a cell on a Ray cluster.
        dtype: what networks compute in, as for Animator.from_pretrained.
        ray: address of a Ray cluster that makes the cells; None makes them here, ``local`` on a
            cluster of this machine's cores.
        options: how portraits follow.
        progress: called as progress(stage, done, total); stage ``cells`` counts cells.
        **changes: single options, such as ``mode="absolute"``.

    Returns:
        What became of each cell.

    Raises:
        NotFoundError: a folder or the model is not there.
        MediaError: a folder holds nothing that can be used.
        ResourceError: results can't be written; what is complete stays.
        ConfigError: an option can't be used, or Ray is missing or doesn't answer.
    """
    began = time.monotonic()
    chosen = build_options(options, changes)
    if chosen.crop is not None:
        raise ConfigError("A crop by hand fits one portrait, not a batch.", "Leave it out.")
    folder, told = Path(output), progress or report_nothing
    weights = resolve_model(model)
    animator = Animator.from_pretrained(weights, device=device, dtype=dtype, threads=threads)
    plan = build_plan(sources, drivings, folder, chosen, animator.model_hash, dtype)
    with open_ledger(folder) as ledger:
        desk = Desk(ledger, told, len(plan.cells))
        todo = desk.sort_out(plan.cells, overwrite=chosen.overwrite)
        if ray is None:
            run_local(todo, desk, CellMaker(animator, chosen))
        elif todo:
            from mmfa_core.batch.run_ray import run_ray

            run_ray(
                todo,
                desk,
                chosen,
                weights,
                model_hash=animator.model_hash,
                address=ray,
                device=device,
                dtype=dtype,
                threads=threads or 1,
            )
        return _close(plan, desk, animator, chosen, began)


def _close(
    plan: Plan, desk: Desk, animator: Animator, options: AnimateOptions, began: float
) -> BatchReport:
    """Draw the sheet and write the report."""
    folder = desk.ledger.folder
    made = {cell.output for cell in desk.made}
    cells = tuple(
        CellReport(
            source=cell.source.name,
            driving=cell.driving.name,
            output=cell.output,
            status="failed" if failed else "made" if cell.output in made else "kept",
            why=desk.failures.get(cell.output, ""),
            facts={} if failed else desk.ledger.facts(cell),
        )
        for cell in plan.cells
        for failed in [cell.output in desk.failures]
    )
    sheet, notes = None, []
    if len(desk.failures) < len(cells):
        picture, note = draw_sheet(plan, folder, lambda name: name not in desk.failures)
        mark = _mark_sheet(plan, animator, options)
        sheet = write_picture(folder / SHEET, picture, overwrite=True, mark=mark)
        notes = [*([note] if note else []), *mark.notes]
    report = BatchReport(
        output=folder,
        cells=cells,
        passed_over=plan.passed_over,
        options=dataclasses.asdict(options),
        model_id=animator.model_id,
        model_hash=animator.model_hash,
        seconds=time.monotonic() - began,
        sheet=sheet,
        notes=tuple(notes),
    )
    desk.ledger.write_text(REPORT, json.dumps(report.to_json(), indent=1) + "\n")
    return report


def _mark_sheet(plan: Plan, animator: Animator, options: AnimateOptions) -> Mark:
    """Declare how the sheet was made; its frames have the badges of their clips."""
    sources = {file.digest: PORTRAIT for file in plan.sources if file.digest}
    drivings = {file.digest: DRIVING for file in plan.drivings if file.digest}
    named = [
        Ingredient(role=role, sha256=digest) for digest, role in {**drivings, **sources}.items()
    ]
    return begin_mark(animator.engine, "contact sheet", (options,), named, badge=False)

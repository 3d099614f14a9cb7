"""Run the ablations: every variant with every seed, measured, in one table.

In: a corpus and a folder. Out: a folder a run, ablations.json and ablations.md, written anew after
each run. Knows nothing about what a variant changes.

    python -m mmfa_core.ablation --data CORPUS --output DIR

Seed after seed, so that a table of one seed stands early. What is done is passed over; what was
stopped or killed goes on where its last state is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmfa_core.ablation.figures import Limits, measure_model
from mmfa_core.ablation.folder import DONE, claim, read_done
from mmfa_core.ablation.table import Run, make_rows, to_markdown
from mmfa_core.ablation.variants import (
    BASE,
    SYNTHETIC,
    VARIANTS,
    Variant,
    fingerprint,
    prepare_settings,
)
from mmfa_core.checkpoint import load_model
from mmfa_core.errors import NotFoundError, ResourceError
from mmfa_core.evaluation.heldout import HeldOut, read_heldout
from mmfa_core.evaluation.measure import Tools
from mmfa_core.evaluation.report import plain
from mmfa_core.media import replace_text
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.hard_cases import CLIPS_NAME
from mmfa_core.training.run import data_folder, train_model
from mmfa_core.training.settings import TrainSettings
from mmfa_core.training.state import PREVIOUS_NAME, STATE_NAME

Report = Callable[[dict[str, Any]], None]
OpenTools = Callable[[], AbstractContextManager[tuple[Tools, Tools]]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Describe what to run.

    Attributes:
        data: a corpus, or a folder of clips and portraits.
        output: folder for runs and table; made if needed.
        variants: rows of the table.
        seeds: of each variant.
        budget: one of BUDGETS.
        base: what variants change.
        limits: on how many people is measured.
        command: as it is written into the table.
    """

    data: Path
    output: Path
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    budget: str
    base: TrainSettings
    limits: Limits
    command: str


def run_ablations(plan: Plan, report: Report, tools: OpenTools) -> dict[str, Any]:
    """Run what is not done yet.

    Args:
        plan: what to run.
        report: gets a line before and after each run, and lines of its training.
        tools: opens what measures; called when the first run is trained.

    Returns:
        As ablations.json: data, budget, steps, seeds, command, notes, rows, done, wanted, stopped.

    Raises:
        MMFAError: when data or output can't be used, or belong to another plan.
    """
    try:
        plan.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"The folder {plan.output.name} can't be made.", "Choose one that you may write to."
        ) from error
    data = data_folder(plan.data, plan.output, report)
    variants, notes = _possible(plan.variants, data)
    heldout = read_heldout(data)
    wanted = [(variant, seed) for seed in plan.seeds for variant in variants]
    done: list[Run] = []
    result: dict[str, Any] = {}
    for variant, seed in tuple(wanted):  # the base is first of its seed: others may need its log
        log = plan.output / BASE / f"seed-{seed}" / CLIPS_NAME
        settings = prepare_settings(
            variant, plan.base, budget=plan.budget, seed=seed, data=str(data), log=str(log)
        )
        folder = plan.output / variant.name / f"seed-{seed}"
        figures = read_done(folder, settings)
        passed_over = figures is None and variant.hard_cases and not log.is_file()
        if passed_over:
            wanted.remove((variant, seed))
            notes.append(
                f"{variant.name} was not run with seed {seed}: the run of {BASE} has no "
                f"{CLIPS_NAME}; delete its folder to run it again"
            )
        elif figures is None:
            report({"run": variant.name, "seed": seed, "done": len(done), "of": len(wanted)})
            figures = _run(settings, folder, heldout, tools, plan.limits, report)
        stopped = figures is None and not passed_over
        if figures is not None:
            done.append(Run(variant.name, seed, figures))
        result = {
            "data": plan.data.name,
            "budget": plan.budget,
            "steps": _steps(plan),
            "seeds": list(plan.seeds),
            "command": plan.command,
            "notes": notes,
            "rows": make_rows(variants, done),
            "done": len(done),
            "wanted": len(wanted),
            "stopped": stopped,
        }
        if stopped:
            break
        _write_table(plan.output, result)
    return result


def _steps(plan: Plan) -> str:
    """Describe the schedule of the base."""
    base = prepare_settings(VARIANTS[0], plan.base, budget=plan.budget, seed=0, data="")
    return ", ".join(f"{s.steps} {s.name} steps of {s.batch} pairs" for s in base.stages)


def _possible(variants: tuple[Variant, ...], data: Path) -> tuple[tuple[Variant, ...], list[str]]:
    """Leave out variants that would change nothing: without heads none can be left out."""
    kept, notes = [], []
    for variant in variants:
        try:
            left_out = variant.settings.get("leave_out", ())
            if left_out:
                Corpus(data, "train", leave_out=left_out)
            kept.append(variant)
        except NotFoundError:
            notes.append(f"{variant.name} was not run: the data has nothing named {SYNTHETIC}")
    return tuple(kept), notes


def _run(
    settings: TrainSettings,
    folder: Path,
    heldout: HeldOut,
    tools: OpenTools,
    limits: Limits,
    report: Report,
) -> dict[str, float | None] | None:
    """Train and measure one run; None when a signal stopped it."""
    claim(folder, settings)
    trained = train_model(settings, folder, report, device=torch.device("cpu"), quick=True)
    if trained["stopped"]:
        return None
    start = time.monotonic()
    model = load_model(folder / "model").model
    with tools() as opened:
        figures = measure_model(model, heldout, opened, limits, lambda *_: None)
    written = {
        "fingerprint": fingerprint(settings),
        "steps": trained["steps"],
        "train_hours": trained["hours"],
        "measure_s": round(time.monotonic() - start, 1),
        "model_hash": trained["hash"],
        "figures": plain(figures),
    }
    replace_text(folder / DONE, json.dumps(written, indent=1) + "\n")
    for name in (STATE_NAME, PREVIOUS_NAME):  # a run's state is many times its weights
        (folder / name).unlink(missing_ok=True)
    report({"measured": folder.parent.name, **written})
    return dict(written["figures"])


def _write_table(output: Path, result: dict[str, Any]) -> None:
    text = json.dumps(plain(result), indent=1, ensure_ascii=False, allow_nan=False)
    replace_text(output / "ablations.json", text + "\n")
    replace_text(output / "ablations.md", to_markdown(result))

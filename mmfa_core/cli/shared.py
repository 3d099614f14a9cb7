"""What commands have in common: the animator, its lines, and who is told about progress.

In: parsed arguments. Out: what a command works with. Heavy imports wait until it runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmfa_core.cli.output import ReportProgress, progress_reporter

if TYPE_CHECKING:
    from mmfa_core.inference.animator import Animator

Command = Callable[[argparse.Namespace], dict[str, Any]]
Lines = dict[str, Any]


def load_animator(arguments: argparse.Namespace) -> Animator:
    """Load the model that was asked for."""
    from mmfa_core.inference.animator import Animator

    return Animator.from_pretrained(
        arguments.model,
        device=arguments.device,
        dtype=arguments.dtype,
        threads=arguments.threads,
    )


def model_lines(animator: Animator) -> Lines:
    """Name a model."""
    return {"model_id": animator.model_id, "model_hash": animator.model_hash}


def report_to(arguments: argparse.Namespace) -> ReportProgress:
    """Choose how progress is told."""
    return progress_reporter(wanted=arguments.json_progress)

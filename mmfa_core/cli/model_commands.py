"""The commands about models and the page as a whole: train, measure, publish.

In: parsed arguments. Out: the values of the JSON line. Knows nothing about exit codes.
"""

from __future__ import annotations

import argparse
import dataclasses

from mmfa_core.cli.output import log_reporter
from mmfa_core.cli.shared import Lines, load_animator, report_to


def train(arguments: argparse.Namespace) -> Lines:
    """Train a model."""
    from mmfa_core.training.run import train_command

    return train_command(arguments, log_reporter(wanted=arguments.json_progress))


def evaluate(arguments: argparse.Namespace) -> Lines:
    """Measure a model."""
    from mmfa_core.evaluation.run import evaluate_command

    return evaluate_command(arguments, report_to(arguments))


def bench(arguments: argparse.Namespace) -> Lines:
    """Measure speed and memory."""
    from mmfa_core.cli.bench import measure_speed

    return measure_speed(
        load_animator(arguments),
        arguments.source,
        arguments.driving,
        arguments.max_seconds,
        report_to(arguments),
    )


def publish(arguments: argparse.Namespace) -> Lines:
    """Put a model on the Hugging Face Hub."""
    from mmfa_core.publishing import PublishOptions, publish_model

    names = [f.name for f in dataclasses.fields(PublishOptions)]
    return publish_model(PublishOptions(**{name: getattr(arguments, name) for name in names}))


def publish_space(arguments: argparse.Namespace) -> Lines:
    """Put the studio on Hugging Face Spaces."""
    from mmfa_core.space import SpaceOptions
    from mmfa_core.space import publish_space as publish

    names = [f.name for f in dataclasses.fields(SpaceOptions)]
    options = SpaceOptions(**{name: getattr(arguments, name) for name in names})
    report = report_to(arguments)
    return publish(options, lambda text: report(text, 0, None))

"""The train command's own part: what settings reach, and signals before and after."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from mmfa_core.training import run
from mmfa_core.training.batches import PairSampler
from mmfa_core.training.trainer import Trainer
from tests.training.runs import tiny_settings

CPU = torch.device("cpu")


class Told(BaseException):
    """Ends a training before its first step."""


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, (6, True, True, True)),
        ({"leave_out": ("train_tracks",)}, (5, True, True, True)),
        ({"stills": False}, (6, False, True, True)),
        ({"turned": False}, (6, True, False, True)),
        ({"wide_pairs": False}, (6, True, True, False)),
    ],
)
def test_what_is_trained_on_is_what_the_settings_say(
    corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes, wanted
):
    found: list[tuple[Any, ...]] = []

    def sampler(corpus, teacher, seed, stills, *, turned, wide, hard) -> PairSampler:
        assert not hard
        found.append((len(corpus.clips), stills, turned, wide))
        raise Told

    monkeypatch.setattr(run, "PairSampler", sampler)
    settings = tiny_settings(data=str(corpus_folder), **changes)
    with pytest.raises(Told):
        run.train_model(settings, tmp_path, lambda _: None, device=CPU)
    assert found == [wanted]


def test_a_signal_stops_a_training_that_says_so_and_later_ones_are_as_before(
    corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    step = Trainer.one_step

    def stopped(trainer: Trainer) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGINT)
        return step(trainer)

    monkeypatch.setattr(Trainer, "one_step", stopped)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    settings = tiny_settings(data=str(corpus_folder))
    result = run.train_model(settings, tmp_path, lambda _: None, device=CPU, quick=True)
    assert (result["steps"], result["stopped"]) == (1, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before

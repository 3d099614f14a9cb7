"""The wide model at full size: builds, runs both ways, and overfits one pair a little.

About 100 s on one thread; each step takes 5 to 6 s and 2.2 GB.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmfa_core.config import mmfa_l_256
from mmfa_core.training.batches import PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.settings import StageSettings
from mmfa_core.training.teacher import build_teacher
from tests.synthetic import ENTRIES, RADIUS, write_corpus
from tests.training.runs import OneBatch, make_trainer, tiny_settings

STEPS = 16


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_wide_model_runs_both_ways_and_overfits_one_pair_a_little(tmp_path: Path):
    write_corpus(tmp_path, side=256, entries=ENTRIES[:1])
    corpus = Corpus(tmp_path, "train")
    pair = PairSampler(corpus, build_teacher(corpus, RADIUS), seed=1).batch(0, 1, joint=True)
    stage = StageSettings(steps=STEPS, batch=1, lr=1e-4, warmup=3, sample_code=False)
    settings = tiny_settings(model=mmfa_l_256(), stages=(stage,))
    trainer = make_trainer(tmp_path, tmp_path / "run", settings)
    trainer.sampler = OneBatch(pair)  # type: ignore[assignment]
    terms = [trainer.one_step()]
    for name, parameter in trainer.model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    terms += [trainer.one_step() for _ in range(STEPS - 1)]
    last = {name: sum(t[name] for t in terms[-4:]) / 4 for name in terms[0]}
    assert last["loss"] < 0.6 * terms[0]["loss"]
    for name in ("pose", "guide", "flow", "pixel"):
        assert last[name] < 0.85 * terms[0][name], name
    with torch.no_grad():
        made = trainer.model.eval()(pair.source.pictures, pair.driving.pictures)
    assert made.picture.shape == (1, 3, 256, 256)
    assert made.picture.isfinite().all()

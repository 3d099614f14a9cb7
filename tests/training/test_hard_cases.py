"""Hard cases: errors summed by clip, written, read back, and drawn by."""

from __future__ import annotations

import dataclasses
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfa_core.errors import ConfigError
from mmfa_core.losses.terms import LossWeights
from mmfa_core.training.batches import KIND_SHARES, PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.hard_cases import (
    CLIPS_NAME,
    FACTOR_RANGE,
    ClipError,
    ClipErrors,
    pair_errors,
    read_clip_errors,
    share_factors,
)
from mmfa_core.training.objective import PairObjective
from mmfa_core.training.settings import StageSettings
from mmfa_core.training.state import load_state, save_state
from mmfa_core.training.teacher import Teacher
from tests.helpers import awake_model
from tests.training.runs import make_trainer, tiny_settings

NAMES = ("anna", "bert", "cleo")


def test_the_error_of_a_pair_is_its_own_and_counts_only_what_is_trusted():
    truth = torch.zeros(2, 3, 8, 8)
    picture = torch.zeros(2, 3, 8, 8)
    picture[0, :, :, :4] = 0.6  # left half wrong
    picture[1] = 0.2
    weights = torch.ones(2, 1, 4, 4)
    assert pair_errors(picture, truth, weights).tolist() == pytest.approx([0.3, 0.2])
    weights[:, :, :, :2] = 0
    assert pair_errors(picture, truth, weights).tolist() == pytest.approx([0.0, 0.2])


def test_errors_are_summed_by_clip_and_what_is_not_finite_is_left_out():
    errors = ClipErrors(NAMES)
    errors.add((0, 2, 0), torch.tensor([0.5, 0.25, 0.75]))
    errors.add((2, 1, 1), torch.tensor([0.25, float("nan"), float("inf")]))
    assert errors.sums.tolist() == [[1.25, 2], [0, 0], [0.5, 2]]


def test_a_log_comes_back_as_it_was_the_hardest_clip_first(tmp_path: Path):
    errors = ClipErrors(NAMES)
    errors.add((0, 2, 2), torch.tensor([0.125, 0.5, 0.25]))
    errors.write(tmp_path)
    text = (tmp_path / CLIPS_NAME).read_text(encoding="utf-8")
    assert text == "clip\tpairs\terror\ncleo\t2\t0.375\nanna\t1\t0.125\n"
    found = read_clip_errors(str(tmp_path / CLIPS_NAME))
    assert found == {"cleo": ClipError(2, 0.375), "anna": ClipError(1, 0.125)}


def test_a_run_that_has_moved_nothing_yet_writes_no_log(tmp_path: Path):
    ClipErrors(NAMES).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sums_go_on_from_a_state_by_the_names_of_clips():
    before = ClipErrors(NAMES)
    before.add((0, 2), torch.tensor([0.5, 0.25]))
    after = ClipErrors(("cleo", "dora"))  # the corpus has changed
    after.load(before.state())
    after.add((0,), torch.tensor([0.5]))
    assert after.sums.tolist() == [[0.75, 2], [0, 0]]


def test_no_log_knows_nothing():
    assert read_clip_errors("") == {}


def test_a_log_that_is_not_there_is_told_with_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        read_clip_errors(str(tmp_path / CLIPS_NAME))
    assert caught.value.message == "hard_cases names clips.tsv, which isn't there."
    assert caught.value.hint == (
        "Give the clips.tsv that an earlier run wrote, or leave hard_cases empty."
    )


HEAD = b"clip\tpairs\terror\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEAD,
        b"clip\tpairs\nanna\t4\n",
        HEAD + b"anna\t4\n",
        HEAD + b"anna\tfour\t0.1\n",
        HEAD + b"anna\t4\tnan\n",
        HEAD + b"anna\t4\t-0.1\n",
        HEAD + b"anna\t0\t0.1\n",
        HEAD + b"anna\t4\t0.1\nanna\t5\t0.1\n",
        HEAD + b"anna\t4\t0.1\t7\n",
        HEAD + b"\xff\t4\t0.1\n",
        pickle.dumps({"anna": (4, 0.1)}),
    ],
)
def test_a_malformed_log_is_told_with_what_to_do(tmp_path: Path, content: bytes):
    (tmp_path / CLIPS_NAME).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_clip_errors(str(tmp_path / CLIPS_NAME))
    assert caught.value.message == (
        "hard_cases names clips.tsv, which can't be read as a log of clips."
    )
    assert "leave hard_cases empty" in caught.value.hint


def test_a_folder_is_no_log(tmp_path: Path):
    with pytest.raises(ConfigError, match="can't be read as a log"):
        read_clip_errors(str(tmp_path))


def test_factors_are_errors_over_their_mean_within_limits():
    log = {
        "easy": ClipError(9, 0.01),
        "usual": ClipError(9, 0.10),
        "hard": ClipError(9, 0.19),
        "seldom": ClipError(3, 0.90),  # seen too seldom to tell
    }
    factors = share_factors(("usual", "easy", "hard", "seldom", "strange"), log)
    assert factors.tolist() == pytest.approx([1.0, FACTOR_RANGE[0], 1.9, 1.0, 1.0])
    many = {**{f"clip {i}": ClipError(9, 0.1) for i in range(9)}, "hard": ClipError(9, 0.9)}
    assert share_factors(tuple(many), many)[-1] == FACTOR_RANGE[1]


@pytest.mark.parametrize("log", [{}, {"anna": ClipError(9, 0.0), "bert": ClipError(9, 0.0)}])
def test_without_errors_every_factor_is_one(log):
    assert share_factors(NAMES, log).tolist() == [1, 1, 1]


def shares_of(sampler: PairSampler) -> dict[str, float]:
    shares = np.diff(sampler.weights, prepend=0)
    return {c.name: float(s) for c, s in zip(sampler.corpus.clips, shares, strict=True)}


def kind_shares(sampler: PairSampler) -> dict[str, float]:
    found: Counter[str] = Counter()
    for clip in sampler.corpus.clips:
        found[clip.kind] += shares_of(sampler)[clip.name]
    return dict(found)


def test_a_hard_clip_is_drawn_oftener_and_kinds_keep_their_shares(corpus: Corpus, teacher: Teacher):
    kinds = Counter(c.kind for c in corpus.clips)
    kind = next(k for k in KIND_SHARES if kinds[k] > 1)
    one, other = [c.name for c in corpus.clips if c.kind == kind][:2]
    log = {one: ClipError(8, 0.15), other: ClipError(8, 0.05)}  # factors 1.5 and 0.5
    plain = PairSampler(corpus, teacher, seed=1)
    mined = PairSampler(corpus, teacher, seed=1, hard=log)
    assert kind_shares(mined) == pytest.approx(kind_shares(plain))
    before, after = shares_of(plain), shares_of(mined)
    ratio = after[one] / after[other]
    assert ratio == pytest.approx(3 * before[one] / before[other])
    rng = np.random.default_rng(0)
    rows = [mined._pick(rng, True)[0] for _ in range(4000)]
    drawn = Counter(corpus.clips[int(corpus.clip_of[row])].name for row in rows)
    assert drawn[one] / drawn[other] == pytest.approx(ratio, rel=0.2)


def test_equal_logs_give_equal_batches_and_a_log_of_strangers_changes_none(
    corpus: Corpus, teacher: Teacher
):
    log = {c.name: ClipError(8, 0.05 * (1 + i)) for i, c in enumerate(corpus.clips)}
    one, other = (PairSampler(corpus, teacher, seed=1, hard=log) for _ in range(2))
    assert torch.equal(
        one.batch(3, 4, joint=True).source.pictures, other.batch(3, 4, joint=True).source.pictures
    )
    strange = PairSampler(corpus, teacher, seed=1, hard={"nobody": ClipError(8, 0.5)})
    plain = PairSampler(corpus, teacher, seed=1)
    assert np.array_equal(strange.weights, plain.weights)


def test_a_batch_says_of_which_clips_its_pairs_are(corpus: Corpus, teacher: Teacher):
    sampler = PairSampler(corpus, teacher, seed=1)
    sampler.weights = np.cumsum([float(i == 2) for i in range(len(corpus.clips))])
    assert sampler.batch(0, 3, joint=True).clips == (2, 2, 2)


@pytest.mark.parametrize("paint", [True, False])
def test_a_step_measures_each_pair_apart_from_what_it_learns_by(sampler: PairSampler, paint: bool):
    model, pair = awake_model(), sampler.batch(2, 3, joint=True)
    objective = PairObjective(model, teacher=True)
    noise = torch.zeros(6, model.config.expression_code + 4)
    result = objective(pair, LossWeights(), noise, joint=True, paint=paint)
    assert result.errors is not None and result.errors.shape == (3,)
    assert not result.errors.requires_grad
    assert bool((result.errors > 0).all())
    if result.generated is not None:
        trust = objective._trust(pair)
        expected = pair_errors(result.generated.picture, pair.driving.pictures, trust)
        assert torch.equal(result.errors, expected)


def test_a_run_logs_the_pairs_of_stages_that_move_after_their_warm_up(
    corpus_folder: Path, tmp_path: Path
):
    moving = StageSettings(kind="motion", name="motion", steps=2, batch=3, warmup=1)
    stages = (*tiny_settings().stages[:2], moving)
    trainer = make_trainer(corpus_folder, tmp_path, tiny_settings(stages=stages))
    seen: Counter[str] = Counter()
    for step, size in ((3, 2), (4, 2), (6, 3)):
        for clip in trainer.sampler.batch(step, size, joint=True).clips:
            seen[trainer.sampler.corpus.clips[clip].name] += 1
    trainer.run(lambda _: None)
    log = read_clip_errors(str(tmp_path / CLIPS_NAME))
    assert {name: clip.pairs for name, clip in log.items()} == dict(seen)
    assert all(0 < clip.error < 1 for clip in log.values())


def test_a_resumed_run_ends_with_the_log_of_an_unbroken_one(corpus_folder: Path, tmp_path: Path):
    settings = dataclasses.replace(tiny_settings(), stages=tiny_settings().stages[:2])
    make_trainer(corpus_folder, tmp_path / "whole", settings).run(lambda _: None)
    first = make_trainer(corpus_folder, tmp_path / "broken", settings)
    first.run(lambda _: None, None, lambda: first.step == 4)
    second = make_trainer(corpus_folder, tmp_path / "broken", settings)
    second.resume()
    second.run(lambda _: None)
    texts = [(tmp_path / name / CLIPS_NAME).read_text() for name in ("whole", "broken")]
    assert texts[0] == texts[1]


def test_a_state_from_before_there_were_sums_is_resumed(corpus_folder: Path, tmp_path: Path):
    trainer = make_trainer(corpus_folder, tmp_path)
    trainer.one_step()
    trainer.save()
    values = load_state(tmp_path)
    assert values is not None
    del values["clip_errors"]
    save_state(tmp_path, values)
    again = make_trainer(corpus_folder, tmp_path)
    assert again.resume()
    assert again.step == 1
    assert again.clip_errors.sums.sum() == 0
    again.run(lambda _: None)
    assert again.clip_errors.sums[:, 1].sum() == 8

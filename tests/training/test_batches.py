"""Batches: pure functions of seed, step and rank; pictures and labels belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mmfa_core.errors import ConfigError
from mmfa_core.geometry import compose_keypoints
from mmfa_core.training.augment import Labelled
from mmfa_core.training.batches import Pair, PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.teacher import GUIDES, Teacher, build_teacher
from tests.synthetic import ENTRIES, RADIUS, write_corpus


def same(one: Pair, other: Pair) -> bool:
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for a, b in ((one.source, other.source), (one.driving, other.driving))
        for name in vars(a)
    )


def guides_away(batch: Labelled) -> float:
    """Measure, normalised, how far the posed labels are from the guided landmarks."""
    points = compose_keypoints(
        batch.canonical, batch.offsets, batch.rotation, batch.translation, batch.scale
    )
    return float((points[..., :2] - batch.landmarks[:, list(GUIDES), :2]).abs().max())


@pytest.mark.parametrize("joint", [True, False])
def test_a_batch_is_a_function_of_seed_step_and_rank(corpus, teacher, joint):
    one, other = (PairSampler(corpus, teacher, seed=3) for _ in range(2))
    for step in range(5):  # the other sampler skips these
        one.batch(step, 4, joint=joint)
    assert same(one.batch(5, 4, joint=joint), other.batch(5, 4, joint=joint))


@pytest.mark.parametrize("changes", [{"seed": 4}, {"step": 6}, {"rank": 1}])
def test_another_seed_step_or_rank_gives_another_batch(corpus, teacher, changes):
    def batch(seed: int = 3, step: int = 5, rank: int = 0) -> Pair:
        return PairSampler(corpus, teacher, seed=seed).batch(step, 4, joint=True, rank=rank)

    assert not same(batch(), batch(**changes))


@pytest.mark.parametrize("joint", [True, False])
def test_the_labels_of_a_batch_agree_with_each_other(sampler, joint):
    for step in range(6):
        pair = sampler.batch(step, 8, joint=joint)
        assert guides_away(pair.driving) < 1e-4
        assert guides_away(pair.source) < 0.004  # warped portraits: half a pixel of 256


def test_a_batch_has_the_shapes_that_it_promises(sampler):
    pair = sampler.batch(0, 5, joint=True)
    for part in (pair.source, pair.driving):
        assert part.pictures.shape == (5, 3, 64, 64)
        assert part.landmarks.shape == (5, 478, 3)
        assert part.canonical.shape == part.offsets.shape == (5, len(GUIDES), 3)
        assert part.pictures.min() >= 0 and part.pictures.max() <= 1


def test_the_pictures_of_a_pair_show_the_face_where_the_labels_say(sampler):
    # The mouth of the synthetic face is dark or red, the cheeks are not: compare in every picture.
    for step in range(4):
        pair = sampler.batch(step, 6, joint=True)
        for part in (pair.source, pair.driving):
            mouth = part.landmarks[:, [13, 14], :2].mean(1, keepdim=True)
            cheeks = part.landmarks[:, [205, 425], :2]
            places = torch.cat((mouth, cheeks), 1)[:, None]
            seen = torch.nn.functional.grid_sample(part.pictures, places, align_corners=False)
            change = (seen[..., 0, 1:] - seen[..., 0, :1]).abs().amax(1)  # (B, 2)
            assert change.median() > 0.1


def test_a_joint_pair_shares_one_camera_and_one_recolouring(sampler):
    # A pair of one clip: what stands still (the background's corner) must look the same in both.
    pair = sampler.batch(1, 8, joint=True)
    away = (pair.source.pictures - pair.driving.pictures)[..., :4, :4].abs().mean((1, 2, 3))
    assert away.median() < 0.03


def test_each_picture_of_an_encoders_batch_is_moved_on_its_own(sampler):
    pair = sampler.batch(1, 8, joint=False)
    assert not torch.allclose(pair.source.rotation, pair.driving.rotation, atol=0.05)


def test_a_single_portrait_is_warped_as_source_and_untouched_as_driving(corpus):
    still = next(c for c in corpus.clips if c.kind == "still")
    pair = _only(corpus, still.name).batch(0, 4, joint=True)
    assert torch.equal(pair.source.canonical, pair.driving.canonical)  # one person
    assert not torch.allclose(pair.source.rotation, pair.driving.rotation, atol=1e-3)
    assert not torch.allclose(pair.source.pictures, pair.driving.pictures, atol=0.05)


def _only(corpus: Corpus, name: str) -> PairSampler:
    """Make a sampler that draws one clip alone."""
    sampler = PairSampler(corpus, build_teacher(corpus, RADIUS), seed=1)
    chosen = np.array([c.name == name for c in corpus.clips], float)
    sampler.weights = np.cumsum(chosen)
    return sampler


def test_every_clip_is_drawn_and_stills_only_when_they_are_wanted(corpus: Corpus, teacher: Teacher):
    for stills in (True, False):
        sampler = PairSampler(corpus, teacher, seed=1, stills=stills)
        shares = np.diff(sampler.weights, prepend=0)
        for clip, share in zip(corpus.clips, shares, strict=True):
            assert (share > 0) == (stills or clip.kind != "still"), clip.name
        assert sampler.weights[-1] == pytest.approx(1)


def test_the_two_rows_of_a_pair_are_of_one_clip(sampler: PairSampler, corpus: Corpus):
    rng = np.random.default_rng(0)
    for _ in range(200):
        source, driving = sampler._pick(rng, True)
        assert corpus.clip_of[source] == corpus.clip_of[driving]


def test_guides_are_mirrored_to_the_guides_of_the_other_side(sampler: PairSampler):
    mirrored = [GUIDES[int(t)] for t in sampler.guide_twins]
    assert mirrored == [int(sampler.landmark_twins[g]) for g in GUIDES]


def test_rows_are_loaded_as_they_are(sampler: PairSampler, corpus: Corpus, teacher: Teacher):
    rows = np.array([3, 0])
    loaded = sampler.rows(rows)
    for place, row in enumerate(rows):
        picture = torch.tensor(corpus.picture(int(row))).permute(2, 0, 1).float() / 255
        assert torch.allclose(loaded.pictures[place], picture, atol=1 / 255)
        assert torch.allclose(loaded.landmarks[place], sampler.landmarks[row], atol=1e-6)
        assert torch.allclose(loaded.rotation[place], teacher.rotation[row], atol=1e-6)


def test_single_portraits_alone_without_stills_are_told_to_be_nothing(tmp_path: Path):
    write_corpus(tmp_path, entries=tuple(e for e in ENTRIES if e.kind == "still"))
    corpus = Corpus(tmp_path, "train")
    teacher = build_teacher(corpus, RADIUS)
    with pytest.raises(ConfigError, match="Nothing is left to train on"):
        PairSampler(corpus, teacher, seed=1, stills=False)
    assert PairSampler(corpus, teacher, seed=1).batch(0, 2, joint=True).source.scale.shape == (2, 1)


def test_without_turning_no_portrait_makes_a_pair_and_the_encoders_still_see_it(
    corpus: Corpus, teacher: Teacher
):
    sampler = PairSampler(corpus, teacher, seed=1, turned=False)
    shares = np.diff(sampler.weights, prepend=0), np.diff(sampler.encoder_weights, prepend=0)
    for clip, joint, alone in zip(corpus.clips, *shares, strict=True):
        assert (joint > 0) == (clip.count > 1), clip.name
        assert alone > 0, clip.name


def test_without_turning_every_picture_is_a_real_one(
    corpus: Corpus, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
):
    def never(*_: object) -> None:
        raise AssertionError("a picture was turned")

    monkeypatch.setattr("mmfa_core.training.batches.turn_portraits", never)
    sampler = PairSampler(corpus, teacher, seed=1, turned=False)
    for joint in (True, False):
        pair = sampler.batch(0, 16, joint=joint)
        assert (pair.source.trust == 1).all() and (pair.driving.trust == 1).all()


def test_without_turning_no_picture_is_paired_with_itself(corpus: Corpus, teacher: Teacher):
    sampler = PairSampler(corpus, teacher, seed=1, turned=False)
    rng = np.random.default_rng(0)
    for _ in range(200):
        source, driving = sampler._pick(rng, True)
        assert source != driving
        assert corpus.clip_of[source] == corpus.clip_of[driving]


def test_without_turning_there_must_be_a_clip(tmp_path: Path):
    write_corpus(tmp_path, entries=tuple(e for e in ENTRIES if e.kind == "still"))
    corpus = Corpus(tmp_path, "train")
    with pytest.raises(ConfigError, match="stills or turned is off"):
        PairSampler(corpus, build_teacher(corpus, RADIUS), seed=1, turned=False)


def test_wide_pairs_are_further_apart_than_those_of_chance(corpus: Corpus, teacher: Teacher):
    def apart(wide: bool) -> float:
        sampler = PairSampler(corpus, teacher, seed=1, wide=wide)
        rng = np.random.default_rng(0)
        pairs = [sampler._pick(rng, True) for _ in range(400)]
        pose = [corpus.pose_deg[a] - corpus.pose_deg[b] for a, b in pairs]
        return float(np.abs(pose).sum(1).mean())

    assert apart(True) > 1.1 * apart(False)

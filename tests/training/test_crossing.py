"""Cross-identity terms: who is shown with whose motion, what reads it back, and who learns."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mmfa_core.estimates import EncodedSource, Estimate
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion
from mmfa_core.training.crossing import cross_identities
from tests.helpers import awake_model

GAPS = ((0, 1),)


def encode(model: MMFA, pairs: int) -> tuple[EncodedSource, Motion]:
    pictures = torch.rand(2, pairs, 3, 64, 64)
    return model.encode_source(pictures[0]), model.estimate_motion(pictures[1])


class RightJudge:
    """Read back exactly what was asked."""

    def __init__(self, model: MMFA, source: EncodedSource, driving: Motion) -> None:
        self.model, self.source, self.driving = model, source, driving
        self.head_expression = model.head_expression

    def estimate(self, pictures: torch.Tensor) -> Estimate:
        count = len(pictures)
        found = self.model.estimate(pictures)
        return dataclasses.replace(
            found,
            motion=self.driving[1 : count + 1],
            canonical_keypoints=self.source.canonical_keypoints[:count],
        )


def test_a_judge_who_reads_the_motion_of_the_next_pair_on_the_own_face_finds_no_fault():
    model = awake_model()
    source, driving = encode(model, 4)
    judge = RightJudge(model, source, driving)
    crossed = cross_identities(model, judge, source, driving, GAPS)
    assert all(term.item() == pytest.approx(0, abs=1e-6) for term in crossed.terms.values())
    wrong = RightJudge(model, source, driving[torch.tensor([0, 2, 1, 3])])
    terms = cross_identities(model, wrong, source, driving, GAPS).terms
    assert terms["cross_pose"] > 0 and terms["cross_expression"] > 0


@pytest.mark.parametrize(("pairs", "crossed"), [(2, 1), (4, 1), (8, 2)])
def test_a_quarter_of_a_batch_is_crossed_and_at_least_one(pairs, crossed):
    model = awake_model()
    found = cross_identities(model, awake_model(), *encode(model, pairs))
    assert found.picture.shape == (crossed, 3, 64, 64)
    assert len(found.keypoints) == crossed


def test_a_batch_of_one_has_nobody_to_cross_with():
    model = awake_model()
    assert cross_identities(model, model, *encode(model, 1)) is None


def test_what_is_painted_learns_and_neither_encoders_nor_judge_do():
    model, judge = awake_model(), awake_model().requires_grad_(False)
    crossed = cross_identities(model, judge, *encode(model, 4), GAPS)
    torch.stack(list(crossed.terms.values())).sum().backward()
    learning = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert learning >= {"appearance", "dense_motion", "generator"}
    assert not learning & {"motion_estimator", "expression_encoder", "expression_vae", "refinement"}
    assert all(p.grad is None for p in judge.parameters())


def test_the_judge_asks_for_no_hue():
    model, judge = awake_model(), awake_model().requires_grad_(False)
    source, driving = encode(model, 4)
    crossed = cross_identities(model, judge, source, driving, GAPS)
    (asked,) = torch.autograd.grad(sum(crossed.terms.values()), crossed.picture)
    assert asked.abs().max() > 0
    torch.testing.assert_close(asked, asked.mean(1, keepdim=True).expand_as(asked))

"""What a step minimises: which terms there are, who gets a gradient, and what moves nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mmfa_core.config import FORMULAS
from mmfa_core.losses.terms import LossWeights, weighted_sum
from mmfa_core.model import MMFA
from mmfa_core.training.augment import Labelled
from mmfa_core.training.batches import Pair, PairSampler
from mmfa_core.training.objective import PairObjective
from tests.helpers import awake_model

EVERY = LossWeights(
    **{f.name: 1.0 for f in dataclasses.fields(LossWeights) if f.name != "feature_matching"}
)
TAUGHT = {"size", "place", "guide", "canonical", "offsets", "gaps", "flow"}
PICTURES = {"pixel", "pixel_small", "warped", "painted", "invented"}
OPEN = {"openings", "revealed", "flow"}
CRITIC = {"perceptual", "adversarial", "feature_matching"}
CROSSED = {"cross_pose", "cross_expression", "cross_identity"}
INVARIANT = {"equivariance", "similarity", "expression_invariance"}
MOTION = {"pose", "canonical_consistency", "deformation", "keypoint_prior", "kl", "vae"}


def noise(model: MMFA, pairs: int) -> torch.Tensor:
    return torch.randn(2 * pairs, model.config.expression_code + 4)


@pytest.fixture(scope="module")
def pair(sampler: PairSampler) -> Pair:
    return sampler.batch(2, 3, joint=True)


@pytest.mark.parametrize(
    ("taught", "joint", "names"),
    [
        (True, True, MOTION | INVARIANT | TAUGHT | PICTURES | OPEN),
        (True, False, MOTION | INVARIANT | (TAUGHT - {"flow"})),
        (False, True, MOTION | INVARIANT | PICTURES),
        (False, False, MOTION | INVARIANT),
    ],
)
def test_a_stage_has_the_terms_that_it_can_have(pair, taught, joint, names):
    model = awake_model()
    result = PairObjective(model, teacher=taught)(pair, EVERY, noise(model, 3), joint=joint)
    assert set(result.terms) == names
    assert all(t.isfinite() and t >= 0 for t in result.terms.values())


def test_a_term_without_weight_is_left_out(pair):
    model = awake_model()
    weights = LossWeights(pose=0.0, flow=0.0)
    terms = PairObjective(model, teacher=True)(pair, weights, noise(model, 3), joint=True).terms
    assert set(terms) & {"pose", "flow", *CRITIC, *INVARIANT} == set()


@pytest.mark.parametrize("changes", [{}, {"volume_depth": 4, "volume_width": 6}])
def test_every_parameter_gets_a_finite_gradient_in_a_joint_step(pair, changes):
    model = awake_model(**changes)
    objective = PairObjective(model, teacher=True)
    terms = objective(pair, LossWeights(), noise(model, 3), joint=True).terms
    weighted_sum(terms, LossWeights()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_an_encoders_step_teaches_the_encoders_alone(pair):
    model = awake_model()
    terms = PairObjective(model, teacher=True)(pair, LossWeights(), noise(model, 3), joint=False)
    weighted_sum(terms.terms, LossWeights()).backward()
    taught = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert taught == {"motion_estimator", "expression_encoder", "expression_vae", "refinement"}
    for name, parameter in model.named_parameters():
        if name.split(".")[0] in taught:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_a_step_that_only_moves_teaches_encoders_and_flow_by_the_warped_source(pair):
    model = awake_model()
    objective = PairObjective(model, teacher=True)
    made = objective(pair, EVERY, noise(model, 3), joint=True, paint=False)
    assert made.generated is None
    assert set(made.terms) == MOTION | INVARIANT | TAUGHT | {"warped"}
    (made.terms["warped"]).backward()
    learning = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert learning >= {"motion_estimator", "expression_encoder", "dense_motion"}
    assert not learning & {"generator", "hints"}


def test_the_warped_source_is_judged_alike_with_and_without_painting(pair):
    model = awake_model()
    objective = PairObjective(model, teacher=True)
    still = torch.zeros(6, model.config.expression_code + 4)
    painted, moved = (
        objective(pair, LossWeights(), still, joint=True, paint=paint).terms
        for paint in (True, False)
    )
    assert moved["flow"].item() == pytest.approx(painted["flow"].item(), rel=1e-4)
    assert moved["warped"].item() == pytest.approx(painted["warped"].item(), rel=0.1)


def test_without_a_teacher_no_landmark_and_no_label_but_the_pose_matters(pair):
    model = awake_model()
    objective = PairObjective(model, teacher=False)
    weights = LossWeights(equivariance=1.0, similarity=1.0, keypoint_prior=1.0)

    def blind(part: object) -> object:
        changes = {name: torch.zeros_like(getattr(part, name)) for name in ("canonical", "offsets")}
        changes["scale"] = 3 * part.scale
        changes["translation"] = part.translation + 0.4
        return part.replace(**changes)

    given = noise(model, 3)
    seen = objective(pair, weights, given, joint=False).terms
    unseen = objective(
        Pair(blind(pair.source), blind(pair.driving)), weights, given, joint=False
    ).terms
    assert {k: v.item() for k, v in seen.items()} == {k: v.item() for k, v in unseen.items()}


def test_equal_noise_gives_equal_terms(pair):
    model, given = awake_model(), torch.randn(6, 12)
    objective = PairObjective(model, teacher=True)
    one, other = (objective(pair, EVERY, given, joint=True).terms for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_crops_of_faces_are_wanted_by_the_critic_alone_and_fit_into_the_picture(pair):
    model = awake_model()
    objective = PairObjective(model, teacher=True)
    plain = objective(pair, LossWeights(), noise(model, 3), joint=True)
    assert plain.face_crops is None
    weights = LossWeights(adversarial=1.0)
    fakes, reals = objective(pair, weights, noise(model, 3), joint=True).face_crops
    assert fakes.shape == reals.shape == (3, 3, 64, 64)  # the whole of a 64-px picture
    assert torch.equal(reals, pair.driving.pictures)


def test_the_perceptual_term_compares_features_of_the_crops(pair):
    model = awake_model()
    seen = []

    def features(pictures: torch.Tensor) -> list[torch.Tensor]:
        seen.append(pictures)
        return [pictures.mean((2, 3))]

    weights = LossWeights(perceptual=1.0)
    objective = PairObjective(model, teacher=True, perceptual=features)
    result = objective(pair, weights, noise(model, 3), joint=True)
    fakes, reals = result.face_crops
    expected = (fakes.mean((2, 3)) - reals.mean((2, 3))).abs().mean()
    assert result.terms["perceptual"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert len(seen) == 2


def test_with_a_judge_a_part_of_the_batch_is_crossed_and_shown_to_the_critic(pair):
    model = awake_model()
    objective = PairObjective(model, teacher=True, judge=awake_model())
    result = objective(pair, EVERY, noise(model, 3), joint=True)
    assert set(result.terms) >= CROSSED
    fakes, reals = result.face_crops
    assert (len(fakes), len(reals)) == (4, 3)
    assert not [name for name, _ in objective.named_parameters() if "judge" in name]


@torch.no_grad()
def test_swapping_in_true_estimates_makes_the_taught_terms_vanish(pair):
    # A model that answers the teacher's labels has nothing left to learn from them.
    model = awake_model(gauge="rigid")
    objective = PairObjective(model, teacher=True)
    whole = objective(pair, LossWeights(), torch.zeros(6, 12), joint=False).terms
    both = type(pair.source).cat([pair.source, pair.driving])
    free = torch.zeros(6, 3, 3)
    found = model.estimate(both.pictures)
    coarse = dataclasses.replace(
        found.coarse,
        rotation=both.rotation,
        place=dataclasses.replace(
            found.coarse.place, translation=both.translation, scale=both.scale
        ),
    )
    motion = dataclasses.replace(
        found.motion,
        rotation=both.rotation,
        translation=both.translation,
        scale=both.scale,
        expression_offsets=torch.cat((both.offsets, free), 1),
    )
    canonical = torch.cat((both.canonical, free), 1)
    right = dataclasses.replace(found, motion=motion, canonical_keypoints=canonical, coarse=coarse)
    terms = objective._motion_terms(both, right)
    for name in ("pose", "size", "place", "canonical", "canonical_consistency"):
        assert terms[name].item() < 1e-5, name
    for name in ("guide", "offsets", "gaps"):  # what the gauge takes off, and warped labels
        assert terms[name].item() < 0.1 * whole[name].item(), name


def truth_in(formula: str, both: Labelled) -> torch.Tensor:
    """Write the labelled offsets down in the frame of a formula."""
    turn = both.rotation.transpose(1, 2)
    if formula == "mmfa":
        return both.offsets
    if formula == "liveportrait":
        return both.offsets @ turn
    return both.scale[:, :, None] * ((both.canonical + both.offsets) @ turn) - both.canonical @ turn


@pytest.mark.parametrize("formula", FORMULAS)
def test_offsets_that_are_right_in_the_frame_of_their_formula_are_no_error(pair, formula):
    model = awake_model(formula=formula, gauge="off")
    both = Labelled.cat([pair.source, pair.driving])
    own = truth_in(formula, both)
    objective = PairObjective(model, teacher=True)
    assert objective._offset_term(both, own, both.canonical) < 1e-5
    if formula != "mmfa":
        assert objective._offset_term(both, both.offsets, both.canonical) > 1e-4


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_has_a_step_with_every_term(pair, formula, half):
    model = awake_model(formula=formula, gauge="off")
    objective = PairObjective(model, teacher=True, judge=awake_model(formula=formula, gauge="off"))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        result = objective(pair, EVERY, noise(model, 3), joint=True)
    assert set(result.terms) >= TAUGHT | PICTURES | CROSSED
    weighted_sum(result.terms, EVERY).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in grads)

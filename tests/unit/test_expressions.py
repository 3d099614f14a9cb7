"""The expression space and its errors, with a tiny model of random weights."""

from fractions import Fraction

import numpy as np
import pytest

from mmfa_core import Animator
from mmfa_core.checkpoint import load_model, save_model
from mmfa_core.config import ExpressionDirection, ExpressionStats, from_dict, to_dict
from mmfa_core.errors import ConfigError, MismatchError, ResourceError
from mmfa_core.inference.codes import mix_codes, pad_weights, sample_code, steer_code
from mmfa_core.media import probe_clip
from tests.helpers import awake_model
from tests.tiny_model import STATS, TINY, save_tiny

SMILE = ExpressionDirection(name="smile", code=(1.0,) * 8, low=-0.5, high=1.0)
FULL = ExpressionStats(
    mean=(0.0,) * 8,
    std=(1.0,) * 8,
    covariance=tuple(tuple(float(i == j) for j in range(8)) for i in range(8)),
    directions=(SMILE,),
)
A, B = (0.0,) * 8, (1.0,) * 8


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m") / "tiny"
    save_model(folder, awake_model(), TINY, FULL)
    return Animator.from_pretrained(folder, threads=1)


@pytest.fixture(scope="module")
def portraits(animator, examples):
    return [animator.prepare(examples / f"london_{n}.jpg") for n in ("009_neutral", "034_smiling")]


def test_a_face_shown_with_its_own_expression_is_what_the_model_makes_of_it_unmoved(
    animator, portraits
):
    face = portraits[0]
    own = animator.show_expression(face, animator.expression_of(face))
    with animator.engine.computing():
        unmoved = animator.engine.render(face.source, face.source.motion)[0]
    assert np.abs(own.astype(int) - unmoved.astype(int)).mean() < 1  # half precision


def test_the_ends_of_a_mix_are_the_pictures_of_both_expressions(animator, portraits):
    a, b = portraits
    space = animator.expressions
    codes = [space.read(p) for p in portraits]
    shown = [space.show(a, space.mix(codes, w)) for w in ((1, 0), (0, 1), (1, 1))]
    assert (shown[0] == space.show(a, codes[0])).all()
    assert (shown[1] == space.show(a, codes[1])).all()
    assert (shown[2] != shown[0]).any()
    assert (space.show(b, codes[0]).shape) == (64, 64, 3)


def test_several_expressions_at_once_are_those_one_by_one(animator, portraits):
    codes = [A, B, animator.expression_of(portraits[1])] * 2
    together = animator.expressions.show_all(portraits[0], codes)
    for code, frame in zip(codes, together, strict=True):
        alone = animator.expressions.show(portraits[0], code)
        assert np.abs(frame.astype(int) - alone.astype(int)).max() <= 1


def test_an_expression_is_pasted_back_into_the_whole_portrait(animator, portraits):
    shown = animator.show_expression(portraits[0], B, paste_back=True)
    assert shown.shape == portraits[0].picture.shape


def test_a_sample_and_a_direction_use_the_model_s_statistics(animator):
    space = animator.expressions
    assert space.directions == (SMILE,)
    assert space.steer(A, {"smile": 0.5}) == (0.5,) * 8
    assert space.sample(A, tau=1, seed=3) == sample_code(A, FULL, 1, 3)


def test_a_model_without_covariance_samples_by_its_deviations():
    wide = np.array([sample_code(A, STATS, 1, seed) for seed in range(400)]).std(0)
    assert wide[:-1] == pytest.approx(np.ones(7), abs=0.2)
    assert wide[-1] == pytest.approx(2, abs=0.3)


def test_a_loop_is_a_clip_that_ends_where_it_began(animator, portraits, tmp_path):
    told = []
    made = animator.expressions.write_loop(
        portraits[0],
        A,
        B,
        tmp_path / "loop.mp4",
        frames=10,
        fps=Fraction(10),
        progress=lambda *step: told.append(step),
    )
    clip = probe_clip(made)
    assert (clip.frames, clip.fps, clip.width) == (10, 10, 64)
    assert told[-1] == ("render", 10, 10)
    with pytest.raises(ResourceError, match="already there"):
        animator.expressions.write_loop(portraits[0], A, B, made)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: mix_codes([A] * 5, [1] * 5), "5 expressions with 5 weights can't be mixed"),
        (lambda: mix_codes([A, B], [1]), "2 expressions with 1 weights can't be mixed"),
        (lambda: mix_codes([A, B], [0, 0]), "must not be negative, nor all 0"),
        (lambda: mix_codes([A, B], [-1, 2]), "must not be negative, nor all 0"),
        (lambda: mix_codes([A, B], [float("nan"), 1]), "must not be negative, nor all 0"),
        (lambda: mix_codes([A, B, A], [1, 1, 1], "slerp"), "can't be mixed by 'slerp'"),
        (lambda: mix_codes([A, B], [1, 1], "curved"), "can't be mixed by 'curved'"),
        (lambda: pad_weights(1.2, 0), r"\(1.2, 0\) is outside the pad"),
        (lambda: pad_weights(0, 0, 5), "5 faces don't fit the pad"),
        (lambda: sample_code(A, FULL, 3, 0), "tau is 3; allowed are 0 to 2"),
        (lambda: sample_code(A, FULL, 1, -1), "The seed is -1"),
        (lambda: steer_code(A, [SMILE], {"wink": 1}), "The model has no direction 'wink'"),
        (lambda: steer_code(A, [SMILE], {"smile": 2}), "smile is 2; allowed are -0.5 to 1"),
    ],
)
def test_what_can_t_be_done_is_told_in_a_sentence(call, sentence):
    with pytest.raises(ConfigError, match=sentence):
        call()


def test_a_code_of_another_model_is_told(animator, portraits):
    with pytest.raises(ConfigError, match="An expression of 3 numbers was given"):
        animator.show_expression(portraits[0], (0.0, 1.0, 2.0))


# ----------------------------------------------------------------------------- statistics


def test_statistics_round_trip_through_the_folder_of_a_model(tmp_path):
    save_model(tmp_path, awake_model(), TINY, FULL)
    assert load_model(tmp_path).expression == FULL
    assert from_dict(ExpressionStats, to_dict(FULL)) == FULL


def test_a_model_from_before_covariance_and_directions_still_loads(tmp_path):
    loaded = load_model(save_tiny(tmp_path)).expression
    assert (loaded.covariance, loaded.directions) == ((), ())
    old = {"mean": [0.0, 1.0], "std": [1.0, 1.0]}
    assert from_dict(ExpressionStats, old).directions == ()


def test_numbers_of_a_model_are_stored_on_one_line_each(tmp_path):
    save_model(tmp_path, awake_model(), TINY, FULL)
    lines = (tmp_path / "config.json").read_text().splitlines()
    assert max(len(line) for line in lines) < 200
    assert any('"mean": [0.0, 0.0' in line for line in lines)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"std": [1.0]}, "std has 1 numbers and mean 2"),
        ({"covariance": [[1.0, 0.0]]}, "covariance is not 2 x 2"),
        ({"covariance": [1.0, 0.0]}, "covariance is not 2 x 2"),
        ({"mean": [0.0, float("inf")]}, "every value must be a finite number"),
        ({"mean": [0.0, "1"]}, "every value must be a finite number"),
        ({"directions": [{"name": "x", "code": [1.0]}]}, "every direction needs 2 numbers"),
        ({"directions": [{"nam": "x"}]}, "unknown key 'nam'"),
        ({"directions": [3]}, "not a JSON object"),
        (
            {"directions": [{"name": "x", "code": [1.0, 1.0], "low": 0.1}]},
            "from low <= 0 to high > 0",
        ),
        (
            {"directions": [{"name": "x", "code": [1.0, 1.0]}] * 2},
            "names of directions must differ",
        ),
    ],
)
def test_statistics_that_can_t_be_used_are_told(change, sentence):
    values = {"mean": [0.0, 1.0], "std": [1.0, 1.0], **change}
    with pytest.raises(ConfigError, match=sentence):
        from_dict(ExpressionStats, values)


def test_a_model_folder_with_such_statistics_is_refused(tmp_path):
    with pytest.raises((ConfigError, MismatchError)):
        save_model(tmp_path, awake_model(), TINY, ExpressionStats(mean=(0.0,), std=(1.0,)))
        load_model(tmp_path)

"""Laws of the expression space: ends are exact, weights sum to one, seeds decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.inference.codes import (
    add_codes,
    loop_shares,
    mix_codes,
    pad_weights,
    sample_code,
    steer_code,
)

Z = 5
number = st.floats(-4, 4, allow_subnormal=False)
code = st.tuples(*[number] * Z)
share = st.floats(0, 1)
seed = st.integers(0, 2**31)
STATS = ExpressionStats(
    mean=(0.0,) * Z,
    std=(1.0,) * Z,
    covariance=tuple(tuple(1.0 if i == j else 0.5 for j in range(Z)) for i in range(Z)),
    directions=(
        ExpressionDirection(name="smile", code=(1.0, 0.0, 2.0, 0.0, 0.0), low=-0.5, high=1.0),
        ExpressionDirection(name="jaw_open", code=(0.0, 1.0, 0.0, 0.0, -1.0), low=0.0, high=1.0),
    ),
)


@given(st.lists(code, min_size=1, max_size=4), st.data())
def test_all_the_weight_on_one_face_is_exactly_that_face(codes, data):
    chosen = data.draw(st.integers(0, len(codes) - 1))
    weights = [0.0] * len(codes)
    weights[chosen] = data.draw(st.floats(0.1, 5))
    assert mix_codes(codes, weights) == codes[chosen]


@given(code, code, st.sampled_from(["linear", "slerp"]))
def test_both_ends_of_a_mix_are_exact(a, b, path):
    assert mix_codes((a, b), (1, 0), path) == a
    assert mix_codes((a, b), (0, 1), path) == b


@given(code, code, share, st.floats(0.01, 100))
def test_only_the_ratio_of_weights_counts(a, b, s, factor):
    once, scaled = mix_codes((a, b), (1 - s, s)), mix_codes((a, b), ((1 - s) * factor, s * factor))
    assert scaled == pytest.approx(once, abs=1e-9)


@given(st.lists(code, min_size=1, max_size=4), st.data())
def test_a_mix_lies_between_the_faces(codes, data):
    weights = data.draw(st.lists(st.floats(0.01, 1), min_size=len(codes), max_size=len(codes)))
    mixed = np.array(mix_codes(codes, weights))
    assert (mixed <= np.max(codes, 0) + 1e-9).all()
    assert (mixed >= np.min(codes, 0) - 1e-9).all()


@given(code, code, share)
def test_a_round_way_changes_the_length_linearly(a, b, s):
    lengths = [math.hypot(*c) for c in (a, b)]
    between = math.acos(max(-1, min(1, np.dot(a, b) / max(lengths[0] * lengths[1], 1e-9))))
    mixed = mix_codes((a, b), (1 - s, s), "slerp")
    if min(lengths) > 0.1 and 0.1 < between < 3:
        wanted = (1 - s) * lengths[0] + s * lengths[1]
        assert math.hypot(*mixed) == pytest.approx(wanted, abs=1e-6)


@given(share, share, st.integers(1, 4))
def test_weights_of_the_pad_are_never_negative_and_sum_to_one(x, y, faces):
    weights = pad_weights(x, y, faces)
    assert len(weights) == faces
    assert min(weights) >= 0
    assert math.fsum(weights) == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [(0, 0, 0), (1, 0, 1), (0, 1, 2), (1, 1, 3)],
    ids=["top left", "top right", "bottom left", "bottom right"],
)
def test_each_corner_of_the_pad_is_one_face(x, y, wanted):
    assert pad_weights(x, y) == tuple(float(i == wanted) for i in range(4))


@given(share)
def test_a_third_face_alone_has_the_whole_bottom_of_the_pad(x):
    assert pad_weights(x, 1, 3) == (0, 0, pytest.approx(1))


@given(code, seed)
def test_a_sample_with_no_spread_is_the_face_itself(m, s):
    assert sample_code(m, STATS, 0, s) == m


@given(code, seed, st.floats(0.01, 2))
def test_the_same_seed_gives_the_same_sample_and_another_another(m, s, tau):
    assert sample_code(m, STATS, tau, s) == sample_code(m, STATS, tau, s)
    assert sample_code(m, STATS, tau, s) != sample_code(m, STATS, tau, s + 1)


@given(code, code, code)
def test_no_gain_leaves_the_face_as_it_is(c, a, b):
    assert add_codes(c, a, b, 0) == c


@given(code, code, st.floats(-2, 2))
def test_a_face_less_itself_adds_nothing(c, a, gain):
    assert add_codes(c, a, a, gain) == c


@given(code, code)
def test_the_difference_of_two_faces_leads_from_one_to_the_other(a, b):
    assert add_codes(b, a, b, 1) == pytest.approx(a, abs=1e-12)


@given(code)
def test_directions_at_zero_change_nothing(c):
    assert steer_code(c, STATS.directions, {"smile": 0.0, "jaw_open": 0.0}) == c


@given(code, st.floats(-0.5, 1), st.floats(0, 1))
def test_the_order_of_directions_does_not_matter(c, smile, jaw):
    one = steer_code(c, STATS.directions, {"smile": smile, "jaw_open": jaw})
    other = steer_code(c, STATS.directions, {"jaw_open": jaw, "smile": smile})
    assert one == pytest.approx(other)


@given(st.integers(2, 200))
def test_a_loop_starts_at_one_end_stays_between_and_joins_up(frames):
    shares = loop_shares(frames)
    assert len(shares) == frames
    assert shares[0] == 0
    assert all(0 <= s <= 1 for s in shares)
    assert abs(shares[-1] - shares[0]) == pytest.approx(abs(shares[1] - shares[0]))


def test_samples_spread_as_the_covariance_says():
    drawn = np.array([sample_code((0.0,) * Z, STATS, 1.0, s) for s in range(3000)])
    assert np.abs(np.cov(drawn.T) - np.array(STATS.covariance)).max() < 0.12

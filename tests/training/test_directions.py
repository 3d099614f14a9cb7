"""Directions are found by regression and kept by measurement, never by their name."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmfa_core.face import BLENDSHAPE_NAMES
from mmfa_core.training.corpus import Clip
from mmfa_core.training.direction_fit import CANDIDATES, GUARDS, fit_directions
from mmfa_core.training.direction_trials import judge_direction
from mmfa_core.training.directions import measure_expressions
from tests.helpers import awake_model

TRIED = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
NOTHING = np.zeros(len(TRIED))


class Labels(SimpleNamespace):
    """Hold what is read of a corpus."""

    def __len__(self):
        return len(self.blendshapes)


def corpus_of(code, clips=20):
    """Stand in for a corpus whose blendshapes are linear in the code: jaw and smile."""
    count = len(code)
    shapes = np.full((count, 52), 0.2, np.float32)
    shapes[:, BLENDSHAPE_NAMES.index("jawOpen")] += 0.05 * code[:, 0]
    for side in ("Left", "Right"):
        shapes[:, BLENDSHAPE_NAMES.index(f"mouthSmile{side}")] += 0.05 * (
            code[:, 1] + 0.5 * code[:, 0]
        )
    size = count // clips
    return Labels(
        blendshapes=shapes,
        pose_deg=np.random.default_rng(1).normal(0, 5, (count, 3)).astype(np.float32),
        clips=[Clip(str(i), str(i), "video", "A", i * size, size) for i in range(clips)],
        clip_of=np.repeat(np.arange(clips), size),
    )


def test_a_direction_raises_its_own_and_leaves_the_guards_alone():
    code = np.random.default_rng(0).normal(0, 1, (2000, 6))
    corpus = corpus_of(code)
    fit = fit_directions(corpus, np.arange(2000), code, np.eye(6))
    names = [c.name for c in CANDIDATES]
    jaw, smile = (fit.codes[names.index(n)] for n in ("jaw_open", "smile"))
    assert jaw[0] > 1
    assert 0.5 * jaw[0] + jaw[1] == pytest.approx(0, abs=0.15 * jaw[0])  # the smile stays
    assert smile[1] > 1
    assert abs(smile[0]) < 0.15 * smile[1]  # the jaw stays
    assert set(GUARDS) <= set(names)


@pytest.mark.parametrize(
    ("curve", "most", "wanted"),
    [
        (0.2 * TRIED, NOTHING, 2.0),  # follows to the end
        (np.minimum(0.2 * TRIED, 0.2), NOTHING, 1.0),  # stops growing half-way
        (0.2 * TRIED * (TRIED <= 1), NOTHING, 1.0),  # falls back
        (0.001 * TRIED, NOTHING, None),  # does nothing
        (-0.2 * TRIED, NOTHING, None),  # does the opposite
        (0.2 * TRIED, 20 * TRIED, None),  # something else moves far more
    ],
    ids=["follows", "ends half-way", "falls back", "nothing", "opposite", "another moves"],
)
def test_a_direction_is_kept_as_far_as_the_picture_follows(curve, most, wanted):
    noise = np.random.default_rng(0).normal(0, 1e-4, (5, len(TRIED)))
    own = np.abs(curve) / 0.1
    found = judge_direction(TRIED, curve + noise, 0.1, np.maximum(most, own))
    assert found == wanted


def test_a_direction_ends_where_faces_are_lost():
    measured = np.tile(0.2 * TRIED, (4, 1))
    measured[:3, 3:] = np.nan
    assert judge_direction(TRIED, measured, 0.1, NOTHING) == 1.0


def test_no_portrait_with_a_face_means_no_direction():
    assert judge_direction(TRIED, np.full((4, 5), np.nan), 0.1, NOTHING) is None


def test_a_corpus_too_small_for_directions_still_has_a_spread():
    model = awake_model().eval()
    rng = np.random.default_rng(0)
    corpus = corpus_of(rng.normal(0, 1, (10, 6)), clips=5)
    pictures = rng.integers(0, 255, (10, 64, 64, 3), np.uint8)
    corpus.picture = lambda row: pictures[row]
    stats = measure_expressions(model, corpus)
    assert len(stats.mean) == len(stats.std) == len(stats.covariance) == 8
    assert stats.directions == ()
    assert np.sqrt(np.diag(np.array(stats.covariance))) == pytest.approx(stats.std, abs=2e-3)

"""Sheets of results: who may be shown, and that the worst stands at the foot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmfa_core.evaluation.heldout import read_heldout
from mmfa_core.evaluation.measure import Measured, measure_faces
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.showcase import (
    CELL_PX,
    Row,
    Stage,
    draw_sheet,
    edit_rows,
    mix_rows,
    read_moments,
    same_rows,
)
from tests.helpers import awake_model
from tests.synthetic import Entry, write_corpus

ROOT = Path(__file__).resolve().parents[2]


PEOPLE = (
    Entry("pair_x", "xenia", "pair", "A", "val", "val", 2),
    Entry("pair_v", "vera", "pair", "A", "val", "val", 2),
    Entry("still_y", "yann", "still", "A", "val", "val", 1),
    Entry("still_z", "zoe", "still", "C", "val", "val", 1),
    Entry("pair_w", "wim", "pair", "B", "val", "val", 2),
)


def see_nothing(frames: np.ndarray) -> Measured:
    return measure_faces(lambda frame: None, frames)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, side=256, entries=PEOPLE)
    return Stage(Renderer(awake_model()), read_heldout(folder, "val"), see_nothing)


def test_nobody_is_shown_whose_licence_does_not_allow_it(stage: Stage):
    assert [clip.identity for clip in stage.people] == ["xenia", "vera", "yann"]
    shown = {row.name for kind in (same_rows, edit_rows, mix_rows) for row in kind(stage)}
    assert shown == {"pair_x", "pair_v", "still_y"}


def test_a_copy_of_the_source_has_the_error_of_the_copy(stage: Stage, monkeypatch):
    sources = []

    def remember(self: Renderer, frame: np.ndarray) -> None:
        sources.append(frame)

    monkeypatch.setattr(Renderer, "encode_source", remember)
    monkeypatch.setattr(Renderer, "render_frames", lambda *_: np.stack(sources[-1:]))
    assert [row.figure for row in same_rows(stage)] == [1.0] * 4


def test_a_pair_is_shown_both_ways(stage: Stage):
    rows = list(same_rows(stage))
    assert [row.name for row in rows] == ["pair_x", "pair_x", "pair_v", "pair_v"]
    for row, back in (rows[:2], rows[2:]):
        assert np.array_equal(row.given[0], back.given[1])
        assert row.figure > 0


def test_a_turn_that_the_landmarker_cannot_see_counts_as_quite_wrong(stage: Stage):
    assert {row.figure for row in edit_rows(stage)} == {90.0}


def test_an_expression_is_mixed_on_somebody_else(stage: Stage):
    for row in mix_rows(stage):
        face, *ends = row.given
        assert not any(np.array_equal(face, end) for end in ends)
        assert len(row.made) == 5


def test_moments_of_a_clip_are_spread_over_it_and_cut_to_the_face():
    frames = read_moments(ROOT / "examples" / "driving_turn.mp4")
    assert 20 <= len(frames) <= 24 and frames.shape[1:] == (256, 256, 3)
    assert np.abs(frames[0].astype(int) - frames[12]).mean() > 5


def test_a_sheet_badges_what_is_made_and_leaves_what_was_given_alone():
    grey = np.full((256, 256, 3), 128, np.uint8)
    sheet = np.asarray(draw_sheet([Row("one", 0.0, [grey], [grey]), Row("two", 0.5, [grey], [])]))
    assert sheet.shape == (2 * CELL_PX, 2 * CELL_PX, 3)
    given, made = sheet[30:CELL_PX, :CELL_PX], sheet[30:CELL_PX, CELL_PX:]  # below the number
    assert (given == 128).all()
    assert (made != 128).any()
    assert (sheet[CELL_PX:, CELL_PX:] == 255).all()

"""The motions that ship with the page: of the shipped model, small, made by one command."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mmfa_core import Animator, MMFAError, load_motion
from mmfa_core.cli import gallery
from mmfa_core.cli.gallery import COMPOSED, FROM_CLIPS, make_gallery
from mmfa_core.inference.compose import compose_motion
from mmfa_core.model_files import HASH_LETTERS, HASHES, WEIGHTS
from tests.tiny_model import save_tiny

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "motions"
NAMES = sorted([*COMPOSED, *FROM_CLIPS])
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture(scope="module")
def shipped():
    return Animator.from_pretrained(device="cpu", dtype="float32", threads=1)


def test_the_gallery_has_every_motion_and_nothing_else():
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES
    assert {path.suffix for path in FOLDER.iterdir()} == {".safetensors"}


@pytest.mark.parametrize("name", NAMES)
def test_a_motion_of_the_gallery_is_of_the_shipped_model(name):
    hashes = json.loads((ROOT / "checkpoints" / "mmfa-s-256" / HASHES).read_text("utf-8"))
    found = load_motion(FOLDER / f"{name}.safetensors")
    assert found.model_hash == hashes[WEIGHTS][:HASH_LETTERS], "run scripts/make_motions"


def test_the_gallery_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_the_licence_of_every_motion_is_told(name):
    table = (ROOT / "examples" / "LICENSES.md").read_text(encoding="utf-8")
    assert f"`{name}`" in table


@pytest.mark.parametrize("name", sorted(COMPOSED))
def test_a_composed_motion_is_what_the_command_makes_today(shipped, name):
    kept = load_motion(FOLDER / f"{name}.safetensors").frames
    fresh = compose_motion(shipped.engine, COMPOSED[name]).frames
    for part in ("rotation", "translation", "scale", "expression_code"):
        np.testing.assert_allclose(getattr(kept, part), getattr(fresh, part), atol=1e-4)


@pytest.mark.parametrize("name", sorted(COMPOSED))
def test_a_composed_motion_moves_and_begins_and_ends_neutral(name):
    frames = load_motion(FOLDER / f"{name}.safetensors").frames
    moved = np.concatenate([frames.rotation.reshape(len(frames), -1), frames.expression_code], 1)
    assert np.ptp(moved, 0).max() > 0.05
    np.testing.assert_allclose(frames.rotation[0], np.eye(3), atol=1e-6)
    assert np.abs(moved[-1] - moved[0]).max() < 0.1 * np.ptp(moved, 0).max()


def test_the_gallery_is_made_anew_and_what_is_old_goes(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "COMPOSED", {"nod": ((0.0, {}), (0.4, {"pitch_deg": 9}))})
    monkeypatch.setattr(gallery, "FROM_CLIPS", {"turn-aside": ("driving_turn.mp4", 1.5)})
    (tmp_path / "gone.safetensors").write_bytes(b"old")
    made = make_gallery(tiny, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "nod.safetensors", "turn-aside.safetensors",
    ]  # fmt: skip
    first = [path.read_bytes() for path in made]
    assert [path.read_bytes() for path in make_gallery(tiny, tmp_path)] == first


@pytest.mark.parametrize(
    "beats", [[], [(0.0, {})], [(0.1, {}), (1.0, {})], [(0.0, {}), (1.0, {}), (1.0, {})]]
)
def test_beats_whose_times_do_not_rise_from_0_get_a_sentence(tiny, beats):
    with pytest.raises(MMFAError, match="don't rise from 0"):
        compose_motion(tiny.engine, beats)


def test_a_direction_that_the_model_lacks_gets_a_sentence(tiny):
    with pytest.raises(MMFAError, match="no direction 'smile'"):
        compose_motion(tiny.engine, [(0.0, {}), (1.0, {"smile": 1.0})])


def test_a_composed_head_is_where_its_beats_say(tiny):
    beats = [(0.0, {}), (1.0, {"roll_deg": 10, "scale": 1.2, "tx": 0.1}), (2.0, {})]
    track = compose_motion(tiny.engine, beats, Fraction(10))
    assert len(track) == 20
    turned = track.frames.rotation[10]
    assert np.degrees(np.arccos((np.trace(turned) - 1) / 2)) == pytest.approx(10, abs=1e-3)
    assert track.frames.scale[10, 0] == pytest.approx(1.2)
    np.testing.assert_allclose(track.frames.translation[10], [0.1, 0], atol=1e-6)


def test_an_amount_beyond_the_measured_range_ends_at_it(shipped):
    high = {d.name: d.high for d in shipped.expressions.directions}["smile"]
    codes = [
        compose_motion(shipped.engine, [(0.0, {}), (1.0, {"smile": amount}), (2.0, {})])
        .frames.expression_code[25]
        for amount in (high, 9.0)
    ]  # fmt: skip
    np.testing.assert_array_equal(*codes)

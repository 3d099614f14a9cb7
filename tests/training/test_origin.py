"""A run goes on with the data that it was begun with, or says why not."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest
import torch

from mmfa_core.errors import MismatchError
from mmfa_core.training import run
from mmfa_core.training.origin import claim_folder, usual_folder
from mmfa_core.training.state import save_state
from tests.training.runs import tiny_settings


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Give the folder of a run and two data folders."""
    found = tuple(tmp_path / name for name in ("run", "first", "second"))
    for place in found:
        place.mkdir()
    return found  # type: ignore[return-value]


def test_a_run_is_refused_with_other_data_and_goes_on_with_its_own(places):
    folder, first, second = places
    claim_folder(folder, first)
    save_state(folder, {"step": 1})
    claim_folder(folder, first.parent / "run" / ".." / "first")
    with pytest.raises(MismatchError) as caught:
        claim_folder(folder, second)
    assert caught.value.message == (
        "The training in run was begun with another data folder than second."
    )
    assert "delete data.json in run" in caught.value.hint
    (folder / "data.json").unlink()
    claim_folder(folder, second)


def test_a_state_without_a_note_goes_on_and_gets_one(places):
    folder, first, second = places
    save_state(folder, {"step": 1})
    claim_folder(folder, first)
    with pytest.raises(MismatchError):
        claim_folder(folder, second)


def test_a_run_that_kept_nothing_may_begin_anew_with_other_data(places):
    folder, first, second = places
    claim_folder(folder, first)
    claim_folder(folder, second)


def test_only_one_process_writes_and_what_is_written_holds_no_path(places):
    folder, first, _ = places
    claim_folder(folder, first, write=False)
    assert not list(folder.iterdir())
    claim_folder(folder, first)
    assert list(json.loads((folder / "data.json").read_text())) == ["data"]
    assert first.name not in (folder / "data.json").read_text()


def test_each_data_folder_has_a_run_of_its_own(places, monkeypatch):
    cache, first, second = places
    one, other = (usual_folder(cache, "tiny", data) for data in (first, second))
    assert one != other
    assert one.parent == other.parent == cache
    monkeypatch.chdir(first)
    assert usual_folder(cache, "tiny", Path(os.curdir)) == one


def test_the_command_keeps_runs_apart_and_tells_of_an_older_one(places, monkeypatch):
    cache, first, second = places
    settings = tiny_settings()
    began: list[Path] = []
    monkeypatch.setattr(run, "CACHE", cache)
    monkeypatch.setattr(run, "read_settings", lambda name: settings)
    monkeypatch.setattr(run, "train_model", lambda s, output, *a, **k: began.append(output) or {})
    older = cache / settings.model.name
    older.mkdir()
    save_state(older, {"step": 1})
    told: list[dict] = []
    for data in (first, second, first):
        asked = argparse.Namespace(config=None, data=str(data), output=None, device="cpu")
        run.train_command(asked, told.append)
    assert began[0] == began[2] != began[1]
    assert older not in began
    assert f"--output ~/.cache/mmfa/{older.name} resumes it" in told[0]["note"]


def test_a_training_is_refused_before_anything_is_read(places, corpus_folder):
    folder, first, _ = places
    claim_folder(folder, first)
    save_state(folder, {"step": 1})
    settings = tiny_settings(data=str(corpus_folder))
    with pytest.raises(MismatchError, match="begun with another data folder"):
        run.train_model(settings, folder, lambda _: None, device=torch.device("cpu"))

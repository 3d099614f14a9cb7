"""The state on disk survives a kill between any two file operations, and damage is told."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from mmfa_core.errors import MismatchError, ResourceError
from mmfa_core.training import state
from mmfa_core.training.state import PREVIOUS_NAME, STATE_NAME, load_state, save_state


class Killed(BaseException):
    """Stands for a SIGKILL: nothing catches it."""


def test_a_folder_without_a_state_has_none(tmp_path: Path):
    assert load_state(tmp_path) is None


def test_a_state_comes_back_as_it_was(tmp_path: Path):
    values = {"step": 3, "seconds": 1.5, "name": "x", "model": {"w": torch.randn(4)}}
    save_state(tmp_path, values)
    found = load_state(tmp_path)
    assert found is not None
    assert torch.equal(found["model"]["w"], values["model"]["w"])
    assert (found["step"], found["seconds"], found["name"]) == (3, 1.5, "x")


def test_the_state_before_is_kept_and_no_third_file(tmp_path: Path):
    for step in range(3):
        save_state(tmp_path, {"step": step})
    assert load_state(tmp_path)["step"] == 2
    (tmp_path / STATE_NAME).unlink()
    assert load_state(tmp_path)["step"] == 1
    assert {p.name for p in tmp_path.iterdir()} == {PREVIOUS_NAME}


@pytest.mark.parametrize("operation", range(5))
def test_a_kill_before_any_file_operation_leaves_the_new_state_or_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: int
):
    save_state(tmp_path, {"step": 0})
    save_state(tmp_path, {"step": 1})
    left = [operation]

    def dying(real):
        def run(*args, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*args, **kwargs)

        return run

    monkeypatch.setattr(state.torch, "save", dying(torch.save))
    monkeypatch.setattr(state.os, "fsync", dying(os.fsync))
    monkeypatch.setattr(Path, "replace", dying(Path.replace))
    if operation < 4:
        with pytest.raises(Killed):
            save_state(tmp_path, {"step": 2})
    else:
        save_state(tmp_path, {"step": 2})
    found = load_state(tmp_path)
    assert found is not None
    assert found["step"] == (2 if operation == 4 else 1)


def test_a_half_written_file_of_a_killed_save_is_ignored(tmp_path: Path):
    save_state(tmp_path, {"step": 1})
    (tmp_path / f"{STATE_NAME}.new").write_bytes(b"half")
    assert load_state(tmp_path)["step"] == 1
    save_state(tmp_path, {"step": 2})
    assert load_state(tmp_path)["step"] == 2


class Evil:
    """A pickle that would run code."""

    def __reduce__(self):
        return (os.system, ("true",))


def damaged_files(good: bytes) -> dict[str, bytes]:
    half = len(good) // 2
    return {
        "empty": b"",
        "text": b"hello, this is no state",
        "first half": good[:half],
        "without the end": good[:-20],
        "spoilt": good[:100] + bytes(200) + good[300:],
        "one bit": good[:half] + bytes([good[half] ^ 1]) + good[half + 1 :],
        "a pickle": pickle.dumps({"version": 1}),
        "a pickle that runs code": pickle.dumps(Evil()),
        "zip without content": b"PK\x05\x06" + bytes(18),
    }


@pytest.mark.parametrize("kind", list(damaged_files(bytes(300))))
def test_a_damaged_state_is_told_with_what_to_do(tmp_path: Path, kind: str):
    save_state(tmp_path, {"step": 1, "w": torch.randn(1000)})
    path = tmp_path / STATE_NAME
    path.write_bytes(damaged_files(path.read_bytes())[kind])
    with pytest.raises(MismatchError) as caught:
        load_state(tmp_path)
    assert caught.value.message == f"The training state {STATE_NAME} is damaged."
    assert PREVIOUS_NAME in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


def test_something_that_is_no_dictionary_is_a_damaged_state(tmp_path: Path):
    torch.save([1, 2], tmp_path / STATE_NAME)
    with pytest.raises(MismatchError, match="is damaged"):
        load_state(tmp_path)


def test_a_state_of_another_version_is_told_with_both(tmp_path: Path):
    torch.save({"version": 99}, tmp_path / STATE_NAME)
    with pytest.raises(MismatchError) as caught:
        load_state(tmp_path)
    assert caught.value.message == ("The training state is of version 99; this program reads 1.")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write")])
def test_a_disk_that_refuses_is_told_and_the_last_state_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    save_state(tmp_path, {"step": 1})

    def refuse(*_args: object) -> None:
        raise error

    monkeypatch.setattr(state.torch, "save", refuse)
    with pytest.raises(ResourceError) as caught:
        save_state(tmp_path, {"step": 2})
    assert caught.value.message == "The training state can't be written."
    assert load_state(tmp_path)["step"] == 1
    assert not (tmp_path / f"{STATE_NAME}.new").exists()

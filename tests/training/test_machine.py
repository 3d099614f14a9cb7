"""How a run shares a machine: threads by the load of others, room on disk."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from mmfa_core.errors import ResourceError
from mmfa_core.training import machine
from mmfa_core.training.machine import ThreadTuner, keep_memory, require_room

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def threads_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def free(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, megabytes * 2**20))


def test_a_nearly_full_disk_is_refused_with_both_numbers(tmp_path: Path, monkeypatch):
    free(monkeypatch, 41)
    with pytest.raises(ResourceError) as caught:
        require_room(tmp_path, 500)
    assert caught.value.message == (
        "Only 41 MB are free where the training state goes; 500 MB are needed."
    )
    assert caught.value.hint == "Free some space; the run resumes from its last state."


def test_a_disk_with_just_enough_room_is_accepted(tmp_path: Path, monkeypatch):
    free(monkeypatch, 500)
    require_room(tmp_path, 500)


@pytest.mark.parametrize(
    ("cores", "others", "threads"),
    [
        (2, 0.0, 2),  # the machine is ours
        (2, 0.3, 2),
        (2, 1.0, 1),  # in company
        (4, 0.9, 1),
        (16, 3.0, 16),  # a large machine has room for both
        (1, 0.0, 1),
    ],
)
def test_threads_follow_the_load_of_other_processes(monkeypatch, cores, others, threads):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: cores)
    readings = iter([(0.0, 0.0, 0.0), (10.0, 10.0 * (1.0 + others), 10.0)])
    monkeypatch.setattr(ThreadTuner, "_read", staticmethod(lambda: next(readings)))
    tuner = ThreadTuner()
    assert torch.get_num_threads() == cores
    assert tuner.update() == threads
    assert torch.get_num_threads() == threads


def test_threads_stay_until_some_seconds_have_passed(monkeypatch):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    readings = iter([(0.0, 0.0, 0.0), (1.0, 9.0, 0.0)])
    monkeypatch.setattr(ThreadTuner, "_read", staticmethod(lambda: next(readings)))
    assert ThreadTuner().update() == 2


def test_a_machine_that_tells_no_load_keeps_all_cores(monkeypatch):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ThreadTuner, "_read", staticmethod(lambda: None))
    tuner = ThreadTuner()
    assert tuner.update() == 2


def test_the_load_is_read_in_growing_seconds():
    one, other = ThreadTuner._read(), ThreadTuner._read()
    if one is None or other is None:
        pytest.skip("this system has no /proc/stat")
    assert all(a <= b for a, b in zip(one, other, strict=True))


def test_keeping_memory_never_fails():
    assert keep_memory() is None

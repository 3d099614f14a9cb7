"""Trainings in processes of their own: killed between two steps, and two that train together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmfa_core.training.hard_cases import CLIPS_NAME, read_clip_errors
from mmfa_core.training.state import load_state
from tests.training.runs import differences, everything, make_trainer

WORKER = Path(__file__).with_name("worker.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(WORKER.parents[2])}


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", [1, 6])  # the state is written after every step
def test_a_run_that_is_killed_goes_on_as_if_nothing_had_happened(
    corpus_folder: Path, tmp_path: Path, killed_at: int
):
    broken = tmp_path / "broken"
    command = [sys.executable, str(WORKER), str(corpus_folder), str(broken), str(killed_at)]
    killed = subprocess.run(command, env=ENVIRONMENT, check=False)
    assert killed.returncode == -signal.SIGKILL
    state = load_state(broken)
    assert state is not None
    assert state["step"] == killed_at
    resumed = make_trainer(corpus_folder, broken)
    assert resumed.resume()
    resumed.run(lambda line: None)
    whole = make_trainer(corpus_folder, tmp_path / "whole")
    for _ in range(8):
        whole.one_step()
    assert differences(everything(whole), everything(resumed)) == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _train_together(*arguments: str) -> None:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--master-addr", "127.0.0.1", "--master-port", str(_free_port())),
        *(str(WORKER), *arguments),
    ]
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def together(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train with two processes, once; the folder has the state and all numbers of each rank."""
    folder = tmp_path_factory.mktemp("together")
    _train_together(str(corpus_folder), str(folder))
    return folder


def _numbers(folder: Path, rank: int, *parts: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder / f"rank{rank}.pt", weights_only=True)
    return {name: v for name, v in found.items() if name.split("/")[0] in parts}


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        ("step", "model", "averaged", "optimiser", "clip_errors"),
        ("discriminator", "critic_optimiser"),
    ],
)
def test_two_processes_that_train_together_end_with_the_same_numbers(together: Path, parts):
    one, other = (_numbers(together, rank, *parts) for rank in (0, 1))
    assert len(one) > 10
    assert differences(one, other) == []


@pytest.mark.slow
def test_two_processes_learn_from_other_batches_than_one_does(
    together: Path, corpus_folder: Path, tmp_path: Path
):
    alone = make_trainer(corpus_folder, tmp_path)
    alone.one_step()
    first = {n: v for n, v in everything(alone).items() if n.startswith("model/")}
    assert differences(first, _numbers(together, 0, "model"))
    assert int(_numbers(together, 0, "step")["step"]) == 8


@pytest.mark.slow
def test_the_first_of_two_processes_writes_the_state_for_a_resume(
    together: Path, corpus_folder: Path
):
    again = make_trainer(corpus_folder, together)
    assert again.resume()
    mine = {n: v for n, v in everything(again).items() if n.startswith(("model/", "averaged/"))}
    assert differences(mine, _numbers(together, 0, "model", "averaged")) == []


@pytest.mark.slow
def test_when_one_of_two_processes_is_asked_to_stop_both_do(corpus_folder: Path, tmp_path: Path):
    _train_together(str(corpus_folder), str(tmp_path), "3")
    state = load_state(tmp_path)
    assert state is not None
    assert state["step"] == 3


@pytest.mark.slow
def test_the_log_of_clips_holds_the_pairs_of_both_processes(together: Path):
    sums = torch.stack(list(_numbers(together, 0, "clip_errors").values()))
    assert sums[:, 1].sum() == 16  # four steps after warm-up, of two pairs each, by two
    log = read_clip_errors(str(together / CLIPS_NAME))
    assert sum(clip.pairs for clip in log.values()) == 16

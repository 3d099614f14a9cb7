"""A batch on a real cluster of two nodes, one of which is killed while it works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil
import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from ray.cluster_utils import Cluster

from mmfa_core.media import ClipWriter, probe_clip, read_clip
from tests.tiny_model import save_tiny

ROOT = Path(__file__).resolve().parents[2]
STORE_BYTES = 80 * 2**20  # the smallest object store that Ray takes
PORTRAIT = "london_009_neutral"
FRAMES = (240, 6, 6, 6, 6)  # of each clip; the first takes longer than all others together
NAMES = tuple(f"{PORTRAIT}__c{number}.mp4" for number in range(len(FRAMES)))

pytestmark = pytest.mark.slow


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A portrait, a long clip, four short ones and a tiny model."""
    for folder in ("s", "d"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "examples" / f"{PORTRAIT}.jpg", tmp_path / "s")
    frames = list(read_clip(ROOT / "examples" / "driving_turn.mp4"))
    size = frames[0].shape[1], frames[0].shape[0]
    for number, count in enumerate(FRAMES):
        with ClipWriter(tmp_path / "d" / f"c{number}.mp4", *size, Fraction(12)) as writer:
            for index in range(count):
                writer.write(frames[(4 * number + index) % len(frames)])
    save_tiny(tmp_path / "model")
    return tmp_path


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head that makes nothing, and two nodes that make one cell at a time each."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for workers, which start elsewhere
    nodes = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "object_store_memory": STORE_BYTES,
            "include_dashboard": False,
        },
    )
    try:
        for _ in range(2):
            nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        yield nodes
    finally:
        nodes.shutdown()


class Ledger:
    """Read the ledger of a batch that may still be writing it."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / "ledger.jsonl").read_text().splitlines()
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def names(self, event: str) -> Counter[str]:
        return Counter(line["output"] for line in self.of(event))

    def workers(self) -> list[int]:
        """List the processes that results came from, in order."""
        return [int(line["worker"].split("/")[1]) for line in self.of("published")]


def kill_other_node(cluster: Cluster, worker: int) -> None:
    """Kill the one of two nodes that a process does not work on."""
    mine = psutil.Process(worker).ppid()
    other = next(n for n in cluster.worker_nodes if raylet_of(n) != mine)
    cluster.remove_node(other, allow_graceful=False)


def raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def test_a_node_that_dies_costs_what_it_was_making_and_nothing_is_made_twice(
    grid: Path, cluster: Cluster
) -> None:
    folders = {"sources": "s", "drivings": "d", "output": "o", "model": "model"}
    where = [f"--{name}={grid / folder}" for name, folder in folders.items()]
    command = [sys.executable, "-m", "mmfa_core", "batch", *where, "--json-progress", "--ray"]
    dead = False
    with subprocess.Popen(
        [*command, cluster.address], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as batch:
        assert batch.stdout is not None
        for line in batch.stdout:  # one each time that a cell ends
            last = json.loads(line)
            done = Ledger(grid / "o").workers()
            if done and not dead:  # the long clip is still being made, on the other node
                (alive,) = set(done)
                kill_other_node(cluster, alive)
                dead = True
    assert batch.returncode == 0
    assert dead

    ledger = Ledger(grid / "o")
    begun, lost, published = (ledger.names(event) for event in ("begun", "lost", "published"))
    assert published == Counter(dict.fromkeys(NAMES, 1))  # none lost, none twice
    assert [probe_clip(grid / "o" / name).frames for name in NAMES] == list(FRAMES)
    assert last["made"] == len(NAMES)
    assert lost == Counter([NAMES[0]])  # what the dead node was making
    assert begun == published + lost  # and only that was begun again
    second = next(line for line in ledger.of("published") if line["output"] in lost)
    assert second["attempt"] == 2
    assert int(second["worker"].split("/")[1]) == alive

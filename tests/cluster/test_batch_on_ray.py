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
PORTRAITS = ("london_009_neutral.jpg", "london_034_neutral.jpg", "london_101_neutral.jpg")
CLIPS, FRAMES = 4, 6

pytestmark = pytest.mark.slow


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Three portraits, four short clips and a tiny model."""
    for folder in ("s", "d"):
        (tmp_path / folder).mkdir()
    for name in PORTRAITS:
        shutil.copy(ROOT / "examples" / name, tmp_path / "s")
    frames = list(read_clip(ROOT / "examples" / "driving_turn.mp4"))
    for number in range(CLIPS):
        part = frames[4 * number : 4 * number + FRAMES]
        size = part[0].shape[1], part[0].shape[0]
        with ClipWriter(tmp_path / "d" / f"c{number}.mp4", *size, Fraction(12)) as writer:
            for frame in part:
                writer.write(frame)
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


def kill_the_busy_node(cluster: Cluster, workers: list[int]) -> int:
    """Kill the node that didn't end a cell just now, so that it is making one.

    Args:
        cluster: of two nodes.
        workers: processes that results came from, one on each node at least.

    Returns:
        The process that made cells on it.
    """
    *_, idle = workers
    busy = next(worker for worker in workers if worker != idle)
    raylet = psutil.Process(busy).ppid()
    node = next(n for n in cluster.worker_nodes if raylet_of(n) == raylet)
    cluster.remove_node(node, allow_graceful=False)
    return busy


def raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def test_a_node_that_dies_costs_what_it_was_making_and_nothing_is_made_twice(
    grid: Path, cluster: Cluster
) -> None:
    folders = {"sources": "s", "drivings": "d", "output": "o", "model": "model"}
    where = [f"--{name}={grid / folder}" for name, folder in folders.items()]
    command = [sys.executable, "-m", "mmfa_core", "batch", *where, "--json-progress", "--ray"]
    dead = None
    with subprocess.Popen(
        [*command, cluster.address], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as batch:
        assert batch.stdout is not None
        for line in batch.stdout:  # one each time that a cell ends
            last = json.loads(line)
            workers = Ledger(grid / "o").workers()
            if dead is None and len(set(workers)) == 2:
                dead = kill_the_busy_node(cluster, workers)
    assert batch.returncode == 0
    assert dead is not None

    names = {f"{Path(p).stem}__c{n}.mp4" for p in PORTRAITS for n in range(CLIPS)}
    ledger = Ledger(grid / "o")
    begun, lost, published = (ledger.names(event) for event in ("begun", "lost", "published"))
    assert published == Counter(dict.fromkeys(names, 1))  # none lost, none twice
    assert all(probe_clip(grid / "o" / name).frames == FRAMES for name in names)
    assert last["made"] == len(names)
    assert lost.total() == 1  # what the dead node was making
    assert begun == published + lost  # and only that was begun again
    second = next(line for line in ledger.of("published") if line["output"] in lost)
    assert second["attempt"] == 2
    assert int(second["worker"].split("/")[1]) != dead

"""Make the cells of a batch on a Ray cluster; the only home of Ray.

In: cells and the address of a cluster. Out: results at a desk.

Workers need mmfa-studio installed and nothing else: portraits, clips and the model are sent to
them through Ray's object store, and results come back the same way, so no disk is shared. Only
this process writes to the folder of results and its ledger. No more cells are under way than the
cluster can make at once, so that memory doesn't grow with the grid.

A cell whose worker dies is begun again elsewhere, by this process and not by Ray, so that the
ledger tells each attempt. A result is published by the one process that took it: never twice.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmfa_core.batch.desk import Desk
from mmfa_core.batch.discover import MediaFile
from mmfa_core.batch.maker import Failure
from mmfa_core.batch.plan import Cell
from mmfa_core.batch.remote import Parcel, make_remote
from mmfa_core.errors import ConfigError
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.model_files import CONFIG, HASHES, WEIGHTS

MOST_ATTEMPTS = 5  # of a cell in one run: a cell that kills its workers is given up
POLL_S = 5.0  # how often the size of the cluster is looked at while nothing ends
LOCAL = "local"


def run_ray(
    cells: Sequence[Cell],
    desk: Desk,
    options: AnimateOptions,
    model: Path,
    *,
    model_hash: str,
    address: str,
    device: str | None,
    dtype: str | None,
    threads: int,
) -> None:
    """Make cells on a cluster.

    Args:
        cells: to be made.
        desk: takes results and reasons.
        options: how portraits follow.
        model: folder of the model.
        model_hash: of its weights.
        address: ``auto``, ``host:port``, or ``local`` for a cluster of this
            machine's cores that ends with the run.
        device: as for Animator.from_pretrained; a worker with ``cuda`` asks for a GPU.
        dtype: as for Animator.from_pretrained.
        threads: CPUs that a cell takes.

    Raises:
        ConfigError: Ray is missing, or there is no cluster at the address.
        ResourceError: results can't be written here.
    """
    with _cluster(address) as ray:
        files = {name: (model / name).read_bytes() for name in (CONFIG, HASHES, WEIGHTS)}
        job = _Job(ray, desk, options, ray.put(files), model_hash, device, dtype, threads)
        job.run(cells)


@dataclass(eq=False)
class _Job:
    """Keep what one run on a cluster needs."""

    ray: Any
    desk: Desk
    options: AnimateOptions
    model: Any  # reference to the model's files
    model_hash: str
    device: str | None
    dtype: str | None
    threads: int
    sent: dict[str, Any] = field(default_factory=dict)  # references to files, by digest
    uses: Counter[str] = field(default_factory=Counter)  # cells that still need a file
    flying: dict[Any, tuple[Cell, int]] = field(default_factory=dict)  # with the attempt's number
    losses: Counter[str] = field(default_factory=Counter)  # by name of the result

    def run(self, cells: Sequence[Cell]) -> None:
        """Keep the cluster busy until every cell is handed in."""
        task = self.ray.remote(make_remote).options(
            num_cpus=self.threads, num_gpus=int(self.wants_gpu), max_retries=0
        )
        self.uses.update(digest for cell in cells for digest in _digests(cell))
        waiting = deque(cells)
        try:
            while waiting or self.flying:
                while waiting and len(self.flying) < self.places():
                    self.start(task, waiting.popleft())
                ready, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=POLL_S)
                for reference in ready:
                    cell, attempt = self.flying.pop(reference)
                    if not self.take(reference, cell, attempt):
                        waiting.appendleft(cell)
        finally:
            for reference in self.flying:
                self.ray.cancel(reference, force=True)

    @property
    def wants_gpu(self) -> bool:
        """Say whether a worker computes on a GPU."""
        return (self.device or "").startswith("cuda")

    def places(self) -> int:
        """Return how many cells the cluster, as it is now, can make at once; at least 1."""
        has = self.ray.cluster_resources()
        places = has.get("CPU", 0) // self.threads
        if self.wants_gpu:
            places = min(places, has.get("GPU", 0))
        return max(1, int(places))

    def start(self, task: Any, cell: Cell) -> None:
        """Send a cell on its way; one whose files can't be read is handed in as failed."""
        try:
            source, driving = self.send(cell.source), self.send(cell.driving)
        except OSError as error:
            name = Path(str(error.filename)).name
            self.finish(cell, Failure(f"{name} can't be opened. Check its permissions."))
            return
        parcel = Parcel(
            source=cell.source.name,
            source_digest=cell.source.digest,
            driving=cell.driving.name,
            driving_digest=cell.driving.digest,
            output=cell.output,
            options=self.options,
            model_hash=self.model_hash,
            device=self.device,
            dtype=self.dtype,
            threads=self.threads,
        )
        attempt = self.desk.ledger.begin(cell)
        self.flying[task.remote(parcel, self.model, source, driving)] = (cell, attempt)

    def send(self, file: MediaFile) -> Any:
        """Put a file into the object store once."""
        if file.digest not in self.sent:
            self.sent[file.digest] = self.ray.put(file.path.read_bytes())
        return self.sent[file.digest]

    def take(self, reference: Any, cell: Cell, attempt: int) -> bool:
        """Take what came back; return whether the cell is handed in, or must be begun again."""
        errors = self.ray.exceptions
        try:
            returned = self.ray.get(reference)
        except errors.RayTaskError as error:  # our part never raises: it isn't there
            raise ConfigError(
                "A worker of the cluster can't run the batch.",
                "Install mmfa-studio of this version on every node.",
            ) from error
        except errors.RayError as error:
            self.desk.ledger.lose(cell, type(error).__name__)
            self.losses[cell.output] += 1
            if self.losses[cell.output] < MOST_ATTEMPTS:
                return False
            returned = Failure(
                f"{MOST_ATTEMPTS} workers died while they made it; perhaps they had too little "
                "memory."
            )
        if isinstance(returned, Failure):
            self.finish(cell, returned)
            return True
        self.desk.hand_in(
            cell,
            returned.content,
            {"worker": returned.worker, "attempt": attempt, **returned.facts},
        )
        self.release(cell)
        return True

    def finish(self, cell: Cell, failure: Failure) -> None:
        """Hand in a reason instead of a result."""
        self.desk.fail(cell, failure)
        self.release(cell)

    def release(self, cell: Cell) -> None:
        """Let go of files that no other cell needs."""
        for digest in _digests(cell):
            self.uses[digest] -= 1
            if not self.uses[digest]:
                self.sent.pop(digest, None)


def _digests(cell: Cell) -> tuple[str, str]:
    return cell.source.digest, cell.driving.digest


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Connect to a cluster and leave it afterwards; a connection that is there already is used."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--ray needs one more package.", "Run python -m pip install 'ray>=2.40'."
        ) from error
    if ray.is_initialized():
        yield ray
        return
    if address.startswith("ray://"):
        raise ConfigError(
            "Ray's client, ray://, can't be used for a batch.",
            "Run it on a node of the cluster with --ray auto; ray start --address=HOST:PORT makes "
            "this machine one.",
        )
    # Only who starts a cluster may say whether it has a dashboard.
    more: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, RuntimeError, ValueError, ImportError, OSError) as error:
        raise ConfigError(
            f"There is no Ray cluster that answers at {address}.",
            "Start one with ray start --head, or use --ray local.",
        ) from error
    with _silent(ray._private.worker):
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _silent(worker: Any) -> Iterator[None]:
    """Keep Ray's news of dead nodes off stdout, which is for our JSON lines; the ledger has them.

    There is no public switch for it besides ``log_to_driver``, which doesn't cover them.
    """
    before = worker._worker_logs_enabled
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = before

"""Make a cell in a process of a cluster, which has nothing but what is sent to it.

In: the bytes of a portrait, a clip and a model. Out: the bytes of the result. Knows nothing about
Ray; the process keeps its model, its last portraits and files for the next cell.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from mmfa_core.batch.maker import CellMaker, Facts, Failure, explain_failure
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.options import AnimateOptions

WORKER = f"{socket.gethostname()}/{os.getpid()}"
FILES_KEPT = 16  # portraits and clips on the disk of a worker


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Name what is sent with a cell.

    Attributes:
        source: the portrait's name, for sentences and its ending.
        source_digest: of its content.
        driving: the clip's name.
        driving_digest: of its content.
        output: name of the result.
        options: how the portrait follows.
        model_hash: of the weights.
        device: as for Animator.from_pretrained.
        threads: CPU threads.
    """

    source: str
    source_digest: str
    driving: str
    driving_digest: str
    output: str
    options: AnimateOptions
    model_hash: str
    device: str | None
    threads: int


@dataclass(frozen=True, kw_only=True)
class Returned:
    """Hold what comes back.

    Attributes:
        content: bytes of the result.
        worker: which process made it: host and process id.
        facts: about it, as JSON values.
    """

    content: bytes = field(repr=False)
    worker: str
    facts: Facts


class Workshop:
    """Keep between cells what a process needs again.

    Args:
        folder: for the files that are sent; it is this process's alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: OrderedDict[str, Path] = OrderedDict()
        self._animators: dict[tuple[str, str | None, int], Animator] = {}
        self._maker: CellMaker | None = None

    def make(
        self, parcel: Parcel, model: dict[str, bytes], source: bytes, driving: bytes
    ) -> Returned:
        """Make one cell; see CellMaker.make."""
        maker = self._maker_for(parcel, model)
        output = self._folder / parcel.output
        try:
            facts = maker.make(
                self._keep(parcel.source, parcel.source_digest, source),
                parcel.source_digest,
                self._keep(parcel.driving, parcel.driving_digest, driving),
                output,
                _ignore,
            )
            return Returned(content=output.read_bytes(), worker=WORKER, facts=facts)
        finally:
            output.unlink(missing_ok=True)

    def _maker_for(self, parcel: Parcel, model: dict[str, bytes]) -> CellMaker:
        wanted = (parcel.model_hash, parcel.device, parcel.threads)
        if wanted not in self._animators:
            place = self._folder / f"model-{parcel.model_hash}"
            place.mkdir(exist_ok=True)
            for name, content in model.items():
                (place / name).write_bytes(content)
            self._animators.clear()
            self._animators[wanted] = Animator.from_pretrained(
                place, device=parcel.device, threads=parcel.threads
            )
        animator = self._animators[wanted]
        kept = self._maker
        if kept is None or kept.animator is not animator or kept.options != parcel.options:
            self._maker = kept = CellMaker(animator, parcel.options)
        return kept

    def _keep(self, name: str, digest: str, content: bytes) -> Path:
        plain = Path(name).name
        key = f"{digest}/{plain}"
        if key not in self._files:
            path = self._folder / digest[:32] / plain
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            self._files[key] = path
            while len(self._files) > FILES_KEPT:
                self._files.popitem(last=False)[1].unlink(missing_ok=True)
        self._files.move_to_end(key)
        return self._files[key]


_workshops: list[Workshop] = []


def make_remote(
    parcel: Parcel, model: dict[str, bytes], source: bytes, driving: bytes
) -> Returned | Failure:
    """Make one cell in this process.

    Args:
        parcel: what it is about.
        model: the files of the model by name.
        source: content of the portrait.
        driving: content of the clip.

    Returns:
        The result, or why there is none.
    """
    try:
        if not _workshops:
            folder = Path(tempfile.mkdtemp(prefix=f"mmfa-batch-{os.getpid()}-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            _workshops.append(Workshop(folder))
        return _workshops[0].make(parcel, model, source, driving)
    except Exception as error:  # noqa: BLE001  # one bad file must not stop the others
        return Failure(explain_failure(error).why)


def _ignore(stage: str, done: int, total: int | None) -> None:
    del stage, done, total

"""Make a cell in a process of a cluster, which has nothing but what is sent to it.

In: the bytes of a portrait, a clip and a model. Out: the bytes of the result. Knows nothing about
Ray; the process keeps its model, its last portraits and files for the next cell.
"""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mmfa_core.batch.maker import CellMaker, Facts, Failure, explain_failure
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.watching import report_nothing

WORKER = f"{socket.gethostname()}/{os.getpid()}"


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
        dtype: as for Animator.from_pretrained.
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
    dtype: str | None = None
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


@dataclass(frozen=True)
class Sent:
    """Hold a file that was sent.

    Attributes:
        path: where it lies for now.
        key: hash of its content.
    """

    path: Path
    key: str


class Workshop:
    """Keep between cells what a process needs again: its model, last portraits and motion."""

    def __init__(self) -> None:
        self._wanted: tuple[str, str | None, str | None, int] | None = None
        self._maker: CellMaker | None = None

    def make(
        self, parcel: Parcel, model: dict[str, bytes], source: bytes, driving: bytes
    ) -> Returned:
        """Make one cell; what was sent lies on the disk only while that takes.

        Raises:
            MMFAError: a file or option can't be used.
        """
        with tempfile.TemporaryDirectory(prefix="mmfa-batch-") as place:
            folder = Path(place)
            maker = self._maker_for(parcel, model, folder)
            output = folder / parcel.output
            facts = maker.make(
                Sent(_write(folder / "source", parcel.source, source), parcel.source_digest),
                Sent(_write(folder / "driving", parcel.driving, driving), parcel.driving_digest),
                output,
                report_nothing,
            )
            return Returned(content=output.read_bytes(), worker=WORKER, facts=facts)

    def _maker_for(self, parcel: Parcel, model: dict[str, bytes], folder: Path) -> CellMaker:
        wanted = (parcel.model_hash, parcel.device, parcel.dtype, parcel.threads)
        kept = self._maker
        if kept is None or self._wanted != wanted:
            for name, content in model.items():
                _write(folder / "model", name, content)
            animator = Animator.from_pretrained(
                folder / "model",
                device=parcel.device,
                dtype=parcel.dtype,
                threads=parcel.threads,
            )
            kept, self._wanted = CellMaker(animator, parcel.options), wanted
        elif kept.options != parcel.options:
            kept = CellMaker(kept.animator, parcel.options)
        self._maker = kept
        return kept


_workshop = Workshop()  # of this process


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
        return _workshop.make(parcel, model, source, driving)
    except Exception as error:  # noqa: BLE001  # one bad file must not stop the others
        return Failure(explain_failure(error).why)


def _write(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / Path(name).name
    path.write_bytes(content)
    return path

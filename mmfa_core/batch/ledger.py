"""The ledger of a batch: one JSON line for each thing that happened to a cell, only ever added to.

In: events. Out: what is complete, and how often each cell was begun. Knows nothing about rendering.

A result counts as complete only when the ledger has its line and the file is what that line says.
So a run that is killed at any moment loses no more than what was being made.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from mmfa_core.batch.plan import Cell
from mmfa_core.errors import ResourceError

LEDGER = "ledger.jsonl"
WORK = ".work"  # results that are being made
ROOM_BYTES = 1 << 20  # with less than this nothing is worth beginning
GO_ON = (
    "Make room or choose another folder; what is finished is kept, and the same command goes on."
)

NO_FACTS = ("event", "output")
Line = dict[str, Any]


@dataclass(eq=False)
class Ledger:
    """Keep the ledger of one folder of results; get one from open_ledger.

    Attributes:
        folder: of the results.
    """

    folder: Path
    _file: TextIO = field(repr=False)
    _published: dict[str, Line] = field(default_factory=dict, repr=False)
    _attempts: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)
    _owned: set[str] = field(default_factory=set, repr=False)

    def is_complete(self, cell: Cell) -> bool:
        """Say whether a cell's result is there, whole and made from the same things."""
        line = self._published.get(cell.output)
        path = self.folder / cell.output
        if line is None or line.get("key") != cell.key or not path.is_file():
            return False
        return file_hash(path) == line.get("sha256")

    def owns(self, cell: Cell) -> bool:
        """Say whether the file under a cell's name, if there is one, is of this batch."""
        return cell.output in self._owned

    def facts(self, cell: Cell) -> Line:
        """Return what the ledger knows about a published cell."""
        return {k: v for k, v in self._published[cell.output].items() if k not in NO_FACTS}

    def attempts(self, cell: Cell) -> int:
        """Return how often a cell was begun with its present key."""
        return self._attempts.get((cell.output, cell.key), 0)

    def work_file(self, cell: Cell) -> Path:
        """Return where a cell's result is made before it gets its name."""
        return self.folder / WORK / cell.output

    def write_work(self, cell: Cell, content: bytes) -> None:
        """Write the work file of a cell.

        Raises:
            ResourceError: it can't be written.
        """
        try:
            self.work_file(cell).write_bytes(content)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def begin(self, cell: Cell) -> int:
        """Write down that a cell is begun, and return which attempt this is, from 1."""
        attempt = self.attempts(cell) + 1
        self._add("begun", cell, attempt=attempt)
        return attempt

    def publish(self, cell: Cell, facts: Line) -> None:
        """Give the finished work file its name, and write it down.

        Args:
            cell: whose result lies at work_file.
            facts: JSON values that are kept with it.

        Raises:
            ResourceError: it can't be written.
        """
        path = self.work_file(cell)
        try:
            digest = file_hash(path)
            path.replace(self.folder / cell.output)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        self._add("published", cell, sha256=digest, **facts)

    def require_room(self) -> None:
        """Write a little and remove it again.

        Raises:
            ResourceError: the folder takes no more.
        """
        probe = self.folder / WORK / "room"
        try:
            probe.write_bytes(bytes(ROOM_BYTES))
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder that appears under its name only when it is complete.

        Raises:
            ResourceError: it can't be written.
        """
        part = self.folder / WORK / name
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(self.folder / name)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def lose(self, cell: Cell, why: str) -> None:
        """Write down that what was begun is gone, through no fault of the cell."""
        self._add("lost", cell, why=why)

    def fail(self, cell: Cell, why: str) -> None:
        """Write down that a cell can't be made."""
        self._add("failed", cell, why=why)

    def _add(self, event: str, cell: Cell, **more: Any) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"event": event, "output": cell.output, "key": cell.key, "time": now, **more}
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            with contextlib.suppress(OSError):  # or the rest would be tried again at the end
                self._file.close()
            raise _unwritable(self.folder, error) from error
        self._take(line)

    def _take(self, line: Line) -> None:
        output, key = str(line["output"]), str(line["key"])
        if line["event"] == "begun":
            self._owned.add(output)
            self._attempts[output, key] = self._attempts.get((output, key), 0) + 1
        elif line["event"] == "published":
            self._published[output] = line

    def _read(self, text: str) -> None:
        for row in text.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a line that was cut short
                self._take(json.loads(row))


@contextlib.contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Open the ledger of a folder for one process alone; half-made results are removed.

    Args:
        folder: of the results; made if it is missing.

    Yields:
        The ledger.

    Raises:
        ResourceError: the folder can't be written, or another batch writes to it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LEDGER).open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with file:
        _lock(file, folder)
        try:
            shutil.rmtree(folder / WORK, ignore_errors=True)
            (folder / WORK).mkdir(exist_ok=True)
            file.seek(0)
            text = file.read()
            if text and not text.endswith("\n"):
                file.write("\n")
        except OSError as error:
            raise _unwritable(folder, error) from error
        ledger = Ledger(folder, file)
        ledger._read(text)
        try:
            yield ledger
        finally:
            shutil.rmtree(folder / WORK, ignore_errors=True)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _lock(file: TextIO, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows; there nobody is kept out
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ResourceError(
            f"Another batch is writing to {folder.name}.",
            "Wait until it has ended, or choose another output.",
        ) from error


def _unwritable(folder: Path, error: OSError) -> ResourceError:
    return ResourceError(f"Results can't be written to {folder.name}: {error.strerror}.", GO_ON)

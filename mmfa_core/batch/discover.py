"""Find the portraits and the driving clips in folders.

In: a folder. Out: its media files by name, and what was passed over, with reasons. Knows nothing
about what is done with them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmfa_core.errors import MediaError, NotFoundError
from mmfa_core.inference.motion_files import MOTION_SUFFIX
from mmfa_core.inference.still import DRIVING_PICTURES

PICTURES = (*DRIVING_PICTURES, ".jxl")
CLIPS = (
    MOTION_SUFFIX, ".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif",
    ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mts",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """Hold a picture or clip of a batch.

    Attributes:
        path: where it is.
        name: inside its folder, with forward slashes.
        digest: SHA-256 of its content; empty if it can't be read.
    """

    path: Path
    name: str
    digest: str

    @property
    def key(self) -> str:
        """What the same content has again; a file that can't be read is known by its place."""
        return self.digest or str(self.path)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hold what a folder has.

    Attributes:
        files: in the order of their names.
        passed_over: (name, reason) of everything else but hidden files.
    """

    files: tuple[MediaFile, ...]
    passed_over: tuple[tuple[str, str], ...]


def find_media(folder: str | Path, endings: tuple[str, ...], what: str, output: Path) -> Found:
    """Find the media files of a folder and of the folders in it; links are followed, once each.

    Args:
        folder: where to look; hidden files and folders are passed over.
        endings: of the names that count, in lower case.
        what: that is looked for, such as ``picture``, for sentences.
        output: folder of the results, which is not looked into.

    Returns:
        What was found.

    Raises:
        NotFoundError: there is no such folder.
        MediaError: nothing in it counts, or it is the folder of the results.
    """
    root = Path(folder)
    if not root.is_dir():
        reason = "is a file, not a folder" if root.exists() else "is not there"
        raise NotFoundError(f"The folder {root.name} {reason}.", "Name a folder that is there.")
    if root.resolve() == output.resolve():
        raise MediaError(
            f"{root.name or 'The folder'} can't hold both what goes in and what comes out.",
            "Choose another output.",
        )
    passed_over: list[tuple[str, str]] = []
    files = []
    for path in sorted(_walk(root, output.resolve(), passed_over)):
        name = path.relative_to(root).as_posix()
        if path.suffix.lower() not in endings:
            passed_over.append((name, f"its ending is not that of a {what}"))
        elif not path.is_file():
            passed_over.append((name, "it is no file, or a link to nothing"))
        else:
            files.append(MediaFile(path=path, name=name, digest=_digest(path)))
    if not files:
        raise MediaError(
            f"There is no {what} in {root.name or 'the folder'}.",
            f"Put some there; endings that count are {', '.join(endings)}.",
        )
    return Found(files=tuple(files), passed_over=tuple(passed_over))


def _walk(root: Path, output: Path, passed_over: list[tuple[str, str]]) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        name = Path(str(error.filename)).relative_to(root).as_posix()
        passed_over.append((name, "the folder can't be opened"))

    for place, folders, names in os.walk(root, followlinks=True, onerror=refused):
        here = Path(place)
        identity = here.stat()
        if (identity.st_dev, identity.st_ino) in seen:  # a link into a folder above, or a twin
            passed_over.append((here.relative_to(root).as_posix(), "the folder was seen already"))
            folders.clear()
            continue
        seen.add((identity.st_dev, identity.st_ino))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (here / name).resolve() != output
        )
        yield from (here / name for name in names if not name.startswith("."))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            digest = hashlib.sha256()
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError:  # what is wrong with it is told when it is used
        return ""
    return digest.hexdigest()

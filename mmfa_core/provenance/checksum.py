"""A checksum of a whole clip, in a box at its end that players skip.

C2PA leaves some bytes of an mp4 out of its hash: the brand, free boxes, the padding and the frame
of the manifest. They show nothing, but a file that was altered there is altered. So the last box,
of the kind ``free``, holds the SHA-256 of all bytes before it, and the manifest says that it does.

In: an mp4 file. Out: the same file with the box, or what the box says. No proof against somebody
who alters a file on purpose: that is the manifest's part.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Final

CLIP_SUFFIXES: Final = (".mp4", ".m4v", ".mov")
_MAGIC: Final = b"mmfa-sha256-of-what-is-before:"
_SIZE: Final = 8 + len(_MAGIC) + 32
_HEAD: Final = _SIZE.to_bytes(4, "big") + b"free" + _MAGIC
_CHUNK: Final = 1 << 20


def append_checksum(path: Path) -> None:
    """Append the box.

    Raises:
        OSError: the file can't be read or written.
    """
    digest = _hash(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_HEAD + digest)


def checksum_holds(path: Path) -> bool | None:
    """Compare a file with the box at its end.

    Returns:
        Whether it holds; None when there is no such box.

    Raises:
        OSError: the file can't be read.
    """
    before = path.stat().st_size - _SIZE
    if before < 0:
        return None
    with path.open("rb") as file:
        file.seek(before)
        box = file.read(_SIZE)
    if not box.startswith(_HEAD):
        return None
    return box[len(_HEAD) :] == _hash(path, before)


def _hash(path: Path, size: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (chunk := _read(file, size)):
            digest.update(chunk)
            size -= len(chunk)
    return digest.digest()


def _read(file: IO[bytes], size: int) -> bytes:
    return file.read(min(_CHUNK, size))

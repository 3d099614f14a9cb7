"""What may be put on a file while it is written: a badge, plain metadata, a signature.

In: a Marking and a kind of file. Out: what the encoders need for it. Knows nothing about what a
marking says.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

from mmfa_core.media.files import Frame, part_file

_EXIF_DESCRIPTION = 0x010E


class Marking(Protocol):
    """Describe what marks the files of one result."""

    @property
    def words(self) -> str:
        """Return one line for plain metadata, ASCII."""

    @property
    def xmp(self) -> str:
        """Return an XMP packet."""

    def draw(self, frame: Frame) -> Frame:
        """Return the frame as it is to be shown, of the same size."""

    def seal(self, picture: bytes, suffix: str) -> bytes:
        """Return a finished picture file as it is to be kept."""

    def seal_file(self, path: Path) -> None:
        """Change a finished file into what is to be kept."""


def picture_metadata(marking: Marking | None, suffix: str) -> dict[str, Any]:
    """Return the arguments by which PIL writes the plain metadata of a picture.

    Args:
        marking: None writes none.
        suffix: .png, .jpg, .jpeg or .webp.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if marking is None:
        return {}
    if suffix == ".png":
        texts = PngInfo()
        texts.add_text("Description", marking.words)
        texts.add_itxt("XML:com.adobe.xmp", marking.xmp)
        return {"pnginfo": texts}
    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = marking.words
    return {"exif": exif.tobytes(), "xmp": marking.xmp.encode()}


def clip_metadata(marking: Marking | None) -> list[str]:
    """Return the arguments by which ffmpeg writes the plain metadata of a clip."""
    return [] if marking is None else ["-metadata", f"comment={marking.words}"]


def comment_gif(path: Path, words: str) -> None:
    """Write a comment into a finished GIF, which ffmpeg can't.

    Raises:
        OSError: the file can't be read or written.
    """
    text = words.encode("ascii", "replace")
    parts = [text[i : i + 255] for i in range(0, len(text), 255)]
    comment = b"\x21\xfe" + b"".join(bytes([len(p)]) + p for p in parts) + b"\x00"
    part = part_file(path)
    try:
        with path.open("rb") as whole, part.open("wb") as out:
            head = whole.read(13)
            flags = head[10]
            palette = whole.read(3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
            out.write(head + palette + comment)
            shutil.copyfileobj(whole, out)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""The mark of one result: a badge on its frames, plain metadata, and a signed manifest.

In: an Origin. Out: a Mark, which the writers of mmfa_core.media apply to what they write.
"""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmfa_core.errors import ResourceError
from mmfa_core.media import Frame, part_file
from mmfa_core.provenance.badge import draw_badge
from mmfa_core.provenance.certificate import own_identity
from mmfa_core.provenance.checksum import CLIP_SUFFIXES, append_checksum
from mmfa_core.provenance.manifest import manifest_definition, plain_words, xmp_packet
from mmfa_core.provenance.origin import Origin
from mmfa_core.provenance.signing import sign_bytes, sign_file

UNSIGNED_NOTE = (
    "The result could not be signed, so it holds no manifest of how it was made; say yourself that "
    "it is synthetic. Free disk space, or see the log."
)
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Mark:
    """Mark the files of one result.

    A file that can't be signed is kept all the same, with its badge and plain metadata: the work
    isn't lost, and ``signed`` and ``notes`` tell.

    Attributes:
        origin: how the result was made.
        badge: whether frames get the visible badge.
    """

    origin: Origin
    badge: bool = True
    _sealed: int = field(default=0, init=False)
    _unsealed: int = field(default=0, init=False)

    @property
    def signed(self) -> bool:
        """Say whether there is a file and every file was signed."""
        return self._sealed > 0 and self._unsealed == 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know."""
        return (UNSIGNED_NOTE,) if self._unsealed else ()

    @property
    def words(self) -> str:
        """Return one line for plain metadata."""
        return plain_words(self.origin)

    @property
    def xmp(self) -> str:
        """Return an XMP packet."""
        return xmp_packet(self.origin)

    def draw(self, frame: Frame) -> Frame:
        """Lay the badge over a frame, if it is wanted."""
        return draw_badge(frame) if self.badge else frame

    def seal(self, picture: bytes, suffix: str) -> bytes:
        """Sign a picture; where that fails it is returned as it is."""
        try:
            signed = sign_bytes(picture, suffix, self._definition(), own_identity())
        except (OSError, ValueError) as error:
            self._fail(error)
            return picture
        self._sealed += 1
        return signed

    def seal_file(self, path: Path) -> None:
        """Sign a finished file in its place; where that fails it stays as it is."""
        suffix = path.suffix.lower()
        clip = suffix in CLIP_SUFFIXES
        part: Path | None = None
        try:
            part = part_file(path)
            definition = self._definition(checksum=clip)
            sign_file(path, part, suffix, definition, own_identity())
            if clip:
                append_checksum(part)
            part.replace(path)
        except (OSError, ValueError, ResourceError) as error:
            self._fail(error)
        else:
            self._sealed += 1
        finally:
            if part is not None:
                part.unlink(missing_ok=True)

    def _definition(self, *, checksum: bool = False) -> dict[str, Any]:
        now = datetime.datetime.now(datetime.timezone.utc)
        return manifest_definition(self.origin, now, checksum=checksum)

    def _fail(self, error: Exception) -> None:
        _log.warning("A result was not signed: %s", error)
        self._unsealed += 1

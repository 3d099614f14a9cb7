"""Portraits made ready once, whoever gives them.

In: pictures and what makes them ready. Out: prepared portraits, the newest kept. Knows nothing
about the model.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core import MMFAError, PreparedPortrait

Picture = str | Path | NDArray[np.uint8]  # a file, or (H, W, 3)
CropByHand = tuple[float, float, float]  # x0, y0 and side, px of the portrait
PORTRAITS_KEPT = 16


@dataclass
class _Turn:
    """Let one of those who want the same portrait make it, while the others wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    people: int = 0  # who make or wait; the last one takes the turn away


class PortraitCache:
    """Keep the newest portraits that were made ready; safe to share between threads.

    Args:
        prepare: makes one ready: prepare(picture, face_index=, crop=).
        kept: how many to keep.
    """

    def __init__(
        self, prepare: Callable[..., PreparedPortrait], kept: int = PORTRAITS_KEPT
    ) -> None:
        self._prepare = prepare
        self._kept = kept
        self._lock = threading.Lock()
        self._ready: OrderedDict[tuple[Any, ...], PreparedPortrait] = OrderedDict()
        self._making: dict[tuple[Any, ...], _Turn] = {}

    def __len__(self) -> int:
        """Return how many are kept now."""
        return len(self._ready)

    def get(
        self, picture: Picture, *, face_index: int | None = None, crop: CropByHand | None = None
    ) -> PreparedPortrait:
        """Make a portrait ready, or return it if its content and the choice were seen before.

        Args:
            picture: a file, or (H, W, 3) uint8.
            face_index: which face, 0 = the largest; None takes the largest.
            crop: x0, y0 and side in px, instead of looking for a face.

        Returns:
            The prepared portrait.

        Raises:
            MMFAError: there is no picture, or it can't be used.
        """
        key = (content_hash(picture), face_index, crop)
        with self._lock:
            found = self._find(key)
            if found is not None:
                return found
            turn = self._making.setdefault(key, _Turn())
            turn.people += 1
        try:
            with turn.lock:  # two people with the same picture encode it once
                with self._lock:
                    found = self._find(key)
                if found is not None:
                    return found
                made = self._prepare(picture, face_index=face_index, crop=crop)
                with self._lock:
                    self._ready[key] = made
                    while len(self._ready) > self._kept:
                        self._ready.popitem(last=False)
                return made
        finally:
            with self._lock:
                turn.people -= 1
                if not turn.people:
                    del self._making[key]

    def _find(self, key: tuple[Any, ...]) -> PreparedPortrait | None:
        """Return what is kept, now the newest; hold the lock."""
        if key not in self._ready:
            return None
        self._ready.move_to_end(key)
        return self._ready[key]


def content_hash(picture: Picture) -> str:
    """Hash the content of a picture: the bytes of a file, or the pixels of an array.

    Raises:
        MMFAError: the file is gone.
    """
    digest = hashlib.sha256()
    if isinstance(picture, str | Path):
        try:
            digest.update(Path(picture).read_bytes())
        except OSError as error:
            raise MMFAError(
                f"The picture {Path(picture).name} is no longer here.", "Send it again."
            ) from error
    else:
        digest.update(repr((picture.shape, picture.dtype)).encode())
        digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()

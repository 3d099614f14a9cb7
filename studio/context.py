"""What every tab gets: the animator, the settings, and portraits made ready once.

In: an Animator and StudioSettings. Out: StudioContext. Knows nothing about components.

Nothing here belongs to one person: values of a person are plain data in gr.State. A portrait made
ready is found by its content, so it can't be had without having the picture.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core import Animator, MMFAError, PreparedPortrait
from studio.files import new_file
from studio.latency import LatencyMeter
from studio.portraits import CropByHand, Picture, PortraitCache, content_hash
from studio.ready import ReadyAnswers

MODEL_QUEUE = "model"  # concurrency_id of every event that computes with the model

LOOKS_KEPT = 256
LOOK = ".jpg"  # of pictures to look at: packed and signed in a few milliseconds


@dataclass(frozen=True, kw_only=True)
class StudioSettings:
    """Hold what whoever starts the studio chose."""

    max_clip_s: float = 60  # longest driving clip, s, > 0
    webcam: bool = True  # offer the webcam where a picture or clip is asked for
    shared: bool = False  # also reached through Gradio's servers
    ready_examples: bool = False  # compute what the examples give before the page opens


class FileMemory:
    """Remember which files were written lately, by what is in them; safe to share.

    Args:
        kept: how many to remember.
    """

    def __init__(self, kept: int = LOOKS_KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._files: OrderedDict[Any, Path] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Path]) -> Path:
        """Return the file of a key, written by make() if it is not there (any more)."""
        with self._lock:
            path = self._files.get(key)
        if path is None or not _touch(path):
            path = make()
        with self._lock:
            self._files[key] = path
            self._files.move_to_end(key)
            while len(self._files) > self._kept:
                self._files.popitem(last=False)
        return path


def _touch(path: Path) -> bool:
    """Say that a file is in use, so that it isn't swept away; False when it is gone."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


@dataclass(frozen=True, eq=False)
class StudioContext:
    """Hold what tabs share; immutable, but for a cache and a meter that are safe to share.

    Attributes:
        animator: the model.
        settings: what whoever starts the studio chose.
        portraits: portraits made ready.
        latency: wrap live handlers in ``with studio.latency.measure():``.
        looks: files of pictures that were shown lately.
        ready: what the examples give, if that was made beforehand.
    """

    animator: Animator
    settings: StudioSettings = field(default_factory=StudioSettings)
    portraits: PortraitCache = field(init=False)
    latency: LatencyMeter = field(init=False, default_factory=LatencyMeter)
    looks: FileMemory = field(init=False, default_factory=FileMemory)
    ready: ReadyAnswers = field(init=False, default_factory=ReadyAnswers)

    def __post_init__(self) -> None:
        """Bind the cache to the animator."""
        object.__setattr__(self, "portraits", PortraitCache(self.animator.prepare))

    def prepare(
        self,
        picture: Picture | None,
        *,
        face_index: int | None = None,
        crop: CropByHand | None = None,
    ) -> PreparedPortrait:
        """Make a portrait ready; the same content is encoded once.

        Args:
            picture: a file, or (H, W, 3) uint8; None when the person has given none yet.
            face_index: which face, 0 = the largest; None takes the largest.
            crop: x0, y0 and side in px, instead of looking for a face.

        Returns:
            The prepared portrait.

        Raises:
            MMFAError: there is no picture yet, or it can't be used.
        """
        if picture is None:
            raise MMFAError(
                "There is no portrait yet.", "Drop one on the page, or pick an example."
            )
        return self.portraits.get(picture, face_index=face_index, crop=crop)

    def keep(
        self,
        frame: NDArray[np.uint8],
        portrait: PreparedPortrait,
        *,
        operation: str,
        settings: Any = None,
        expressions: Sequence[PreparedPortrait] = (),
        badge: bool = True,
        lasting: bool = False,
    ) -> str:
        """Write a generated picture that is to be shown, marked as one.

        The same picture of the same sources, made the same way, is the same file, so that nothing
        flickers when it is shown again.

        Args:
            frame: (H, W, 3) uint8.
            portrait: whose picture it is.
            operation: what was done.
            settings: how.
            expressions: whose expressions were used.
            badge: lay the visible badge over it.
            lasting: the picture is part of the page itself.

        Returns:
            The file.
        """
        sources = tuple(face.ingredient.sha256 for face in (portrait, *expressions))
        key = (content_hash(frame), sources, operation, repr(settings), badge)

        def make() -> Path:
            path = new_file(LOOK, operation, lasting=lasting)
            self.animator.save(
                path,
                frame,
                portrait=portrait,
                expressions=expressions,
                operation=operation,
                settings=settings,
                badge=badge,
            )
            return path

        return str(self.looks.get(key, make))

    def new_file(self, suffix: str, name: str = "result") -> Path:
        """Return a path for a result, in a fresh folder that nobody can guess.

        Args:
            suffix: with its dot, such as ``.mp4``.
            name: what a person sees when they save the file.
        """
        return new_file(suffix, name)

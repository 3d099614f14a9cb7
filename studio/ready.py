"""What the examples give with the settings that the page begins with, made before anybody asks.

In: what handlers answered. Out: the same, at once, for the same files and settings. Knows nothing
about how answers are made.

Only examples are kept, never what people send. Clips are kept as bytes, since the folder of results
is swept; whoever asks gets a file of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPORT = "report"  # the choice of an examination of a whole clip


def animation(settings: Hashable, x: float, y: float, side: float) -> Hashable:
    """Name the choice of an animation: its settings and the face crop, to the px as sliders go."""
    return settings, round(x), round(y), round(side)


@dataclass(frozen=True, eq=False)
class ReadyClip:
    """Hold a rendered clip and the line that says what was done, as HTML."""

    content: bytes
    line: str


class ReadyAnswers:
    """Find answers by the content of files and by settings.

    They are filled before the page opens and only read afterwards, so no lock is needed.
    """

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        """Return how many answers are ready."""
        return len(self._answers)

    def keep(self, files: tuple[str | Path, ...], choice: Hashable, answer: Any) -> None:
        """Keep an answer.

        Args:
            files: what it was made of.
            choice: the settings that it was made with.
            answer: anything that doesn't change.
        """
        self._answers[self._key(files, choice)] = answer

    def find(self, files: tuple[str | Path | None, ...], choice: Hashable) -> Any | None:
        """Give the answer for files of the same content and the same settings, or None."""
        given = tuple(file for file in files if file is not None)
        if not self._answers or len(given) < len(files):
            return None
        try:
            return self._answers.get(self._key(given, choice))
        except OSError:  # the file is gone: the handler says so
            return None

    @staticmethod
    def _key(files: tuple[str | Path, ...], choice: Hashable) -> Hashable:
        contents = tuple(hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files)
        return contents, choice

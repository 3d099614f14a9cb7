"""Make single cells of a batch, in whatever process that happens.

In: files, options and an animator. Out: a clip or picture, and facts about it. Knows nothing about
grids, ledgers or clusters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmfa_core.errors import MMFAError, ResourceError
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import PreparedPortrait

PORTRAITS_KEPT = 4  # whole pictures: with many of them memory would grow

Facts = dict[str, Any]
ReportProgress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Failure:
    """Say why a cell can't be made.

    Attributes:
        why: one or two sentences.
        of_machine: whether it is about room or permission, and not about the cell's files.
    """

    why: str
    of_machine: bool = False


@dataclass(eq=False)
class CellMaker:
    """Make cells with one model; a portrait is made ready once for cells that follow each other.

    Attributes:
        animator: the model.
        options: how portraits follow.
    """

    animator: Animator
    options: AnimateOptions
    _portraits: OrderedDict[str, PreparedPortrait | MMFAError] = field(
        default_factory=OrderedDict, repr=False
    )

    def make(
        self, source: Path, digest: str, driving: Path, output: Path, progress: ReportProgress
    ) -> Facts:
        """Make one cell.

        Args:
            source: the portrait.
            digest: of its content.
            driving: the clip or picture that it follows.
            output: what to write; replaced if it is there.
            progress: told about frames.

        Returns:
            Facts about the result, as JSON values.

        Raises:
            MMFAError: a file or option can't be used.
        """
        prepared = self._prepare(source, digest)
        result = self.animator.animate(
            prepared, driving, output, options=self.options, progress=progress, overwrite=True
        )
        return {
            "frames": result.frames_out,
            "fps": str(result.fps_out),
            "seconds": round(result.seconds["total"], 3),
            "reference_frame": result.reference_frame,
            "notes": list(result.notes),
        }

    def _prepare(self, source: Path, digest: str) -> PreparedPortrait:
        key = digest or str(source)
        if key not in self._portraits:
            try:
                self._portraits[key] = self.animator.prepare(
                    source, face_index=self.options.face_index
                )
            except MMFAError as error:
                self._portraits[key] = error
            while len(self._portraits) > PORTRAITS_KEPT:
                self._portraits.popitem(last=False)
        ready = self._portraits[key]
        if isinstance(ready, MMFAError):
            raise ready
        return ready


def explain_failure(error: Exception) -> Failure:
    """Put into words why a cell can't be made."""
    if isinstance(error, MMFAError):
        return Failure(f"{error.message} {error.hint}".strip(), isinstance(error, ResourceError))
    return Failure(
        f"Something unexpected went wrong ({type(error).__name__}); "
        "animate this pair alone with --debug to see what."
    )

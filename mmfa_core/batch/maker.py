"""Make single cells of a batch, in whatever process that happens.

In: files, options and an animator. Out: a clip or picture, and facts about it. Knows nothing about
grids, ledgers or clusters.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from mmfa_core.errors import MMFAError, ResourceError
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import PreparedPortrait
from mmfa_core.inference.recording import ReadDriver, read_driver
from mmfa_core.inference.still import is_picture
from mmfa_core.inference.stream import animate_clip

PORTRAITS_KEPT = 4  # whole pictures, up to 50 MB each
FRAMES_KEPT = 40_000  # of the clips' motion, about 1 kB each

T = TypeVar("T")

Facts = dict[str, Any]
ReportProgress = Callable[[str, int, int | None], None]


class Readable(Protocol):
    """A file that is known by its content."""

    @property
    def path(self) -> Path:
        """Where it is now."""

    @property
    def key(self) -> str:
        """What the same content has again."""


class Kept(Generic[T]):
    """Keep the newest things that were made, and why others couldn't be made.

    Args:
        room: how much may be kept in all; the newest is kept even if it is larger.
        size: how much of that a thing takes.
    """

    def __init__(self, room: int, size: Callable[[T], int]) -> None:
        self._room = room
        self._size = size
        self._made: OrderedDict[str, T | MMFAError] = OrderedDict()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what has this key, or make it.

        Raises:
            MMFAError: it can't be made, now or when it was tried before.
        """
        if key not in self._made:
            try:
                self._made[key] = make()
            except ResourceError:  # of the machine, and may be mended before the next time
                raise
            except MMFAError as error:
                self._made[key] = _fresh(error)
            while len(self._made) > 1 and self._total() > self._room:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        made = self._made[key]
        if isinstance(made, MMFAError):
            raise _fresh(made)
        return made

    def _total(self) -> int:
        return sum(1 if isinstance(m, MMFAError) else self._size(m) for m in self._made.values())


def _fresh(error: MMFAError) -> MMFAError:
    """Copy an error without its traceback, which holds every picture and frame on its way."""
    return type(error)(error.message, error.hint)


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
    """Make cells with one model; the last portraits and clips are read once for several cells.

    Attributes:
        animator: the model.
        options: how portraits follow.
    """

    animator: Animator
    options: AnimateOptions
    _portraits: Kept[PreparedPortrait] = field(init=False, repr=False)
    _drivers: Kept[ReadDriver] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin with nothing kept."""
        self._portraits = Kept(PORTRAITS_KEPT, lambda portrait: 1)
        self._drivers = Kept(FRAMES_KEPT, lambda driver: len(driver.motion))

    def make(
        self, source: Readable, driving: Readable, output: Path, progress: ReportProgress
    ) -> Facts:
        """Make one cell.

        Args:
            source: the portrait.
            driving: the clip, motion file or picture that it follows.
            output: what to write; replaced if it is there.
            progress: told about frames.

        Returns:
            Facts about the result, as JSON values.

        Raises:
            MMFAError: a file or option can't be used.
        """
        options = self.options.changed(overwrite=True)
        prepared = self._portraits.get(
            _known_as(source),
            lambda: self.animator.prepare(source.path, face_index=options.face_index),
        )
        if is_picture(driving.path):
            result = self.animator.animate(prepared, driving.path, output, options=options)
        else:
            engine = self.animator.engine
            driver = self._drivers.get(
                _known_as(driving),
                lambda: read_driver(engine, driving.path, options, progress),
            )
            result = animate_clip(
                engine, prepared, driving.path, output, options, progress, driver=driver
            )
        return {
            "frames": result.frames_out,
            "fps": str(result.fps_out),
            "seconds": round(result.seconds["total"], 3),
            "reference_frame": result.reference_frame,
            "signed": result.signed,
            "notes": list(result.notes),
        }


def _known_as(file: Readable) -> str:
    """Know a file by its content and its name, which errors and notes tell."""
    return f"{file.key} {file.path.name}"


def explain_failure(error: Exception) -> Failure:
    """Put into words why a cell can't be made."""
    if isinstance(error, MMFAError):
        return Failure(f"{error.message} {error.hint}".strip(), isinstance(error, ResourceError))
    return Failure(
        f"Something unexpected went wrong ({type(error).__name__}); "
        "animate this pair alone with --debug to see what."
    )

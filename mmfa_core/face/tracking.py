"""Follow one face through a clip at little cost.

In: a stream of frames. Out: the face in some of them, and in which frames it is missing. Holds a
few frames at a time, so memory doesn't grow with the length. Knows nothing about files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import NoFaceError
from mmfa_core.face.crop import Crop, crop_for_face, steady_crop
from mmfa_core.face.faces import Face, choose_face
from mmfa_core.face.finder import FaceFinder
from mmfa_core.media import Frame

FOLLOW_MARGIN = 2.4  # where to look for the face again, in face sizes
_FAR = 2.0  # a face that is further than this from its last place, in face sizes, is another one
_THOROUGH_LOOKS = 3  # how often a first face is searched with effort


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """Hold one face over a clip.

    Attributes:
        faces: the face in the frames that were looked at; None where it is missing.
        frame_numbers: which frames these are, increasing.
        present: (T,) bool, for every frame of the clip: whether the face is there.
        picture_shape: (H, W) of the frames.
        choices: all faces of the first frame that has any; their order is ``face_index``.
        note: a sentence to show, or None.
    """

    faces: tuple[Face | None, ...]
    frame_numbers: tuple[int, ...]
    present: NDArray[np.bool_]
    picture_shape: tuple[int, int]
    choices: tuple[Face, ...] = ()
    note: str | None = None

    @property
    def found_share(self) -> float:
        """Share of the frames in which the face is there, 0 to 1."""
        return float(self.present.mean())

    def gaps(self, fps: float) -> list[tuple[float, float]]:
        """List the spans without the face as (start, end) in seconds."""
        return find_gaps(self.present, fps)

    def crop(self) -> Crop:
        """Find the one crop that holds the face over the whole clip."""
        return steady_crop([face for face in self.faces if face is not None], self.picture_shape)


def find_gaps(present: NDArray[np.bool_], fps: float | Fraction) -> list[tuple[float, float]]:
    """List the spans without a face.

    Args:
        present: (T,), whether the face is there.
        fps: frames a second.

    Returns:
        (start, end) of each, s.
    """
    edges = np.diff(np.concatenate([[True], present, [True]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == -1), np.flatnonzero(edges == 1)
    return [(s / float(fps), e / float(fps)) for s, e in zip(starts, ends, strict=True)]


def track_faces(
    frames: Iterable[Frame],
    finder: FaceFinder,
    *,
    every: int = 6,
    face_index: int | None = None,
    what: str = "the driving clip",
) -> FaceTrack:
    """Follow one face through a clip, looking at every n-th frame.

    Where the face leaves or comes back between two looks, the frames between are looked at, too,
    so `FaceTrack.present` is exact to the frame for absences longer than `every` frames.

    Args:
        frames: the clip's frames, (H, W, 3) uint8, all of one size.
        finder: the face finder.
        every: look at every n-th frame; 1 for all.
        face_index: which face of the first frame that has any; None takes the largest.
        what: the clip, as the sentences name it.

    Returns:
        The face's track.

    Raises:
        NoFaceError: no face in any frame, or not as many as asked for.
    """
    if every < 1:
        raise ValueError(f"every must be 1 or more, not {every}")
    follower = _Follower(finder, face_index, what)
    faces: list[Face | None] = []
    numbers: list[int] = []
    present: list[bool] = []
    between: list[Frame] = []
    shape = (0, 0)
    for number, frame in enumerate(frames):
        shape = (frame.shape[0], frame.shape[1])
        if number % every:
            between.append(frame)
            continue
        face = follower.look(frame)
        before = faces[-1] if faces else None
        present += _fill(between, follower, before, face)
        between.clear()
        present.append(face is not None)
        faces.append(face)
        numbers.append(number)
    if between:  # the last frame is looked at as well, so that the end is known
        last = follower.look(between[-1])
        present += [*_fill(between[:-1], follower, faces[-1], last), last is not None]
        faces.append(last)
        numbers.append(len(present) - 1)
    if not any(face is not None for face in faces):
        seen = f"any of the {len(faces)} frames looked at" if faces else "an empty clip"
        raise NoFaceError(
            f"No face was found in {what}: not in {seen}.",
            "Use a clip that shows a face larger and from the front.",
        )
    return FaceTrack(
        tuple(faces),
        tuple(numbers),
        np.array(present, dtype=bool),
        shape,
        follower.choices,
        follower.note,
    )


def _fill(
    between: list[Frame], follower: _Follower, before: Face | None, after: Face | None
) -> list[bool]:
    """Tell in which of the frames between two looks the face is there."""
    if (before is None) == (after is None):
        return [after is not None] * len(between)
    known = before if before is not None else after
    return [follower.is_there(frame, known) for frame in between]


class _Follower:
    """Remember where the face was, and look for it there first."""

    def __init__(self, finder: FaceFinder, face_index: int | None, what: str) -> None:
        self.note: str | None = None
        self.choices: tuple[Face, ...] = ()
        self._finder = finder
        self._face_index = face_index
        self._what = what
        self._last: Face | None = None
        self._looks = 0

    def look(self, frame: Frame) -> Face | None:
        """Find the face in the next frame, or None if it isn't there."""
        if self._last is not None:
            face = self._near(frame, self._last) or self._anywhere(frame, self._last)
        else:
            self._looks += 1
            faces = self._finder.detect_faces(frame, thorough=self._looks <= _THOROUGH_LOOKS)
            face = None
            if faces:
                self.choices = faces
                face, self.note = choose_face(faces, self._face_index, self._what)
        self._last = face or self._last
        return face

    def is_there(self, frame: Frame, known: Face | None) -> bool:
        """Tell whether the face is in a frame, given a place where it was at about that time."""
        if known is None:
            return False
        return (self._near(frame, known) or self._anywhere(frame, known)) is not None

    def _near(self, frame: Frame, last: Face) -> Face | None:
        crop = crop_for_face(last, frame.shape, FOLLOW_MARGIN)
        face = self._finder.detect_in_crop(frame, crop)
        if face is None or not 0.5 < face.box.side / last.box.side < 2:
            return None
        return face

    def _anywhere(self, frame: Frame, last: Face) -> Face | None:
        faces = self._finder.detect_faces(frame, thorough=False)
        face = min(faces, key=lambda face: face.box.distance(last.box), default=None)
        return face if face is not None and face.box.distance(last.box) < _FAR else None

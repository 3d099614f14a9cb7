"""Find the faces in a picture of any size, also small, tightly cropped or turned ones.

In: frames. Out: faces, largest first. Knows nothing about clips.

MediaPipe's detector looks at a small copy of the picture, so it misses faces that are small, that
fill the picture, or that lie on their side. What it finds is measured again on the face's own
crop, as the corpus was labelled: so pose has one camera model whatever the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from mmfa_core.face.crop import Crop, crop_for_face, cut_crop
from mmfa_core.face.faces import Face, compose_face
from mmfa_core.face.mediapipe_task import BUNDLED_MODEL, MOST_FACES, Landmarker
from mmfa_core.media import Frame

LABEL_SIZE_PX = 512  # the corpus's labels were made on crops of this size
SEARCH_SIZE_PX = 384
SMALLEST_FACE_PX = 16
_SAME_FACE = 0.5  # two faces closer than this, in face sizes, are one


class FaceFinder:
    """Find faces; use one finder in one thread, and close it or use it in a with statement.

    Args:
        model: another face_landmarker.task than the bundled one.

    Raises:
        NotFoundError: the model is not there.
        MismatchError: the model is damaged.
        ResourceError: MediaPipe can't be loaded on this machine.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._landmarker = Landmarker(model or BUNDLED_MODEL)

    def __enter__(self) -> FaceFinder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the landmarker; the finder can't be used afterwards."""
        self._landmarker.close()

    def detect_faces(
        self, picture: Frame, max_faces: int = MOST_FACES, *, thorough: bool = True
    ) -> tuple[Face, ...]:
        """Find the faces in a picture.

        Args:
            picture: (H, W, 3) uint8.
            max_faces: how many at most, up to 5.
            thorough: if none is found at once, look for tight, turned and small faces too; that
                takes up to a second.

        Returns:
            Faces in px of the picture, largest first; empty if there is none.
        """
        found: list[Face] = []
        for group in _searches(picture.shape, thorough=thorough):
            for crop, turns in group:
                for rough in self._look(picture, crop, SEARCH_SIZE_PX, turns):
                    face = self._measure(picture, rough, check=thorough)
                    if face is not None and face.box.side >= SMALLEST_FACE_PX:
                        found = _with(found, face)
            if found:
                break
        return tuple(sorted(found, key=lambda face: -face.box.side)[:max_faces])

    def detect_in_crop(self, picture: Frame, crop: Crop) -> Face | None:
        """Find the face in the middle of a crop, measured as the corpus's labels were.

        Args:
            picture: (H, W, 3) uint8.
            crop: where to look; for a picture that is a crop, `whole_crop(picture.shape)`.

        Returns:
            The face in px of the picture, or None.
        """
        faces = self._look(picture, crop, LABEL_SIZE_PX, 0)
        return _most_central(faces, crop)

    def _measure(self, picture: Frame, rough: Face, *, check: bool) -> Face | None:
        """Measure a face on its own crop, turned so that it is upright."""
        crop = crop_for_face(rough, picture.shape)
        turns = round(-rough.pose.roll_deg / 90) % 4

        def seen(more: int) -> Face | None:
            view = self._look(picture, crop, LABEL_SIZE_PX, (turns + more) % 4)
            return _most_central(view, crop)

        face = seen(0)
        if face is not None and check:
            # A face that is upside down may pass for an upright one; seen from the side it can't.
            aside = [seen(more) for more in (1, 3)]
            if all(other is not None and _is_opposite(face, other) for other in aside):
                face = seen(2)
        return face if face is not None and face.box.distance(rough.box) < _SAME_FACE else None

    def _look(self, picture: Frame, crop: Crop, size_px: int, turns: int) -> list[Face]:
        """Find faces in a crop that is turned counter-clockwise by quarters first."""
        view = np.rot90(cut_crop(picture, crop, size_px, border=0), turns)
        faces = []
        for landmarks, blendshapes, matrix in self._landmarker.find(view):
            points = landmarks.copy()
            for _ in range(turns):  # undo: (x, y) of the turned view was at (size - y, x)
                points[:, :2] = np.stack([size_px - points[:, 1], points[:, 0]], axis=1)
            back = np.eye(4, dtype=np.float32)
            angle = np.deg2rad(-90 * turns)
            back[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            faces.append(compose_face(crop.to_picture(points, size_px), blendshapes, back @ matrix))
        return faces


def whole_crop(picture_shape: tuple[int, ...]) -> Crop:
    """Name the smallest square that holds a whole picture of shape (H, W, ...)."""
    height, width = picture_shape[:2]
    return Crop(width / 2, height / 2, max(height, width))


def _searches(shape: tuple[int, ...], *, thorough: bool) -> Iterator[list[tuple[Crop, int]]]:
    """List where to look: groups of (crop, quarter turns), until one of them shows a face."""
    whole = whole_crop(shape)
    yield [(whole, 0)]
    if not thorough:
        return
    height, width = shape[:2]
    short = min(height, width)
    wider = Crop(whole.x_px, whole.y_px, 1.6 * whole.side_px)
    yield [(wider, 0)]  # a face that fills the picture
    yield _tiles(height, width, short)
    yield _tiles(height, width, short / 2)
    yield [(crop, turns) for crop in (whole, wider) for turns in (2, 1, 3)]
    yield _tiles(height, width, short / 4)


def _tiles(height: int, width: int, side: float) -> list[tuple[Crop, int]]:
    """Cover a picture with upright squares that overlap by half."""
    if side < 2 * SMALLEST_FACE_PX:
        return []
    return [(Crop(x, y, side), 0) for y in _steps(height, side) for x in _steps(width, side)]


def _steps(length: int, side: float) -> list[float]:
    """Place overlapping spans of a given length; returns their middles."""
    count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
    return [float(v) for v in np.linspace(side / 2, length - side / 2, count)]


def _most_central(faces: list[Face], crop: Crop) -> Face | None:
    def off(face: Face) -> float:
        x, y = face.box.centre
        return float(np.hypot(x - crop.x_px, y - crop.y_px)) / face.box.side

    return min(faces, key=off, default=None)


def _is_opposite(face: Face, other: Face) -> bool:
    """Tell whether two faces at one place are upside down to each other."""
    return bool(np.cos(np.deg2rad(face.pose.roll_deg - other.pose.roll_deg)) < 0)


def _with(found: list[Face], face: Face) -> list[Face]:
    """Add a face unless it is there already."""
    if any(face.box.distance(other.box) < _SAME_FACE for other in found):
        return found
    return [*found, face]

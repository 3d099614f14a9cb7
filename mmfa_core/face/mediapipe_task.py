"""MediaPipe's face landmarker as a plain function from a picture to landmarks.

In: frames. Out: landmarks, blendshapes and a head-pose matrix per face. Knows nothing about where
in a large picture to look. The only place that knows mediapipe.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import threading
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mmfa_core.errors import MismatchError, NotFoundError, ResourceError
from mmfa_core.face.faces import BLENDSHAPE_NAMES, Floats
from mmfa_core.face.glstub import load_without_graphics
from mmfa_core.media import Frame

BUNDLED_MODEL = Path(__file__).resolve().parents[2] / "checkpoints" / "face_landmarker.task"
MOST_FACES = 5

_lock = threading.Lock()


class Landmarker:
    """Run MediaPipe's face landmarker on pictures, one at a time and in one thread.

    Args:
        model: the .task file.

    Raises:
        NotFoundError: the file is not there.
        MismatchError: the file is damaged.
        ResourceError: MediaPipe can't be loaded on this machine.
    """

    def __init__(self, model: Path = BUNDLED_MODEL) -> None:
        if not model.is_file():
            raise NotFoundError(
                f"The face landmarker {model.name} is not there.",
                "Restore checkpoints/face_landmarker.task from the repository.",
            )
        with _lock, _silent():
            self._mediapipe = _import_mediapipe()
            tasks = self._mediapipe.tasks
            options = tasks.vision.FaceLandmarkerOptions(
                base_options=tasks.BaseOptions(model_asset_buffer=model.read_bytes()),
                num_faces=MOST_FACES,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
            try:
                self._task: Any = tasks.vision.FaceLandmarker.create_from_options(options)
                # Also at the end of the program, while MediaPipe can still be closed in good order.
                self._close = weakref.finalize(self, self._task.close)
                self.find(np.zeros((64, 96, 3), dtype=np.uint8))  # the first run prints, too
            except (RuntimeError, ValueError) as error:
                raise MismatchError(
                    f"The face landmarker {model.name} is damaged or of another version.",
                    "Restore checkpoints/face_landmarker.task from the repository.",
                ) from error
            except OSError as error:
                raise _cannot_load() from error

    def find(self, picture: Frame) -> list[tuple[Floats, Floats, Floats]]:
        """Find the faces in a picture as it is.

        Args:
            picture: (H, W, 3) uint8.

        Returns:
            For each face (478, 3) landmarks in px, (52,) blendshapes, (4, 4) head-pose matrix.
        """
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
        )
        result = self._task.detect(image)
        height, width = picture.shape[:2]
        scale = np.array([width, height, width], dtype=np.float32)
        found = []
        for points, shapes, matrix in zip(
            result.face_landmarks,
            result.face_blendshapes,
            result.facial_transformation_matrixes,
            strict=True,
        ):
            landmarks = np.array([(p.x, p.y, p.z) for p in points], dtype=np.float32) * scale
            blendshapes = np.zeros(len(BLENDSHAPE_NAMES), dtype=np.float32)
            for shape in shapes:
                blendshapes[shape.index] = shape.score
            found.append((landmarks, blendshapes, np.array(matrix, dtype=np.float32)))
        return found

    def close(self) -> None:
        """Free the landmarker; it can't be used afterwards."""
        self._close()


class _BlankDrawing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Give MediaPipe empty drawing modules.

    They are not used here, and the real ones load matplotlib and OpenCV: a second of time, and
    desktop libraries (libGL and others) that a server doesn't have.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.startswith("mediapipe.tasks.python.vision.drawing_"):
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module empty."""


def _import_mediapipe() -> Any:
    package = find_spec("mediapipe")
    if package is None or package.origin is None:
        raise ResourceError("The package mediapipe is missing.", "Run scripts/studio once.")
    load_without_graphics(Path(package.origin).parent / "tasks" / "c" / "libmediapipe.so")
    blank = _BlankDrawing()
    sys.meta_path.insert(0, blank)
    try:
        import mediapipe
    except (ImportError, OSError) as error:
        raise _cannot_load() from error
    finally:
        sys.meta_path.remove(blank)
    return mediapipe


def _cannot_load() -> ResourceError:
    return ResourceError(
        "The face landmarker can't be started on this machine.",
        "On Debian or Ubuntu, install the packages libegl1 and libgles2.",
    )


@contextmanager
def _silent() -> Generator[None]:
    """Drop what MediaPipe's C++ prints on standard error, which no setting of its own stops."""
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed: nothing to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

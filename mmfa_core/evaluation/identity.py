"""Identity: how far apart two faces are as people, by dlib's descriptor.

In: frames and landmarks. Out: descriptors and distances. The home of dlib.
Knows nothing about models. Training uses another embedder.

The model comes inside the package face-recognition-models (CC0). Two frames of one person are
about 0.3 apart, and 0.6 is the usual threshold between people.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Describe = Callable[[NDArray[np.uint8], Floats], Floats]
PACKAGE = "face_recognition_models"
FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
CHIP_PX = 150
CHIP_PADDING = 0.25
# dlib aligns by five points: outer and inner corner of the eye on the right of the picture, the
# same on its left, and the base of the nose.
FIVE_POINTS = (263, 362, 33, 133, 2)


def load_describer() -> Describe | None:
    """Load dlib's network.

    Returns:
        A function of a frame (H, W, 3) uint8 and its landmarks (478, 3) px to a descriptor
        (128,), NaN where landmarks are missing; None when dlib or its model is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or importlib.util.find_spec("dlib") is None:
        return None
    import dlib

    file = Path((spec.submodule_search_locations or [""])[0]) / FILE
    if not file.is_file():
        return None
    network = dlib.face_recognition_model_v1(str(file))

    def describe(frame: NDArray[np.uint8], landmarks: Floats) -> Floats:
        if not np.isfinite(landmarks).all():
            return np.full(128, np.nan, np.float32)
        points = [dlib.point(round(float(x)), round(float(y))) for x, y in five_points(landmarks)]
        low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
        box = dlib.rectangle(*(round(float(v)) for v in (*low, *high)))
        shape = dlib.full_object_detection(box, points)
        picture = np.ascontiguousarray(frame)
        chip = dlib.get_face_chip(picture, shape, size=CHIP_PX, padding=CHIP_PADDING)
        return np.asarray(network.compute_face_descriptor(chip), np.float32)

    return describe


def five_points(landmarks: Floats) -> Floats:
    """Take the five points of dlib's alignment from landmarks (478, 3); (5, 2), px."""
    return landmarks[list(FIVE_POINTS), :2]


def identity_distance(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Measure how far apart descriptors (n, 128) are; (n,), 0 = the same, NaN = missing."""
    apart = np.asarray(first - second, np.float64)
    return np.asarray(np.sqrt((apart**2).sum(-1)))

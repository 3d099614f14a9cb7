"""One synthetic person: drawn, rendered in some views, labelled, and sorted out.

In: a seed and a person's number. Out: MadePerson. Knows nothing about files.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.face import Face, FaceFinder, whole_crop
from mmfa_core.media import Frame
from mmfa_core.synthetic.anatomy import Anatomy, load_anatomy
from mmfa_core.synthetic.figure import Figure
from mmfa_core.synthetic.performance import Act, draw_acts, move_head
from mmfa_core.synthetic.person import Person, draw_person
from mmfa_core.synthetic.renderer import Rendered, Renderer
from mmfa_core.synthetic.scene import draw_scene
from mmfa_core.synthetic.tracing import all_faces, all_places

Floats = NDArray[np.float32]

SIDE_PX = 256  # of a corpus's pictures
LABEL_SIDE_PX = 512  # of what the landmarker looks at, as when the corpus was labelled
JPEG_QUALITY = 92
WORST_POSE_DEG = 13.0  # further off on one axis, the landmarker has misread the head
WORST_MOUTH = 0.07  # further off, of the landmarks' box, it has misread how open the lips are
MOST_OUTSIDE = 0.05  # of the landmarks may lie beyond the picture; none do in clips of people
LIP_LANDMARKS = (13, 14)  # inner edges of upper and lower lip, in the middle
FEWEST_VIEWS = 3  # that can be used, for a person to be kept


@dataclass(frozen=True, eq=False)
class View:
    """Hold one picture of a person with its labels.

    Attributes:
        number: which of the person's views.
        act: what was asked of the person: exact.
        head: (4, 4) from a place on the unposed head to its posed place, m: exact.
        rendered: picture, parts and camera: exact.
        lips: (2, 2) px of the picture, inner edges of upper and lower lip in the middle: exact.
        face: what the landmarker says, in px of a picture of ``LABEL_SIDE_PX``; None where it
            sees no face.
        places: (V, 3) m, where the vertices of `MadePerson.faces` are: exact. None unless flow is
            asked for.
    """

    number: int
    act: Act
    head: Floats
    rendered: Rendered
    lips: Floats
    face: Face | None
    places: Floats | None = None

    @property
    def usable(self) -> bool:
        """Whether the landmarker saw the whole face, in about the pose and mouth asked for."""
        if self.face is None:
            return False
        flat = self.landmarks[:, :2]
        outside = ((flat < 0) | (flat > len(self.rendered.picture) - 1)).any(1)
        if outside.mean() > MOST_OUTSIDE:
            return False
        off = np.abs(np.array(self.face.pose) - self.act.pose_deg)
        return bool(off.max() <= WORST_POSE_DEG) and self.mouth_off <= WORST_MOUTH

    @property
    def mouth_off(self) -> float:
        """How wrongly the landmarker sees how open the mouth is, of the side of its face's box.

        Raises:
            ValueError: when there is no face.
        """
        points = self.landmarks[:, :2]
        upper, lower = points[list(LIP_LANDMARKS)]
        seen, true = lower - upper, self.lips[1] - self.lips[0]
        return float(np.linalg.norm(seen - true) / np.ptp(points, 0).max())

    @property
    def landmarks(self) -> Floats:
        """Landmarks in px of the picture, (478, 3), whole at the middle of a pixel.

        Raises:
            ValueError: when there is no face.
        """
        if self.face is None:
            raise ValueError("this view has no face")
        points = self.face.landmarks * (len(self.rendered.picture) / LABEL_SIDE_PX)
        points[:, :2] -= 0.5  # from px measured at the border to px measured at the first middle
        return np.asarray(points, np.float32)


@dataclass(frozen=True, eq=False)
class MadePerson:
    """Hold a person with all views that were rendered.

    Attributes:
        number: of the person.
        person: who was drawn.
        views: usable or not, in order.
        faces: (F, 3) triangles of all surfaces. None unless flow is asked for.
    """

    number: int
    person: Person
    views: tuple[View, ...]
    faces: NDArray[np.int32] | None = None

    @property
    def kept(self) -> tuple[View, ...]:
        """Views for a corpus: the usable ones, or none if they are too few."""
        usable = tuple(view for view in self.views if view.usable)
        return usable if len(usable) >= FEWEST_VIEWS else ()


class HeadMaker:
    """Make people; use one maker in one thread, and close it or use it in a with statement.

    Args:
        seed: of everything; a person is a function of the seed, its number and the number of
            views.
        views: pictures to render of each person, at least 1.
        side_px: of the pictures.
        flow: whether to keep what flow between pictures follows from; the pictures are the same.

    Raises:
        ResourceError: when Anny or moderngl isn't installed, or OpenGL or MediaPipe can't be used.
    """

    def __init__(
        self, seed: int, views: int, side_px: int = SIDE_PX, *, flow: bool = False
    ) -> None:
        self.seed = seed
        self.views = views
        self.anatomy: Anatomy = load_anatomy()
        self._renderer = Renderer(side_px, trace=flow)
        self._flow = flow
        self._finder = FaceFinder()

    def __enter__(self) -> HeadMaker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free renderer and landmarker."""
        self._renderer.close()
        self._finder.close()

    def make(self, number: int) -> MadePerson:
        """Draw, render and label a person; the order of what is drawn is part of the format.

        Args:
            number: of the person, >= 0.
        """
        rng = np.random.default_rng((self.seed, number))
        person = draw_person(rng, self.anatomy.change_names)
        scene = draw_scene(rng)
        acts = draw_acts(rng, self.views)
        figure = Figure(self.anatomy, person)
        views, faces = [], None
        for index, drawn in enumerate(acts):
            act = move_head(drawn, rng) if index else drawn
            posed = figure.pose(act)
            rendered = self._renderer.render(posed, person, scene, rng)
            lips = self._see(figure.lips(posed), rendered)
            face = self._label(rendered.picture)
            places = all_places(posed) if self._flow else None
            faces = all_faces(posed) if self._flow else None
            views.append(View(index, act, posed.head, rendered, lips, face, places))
        return MadePerson(number, person, tuple(views), faces)

    def _see(self, places: Floats, rendered: Rendered) -> Floats:
        """Project places (N, 3) in m into the picture, (N, 2) px as `View.landmarks` has them."""
        ends = np.concatenate((places, np.ones((len(places), 1), np.float32)), 1)
        x, y, _, w = (ends @ rendered.camera.T).T
        side = len(rendered.picture)
        seen = np.stack((1 + x / w, 1 - y / w), -1) * side / 2 - 0.5
        return np.asarray(seen, np.float32)

    def _label(self, picture: Frame) -> Face | None:
        size = (LABEL_SIDE_PX, LABEL_SIDE_PX)
        large: Frame = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC))
        return self._finder.detect_in_crop(large, whole_crop(large.shape))


def encode_picture(picture: Frame) -> bytes:
    """Write a picture as a JPEG; the same picture gives the same bytes."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def encode_parts(parts: NDArray[np.uint8]) -> bytes:
    """Write the parts of a picture as a grey PNG whose values are the parts' numbers."""
    stream = io.BytesIO()
    Image.fromarray(parts).save(stream, "PNG")
    return stream.getvalue()


def measure_sharpness(picture: Frame, landmarks: Floats) -> float:
    """Measure sharpness as of every corpus: the variance of the Laplacian of the face at 128 px."""
    side = len(picture)
    x0, y0 = np.clip(landmarks[:, :2].min(0), 0, side - 2).astype(int)
    x1, y1 = np.clip(landmarks[:, :2].max(0), 2, side).astype(int)
    grey = cv2.cvtColor(picture[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    face = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(face, cv2.CV_64F).var())

"""One file of a person's own: where the face is, a fixed crop, labels.

In: a picture or clip file. Out: Labels, with samples in the corpus's format or the reason why the
file is left out. Knows nothing about caches, people or shards.

A clip is read twice, a frame at a time, so that memory doesn't grow with its length: once to
follow the face, once to cut the crops and label them.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.errors import MediaError, UnreadableError
from mmfa_core.face import (
    Crop,
    Face,
    FaceFinder,
    crop_for_face,
    cut_crop,
    steady_crop,
    track_faces,
)
from mmfa_core.media import PICTURE_SUFFIXES, Frame, probe_clip, read_clip, read_picture
from mmfa_core.training.corpus import PICTURE_PX
from mmfa_core.training.stretches import find_cuts, jumps, sample_numbers, split_stretches

JPEG_QUALITY = 92
FEWEST_FRAMES = 5  # of a stretch without a cut
READ_SIDE_PX = 1920  # larger clips are made smaller while they are read
SMALLEST_STILL_FACE_PX = 100
SMALLEST_CLIP_FACE_PX = 80
OUTSIDE_PX = 4  # how far landmarks may lie outside the crop
BLURRED_STILL, BLURRED_CLIP = 40.0, 15.0  # sharpness below which a note is made
TEXT_SUFFIXES = {
    *(".csv", ".htm", ".html", ".json", ".jsonl", ".log", ".md", ".py", ".rtf", ".srt", ".tsv"),
    *(".txt", ".vtt", ".xml", ".yaml", ".yml"),
}
MOST_ROLL_DEG = 60.0  # a head that lies on its side is no portrait
# Why a sample is dropped: words for the samples of a clip, and a sentence for a still.
NO_FACE, JUMPED, LEFT_CROP = "without a face", "of a face that jumps", "of a face cut by the border"
TURNED, SHORT = "of a head on its side", "in too short stretches"
STILL_REASONS = {
    NO_FACE: "Its face can't be measured.",
    JUMPED: "Its face can't be measured.",
    LEFT_CROP: "Its face is cut by the border.",
    TURNED: "The head lies on its side.",
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Hold one picture with its labels.

    Attributes:
        jpeg: 256 x 256 px.
        landmarks: (478, 3) px in the crop, whole at the middle of a pixel, as `corpus` reads them.
        blendshapes: (52,) in [0, 1].
        pose_deg: (3,) yaw, pitch, roll.
        matrix: (4, 4), MediaPipe's head pose.
        sharpness: variance of the Laplacian of the face at 128 x 128 px.
        time_s: in the clip; 0 for a still.
        stretch: which stretch of the clip, one crop each.
    """

    jpeg: bytes
    landmarks: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    pose_deg: NDArray[np.float32]
    matrix: NDArray[np.float32]
    sharpness: float
    time_s: float = 0.0
    stretch: int = 0


@dataclass(frozen=True)
class Labels:
    """Hold what became of a file.

    Attributes:
        samples: pictures in order of time; empty when the file is left out.
        kind: video or still.
        fps: of the samples; 0 for a still.
        face_px: usual side of the face in the file.
        notes: sentences on a file that is kept.
        reason: why it is left out; empty when it is kept.
    """

    samples: tuple[Sample, ...] = ()
    kind: str = "still"
    fps: float = 0.0
    face_px: float = 0.0
    notes: tuple[str, ...] = ()
    reason: str = ""


def label_file(path: Path, finder: FaceFinder) -> Labels:
    """Find the face in a picture or clip, crop it and label it.

    Args:
        path: any file.
        finder: the face finder.

    Returns:
        Samples, or the reason why there are none.

    Raises:
        ResourceError: when ffmpeg is missing.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:  # ffmpeg would play a text as a film of its letters
        return Labels(reason="It is neither a picture nor a clip.")
    try:
        if suffix == ".gif" and probe_clip(path).frames > 1:
            return _label_clip(path, finder)
        try:
            picture = read_picture(path)
        except UnreadableError:
            if suffix in PICTURE_SUFFIXES:
                raise
            return _label_clip(path, finder)
        return _label_still(picture, finder)
    except MediaError as error:
        return Labels(reason=error.message)


def _label_still(picture: Frame, finder: FaceFinder) -> Labels:
    faces = finder.detect_faces(picture)
    if not faces:
        return Labels(reason="No face was found.")
    face = faces[0]
    if face.box.side < SMALLEST_STILL_FACE_PX:
        return Labels(reason=_too_small(face.box.side, SMALLEST_STILL_FACE_PX))
    sample = _label_crop(picture, crop_for_face(face, picture.shape), face, finder)
    if isinstance(sample, str):
        return Labels(reason=STILL_REASONS[sample])
    notes = _notes(len(faces) > 1, sample.sharpness < BLURRED_STILL)
    return Labels((sample,), "still", 0.0, face.box.side, notes)


def _label_clip(path: Path, finder: FaceFinder) -> Labels:
    info = probe_clip(path)
    wanted = sample_numbers(info.frames, float(info.fps))
    thumbnails: list[NDArray[np.float32]] = []

    def sampled() -> Generator[Frame]:
        for _, frame in _read_samples(path, wanted):
            thumbnails.append(cv2.resize(frame, (16, 16), interpolation=cv2.INTER_AREA).astype("f"))
            yield frame

    track = track_faces(sampled(), finder, every=1, what="the clip")
    faces = track.faces
    side = median(face.box.side for face in faces if face is not None)
    if side < SMALLEST_CLIP_FACE_PX:
        return Labels(reason=_too_small(side, SMALLEST_CLIP_FACE_PX))
    stretches = split_stretches(faces, find_cuts(thumbnails))
    dropped = {NO_FACE: sum(face is None for face in faces)}
    dropped[JUMPED] = len(faces) - dropped[NO_FACE] - sum(map(len, stretches))
    crops = [steady_crop([f for i in s if (f := faces[i])], track.picture_shape) for s in stretches]
    place = {i: number for number, stretch in enumerate(stretches) for i in stretch}
    found: list[list[Sample]] = [[] for _ in stretches]
    for i, frame in _read_samples(path, wanted):
        face = faces[i] if i < len(faces) else None
        if i not in place or face is None:
            continue
        number, time_s = place[i], wanted[i] / float(info.fps)
        sample = _label_crop(frame, crops[number], face, finder, time_s, number)
        if isinstance(sample, str):
            dropped[sample] = dropped.get(sample, 0) + 1
        else:
            found[number].append(sample)
    dropped[SHORT] = sum(len(part) for part in found if len(part) < FEWEST_FRAMES)
    samples = tuple(s for part in found if len(part) >= FEWEST_FRAMES for s in part)
    gone = [f"{count} {why}" for why, count in dropped.items() if count]
    if not samples:
        least = f"at least {FEWEST_FRAMES} in a row are needed"
        return Labels(
            reason=f"None of its {len(faces)} samples can be used ({', '.join(gone)}); {least}."
        )
    blurred = median(s.sharpness for s in samples) < BLURRED_CLIP
    notes = _notes(track.note is not None, blurred)
    if gone:
        notes += (f"Dropped of its {len(faces)} samples: {', '.join(gone)}.",)
    rate = len(wanted) / max(info.duration_s, 1e-6)
    return Labels(samples, "video", rate, side, notes)


def _read_samples(path: Path, wanted: Sequence[int]) -> Generator[tuple[int, Frame]]:
    """Read some frames of a clip: (position in ``wanted``, frame)."""
    position = 0
    for number, frame in enumerate(read_clip(path, max_side_px=READ_SIDE_PX)):
        if position == len(wanted):
            return
        if number == wanted[position]:
            yield position, frame
            position += 1


def _label_crop(
    frame: Frame,
    crop: Crop,
    expected: Face,
    finder: FaceFinder,
    time_s: float = 0.0,
    stretch: int = 0,
) -> Sample | str:
    """Cut the crop and label it, or say why it is dropped."""
    face = finder.detect_in_crop(frame, crop)
    if face is None:
        return NO_FACE
    if jumps(expected, face):
        return JUMPED
    if abs(face.pose.roll_deg) > MOST_ROLL_DEG:
        return TURNED
    points = crop.to_crop(face.landmarks, PICTURE_PX)
    if points[:, :2].min() < -OUTSIDE_PX or points[:, :2].max() > PICTURE_PX + OUTSIDE_PX:
        return LEFT_CROP
    points[:, :2] -= 0.5  # from px measured at the border to px measured at the first middle
    picture = cut_crop(frame, crop, PICTURE_PX)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=JPEG_QUALITY)
    return Sample(
        jpeg=stream.getvalue(),
        landmarks=points,
        blendshapes=face.blendshapes,
        pose_deg=np.array(face.pose, dtype=np.float32),
        matrix=face.matrix,
        sharpness=measure_sharpness(picture, points),
        time_s=time_s,
        stretch=stretch,
    )


def measure_sharpness(picture: Frame, landmarks: NDArray[np.float32]) -> float:
    """Measure how sharp a face is: the variance of the Laplacian of its box at 128 x 128 px."""
    x0, y0 = np.clip(landmarks[:, :2].min(0), 0, PICTURE_PX - 2).astype(int)
    x1, y1 = np.clip(landmarks[:, :2].max(0), 2, PICTURE_PX).astype(int)
    grey = cv2.cvtColor(picture[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    face = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(face, cv2.CV_64F).var())


def _notes(several: bool, blurred: bool) -> tuple[str, ...]:
    several_note = ("It shows several faces; the largest was taken.",) if several else ()
    return several_note + (("It is blurred.",) if blurred else ())


def _too_small(side: float, least: int) -> str:
    return f"Its face is {side:.0f} px large; at least {least} px are needed."

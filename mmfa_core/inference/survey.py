"""Look through a driving clip before it drives: where the face is, and where to start.

In: a clip. Out: Survey. Knows nothing about the portrait's picture.

Only every few frames are looked at, and only some of those are kept, made smaller: so this costs
little and its memory doesn't grow with the clip.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import (
    Crop,
    Face,
    FaceFinder,
    FaceTrack,
    cut_crop,
    find_gaps,
    resize_frame,
    track_faces,
)
from mmfa_core.face.mediapipe_task import MOST_FACES
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.render import BATCH, batches, read_ahead
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import ClipInfo, Frame, read_clip
from mmfa_core.motion import Motion

LOOKS_PER_S = 4.0  # how often a face is looked for
MOST_CANDIDATES = 48  # frames that may become the reference
CANDIDATE_SIDE_PX = 640  # larger frames are kept smaller
READ_AHEAD = 8  # frames that wait decoded
MOST_GAP_NOTES = 3
_NOTHING = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Survey:
    """Hold what was seen; all of it depends on the driver alone, and not on a portrait.

    Attributes:
        crop: one square that holds the face over the whole clip.
        present: (T,), whether the face is there.
        candidates: motion of the frames that may become the reference, batch C; what is before
            the first face is shown as the first of them.
        candidate_frames: their C numbers, rising.
        notes: what a person should know.
    """

    crop: Crop
    present: NDArray[np.bool_]
    candidates: Motion
    candidate_frames: tuple[int, ...]
    notes: tuple[str, ...]


class _BoxFinder(FaceFinder):
    """Find faces and keep only where they are.

    A ten-minute clip has thousands of looks; whole faces, kept among what MediaPipe allocates and
    frees, would tear holes of 70 kB each into the memory.
    """

    def detect_faces(
        self, picture: Frame, max_faces: int = MOST_FACES, *, thorough: bool = True
    ) -> tuple[Face, ...]:
        """Find the faces in a picture, largest first."""
        found = super().detect_faces(picture, max_faces, thorough=thorough)
        return tuple(_box_only(face) for face in found)

    def detect_in_crop(self, picture: Frame, crop: Crop) -> Face | None:
        """Find the face in the middle of a crop."""
        face = super().detect_in_crop(picture, crop)
        return None if face is None else _box_only(face)


def _box_only(face: Face) -> Face:
    return replace(face, landmarks=_NOTHING, blendshapes=_NOTHING, matrix=_NOTHING)


@dataclass
class Candidates:
    """Keep evenly spread frames, never more than MOST_CANDIDATES of them."""

    spacing: int
    frames: dict[int, Frame] = field(default_factory=dict)

    def offer(self, number: int, frame: Frame) -> None:
        """Keep a frame if it falls on the spacing; double the spacing when there are too many."""
        if number % self.spacing:
            return
        self.frames[number] = _smaller(frame)
        if len(self.frames) > MOST_CANDIDATES:
            self.spacing *= 2
            self.frames = {n: f for n, f in self.frames.items() if n % self.spacing == 0}

    def watch(self, frames: Iterable[Frame]) -> Generator[Frame]:
        """Pass frames on, keeping some."""
        for number, frame in enumerate(frames):
            self.offer(number, frame)
            yield frame


def survey_clip(
    engine: Engine,
    clip: Path,
    info: ClipInfo,
    *,
    face_index: int | None,
    max_seconds: float,
    progress: ReportProgress,
) -> Survey:
    """Follow the face through a clip and estimate its candidates for the reference frame.

    Args:
        engine: estimates the motion of the candidates.
        clip: file of the clip.
        info: what probe_clip said about it, trimmed to the part that drives.
        face_index: which face of the clip; None takes the largest and notes it.
        max_seconds: longest clip that is accepted, s.
        progress: told about frames looked through.

    Returns:
        What was seen.

    Raises:
        TooLongError: the clip is too long.
        NoFaceError: no face in the clip, or not as many as asked for.
    """
    every = max(1, round(float(info.fps) / LOOKS_PER_S))
    candidates = Candidates(every)
    with (
        contextlib.closing(
            read_ahead(read_clip(clip, max_seconds=max_seconds, info=info), READ_AHEAD)
        ) as frames,
        _BoxFinder() as finder,
    ):
        counted = _counted(candidates.watch(frames), info.frames, progress)
        track = track_faces(counted, finder, every=every, face_index=face_index, what=clip.name)
    numbers, motions = _candidate_motions(engine, track, candidates, clip, info)
    return Survey(
        crop=track.crop(),
        present=track.present,
        candidates=motions,
        candidate_frames=tuple(numbers),
        notes=(*((track.note,) if track.note else ()), *gap_notes(track.present, info)),
    )


def _candidate_motions(
    engine: Engine, track: FaceTrack, candidates: Candidates, clip: Path, info: ClipInfo
) -> tuple[list[int], Motion]:
    seen = [n for n, face in zip(track.frame_numbers, track.faces, strict=True) if face is not None]
    kept = {n: candidates.frames[n] for n in seen if n in candidates.frames}
    if not kept:  # a face that shows for a moment only, between the frames that were kept
        with contextlib.closing(read_clip(clip, info=info)) as frames:
            kept = {seen[0]: next(itertools.islice(frames, seen[0], None))}
    crop = track.crop()
    crops = []
    for frame in kept.values():
        factor = frame.shape[1] / track.picture_shape[1]
        scaled = Crop(crop.x_px * factor, crop.y_px * factor, crop.side_px * factor)
        crops.append(cut_crop(frame, scaled, engine.size_px))
    with engine.computing():
        return list(kept), Motion.cat([engine.estimate_motion(b) for b in batches(crops, BATCH)])


def _smaller(frame: Frame) -> Frame:
    height, width = frame.shape[:2]
    factor = CANDIDATE_SIDE_PX / max(height, width)
    if factor >= 1:
        return frame
    return resize_frame(frame, max(1, round(height * factor)), max(1, round(width * factor)))


def _counted(frames: Iterable[Frame], total: int, progress: ReportProgress) -> Generator[Frame]:
    number = 0
    for number, frame in enumerate(frames, start=1):
        progress("survey", number, max(total, number))
        yield frame
    progress("survey", number, number)


def gap_notes(present: NDArray[np.bool_], info: ClipInfo) -> list[str]:
    """Tell of the spans without a face.

    Args:
        present: (T,), of the part that drives.
        info: of that part.

    Returns:
        Sentences, with times counted from the start of the whole driver.
    """
    gaps = [(start + info.trim_s, end + info.trim_s) for start, end in find_gaps(present, info.fps)]
    notes = [
        f"The face was not found from {start:.1f} s to {end:.1f} s; the last motion was held."
        for start, end in gaps[:MOST_GAP_NOTES]
    ]
    if len(gaps) > MOST_GAP_NOTES:
        notes.append(f"It was not found {len(gaps) - MOST_GAP_NOTES} more times.")
    return notes

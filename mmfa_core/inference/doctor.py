"""The drive doctor: how well a clip will drive a portrait, measured before anything is rendered.

In: a clip. Out: DriveReport, numbers and sentences. Knows nothing about portraits or the model.

The clip is decoded once; a face is looked for a few times a second, and a moment of it is looked
at frame by frame for its tremble. Memory doesn't grow with the length.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from mmfa_core.face import Crop, Face, FaceFinder, FaceTrack, crop_for_face, cut_crop, track_faces
from mmfa_core.face.mediapipe_task import MOST_FACES
from mmfa_core.inference.clip_facts import ClipFacts
from mmfa_core.inference.findings import Finding, list_findings
from mmfa_core.inference.looks import Looks, ShotChanges
from mmfa_core.inference.portrait import FoundFace, show_face
from mmfa_core.inference.render import read_ahead
from mmfa_core.inference.survey import LOOKS_PER_S, READ_AHEAD, Candidates
from mmfa_core.inference.watching import ReportProgress, watch
from mmfa_core.media import ClipInfo, Frame, probe_clip, read_clip

STAGE = "examine"
SHARP_LOOKS = 8  # frames whose sharpness is measured
SHARP_SIDE_PX = 256
TREMBLE_FRAMES = 13  # looked at one by one
_NOTHING = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class DriveReport:
    """Tell how well a clip will drive a portrait.

    Times are in seconds after the clip's first frame, also when only a part was looked at.

    Attributes:
        facts: what was measured.
        findings: what it means for a person, the most pressing first.
        faces: those of the first frame that has any, if there are several; their order is
            driving_face_index.
        start_picture: the face at the start of the part, small.
        best_picture: the face where the clip is calmest, small.
    """

    facts: ClipFacts
    findings: tuple[Finding, ...]
    faces: tuple[FoundFace, ...] = ()
    start_picture: Frame = field(repr=False)
    best_picture: Frame = field(repr=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExamineUpdate:
    """Tell how far an examination is.

    Attributes:
        done: frames that were looked through.
        total: of how many.
        report: only in the last update.
    """

    done: int
    total: int
    report: DriveReport | None = None


class _LightFinder(FaceFinder):
    """Find faces and keep of them where they are, how they look and how they are turned."""

    def detect_faces(
        self, picture: Frame, max_faces: int = MOST_FACES, *, thorough: bool = True
    ) -> tuple[Face, ...]:
        """Find the faces in a picture, largest first."""
        found = super().detect_faces(picture, max_faces, thorough=thorough)
        return tuple(_light(face) for face in found)

    def detect_in_crop(self, picture: Frame, crop: Crop) -> Face | None:
        """Find the face in the middle of a crop."""
        face = super().detect_in_crop(picture, crop)
        return None if face is None else _light(face)


def _light(face: Face) -> Face:
    return replace(face, landmarks=_NOTHING, matrix=_NOTHING, blendshapes=face.blendshapes.copy())


def examine_clip(
    clip: Path,
    *,
    face_index: int | None,
    part: tuple[float, float | None],
    max_seconds: float,
    progress: ReportProgress,
) -> DriveReport:
    """Look through a clip; see Animator.examine."""
    whole = probe_clip(clip)
    info = whole.trimmed(*part)
    end_s = info.trim_s + info.duration_s
    if info.duration_s > max_seconds:
        info = whole.trimmed(info.trim_s, info.trim_s + max_seconds)
    every = max(1, round(float(info.fps) / LOOKS_PER_S))
    candidates, changes = Candidates(every), ShotChanges()
    with (
        contextlib.closing(read_ahead(read_clip(clip, info=info), READ_AHEAD)) as frames,
        _LightFinder() as finder,
    ):
        counted = _counted(changes.watch(candidates.watch(frames)), info.frames, progress)
        track = track_faces(counted, finder, every=every, face_index=face_index, what=clip.name)
        tremble = _tremble(clip, info, track, finder)
    looks = Looks.of(track)
    best, early = looks.calmest(), looks.calmest(within=0.5)
    start = _frame(clip, info, looks.numbers[0])
    at = info.trim_s
    fps = float(info.fps)
    facts = ClipFacts(
        seconds=whole.duration_s,
        part=(at, end_s),
        looked_s=info.duration_s,
        max_seconds=max_seconds,
        fps=info.fps,
        has_sound=info.has_sound,
        variable_rate=info.variable_rate,
        found_share=track.found_share,
        gaps=tuple((float(s) + at, float(e) + at) for s, e in track.gaps(fps)),
        faces=len(track.choices),
        face_index=face_index,
        cuts=tuple(at + n / fps for n in changes.cuts()),
        start_s=at + looks.numbers[0] / fps,
        start_yaw_deg=looks.faces[0].pose.yaw_deg,
        start_unrest=float(looks.unrest[0]),
        start_expression=float(looks.expression[0]),
        best_s=at + looks.numbers[best] / fps,
        best_unrest=float(looks.unrest[best]),
        early_s=at + looks.numbers[early] / fps,
        early_unrest=float(looks.unrest[early]),
        face_px=looks.face_px,
        sharpness=_sharpness(candidates, track),
        head_travel=looks.travel(),
        size_change=looks.size_change(),
        tremble=tremble,
        turn_deg=looks.turn_deg(),
        expression_range=float(np.ptp(looks.expression)),
    )
    return DriveReport(
        facts=facts,
        findings=list_findings(facts),
        faces=tuple(show_face(index, face, start) for index, face in enumerate(track.choices))
        if len(track.choices) > 1
        else (),
        start_picture=show_face(0, looks.faces[0], start).thumbnail,
        best_picture=show_face(
            0, looks.faces[best], _frame(clip, info, looks.numbers[best])
        ).thumbnail,
    )


def examine_in_steps(work: Callable[[ReportProgress], DriveReport]) -> Generator[ExamineUpdate]:
    """Do an examination in a thread and tell how far it is; closing the generator ends it."""
    total = 1
    steps = watch(work)
    with contextlib.closing(steps):
        while True:
            try:
                _, done, known = next(steps)
            except StopIteration as end:
                yield ExamineUpdate(done=total, total=total, report=end.value)
                return
            total = known or total
            yield ExamineUpdate(done=done, total=total)


def _sharpness(candidates: Candidates, track: FaceTrack) -> float:
    """Measure how much fine detail the face has: about 0 blurred to 1 crisp."""
    seen = [
        (candidates.frames[number], face)
        for number, face in zip(track.frame_numbers, track.faces, strict=True)
        if face is not None and number in candidates.frames
    ]
    values = []
    for frame, face in seen[:: max(1, len(seen) // SHARP_LOOKS)]:
        crop = _scaled(crop_for_face(face, track.picture_shape), frame, track)
        grey = cut_crop(frame, crop, SHARP_SIDE_PX).mean(2, dtype=np.float32)[64:200, 64:192]
        fine = (
            grey[1:-1, 1:-1] * 4
            - grey[:-2, 1:-1]
            - grey[2:, 1:-1]
            - grey[1:-1, :-2]
            - grey[1:-1, 2:]
        )
        values.append(float(np.sqrt((fine**2).mean())) / max(1.0, float(grey.std())))
    return float(np.median(values)) if values else 1.0


def _scaled(crop: Crop, frame: Frame, track: FaceTrack) -> Crop:
    factor = frame.shape[1] / track.picture_shape[1]
    return Crop(crop.x_px * factor, crop.y_px * factor, crop.side_px * factor)


def _tremble(clip: Path, info: ClipInfo, track: FaceTrack, finder: FaceFinder) -> float:
    """Measure how far the face is thrown about between frames, in hundredths of its size."""
    there = [
        (number, face)
        for number, face in zip(track.frame_numbers, track.faces, strict=True)
        if face is not None and number + TREMBLE_FRAMES <= info.frames
    ]
    if not there:
        return 0.0
    number, face = there[len(there) // 2]
    begin = Fraction(info.first_frame + number) / info.fps
    few = replace(
        info,
        first_frame=round(begin * info.fps),
        end_frame=round(begin * info.fps) + TREMBLE_FRAMES,
    )
    places = []
    with contextlib.closing(read_clip(clip, info=few)) as frames:
        for frame in frames:
            found = finder.detect_in_crop(frame, crop_for_face(face, frame.shape, 2.4))
            if found is not None:
                places.append(found.box.centre)
    if len(places) < TREMBLE_FRAMES // 2:
        return 0.0
    steps = np.diff(np.array(places)[:, :2], axis=0) / face.box.side  # (N - 1, 2)
    # Noise of deviation s makes a step forth follow a step back: their covariance is -s^2. A
    # steady or swinging way makes steps follow steps of their own kind, and is no tremble.
    together = float((steps[1:] * steps[:-1]).sum(1).mean())
    return 100 * float(np.sqrt(max(0.0, -together)))


def _frame(clip: Path, info: ClipInfo, number: int) -> Frame:
    """Read one frame of the part again, by its number there."""
    first = info.first_frame + number
    one = replace(info, first_frame=first, end_frame=first + 1)
    with contextlib.closing(read_clip(clip, info=one)) as frames:
        return next(frames)


def _counted(frames: Iterable[Frame], total: int, progress: ReportProgress) -> Generator[Frame]:
    number = 0
    for number, frame in enumerate(frames, start=1):
        progress(STAGE, number, max(total, number))
        yield frame
    progress(STAGE, number, number)

"""Keypoints over time: a portrait and its driver, frame by frame.

In: a portrait and a clip. Out: KeypointTracks, and single frames of them as pictures.
Knows nothing about files of keypoints or pages.
"""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.face import resize_frame
from mmfa_core.geometry import angles_from_rotation, rotation_from_angles
from mmfa_core.inference.clip import driving_crops, follow_driver
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.inference.portrait import PreparedPortrait
from mmfa_core.inference.reference import choose_reference
from mmfa_core.inference.render import BATCH, StageClock, batches, hold_through_gaps, read_ahead
from mmfa_core.inference.survey import survey_clip
from mmfa_core.inference.watching import ReportProgress
from mmfa_core.media import Frame, probe_clip
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion

Points = NDArray[np.float32]
MOST_FRAMES = 300  # of a clip that are compared
KEPT_PX = 192  # side of the driver's crops that are kept


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadTrack:
    """Hold one head over time; angles in degrees, coordinates normalised in its face crop.

    Attributes:
        canonical: (K, 3), identity: neutral and frontal; a driver's is its mean over the clip.
        expressed: (T, K, 3), canonical with the expression, head frame.
        posed: (T, K, 3), with scale, rotation and translation too.
        pose_deg: (T, 3), yaw, pitch, roll.
        scale: (T,).
        translation: (T, 2), x and y.
        expression_code: (T, Z).
        expression_offsets: (T, K, 3), delta as the head shows it; not always the code's own, as
            offsets may be added where codes are not, and are kept where they are locked.
    """

    canonical: Points
    expressed: Points
    posed: Points
    pose_deg: Points
    scale: Points
    translation: Points
    expression_code: Points
    expression_offsets: Points


@dataclass(frozen=True, eq=False, kw_only=True)
class KeypointTracks:
    """Compare a portrait with what drives it, frame by frame.

    Attributes:
        times_s: (T,), s from the start of the clip.
        present: (T,), whether the driver's face was found; where not, the last motion is held.
        source: the portrait as it follows.
        driver: the face in the clip.
        pictures: (T, 192, 192, 3), the driver's face crops; empty when they were taken off.
        reference_frame: the driver's frame that its movements are counted from.
        notes: what a person should know.
    """

    times_s: NDArray[np.float64]
    present: NDArray[np.bool_]
    source: HeadTrack
    driver: HeadTrack
    pictures: NDArray[np.uint8] = dataclasses.field(repr=False)
    reference_frame: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return T."""
        return len(self.times_s)

    def without_pictures(self) -> KeypointTracks:
        """Take the driver's pictures off, so that what remains is small."""
        return dataclasses.replace(self, pictures=self.pictures[:0])


def compare_clip(
    engine: Engine,
    prepared: PreparedPortrait,
    clip: Path,
    options: AnimateOptions,
    progress: ReportProgress,
) -> KeypointTracks:
    """Follow a portrait's and its driver's keypoints through a clip.

    At most MOST_FRAMES frames from the start (or ``options.start_s``) are looked at.

    Args:
        engine: computes.
        prepared: the portrait.
        clip: the driver.
        options: how the portrait follows.
        progress: told about the frames.

    Returns:
        The tracks.
    """
    whole = probe_clip(clip)
    info = whole.trimmed(options.start_s, options.end_s)
    shortened = info.frames > MOST_FRAMES
    if shortened:
        info = whole.trimmed(options.start_s, options.start_s + MOST_FRAMES / float(whole.fps))
    survey = survey_clip(
        engine,
        clip,
        info,
        face_index=options.driving_face_index,
        max_seconds=options.max_seconds,
        progress=progress,
    )
    model = engine.loaded.model
    reference = choose_reference(model, prepared.source, survey, best_frame=options.best_frame)
    follow = follow_driver(engine, prepared, reference.motion, info, options, None)
    held, drivers, sources, canonicals = survey.candidates[:1], [], [], []
    pictures: list[Frame] = []
    crops = driving_crops(engine, clip, info, survey, StageClock())
    with contextlib.closing(read_ahead(batches(crops, BATCH), 2)) as ready:
        for batch in ready:
            seen = [crop for crop in batch if crop is not None]
            with engine.computing():
                motion = None
                if seen:
                    motion, canonical = engine.estimate(seen)
                    canonicals.append(canonical)
                driving = hold_through_gaps(batch, motion, held)
                held = driving[len(driving) - 1 : len(driving)]
                drivers.append(driving)
                sources.append(follow(driving))
            pictures += [_kept(crop) for crop in batch]
            progress("keypoints", len(pictures), len(survey.present))
    with engine.computing():
        source = _track(model, prepared.source.canonical_keypoints, Motion.cat(sources))
        mean = model.gauge_identity(torch.cat(canonicals).mean(0, keepdim=True))
        driver = _track(model, mean, Motion.cat(drivers))
    count = len(pictures)
    cut = f"Only the first {count} frames were looked at." if shortened else None
    return KeypointTracks(
        times_s=options.start_s + np.arange(count, dtype=np.float64) / float(info.fps),
        present=np.asarray(survey.present[:count], bool),
        source=source,
        driver=driver,
        pictures=np.stack(pictures),
        reference_frame=reference.frame,
        notes=(*prepared.notes, *survey.notes, *((cut,) if cut else ())),
    )


def motion_at(engine: Engine, track: HeadTrack, frame: int) -> Motion:
    """Return the motion of one frame of a track, batch 1; call it within computing()."""
    device = engine.device

    def row(values: Points) -> Tensor:
        return torch.tensor(values[frame : frame + 1], dtype=torch.float32, device=device)

    return Motion(
        rotation_from_angles(row(track.pose_deg)),
        row(track.translation),
        row(track.scale)[:, None],
        row(track.expression_code),
        row(track.expression_offsets),
    )


def _track(model: MMFA, canonical: Tensor, motion: Motion) -> HeadTrack:
    """Compose the keypoints of one identity for each frame."""
    identity = canonical.expand(len(motion), -1, -1)
    at_rest = dataclasses.replace(
        motion,
        rotation=torch.eye(3, device=canonical.device).expand(len(motion), 3, 3),
        translation=torch.zeros_like(motion.translation),
        scale=torch.ones_like(motion.scale),
    )
    return HeadTrack(
        canonical=_array(canonical[0]),
        expressed=_array(model.keypoints(identity, at_rest)),
        posed=_array(model.keypoints(identity, motion)),
        pose_deg=_array(angles_from_rotation(motion.rotation)),
        scale=_array(motion.scale[:, 0]),
        translation=_array(motion.translation),
        expression_code=_array(motion.expression_code),
        expression_offsets=_array(motion.expression_offsets),
    )


def _kept(crop: Frame | None) -> Frame:
    if crop is None:
        return np.full((KEPT_PX, KEPT_PX, 3), 128, np.uint8)
    return resize_frame(crop, KEPT_PX, KEPT_PX)


def _array(values: Tensor) -> Points:
    return np.asarray(values.float().cpu().numpy(), np.float32)

"""What the shipped model must do with the shipped portraits and clips, seen by the landmarker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmfa_core import Animator, MotionEdit
from mmfa_core.face import Face, FaceFinder, whole_crop
from mmfa_core.media import Frame, probe_clip, read_clip, read_picture

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PORTRAIT = EXAMPLES / "london_034_neutral.jpg"
CLIP = EXAMPLES / "driving_expressive.mp4"
PORTRAITS = ("london_009_neutral", "london_034_neutral", "london_101_neutral", "london_114_neutral")
BORDER_PX = 6  # of the picture's upper corners, where there is only background


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator.from_pretrained(threads=2)


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as opened:
        yield opened


@dataclass(frozen=True)
class Watched:
    """The driver and the result, frame by frame; a face that is missing is NaN."""

    driver: NDArray[np.float64]
    result: NDArray[np.float64]
    frames: tuple[int, int]
    seconds: tuple[float, float]
    sound: tuple[bool, bool]


def look(face: Face | None) -> tuple[float, float]:
    if face is None:
        return np.nan, np.nan
    return face.pose.yaw_deg, face.blendshape("jawOpen")


def watch(finder: FaceFinder, path: Path) -> tuple[NDArray[np.float64], int]:
    seen = []
    for frame in read_clip(path):
        faces = finder.detect_faces(frame, max_faces=1, thorough=False)
        seen.append(look(faces[0] if faces else None))
    return np.array(seen), len(seen)


@pytest.fixture(scope="module")
def watched(
    animator: Animator, finder: FaceFinder, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    output = tmp_path_factory.mktemp("clip") / "out.mp4"
    animator.animate(PORTRAIT, CLIP, output=output)
    driver, before = watch(finder, CLIP)
    result, after = watch(finder, output)
    first, last = probe_clip(CLIP), probe_clip(output)
    return Watched(
        driver,
        result,
        (before, after),
        (first.duration_s, last.duration_s),
        (first.has_sound, last.has_sound),
    )


def correlation(watched: Watched, column: int) -> float:
    both = np.isfinite(watched.driver[:, column]) & np.isfinite(watched.result[:, column])
    pair = np.corrcoef(watched.driver[both, column], watched.result[both, column])
    return float(pair[0, 1])


def test_every_frame_of_the_driver_has_one_in_the_result(watched: Watched):
    assert watched.frames[0] == watched.frames[1] > 100


def test_duration_and_sound_are_those_of_the_driver(watched: Watched):
    assert watched.seconds[1] == pytest.approx(watched.seconds[0], abs=0.05)
    assert watched.sound[0] == watched.sound[1]


def test_the_landmarker_finds_a_face_in_98_percent_of_the_frames(watched: Watched):
    assert np.isfinite(watched.result[:, 0]).mean() >= 0.98


def test_yaw_follows_the_driver(watched: Watched):
    assert correlation(watched, 0) >= 0.8


def test_jaw_follows_the_driver(watched: Watched):
    assert correlation(watched, 1) >= 0.6


@dataclass(frozen=True)
class Case:
    """One control: how much to ask both ways, and the least share that must be answered."""

    name: str
    ask: tuple[float, float]
    least: float


CASES = (
    Case("yaw_deg", (-20, 20), 0.6),
    Case("pitch_deg", (-12, 12), 0.6),
    Case("roll_deg", (-15, 15), 0.8),
    Case("scale", (0.9, 1.1), 0.8),
    Case("tx", (-0.2, 0.2), 0.8),
    Case("ty", (-0.2, 0.2), 0.8),
)


def read_factor(finder: FaceFinder, frame: Frame, name: str) -> float:
    """Measure a control on a picture; places and sizes by landmarks that hardly deform."""
    face = finder.detect_in_crop(frame, whole_crop(frame.shape))
    assert face is not None
    rigid = face.landmarks[[33, 133, 362, 263, 168, 6, 10, 67, 297, 127, 356]]
    centre = rigid.mean(0)
    if name in ("tx", "ty"):
        return float(centre[("tx", "ty").index(name)] * 2 / frame.shape[1])
    if name == "scale":
        return float(np.sqrt(((rigid - centre) ** 2).sum(-1).mean()))
    return float(getattr(face.pose, name))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_an_edit_answers_in_the_named_direction(animator: Animator, finder: FaceFinder, case: Case):
    answers = []
    for name in PORTRAITS:
        portrait = animator.prepare(read_picture(EXAMPLES / f"{name}.jpg"))
        low, rest, high = (
            read_factor(finder, animator.edit(portrait, edit), case.name)
            for edit in (
                MotionEdit(**{case.name: case.ask[0]}),
                MotionEdit(),
                MotionEdit(**{case.name: case.ask[1]}),
            )
        )
        assert low < rest < high
        asked = case.ask[1] - case.ask[0]
        answers.append((high - low) / asked / (rest if case.name == "scale" else 1))
    assert np.mean(answers) >= case.least


def test_the_background_stays_when_the_head_turns_and_moves(animator: Animator):
    portrait = animator.prepare(PORTRAIT)
    still = animator.edit(portrait, MotionEdit()).astype(float)
    for edit in (MotionEdit(yaw_deg=20), MotionEdit(tx=0.2), MotionEdit(scale=1.1)):
        moved = animator.edit(portrait, edit).astype(float)
        for corner in (np.s_[:BORDER_PX, :60], np.s_[:BORDER_PX, -60:], np.s_[:100, :BORDER_PX]):
            assert np.abs(moved[corner] - still[corner]).mean() < 4


def test_a_neutral_edit_keeps_the_portrait(animator: Animator):
    portrait = animator.prepare(PORTRAIT)
    kept = animator.edit(portrait, MotionEdit()).astype(float)
    source = (portrait.source.picture[0].permute(1, 2, 0) * 255).numpy()
    assert np.abs(kept - source).mean() < 6


def test_mixing_two_expressions_moves_the_mouth_steadily(animator: Animator, finder: FaceFinder):
    frames = animator.interpolate(
        EXAMPLES / "london_009_neutral.jpg", EXAMPLES / "london_009_smiling.jpg", steps=5
    )
    smiles = []
    for frame in frames:
        face = finder.detect_in_crop(frame, whole_crop(frame.shape))
        assert face is not None
        smiles.append(face.blendshape("mouthSmileLeft") + face.blendshape("mouthSmileRight"))
    assert smiles[-1] - smiles[0] > 0.3
    assert np.mean(np.diff(smiles) > -0.02) == 1

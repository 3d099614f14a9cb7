"""Faces found, framed, followed and pasted back, on the shipped examples."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.errors import MediaError, MismatchError, NoFaceError, NotFoundError
from mmfa_core.face import (
    BLENDSHAPE_NAMES,
    Crop,
    Face,
    FaceBox,
    FaceFinder,
    FacePose,
    choose_face,
    crop_by_hand,
    crop_for_face,
    cut_crop,
    pose_of,
    resize_frame,
    steady_crop,
    track_faces,
    whole_crop,
)
from mmfa_core.face.faces import compose_face
from mmfa_core.media import Frame, read_clip, read_picture
from mmfa_core.paste import paste_back

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as one:
        yield one


@pytest.fixture(scope="module")
def portrait() -> Frame:
    return read_picture(ROOT / "examples" / "astronaut.jpg")


@pytest.fixture(scope="module")
def face(finder: FaceFinder, portrait: Frame) -> Face:
    return finder.detect_faces(portrait)[0]


def flat(height: int, width: int, value: int = 120) -> Frame:
    return np.full((height, width, 3), value, dtype=np.uint8)


def placed(portrait: Frame, size: int, shape: tuple[int, int], x: int, y: int) -> Frame:
    """Put a portrait of a given size into a larger grey picture."""
    picture = flat(*shape)
    picture[y : y + size, x : x + size] = resize_frame(portrait, size, size)
    return picture


def face_at(x: float, y: float, side: float) -> Face:
    """Invent a face with a square box round (x, y)."""
    half = side / 2
    landmarks = np.full((478, 3), (x, y, 0), dtype=np.float32)
    landmarks[0, :2], landmarks[1, :2] = (x - half, y - half), (x + half, y + half)
    return compose_face(landmarks, np.zeros(52, np.float32), np.eye(4, dtype=np.float32))


# ---------------------------------------------------------------------------------------- pose


def turn(axis: int, degrees: float) -> np.ndarray:
    """Rotate about x, y or z by the right-hand rule."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array(
        [[[1, 0, 0], [0, c, -s], [0, s, c]], [[c, 0, s], [0, 1, 0], [-s, 0, c]],
         [[c, -s, 0], [s, c, 0], [0, 0, 1]]][axis],
    )  # fmt: skip


@given(
    yaw=st.floats(-80, 80),
    pitch=st.floats(-80, 80),
    roll=st.floats(-170, 170),
    scale=st.floats(0.5, 2),
)
def test_the_pose_is_read_back_from_its_own_rotation(yaw, pitch, roll, scale) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn(1, yaw) @ turn(0, -pitch) @ turn(2, roll)
    assert pose_of(matrix) == pytest.approx((yaw, pitch, roll), abs=1e-3)


def test_a_mirrored_portrait_turns_and_tilts_the_other_way(finder, portrait) -> None:
    for name in ("astronaut.jpg", "london_114_neutral.jpg"):
        picture = read_picture(ROOT / "examples" / name)
        one = finder.detect_faces(picture)[0].pose
        other = finder.detect_faces(np.ascontiguousarray(picture[:, ::-1]))[0].pose
        assert other == pytest.approx((-one.yaw_deg, one.pitch_deg, -one.roll_deg), abs=2.5)


@pytest.mark.parametrize(("quarters", "roll_deg"), [(1, 90), (2, 180), (3, -90)])
@pytest.mark.parametrize("name", ["astronaut.jpg", "london_009_neutral.jpg"])
def test_a_picture_on_its_side_is_read_and_roll_counts_counter_clockwise(
    finder, name, quarters, roll_deg
) -> None:
    upright = read_picture(ROOT / "examples" / name)
    (face,) = finder.detect_faces(upright)
    (found,) = finder.detect_faces(np.rot90(upright, quarters))  # counter-clockwise
    off = (found.pose.roll_deg - face.pose.roll_deg - roll_deg + 180) % 360 - 180
    assert off == pytest.approx(0, abs=3)
    x, y = face.landmarks[1, :2]  # the tip of the nose
    for _ in range(quarters):
        x, y = y, 256 - x
    assert found.landmarks[1, :2] == pytest.approx([x, y], abs=3)


def test_a_head_that_turns_to_the_pictures_right_has_a_growing_yaw(finder) -> None:
    # driving_turn.mp4: the tip of the nose moves against the outline of the face as it turns.
    track = track_faces(read_clip(ROOT / "examples" / "driving_turn.mp4"), finder, every=2)
    faces = [face for face in track.faces if face is not None]
    sides = [f.landmarks[[234, 454], 0] for f in faces]  # the person's right and left outline
    nose = [(f.landmarks[1, 0] - s[0]) / (s[1] - s[0]) for f, s in zip(faces, sides, strict=True)]
    yaw = [f.pose.yaw_deg for f in faces]
    assert np.ptp(yaw) > 10
    assert np.corrcoef(nose, yaw)[0, 1] > 0.95


# ------------------------------------------------------------------------------------- finding


def test_a_face_comes_with_landmarks_blendshapes_and_a_box(face: Face) -> None:
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == np.float32
    assert face.blendshapes.shape == (52,)
    assert 0 <= face.blendshapes.min() <= face.blendshapes.max() <= 1
    assert face.landmarks[:, :2].min(axis=0) == pytest.approx([face.box.x0, face.box.y0])
    assert face.landmarks[:, :2].max(axis=0) == pytest.approx([face.box.x1, face.box.y1])
    assert len(set(BLENDSHAPE_NAMES)) == 52


def test_a_smile_is_a_smile_and_a_neutral_face_is_not(finder: FaceFinder) -> None:
    for person in ("009", "034", "101", "114"):
        smile = [
            finder.detect_faces(read_picture(ROOT / "examples" / f"london_{person}_{mood}.jpg"))[0]
            for mood in ("neutral", "smiling")
        ]
        neutral, smiling = (face.blendshape("mouthSmileLeft") for face in smile)
        assert smiling > neutral + 0.05


@pytest.mark.parametrize(
    ("size", "shape", "x", "y"),
    [
        (256, (256, 256), 0, 0),
        (2048, (2048, 2048), 0, 0),
        (300, (300, 2400), 1900, 0),  # a wide panorama
        (300, (1800, 300), 0, 700),
        (120, (1000, 1400), 1200, 800),  # a small face in a corner
    ],
)
def test_a_face_is_found_in_a_picture_of_any_size(
    finder, portrait, face, size, shape, x, y
) -> None:
    (found,) = finder.detect_faces(placed(portrait, size, shape, x, y))
    expected = face.landmarks[:, :2] * (size / 256) + (x, y)
    assert np.abs(found.landmarks[:, :2] - expected).mean() < 0.02 * size
    assert found.pose == pytest.approx(face.pose, abs=4)  # one camera, wherever the face is


def test_a_face_that_fills_its_picture_is_found(finder, portrait, face) -> None:
    box = face.box
    tight = portrait[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    (found,) = finder.detect_faces(np.ascontiguousarray(tight))
    assert found.box.side == pytest.approx(box.side, rel=0.1)


def test_several_faces_come_largest_first(finder: FaceFinder, portrait: Frame) -> None:
    picture = flat(300, 700)
    picture[20:220, 10:210] = resize_frame(portrait, 200, 200)
    picture[10:290, 300:580] = resize_frame(portrait, 280, 280)
    first, second = finder.detect_faces(picture)
    assert first.box.side > second.box.side
    assert first.box.centre[0] > 300 > second.box.centre[0]
    assert finder.detect_faces(picture, max_faces=1)[0].box == first.box


def test_there_is_no_face_in_an_empty_or_noisy_picture(finder: FaceFinder) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    assert finder.detect_faces(flat(100, 140)) == ()
    assert finder.detect_faces(noise) == ()


def test_a_crop_is_measured_as_the_whole_picture_that_it_is(finder, portrait, face) -> None:
    found = finder.detect_in_crop(portrait, whole_crop(portrait.shape))
    assert found is not None
    assert found.landmarks == pytest.approx(face.landmarks, abs=2)
    assert finder.detect_in_crop(portrait, Crop(20, 20, 40)) is None


@pytest.mark.parametrize(
    ("count", "index", "chosen", "note"),
    [
        (1, None, 0, None),
        (1, 0, 0, None),
        (3, 2, 2, None),
        (3, None, 0, "3 faces were found in the portrait; the largest was taken. "
         "Choose another with a face number from 0 to 2."),
    ],
)  # fmt: skip
def test_the_largest_face_is_taken_unless_another_is_chosen(count, index, chosen, note) -> None:
    faces = [face_at(100, 100, 90 - 10 * i) for i in range(count)]
    assert choose_face(faces, index) == (faces[chosen], note)


@pytest.mark.parametrize(
    ("count", "index", "sentence"),
    [
        (0, None, "No face was found in the portrait."),
        (1, 1, "Face number 1 was asked for, but the portrait has one face (number 0)."),
        (2, 5, "Face number 5 was asked for, but the portrait has 2 faces (numbers 0 to 1)."),
        (2, -1, "Face number -1 was asked for, but the portrait has 2 faces (numbers 0 to 1)."),
    ],
)
def test_a_face_that_is_not_there_gives_one_sentence(count, index, sentence) -> None:
    with pytest.raises(NoFaceError) as caught:
        choose_face([face_at(50, 50, 40)] * count, index)
    assert caught.value.message == sentence
    assert caught.value.hint


def test_a_landmarker_that_is_missing_or_damaged_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"face\.task is not there"):
        FaceFinder(tmp_path / "face.task")
    bundled = (ROOT / "checkpoints" / "face_landmarker.task").read_bytes()
    for content in (b"", b"nothing", bundled[:100_000]):
        (tmp_path / "face.task").write_bytes(content)
        with pytest.raises(MismatchError, match=r"face\.task is damaged or of another version"):
            FaceFinder(tmp_path / "face.task")


FIND_ONE = """
from mmfa_core.face import FaceFinder
from mmfa_core.media import read_picture
finder = FaceFinder()
print(len(finder.detect_faces(read_picture("examples/astronaut.jpg"))))
"""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_landmarker_prints_nothing_of_its_own() -> None:
    done = run_python(FIND_ONE)
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux names the graphics libraries")
def test_the_landmarker_works_without_graphics_and_desktop_libraries() -> None:
    before = """
import sys
sys.modules["cv2"] = sys.modules["matplotlib"] = None
from importlib.util import find_spec
from pathlib import Path
from mmfa_core.face.glstub import load_without_graphics
library = Path(find_spec("mediapipe").origin).parent / "tasks" / "c" / "libmediapipe.so"
print(load_without_graphics(library, always=True))
"""
    after = "print(any('/libEGL.so.1.' in row for row in open('/proc/self/maps')))"
    done = run_python(before + FIND_ONE + after)
    assert done.stdout == "True\n1\nFalse\n", done.stderr  # the installed libEGL was not loaded


# --------------------------------------------------------------------------------------- crops

crops = st.builds(
    Crop, x_px=st.floats(-20, 120), y_px=st.floats(-20, 120), side_px=st.floats(10, 150)
)


@given(crop=crops)
def test_points_go_to_a_crop_and_back(crop: Crop) -> None:
    points = np.array([[0, 0, 1], [30, 70, -4], [99.5, 12.25, 0]], dtype=np.float32)
    back = crop.to_picture(crop.to_crop(points, 200), 200)
    assert back == pytest.approx(points, abs=1e-3)
    middle = np.array([[0.5, 0.5]], dtype=np.float32) * 200
    assert crop.to_picture(middle, 200)[0] == pytest.approx([crop.x_px, crop.y_px], abs=1.1)


@given(crop=crops, seam_share=st.floats(0, 0.5))
def test_a_crop_that_is_pasted_back_unchanged_changes_nothing(crop, seam_share) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (90, 100, 3)).astype(np.uint8)
    same = cut_crop(picture, crop, crop.size_px)
    assert np.array_equal(paste_back(picture, crop, same, seam_share=seam_share), picture)


def test_a_crop_shows_the_pixels_at_its_place() -> None:
    picture = np.arange(100 * 100 * 3, dtype=np.uint8).reshape(100, 100, 3)
    assert np.array_equal(cut_crop(picture, Crop(40, 50, 20), 20), picture[40:60, 30:50])


def test_a_crop_beyond_the_border_repeats_it_or_is_filled() -> None:
    picture = flat(40, 40, 200)
    picture[:, 0] = 50
    crop = Crop(0, 20, 40)  # half of it lies to the left of the picture
    assert (cut_crop(picture, crop, 40)[:, :20] == 50).all()
    assert (cut_crop(picture, crop, 40, border=7)[:, :20] == 7).all()
    assert (cut_crop(picture, Crop(-50, -50, 10), 10) == 50).all()


def test_a_crop_that_is_made_smaller_is_filtered() -> None:
    stripes = flat(256, 256, 0)
    stripes[:, ::2] = 255
    small = cut_crop(stripes, Crop(128, 128, 256), 64)[:, 4:-4]
    assert np.abs(small.astype(int) - 128).max() <= 3


def test_a_frame_that_is_read_only_or_turned_can_be_resized() -> None:
    frame = flat(20, 30)
    frame.flags.writeable = False
    assert resize_frame(frame, 10, 10).shape == (10, 10, 3)
    assert resize_frame(np.rot90(flat(20, 30)), 10, 10).shape == (10, 10, 3)


@pytest.mark.parametrize(
    ("x", "y", "side", "shape", "expected"),
    [
        # in the open: 1.9 faces, the face a little below the middle
        (500, 500, 100, (1000, 1000), (500, 500 - 0.035 * 190, 190)),
        # near the border: moved into the picture
        (60, 940, 100, (1000, 1000), (95, 905, 190)),
        # a picture lower than 1.9 faces: as high as the picture
        (400, 80, 100, (160, 800), (400, 80, 160)),
        # a picture lower than 1.35 faces: beyond its border
        (400, 60, 100, (120, 800), (400, 60, 135)),
        (60, 60, 100, (120, 120), (60, 60, 135)),
    ],
)
def test_a_face_is_framed_as_in_training(x, y, side, shape, expected) -> None:
    crop = crop_for_face(face_at(x, y, side), shape)
    assert (crop.x_px, crop.side_px) == pytest.approx((expected[0], expected[2]))
    assert crop.y_px == pytest.approx(expected[1], abs=6)


@given(
    x=st.floats(50, 750),
    y=st.floats(50, 550),
    side=st.floats(30, 420),
    margin=st.floats(1.4, 2.5),
)
def test_a_crop_lies_inside_the_picture_or_holds_all_of_it(x, y, side, margin) -> None:
    crop = crop_for_face(face_at(x, y, side), (600, 800), margin)
    for middle, length in ((crop.x_px, 800), (crop.y_px, 600)):
        low, high = middle - crop.side_px / 2, middle + crop.side_px / 2
        inside = low >= -1e-3 and high <= length + 1e-3
        assert inside or (low <= 1e-3 and high >= length - 1e-3)


def test_a_steady_crop_holds_every_place_and_ignores_a_wrong_face() -> None:
    faces = [face_at(400 + 10 * i, 300, 100) for i in range(9)]
    crop = steady_crop(faces, (720, 1280))
    assert crop.side_px == pytest.approx(180 + 90)
    assert crop.x_px == pytest.approx(440)
    wrong = [face_at(1200, 50, 100), face_at(440, 300, 400)]
    assert steady_crop([*faces, *wrong], (720, 1280)) == crop


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ((10, 10, 20, 20), "The crop is 10 x 10 px; it must be 32 px or more."),
        ((90, 90, 20, 20), "The crop is -70 x -70 px; it must be 32 px or more."),
        (
            (-300, -300, 341, 341),
            "The crop is 641 x 641 px; for a picture of 160 x 120 px it must be 640 px or less.",
        ),
        (
            (150, 20, 250, 120),
            "The middle of the crop is at (200, 70), outside the picture of 160 x 120 px.",
        ),
    ],
)
def test_a_bad_crop_by_hand_gives_one_sentence(box, sentence) -> None:
    with pytest.raises(MediaError) as caught:
        crop_by_hand(*box, (120, 160, 3))
    assert caught.value.message == sentence


def test_a_crop_by_hand_is_the_square_round_the_box() -> None:
    assert crop_by_hand(10, 20, 90, 60, (120, 160)) == Crop(50, 40, 80)
    assert crop_by_hand(-260, -260, 380, 380, (120, 160)) == Crop(60, 60, 640)  # the largest


# ------------------------------------------------------------------------------------- pasting


def test_a_pasted_crop_fades_at_its_sides_and_leaves_the_rest_alone() -> None:
    picture = flat(200, 300, 0)
    pasted = paste_back(picture, Crop(150, 100, 100), flat(256, 256, 200))[..., 0].astype(int)
    assert (picture == 0).all()
    assert (pasted[:, :100] == 0).all()
    assert (pasted[60:140, 112:188] == 200).all()
    steps = np.diff(pasted[100, 100:200])
    assert (steps[:50] >= 0).all()
    assert (steps[50:] <= 0).all()
    assert np.abs(steps).max() < 200 / 5  # no hard edge


def test_a_pasted_crop_does_not_fade_at_the_border_of_the_picture() -> None:
    pasted = paste_back(flat(100, 300, 0), Crop(50, 50, 100), flat(64, 64, 200))[..., 0]
    assert (pasted[:, :80] == 200).all()
    assert (pasted[:, 100:] == 0).all()
    whole = paste_back(flat(100, 100, 0), Crop(50, 50, 130), flat(64, 64, 200))
    assert (whole == 200).all()


def test_a_mask_keeps_the_picture_where_it_is_zero() -> None:
    mask = np.zeros((32, 32), dtype=np.float32)
    mask[:, 16:] = 1
    pasted = paste_back(flat(200, 200, 0), Crop(100, 100, 100), flat(64, 64, 200), mask)[..., 0]
    assert (pasted[70:130, 60:95] == 0).all()
    assert (pasted[70:130, 105:135] == 200).all()


def test_a_crop_outside_the_picture_pastes_nothing() -> None:
    picture = flat(50, 50)
    assert np.array_equal(paste_back(picture, Crop(500, 500, 40), flat(8, 8, 0)), picture)


# ----------------------------------------------------------------------------------- following


@pytest.mark.parametrize("every", [1, 4, 7])
def test_a_face_that_leaves_is_missed_in_exactly_its_frames(finder, portrait, every) -> None:
    away = range(13, 33)
    frames = [flat(256, 256) if i in away else portrait for i in range(45)]
    track = track_faces(iter(frames), finder, every=every)
    assert track.present.tolist() == [i not in away for i in range(45)]
    assert track.gaps(10.0) == [(1.3, 3.3)]
    assert track.found_share == pytest.approx(25 / 45)
    assert track.frame_numbers[-1] == 44
    assert track.picture_shape == (256, 256)


@pytest.mark.parametrize(
    ("away", "gaps"), [(range(5), [(0.0, 0.5)]), (range(8, 12), [(0.8, 1.2)]), ((), [])]
)
def test_gaps_at_the_start_and_the_end_are_told(finder, portrait, away, gaps) -> None:
    frames = [flat(256, 256) if i in away else portrait for i in range(12)]
    assert track_faces(frames, finder, every=3).gaps(10.0) == gaps


def test_the_same_person_is_followed_when_another_is_larger(finder, portrait) -> None:
    small, large = resize_frame(portrait, 180, 180), resize_frame(portrait, 260, 260)
    alone, both = flat(300, 640), flat(300, 640)
    for picture in (alone, both):
        picture[60:240, 30:210] = small
    both[20:280, 360:620] = large
    track = track_faces([alone, both, both, alone], finder, every=1)
    assert [face.box.centre[0] < 240 for face in track.faces if face] == [True] * 4
    track = track_faces([both, both], finder, every=1)
    assert track.note is not None
    assert "2 faces were found in the driving clip" in track.note
    assert all(face.box.centre[0] > 320 for face in track.faces if face)
    chosen = track_faces([both, both], finder, every=1, face_index=1)
    assert chosen.note is None
    assert all(face.box.centre[0] < 240 for face in chosen.faces if face)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (5, "No face was found in the driving clip: not in any of the 3 frames looked at."),
        (0, "No face was found in the driving clip: not in an empty clip."),
    ],
)
def test_a_clip_without_a_face_gives_one_sentence(finder, frames, sentence) -> None:
    with pytest.raises(NoFaceError) as caught:
        track_faces([flat(64, 64)] * frames, finder, every=2)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    ("name", "frames"),
    [("driving_expressive.mp4", 236), ("driving_smile.mp4", 72), ("driving_turn.mp4", 23)],
)
def test_a_shipped_clip_shows_its_face_in_every_frame(finder, name, frames) -> None:
    track = track_faces(read_clip(ROOT / "examples" / name), finder, every=12)
    assert len(track.present) == frames
    assert track.present.all()
    crop = track.crop()
    for face in track.faces:
        assert face is not None
        inside = crop.to_crop(face.landmarks, 256)[:, :2]
        assert -6 < inside.min() < inside.max() < 262


def test_a_face_box_knows_its_side_middle_and_distance() -> None:
    box = FaceBox(10, 20, 40, 80)
    assert (box.side, box.centre) == (60, (25, 50))
    assert box.distance(FaceBox(70, 20, 100, 80)) == 1
    assert FacePose(1, 2, 3).pitch_deg == 2

"""Who is who in a folder, who is held out, and which stretches of a clip belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfa_core.face import Face, FaceBox, FacePose
from mmfa_core.training.people import LabelledFile, choose_splits, group_clips, identity_of
from mmfa_core.training.shards import Clip
from mmfa_core.training.stretches import MOST_FRAMES, find_cuts, sample_numbers, split_stretches


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("anna.mp4", "anna.mp4"),  # directly in the folder: a person of its own
        ("anna/1.mp4", "anna"),
        ("anna/clips/2020/1.mp4", "anna"),  # however deep
    ],
)
def test_a_person_is_a_folder_or_a_file_that_lies_in_none(name: str, who: str) -> None:
    assert identity_of(name) == who


def test_names_that_look_alike_in_a_table_stay_different_people() -> None:
    assert len({identity_of(name) for name in ("a b/1.jpg", "a\tb/1.jpg", "a_b/1.jpg")}) == 3


def file_of(name: str, *counts: int) -> LabelledFile:
    kind = "video" if counts else "still"
    stretches = list(enumerate(counts or (1,)))
    facts = {"kind": kind, "fps": 12.0, "face_px": 200.0, "notes": [], "stretches": stretches}
    return LabelledFile(name, Path("x.npz"), facts)


def test_portraits_are_paired_within_one_folder_only() -> None:
    names = ["a.jpg", "b.jpg", "anna/1.jpg", "anna/2.jpg", "anna/old/3.jpg"]
    clips, _ = group_clips([file_of(name) for name in names])
    assert sorted((c.identity, c.kind, c.count) for c in clips) == [
        ("a.jpg", "still", 1),
        ("anna", "pair", 2),
        ("anna", "still", 1),
        ("b.jpg", "still", 1),
    ]


def test_each_stretch_of_a_clip_is_a_clip_of_its_own() -> None:
    clips, _ = group_clips([file_of("anna/a.mp4", 6, 9)])
    assert [(c.identity, c.kind, c.count, c.parts[0][1]) for c in clips] == [
        ("anna", "video", 6, 0),
        ("anna", "video", 9, 1),
    ]
    assert len({c.name for c in clips}) == 2


def test_many_portraits_in_one_folder_get_a_note() -> None:
    _, notes = group_clips([file_of(f"portraits/{i}.jpg") for i in range(21)])
    assert notes == [("portraits", "Its 21 portraits are taken as one person.")]


def clips_of(moving: int, still: int, first: int = 0) -> list[Clip]:
    counts = [6] * moving + [1] * still
    return [
        Clip(name=f"c{i}", identity=f"p{i}", kind="video", split="train", parts=(), count=count)
        for i, count in enumerate(counts, first)
    ]


@pytest.mark.parametrize(
    ("moving", "still", "held_out"),
    [
        (3, 0, 0),  # fewer than four people
        (4, 0, 1),
        (1, 9, 0),  # nobody to train on would move
        (2, 2, 1),
        (0, 30, 0),  # nobody to measure on would move
        (20, 0, 2),
        (5, 40, 5),
    ],
)
def test_about_a_tenth_of_the_people_is_held_out(moving: int, still: int, held_out: int) -> None:
    splits = choose_splits(clips_of(moving, still), {})
    assert sum(split == "val" for split in splits.values()) == held_out
    assert len(splits) == moving + still


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=6))
def test_whoever_was_trained_on_is_never_held_out_later(additions: list[tuple[int, int]]) -> None:
    clips: list[Clip] = []
    before: dict[str, str] = {}
    trained: set[str] = set()
    for moving, still in additions:
        clips += clips_of(moving, still, first=len(clips))
        splits = choose_splits(clips, before)
        val = {who for who, split in splits.items() if split == "val"}
        assert not val & trained
        assert not val or any(c.count > 1 and c.identity in val for c in clips)
        trained |= set(splits) - val
        before = before | splits


@pytest.mark.parametrize(
    ("greys", "cuts"),
    [
        ([100, 100, 100, 160, 160, 160], [3]),  # another picture
        ([100, 101, 99, 118, 118, 119], [3]),  # one that is much like it, at a stroke
        ([100, 118, 136, 118, 100, 118], []),  # a restless clip
        ([100, 105, 110, 115, 120, 125], []),  # a slow change of light
        ([100, 140], [1]),
        ([100], []),
        ([], []),
    ],
)
def test_a_cut_is_a_change_that_is_large_or_sudden(greys: list[int], cuts: list[int]) -> None:
    assert find_cuts([np.full((16, 16, 3), grey, np.float32) for grey in greys]) == cuts


def face_at(x: float, side: float = 100.0) -> Face:
    box = FaceBox(x - side / 2, 0, x + side / 2, side)
    empty = np.zeros((478, 3), np.float32)
    return Face(box, empty, np.zeros(52, np.float32), FacePose(0, 0, 0), np.eye(4, dtype="f4"))


@pytest.mark.parametrize(
    ("places", "cuts", "stretches"),
    [
        ([0, 10, 20, 30], [], [[0, 1, 2, 3]]),
        ([0, None, 10, None], [], [[0, 2]]),  # a face that is away for a moment
        ([0, 5, 300, 10, 5], [], [[0, 1, 3, 4]]),  # one mistake is left out
        ([0, 5, 300, 305, 310], [], [[0, 1], [2, 3, 4]]),  # the face stays elsewhere
        ([0, 5, 300, 700, 5], [], [[0, 1, 4]]),  # two mistakes that don't agree
        ([0, 5, 5, 5], [2], [[0, 1], [2, 3]]),  # another scene, same place
        ([0, 5, None, 5], [2], [[0, 1], [3]]),  # the new scene begins without a face
        ([0, 40, 80, 120, 160], [], [[0, 1], [2, 3], [4]]),  # too far for one crop
        ([None, None], [], []),
        ([], [], []),
    ],
)
def test_a_stretch_is_what_one_crop_can_hold(places, cuts, stretches) -> None:
    faces = [None if place is None else face_at(place) for place in places]
    assert split_stretches(faces, cuts) == stretches


def test_a_face_that_is_suddenly_larger_begins_a_stretch() -> None:
    faces = [face_at(0), face_at(0), face_at(0, 180), face_at(0, 180)]
    assert split_stretches(faces, []) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("frames", "fps", "numbers"),
    [
        (1, 25.0, [0]),
        (4, 8.0, [0, 1, 2, 3]),  # slower than the rate wanted: all
        (10, 24.0, [1, 3, 5, 7, 9]),
    ],
)
def test_a_clip_is_sampled_twelve_times_a_second(frames: int, fps: float, numbers) -> None:
    assert sample_numbers(frames, fps) == numbers


@given(st.integers(1, 100_000), st.floats(1, 240))
def test_samples_are_few_increasing_and_inside_the_clip(frames: int, fps: float) -> None:
    numbers = sample_numbers(frames, fps)
    assert 1 <= len(numbers) <= MOST_FRAMES
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 0
    assert numbers[-1] < frames

"""The teacher: landmarks split exactly into size, pose, place, identity and expression."""

from __future__ import annotations

import numpy as np
import torch

from mmfa_core.config import ModelConfig
from mmfa_core.geometry import compose_keypoints, pose_from_rotation
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.teacher import (
    DEPTH_FACTOR,
    EYES,
    GAPS,
    GUIDES,
    MOUTH,
    OPENINGS,
    RIGID,
    Teacher,
    initial_keypoints,
    normalise_landmarks,
)
from tests.synthetic import RADIUS, Shot, base_shape


def test_the_rigid_guides_are_the_rigid_keypoints_of_the_model():
    assert ModelConfig().rigid_keypoints == tuple(range(RIGID))


def test_every_guide_is_a_different_landmark():
    assert len(set(GUIDES)) == len(GUIDES)
    assert max(GUIDES) < 478


def test_eyes_mouth_and_gaps_index_what_they_name():
    shape, _ = base_shape()
    guided = shape[list(GUIDES)]
    assert guided[list(EYES), 1].max() < 0.1  # eyes are above the nose's root
    assert guided[list(MOUTH), 1].min() > 0.4
    for one, other in OPENINGS:
        assert guided[one, 1] < guided[other, 1]  # upper lip or lid first
        assert abs(guided[one, 0] - guided[other, 0]) < 0.01
    (width,) = set(GAPS) - set(OPENINGS)
    right, left = guided[width[0]], guided[width[1]]  # corners of the mouth
    assert right[0] < -0.1 < 0.1 < left[0]
    assert abs(right[1] - left[1]) < 0.01


def test_the_middle_of_a_picture_is_zero_and_its_edges_are_one():
    corners = np.array([[127.5, 127.5, 0], [-0.5, 255.5, 128]], np.float32)[None]
    assert torch.equal(
        normalise_landmarks(corners)[0], torch.tensor([[0, 0, 0], [-1.0, 1.0, DEPTH_FACTOR]])
    )


def test_posing_identity_and_expression_gives_the_landmarks_back(corpus: Corpus, teacher: Teacher):
    points = compose_keypoints(
        teacher.canonical + teacher.offsets,
        torch.zeros_like(teacher.offsets),
        teacher.rotation,
        teacher.translation,
        teacher.scale,
    )
    truth = normalise_landmarks(corpus.landmarks[:, GUIDES])
    assert (points[..., :2] - truth[..., :2]).abs().max() < 1e-5
    depth = truth[..., 2] - truth[:, :RIGID, 2].mean(1, keepdim=True)
    assert (points[..., 2] - depth).abs().max() < 1e-5


def test_the_teacher_knows_size_pose_and_place_of_every_head(
    corpus: Corpus, teacher: Teacher, shots: dict[str, list[Shot]]
):
    found = pose_from_rotation(teacher.rotation)
    for clip in corpus.clips:
        for frame, shot in enumerate(shots[clip.name]):
            row = clip.first + frame
            angles = [found.yaw_deg[row], found.pitch_deg[row], found.roll_deg[row]]
            assert np.allclose(angles, shot.pose_deg, atol=1e-2)
            assert abs(teacher.scale[row, 0] / shot.scale - 1) < 2e-3
            assert np.abs(teacher.translation[row].numpy() - shot.translation).max() < 2e-3


def test_the_rigid_part_of_a_face_has_the_models_radius_and_centre(teacher: Teacher):
    face = (teacher.canonical + teacher.offsets)[:, :RIGID]
    assert face.mean(1).abs().max() < 1e-5
    rms = (face**2).sum(-1).mean(1).sqrt()
    assert torch.allclose(rms, torch.full_like(rms, RADIUS), rtol=1e-4)


def test_all_pictures_of_a_clip_share_one_identity(corpus: Corpus, teacher: Teacher):
    for clip in corpus.clips:
        rows = teacher.canonical[clip.first : clip.first + clip.count]
        assert torch.equal(rows, rows[:1].expand_as(rows))


def test_an_open_mouth_is_an_offset_and_not_an_identity(
    corpus: Corpus, teacher: Teacher, shots: dict[str, list[Shot]]
):
    # Over each clip, the lips' opening in the offsets must follow jawOpen.
    upper, lower = GAPS[0]
    for clip in corpus.clips:
        if clip.count < 5:
            continue
        rows = slice(clip.first, clip.first + clip.count)
        opening = (teacher.offsets[rows, lower, 1] - teacher.offsets[rows, upper, 1]).numpy()
        jaw = np.array([shot.blendshapes[25] for shot in shots[clip.name]])
        assert np.corrcoef(opening, jaw)[0, 1] > 0.95


def test_a_model_starts_from_the_mean_face_and_places_on_hair_and_neck(teacher: Teacher):
    points = initial_keypoints(teacher, 50)
    assert points.shape == (50, 3)
    assert torch.equal(points[: len(GUIDES)], teacher.mean_canonical)
    hair, neck = points[47:49], points[49]
    assert hair[:, 1].max() < points[: len(GUIDES), 1].min()
    assert neck[1] > 0.5

"""Teacher labels from landmarks: where keypoints could sit, and how pose and expression split.

In: landmarks, pose and blendshapes of a corpus. Out: Teacher. Knows nothing about networks.
The ``unsupervised`` configuration uses none of it but the pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.geometry import rotation_from_pose
from mmfa_core.motion import HeadPose
from mmfa_core.training.corpus import PICTURE_PX, Corpus

# Landmark of each guided keypoint. The first 11 hardly move with an expression: eye corners,
# bridge, forehead, temples; they are ModelConfig.rigid_keypoints.
GUIDES = (
    *(33, 133, 362, 263, 168, 6, 10, 67, 297, 127, 356),
    *(1, 98, 327),  # nose
    *(55, 285, 105, 334, 70, 300),  # brows
    *(159, 145, 386, 374, 468, 473),  # lids and irises
    *(61, 291, 0, 17, 39, 269, 181, 405),  # outer lips
    *(13, 14, 81, 311, 178, 402),  # inner lips
    *(152, 172, 397, 132, 361, 205, 425),  # chin, jaw, cheeks
)
RIGID = 11
EYES = tuple(range(20, 26))
MOUTH = tuple(range(26, 40))
# Pairs of guided keypoints whose distance says how open something is: lips, right eye, left eye;
# and how wide the mouth is.
OPENINGS = ((34, 35), (20, 21), (22, 23))
GAPS = (*OPENINGS, (26, 27))
# Two places on the hair and one on the neck that no landmark marks: canonical, s = 1.
FREE_POINTS = ((-0.32, -0.72, 0.35), (0.32, -0.72, 0.35), (0.0, 0.95, 0.4))
# The landmarker is too shallow: with its depth, frontal landmarks turned by the labelled pose land
# short of where the turned picture shows them. This factor makes that error least (150 clips).
DEPTH_FACTOR = 1.2
RIDGE = 3.0  # of the regression of offsets on blendshapes


@dataclass(frozen=True)
class Teacher:
    """Hold labels of every picture of a corpus, in our coordinates.

    Attributes:
        rotation: (N, 3, 3).
        scale: (N, 1).
        translation: (N, 2).
        canonical: (N, G, 3), neutral identity of the picture's clip.
        offsets: (N, G, 3), expression of the picture in the head frame.
        mean_canonical: (G, 3).
    """

    rotation: Tensor
    scale: Tensor
    translation: Tensor
    canonical: Tensor
    offsets: Tensor
    mean_canonical: Tensor


def normalise_landmarks(landmarks: NDArray[np.float32]) -> Tensor:
    """Turn landmarks in px of a 256-px crop to normalised coordinates, depth made deeper."""
    points = torch.from_numpy(np.ascontiguousarray(landmarks, dtype=np.float32))
    return torch.cat(
        (
            (2 * points[..., :2] + 1) / PICTURE_PX - 1,
            2 * DEPTH_FACTOR * points[..., 2:] / PICTURE_PX,
        ),
        -1,
    )


def build_teacher(corpus: Corpus, radius: float) -> Teacher:
    """Split landmarks of every picture into pose, scale, translation, identity and expression.

    The neutral face of a clip is the mean of its pictures after taking out what the blendshapes
    explain; how much they explain is a ridge regression over differences within clips.

    Args:
        corpus: labels.
        radius: ModelConfig.radius.

    Returns:
        Teacher.
    """
    points = normalise_landmarks(corpus.landmarks[:, GUIDES])  # (N, G, 3)
    pose = torch.from_numpy(corpus.pose_deg)
    rotation = rotation_from_pose(HeadPose(pose[:, 0], pose[:, 1], pose[:, 2]))
    rigid = points[:, :RIGID]
    centre = rigid.mean(1)
    size = ((rigid - centre[:, None]) ** 2).sum(-1).mean(1, keepdim=True).sqrt() / radius
    # Row vectors: (points) @ R is R^T applied to each column vector.
    expressed = (points - centre[:, None]) @ rotation / size[:, :, None]
    clip = torch.from_numpy(corpus.clip_of)
    shapes = torch.from_numpy(corpus.blendshapes)
    flat = expressed.flatten(1)
    response = _within_clip_regression(flat, shapes, pose, clip)
    neutral = _clip_mean(flat - shapes @ response, clip)[clip].view_as(expressed)
    return Teacher(rotation, size, centre[:, :2], neutral, expressed - neutral, neutral.mean(0))


def initial_keypoints(teacher: Teacher, count: int) -> Tensor:
    """Start the mean canonical keypoints of a model: guides first, then free places.

    Args:
        teacher: labels of the training split.
        count: K, at least the number of guides.

    Returns:
        (K, 3).
    """
    free = torch.tensor(FREE_POINTS).repeat(-(-(count) // len(FREE_POINTS)), 1)
    return torch.cat((teacher.mean_canonical, free))[:count]


def _clip_mean(values: Tensor, clip: Tensor) -> Tensor:
    count = int(clip.max()) + 1
    sums = torch.zeros(count, values.shape[1]).index_add_(0, clip, values)
    return sums / torch.bincount(clip, minlength=count)[:, None].clamp_min(1)


def _within_clip_regression(flat: Tensor, shapes: Tensor, pose: Tensor, clip: Tensor) -> Tensor:
    """Regress offsets (N, 3G) on blendshapes (N, 52), pose as a nuisance; returns (52, 3G)."""
    angles = pose / 30
    nuisance = torch.cat((angles, angles[:, :2] ** 2, angles[:, :1] * angles[:, 1:2]), 1)
    inputs = torch.cat((shapes, nuisance), 1)
    inputs = (inputs - _clip_mean(inputs, clip)[clip]).double()
    outputs = (flat - _clip_mean(flat, clip)[clip]).double()
    gram = inputs.T @ inputs + RIDGE * torch.eye(inputs.shape[1], dtype=torch.double)
    solution: Tensor = torch.linalg.solve(gram, inputs.T @ outputs)
    return solution[: shapes.shape[1]].float()

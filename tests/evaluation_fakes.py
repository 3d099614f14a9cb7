"""A perfect renderer and a perfect landmarker, so that protocols can be judged by what they say.

A frame of the fake renderer carries its motion in its first pixels, and the fake landmarker reads
it there; so every edit is answered exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.evaluation.efflite import EffLite0
from mmfa_core.evaluation.measure import Tools
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.geometry import pose_from_rotation, rotation_from_pose
from mmfa_core.motion import HeadPose, Motion
from tests.helpers import awake_model

SIDE = 64
NUMBERS = 7  # yaw, pitch, roll, scale, tx, ty, mouth
JAW_OPEN, SMILES, BLINKS = 25, [44, 45], [9, 10]


@dataclass(frozen=True)
class SeenFace:
    landmarks: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
    pose: tuple[float, float, float]


def write_numbers(numbers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Hide numbers (NUMBERS,) in a frame."""
    frame = np.full((SIDE, SIDE, 3), 90, np.uint8)
    raw = np.frombuffer(np.asarray(numbers, np.float32).tobytes(), np.uint8)
    frame.reshape(-1)[: len(raw)] = raw
    return frame


def read_numbers(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    raw = np.ascontiguousarray(frame).reshape(-1)[: 4 * NUMBERS]
    return np.frombuffer(raw.tobytes(), np.float32)


def head_points() -> NDArray[np.float64]:
    """A head frame that holds still: (478, 3), the rigid landmarks have their centre at 0."""
    from mmfa_core.evaluation.signals import RIGID

    points = np.random.default_rng(4).normal(0, 0.3, (478, 3))
    return points - points[list(RIGID)].mean(0)


def perfect_detect(frame: NDArray[np.uint8]) -> SeenFace | None:
    if frame.shape[0] != SIDE:
        return None
    yaw, pitch, roll, scale, tx, ty, mouth = (float(v) for v in read_numbers(frame))
    pose = HeadPose(*(torch.tensor([v]) for v in (yaw, pitch, roll)))
    turn = rotation_from_pose(pose)[0].double().numpy()
    points = head_points()
    points[14, 1] = points[13, 1] + 0.1 + 0.1 * mouth
    posed = scale * points @ turn.T
    posed[:, :2] += [tx, ty]
    pixels = posed * SIDE / 2
    pixels[:, :2] += SIDE / 2
    blendshapes = np.zeros(52, np.float32)
    blendshapes[[JAW_OPEN, *SMILES, *BLINKS]] = mouth
    return SeenFace(pixels.astype(np.float32), blendshapes, (yaw, pitch, roll))


class PerfectRenderer(Renderer):
    """Answer every motion exactly; the expression is the first number of the code."""

    def encode_source(self, frame: NDArray[np.uint8]) -> EncodedSource:
        del frame
        motion = make_motion(np.array([5.0, -3.0, 2.0, 1.0, 0.05, -0.05, 0.5]))
        return EncodedSource(torch.zeros(1, 3, SIDE, SIDE), [], torch.zeros(1, 50, 3), motion)

    def render(self, source: EncodedSource, motion: Motion) -> Tensor:
        del source
        pose = pose_from_rotation(motion.rotation)
        numbers = torch.stack(
            (
                pose.yaw_deg,
                pose.pitch_deg,
                pose.roll_deg,
                motion.scale[:, 0],
                motion.translation[:, 0],
                motion.translation[:, 1],
                motion.expression_offsets[:, 0, 0],
            ),
            1,
        ).numpy()
        frames = torch.from_numpy(np.stack([write_numbers(row) for row in numbers]))
        return frames.permute(0, 3, 1, 2).float() / 255


def make_motion(numbers: NDArray[np.float64]) -> Motion:
    """Build a motion of batch 1 from NUMBERS numbers."""
    yaw, pitch, roll, scale, tx, ty, mouth = (torch.tensor([float(v)]) for v in numbers)
    offsets = torch.zeros(1, 50, 3)
    offsets[:, 0, 0] = mouth
    return Motion(
        rotation_from_pose(HeadPose(yaw, pitch, roll)),
        torch.stack((tx, ty), 1),
        scale[:, None],
        torch.zeros(1, 8),
        offsets,
    )


def perfect_renderer() -> PerfectRenderer:
    return PerfectRenderer(awake_model())


def fresh_tools(detect=perfect_detect) -> Tools:
    """Tools whose EffLite0 has fresh weights and that know no identities."""
    net = EffLite0().eval()
    return Tools(detect, net, None)


def silent(what: str, done: int, total: int | None) -> None:
    del what, done, total

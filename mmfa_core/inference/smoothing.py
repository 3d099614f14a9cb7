"""Temporal smoothing: a one-euro filter on pose, place, size and expression.

In: Motion of frames in order. Out: the same, calmer. Knows nothing about pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmfa_core.geometry import angles_from_rotation, rotation_from_angles
from mmfa_core.motion import Motion

SLOWEST_HZ = 0.5  # cut-off of a still head at full strength
FASTEST_HZ = 6.0  # the same near strength 0
SPEED_HZ = 1.0  # how much a speed of one unit a second raises the cut-off
SPEED_CUTOFF_HZ = 1.0  # cut-off of the estimate of the speed
UNITS = (5.0, 5.0, 5.0, 0.05, 0.05, 0.03)  # yaw, pitch, roll (degrees), x, y, log scale
CODE_UNIT = 0.5  # of each number of the expression code


class MotionSmoother:
    """Filter motions frame by frame; holds the state of one clip.

    Equation: one-euro filter: a low pass whose cut-off is f + b |speed|, so that a still head
    is calm and a fast one is not late.

    Args:
        strength: 0 (off) to 1 (strong).
        fps: frames a second, > 0.
        decode: the model's decoder of expression codes, (B, Z) -> (B, K, 3).
    """

    def __init__(self, strength: float, fps: float, decode: Callable[[Tensor], Tensor]) -> None:
        self._strength = strength
        self._fps = fps
        self._decode = decode
        self._value: Tensor | None = None
        self._speed: Tensor | None = None

    def smooth(self, motion: Motion) -> Motion:
        """Filter the next frames, batch B, in order."""
        if self._strength == 0:
            return motion
        angles = angles_from_rotation(motion.rotation)
        packed = torch.cat(
            (angles, motion.translation, motion.scale.log(), motion.expression_code), -1
        ).cpu()  # (B, 6 + Z)
        units = torch.full((packed.shape[1],), CODE_UNIT)
        units[: len(UNITS)] = torch.tensor(UNITS)
        calm = torch.stack([self._step(row) for row in packed / units]) * units
        calm = calm.to(motion.rotation)
        code = calm[:, 6:]
        return Motion(
            rotation_from_angles(calm[:, :3]),
            calm[:, 3:5],
            calm[:, 5:6].exp(),
            code,
            self._decode(code),
        )

    def _step(self, row: Tensor) -> Tensor:
        if self._value is None or self._speed is None:
            self._value, self._speed = row, torch.zeros_like(row)
            return row
        raw_speed = (row - self._value) * self._fps
        self._speed = self._speed + self._weight(SPEED_CUTOFF_HZ) * (raw_speed - self._speed)
        still = SLOWEST_HZ * (FASTEST_HZ / SLOWEST_HZ) ** (1 - self._strength)
        weight = self._weight(still + SPEED_HZ * self._speed.abs())
        self._value = self._value + weight * (row - self._value)
        return self._value

    def _weight(self, cutoff_hz: Tensor | float) -> Tensor | float:
        turns = 2 * math.pi * cutoff_hz / self._fps
        return turns / (turns + 1)

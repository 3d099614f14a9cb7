"""Typed values for motion: what a head does, and what a person asked to change.

In: tensors and numbers. Out: HeadPose, Motion, MotionEdit and the ranges of the controls.
Knows nothing about networks or pictures.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from mmfa_core.errors import ConfigError


@dataclass(frozen=True)
class HeadPose:
    """Hold head angles; signs are those of geometry.rotation_from_pose.

    Attributes:
        yaw_deg: (B,), degrees, + turns the face to the picture's right.
        pitch_deg: (B,), degrees, + turns the face up.
        roll_deg: (B,), degrees, + turns counter-clockwise on the screen.
    """

    yaw_deg: Tensor
    pitch_deg: Tensor
    roll_deg: Tensor


@dataclass(frozen=True)
class Motion:
    """Hold everything that moves, apart from identity.

    Attributes:
        rotation: (B, 3, 3), acts on column vectors, see geometry.rotation_from_pose.
        translation: (B, 2), normalised picture coordinates of the rigid centre.
        scale: (B, 1), size of the head, > 0, neutral 1.
        expression_code: (B, Z), about N(0, 1).
        expression_offsets: (B, K, 3), head frame, before the gauge of one identity.
    """

    rotation: Tensor
    translation: Tensor
    scale: Tensor
    expression_code: Tensor
    expression_offsets: Tensor

    def __getitem__(self, index: slice) -> Motion:
        """Take a slice of the batch."""
        return Motion(*(getattr(self, f.name)[index] for f in dataclasses.fields(self)))

    def __len__(self) -> int:
        """Return B."""
        return int(self.rotation.shape[0])

    def to(self, device: torch.device | str) -> Motion:
        """Move every tensor to a device."""
        return Motion(*(getattr(self, f.name).to(device) for f in dataclasses.fields(self)))

    @staticmethod
    def cat(parts: list[Motion]) -> Motion:
        """Join along the batch."""
        return Motion(
            *(torch.cat([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Motion))
        )


@dataclass(frozen=True, kw_only=True)
class ControlRange:
    """Describe one control of a person: neutral value, default range and hard limits."""

    neutral: float
    low: float
    high: float
    hard_low: float
    hard_high: float
    unit: str


CONTROL_RANGES: dict[str, ControlRange] = {
    "yaw_deg": ControlRange(
        neutral=0, low=-20, high=20, hard_low=-60, hard_high=60, unit="degrees"
    ),
    "pitch_deg": ControlRange(
        neutral=0, low=-12, high=12, hard_low=-45, hard_high=45, unit="degrees"
    ),
    "roll_deg": ControlRange(
        neutral=0, low=-15, high=15, hard_low=-90, hard_high=90, unit="degrees"
    ),
    "scale": ControlRange(neutral=1, low=0.9, high=1.1, hard_low=0.5, hard_high=2, unit="factor"),
    "tx": ControlRange(
        neutral=0, low=-0.2, high=0.2, hard_low=-1, hard_high=1, unit="half widths of the crop"
    ),
    "ty": ControlRange(
        neutral=0, low=-0.2, high=0.2, hard_low=-1, hard_high=1, unit="half widths of the crop"
    ),
    "expression_gain": ControlRange(
        neutral=1, low=0, high=2, hard_low=-1, hard_high=3, unit="factor"
    ),
    "frontalise": ControlRange(
        neutral=0, low=0, high=1, hard_low=0, hard_high=1, unit="share of the head's own turn"
    ),
}


@dataclass(frozen=True, kw_only=True)
class MotionEdit:
    """Say what a person asked to change; ranges and units are those of CONTROL_RANGES.

    Angles are added to the source's own pose, scale multiplies, tx (+ right) and ty (+ down) are
    added, expression_gain multiplies the expression (0 = neutral face, 1 = as it is). frontalise
    takes away a share of the head's own yaw, pitch and roll before angles are added: 0 keeps them,
    1 makes the head face the viewer.

    Raises:
        ConfigError: when a value is not a number or is outside the hard limits.
    """

    yaw_deg: float = CONTROL_RANGES["yaw_deg"].neutral
    pitch_deg: float = CONTROL_RANGES["pitch_deg"].neutral
    roll_deg: float = CONTROL_RANGES["roll_deg"].neutral
    scale: float = CONTROL_RANGES["scale"].neutral
    tx: float = CONTROL_RANGES["tx"].neutral
    ty: float = CONTROL_RANGES["ty"].neutral
    expression_gain: float = CONTROL_RANGES["expression_gain"].neutral
    frontalise: float = CONTROL_RANGES["frontalise"].neutral

    def __post_init__(self) -> None:
        """Check every value against its hard limits."""
        for name, limits in CONTROL_RANGES.items():
            value = getattr(self, name)
            if not limits.hard_low <= value <= limits.hard_high:  # also catches NaN
                raise ConfigError(
                    f"{name} is {_shown(value)}; allowed are {limits.hard_low:g} to "
                    f"{limits.hard_high:g} {limits.unit}.",
                    "Choose a value in that range.",
                )


def _shown(value: float) -> str:
    try:
        return f"{value:g}"
    except OverflowError:  # a whole number that is larger than every float
        return "far too large"

"""What a person does: expressions, gaze and head pose, drawn evenly and widely.

In: a random generator. Out: Act. Knows nothing about shapes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDEST_DEG = (60.0, 35.0, 25.0)  # yaw, pitch, roll
GAZE_DEG = (24.0, 14.0)  # to the side, up and down
HEAD_SHIFT_M = (0.022, 0.016)  # how widely a head that moves is off its place: to the side, up

SetBoth = Callable[..., None]  # sets an expression of both sides: name, value, unevenness


@dataclass(frozen=True)
class Act:
    """Hold one moment of a person.

    Attributes:
        pose_deg: yaw, pitch, roll of the head.
        weights: of Anny's facial actions, by ARKit name, in [0, 1].
        gaze_deg: of both eyes in the head: to the picture's right, up.
        shift_m: of the head: right, up.
    """

    pose_deg: tuple[float, float, float]
    weights: Mapping[str, float]
    gaze_deg: tuple[float, float] = (0.0, 0.0)
    shift_m: tuple[float, float] = (0.0, 0.0)


def draw_acts(rng: np.random.Generator, count: int) -> list[Act]:
    """Draw the moments of one person: the first one calm and nearly frontal, the others anything.

    Yaw and pitch are spread evenly: each act takes its own stretch of the range, in random order.
    """
    yaws = _spread(rng, count)
    pitches = _spread(rng, count)
    acts = []
    for i in range(count):
        calm = i == 0
        pose = np.array([yaws[i], pitches[i], np.clip(rng.normal(0, 0.4), -1, 1)])
        # Far to the side and far up at once is rare and hard to label: keep within an ellipse.
        pose[1] *= np.sqrt(1 - 0.75 * pose[0] ** 2)
        pose = pose * WIDEST_DEG * (0.15 if calm else 1.0)
        weights = {} if calm and rng.random() < 0.5 else _draw_weights(rng)
        side, up = rng.uniform(-1, 1, 2) * GAZE_DEG * (0.3 if rng.random() < 0.5 else 1.0)
        _follow_gaze(weights, side / GAZE_DEG[0], up / GAZE_DEG[1])
        acts.append(
            Act(
                (float(pose[0]), float(pose[1]), float(pose[2])),
                weights,
                (float(side), float(up)),
                (float(rng.normal(0, 0.006)), float(rng.normal(0, 0.006))),
            )
        )
    return acts


def move_head(act: Act, rng: np.random.Generator) -> Act:
    """Draw another place for the head, as far off as heads of clips are in a fixed crop."""
    right, up = rng.normal(0, HEAD_SHIFT_M)
    return dataclasses.replace(act, shift_m=(float(right), float(up)))


def _spread(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draw numbers in [-1, 1], one from each of ``count`` equal stretches, in random order."""
    return rng.permutation((np.arange(count) + rng.random(count)) / count * 2 - 1)


def _draw_weights(rng: np.random.Generator) -> dict[str, float]:
    """Draw an expression: mouth, lids, brows."""
    weights: dict[str, float] = {}

    def both(name: str, value: float, uneven: float = 0.12) -> None:
        for side in ("Left", "Right"):
            weights[name + side] = float(np.clip(value * (1 + rng.normal(0, uneven)), 0, 1))

    _draw_mouth(rng, weights, both)
    _draw_lids(rng, weights, both)
    _draw_brows(rng, weights, both)
    return weights


def _draw_lids(rng: np.random.Generator, weights: dict[str, float], both: SetBoth) -> None:
    lids = rng.random()
    if lids < 0.22:
        both("eyeBlink", 1.0, 0.0)
    elif lids < 0.32:
        weights[("eyeBlinkLeft", "eyeBlinkRight")[int(rng.integers(2))]] = 1.0
    elif lids < 0.50:
        both("eyeBlink", rng.uniform(0.15, 0.85), 0.05)
    elif lids < 0.62:
        both("eyeWide", rng.uniform(0.3, 1.0), 0.05)
    if rng.random() < 0.25:
        both("eyeSquint", rng.uniform(0.2, 0.9))


def _draw_brows(rng: np.random.Generator, weights: dict[str, float], both: SetBoth) -> None:
    brows = rng.random()
    if brows < 0.25:
        both("browOuterUp", rng.uniform(0.2, 1.0), 0.3)
        weights["browInnerUp"] = float(rng.uniform(0.2, 1.0))
    elif brows < 0.45:
        both("browDown", rng.uniform(0.3, 1.0))
        if rng.random() < 0.5:
            both("noseSneer", rng.uniform(0.2, 0.8))
    elif brows < 0.55:
        weights["browInnerUp"] = float(rng.uniform(0.4, 1.0))


def _draw_mouth(rng: np.random.Generator, weights: dict[str, float], both: SetBoth) -> None:
    kind = rng.random()
    if kind < 0.15:
        return
    if kind < 0.45:  # talking: little to wide
        weights["jawOpen"] = float(rng.uniform(0.05, 1.0))
        if rng.random() < 0.5:
            both("mouthLowerDown", rng.uniform(0.1, 0.7))
            both("mouthUpperUp", rng.uniform(0.1, 0.6))
        if rng.random() < 0.25:
            weights["mouthFunnel"] = float(rng.uniform(0.2, 0.8))
    elif kind < 0.75:  # smiles, with teeth and without
        both("mouthSmile", rng.uniform(0.3, 1.0))
        both("cheekSquint", rng.uniform(0.1, 0.8))
        if rng.random() < 0.7:
            weights["jawOpen"] = float(rng.uniform(0.04, 0.6))
            both("mouthUpperUp", rng.uniform(0.2, 0.7))
            both("mouthLowerDown", rng.uniform(0.1, 0.6))
    elif kind < 0.85:
        weights["mouthPucker"] = float(rng.uniform(0.3, 1.0))
        weights["jawOpen"] = float(rng.uniform(0.0, 0.15))
    elif kind < 0.93:
        both("mouthFrown", rng.uniform(0.3, 1.0))
        weights["mouthShrugLower"] = float(rng.uniform(0.0, 0.6))
    else:
        weights["jawOpen"] = float(rng.uniform(0.5, 1.0))
        both("mouthStretch", rng.uniform(0.2, 0.8))
    if rng.random() < 0.15:
        weights[("mouthLeft", "mouthRight")[int(rng.integers(2))]] = float(rng.uniform(0.2, 0.7))


def _follow_gaze(weights: dict[str, float], side: float, up: float) -> None:
    """Let the lids follow the gaze: side + is the picture's right, the person's left."""
    inner, outer = ("Right", "Left") if side > 0 else ("Left", "Right")
    weights[f"eyeLookOut{outer}"] = weights[f"eyeLookIn{inner}"] = abs(float(side)) * 0.8
    for eye in ("Left", "Right"):
        weights[f"eyeLook{'Up' if up > 0 else 'Down'}{eye}"] = abs(float(up)) * 0.8

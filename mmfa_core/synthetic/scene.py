"""How a person is lit and taken: light, background, camera, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FACE_SHARES = (0.44, 0.66)  # side of the landmarks' box over the picture's, as in the corpus
FACE_M = 0.165  # usual side of that box
FACE_MIDDLE = (0.0, 0.710)  # of the mean head, x, y in m


@dataclass(frozen=True, eq=False)
class Scene:
    """Describe light, background and camera.

    Attributes:
        key_direction: (3,) unit, to the light.
        key, fill, ground, rim: (3,) linear light.
        rim_direction: (3,) unit.
        background: kind, seed, frequency.
        background_colours: (3, 3).
        half_m: half the side of the picture at the head.
        middle: of the picture, x, y in m.
        distance_m: of the camera.
        exposure, gamma: of the camera.
        grain: noise of the camera, of 1.
        blur_px: of the camera at 256 px.
    """

    key_direction: Floats
    key: Floats
    fill: Floats
    ground: Floats
    rim: Floats
    rim_direction: Floats
    background: tuple[int, float, float]
    background_colours: Floats
    half_m: float
    middle: tuple[float, float]
    distance_m: float
    exposure: float
    gamma: float
    grain: float
    blur_px: float


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw light, background and camera."""
    turn = np.deg2rad(rng.uniform(-75, 75))
    lift = np.deg2rad(rng.uniform(-5, 60))
    key_direction = np.array(
        [np.sin(turn) * np.cos(lift), np.sin(lift), np.cos(turn) * np.cos(lift)]
    )
    warmth = np.exp(rng.normal(0, 0.10) * np.array([1.0, 0.1, -1.0]))
    contrast = rng.uniform(0.25, 0.85)  # share of the light that is the key's
    level = rng.uniform(0.75, 1.25)
    fill = np.exp(rng.normal(0, 0.10) * np.array([-1.0, 0.0, 1.0])) * (1 - contrast) * level
    back = np.deg2rad(rng.uniform(120, 240))
    rim = rng.uniform(0.0, 0.9) * (rng.random() < 0.35)
    half = FACE_M / rng.uniform(*FACE_SHARES) / 2
    kinds = rng.choice(5, p=(0.3, 0.3, 0.12, 0.13, 0.15))
    return Scene(
        key_direction=key_direction.astype(np.float32),
        key=(1.25 * contrast * level * warmth).astype(np.float32),
        fill=(1.15 * fill).astype(np.float32),
        ground=(0.65 * fill * rng.uniform(0.5, 1.0)).astype(np.float32),
        rim=(rim * np.exp(rng.normal(0, 0.3, 3))).astype(np.float32),
        rim_direction=np.array([np.sin(back), 0.35, np.cos(back)], np.float32),
        background=(int(kinds), float(rng.uniform(0, 50)), float(rng.uniform(0.6, 2.5))),
        background_colours=_draw_colours(rng),
        half_m=float(half),
        middle=(
            FACE_MIDDLE[0] + float(rng.normal(0, 0.05)) * half,
            FACE_MIDDLE[1] + float(rng.normal(0.08, 0.06)) * half,
        ),
        distance_m=float(np.exp(rng.uniform(np.log(0.55), np.log(2.2)))),
        exposure=float(np.exp(rng.normal(0, 0.14))),
        gamma=float(np.exp(rng.normal(0, 0.06))),
        grain=float(rng.uniform(0, 0.018)),
        blur_px=float(rng.uniform(0.0, 0.7)),
    )


def _draw_colours(rng: np.random.Generator) -> Floats:
    """Draw three colours, mostly muted ones."""
    grey = rng.uniform(0.05, 0.95, (3, 1)) ** 1.8
    tint = np.exp(rng.normal(0, 1, (3, 3)) * rng.choice((0.08, 0.25, 0.7), p=(0.45, 0.4, 0.15)))
    return np.asarray(np.clip(grey * tint, 0.01, 1), np.float32)

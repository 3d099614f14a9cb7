"""Who is rendered: a person, drawn from a seed.

In: a random generator. Out: Person. Skin tones, ages and sexes are drawn evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mmfa_core.synthetic.hair import HairStyle
from mmfa_core.synthetic.parts import Body

Colour = NDArray[np.float32]  # (3,) linear light
Option = TypeVar("Option")

ADULT_AGE = (0.64, 1.0)  # of Anny's age: 0.67 is young, 1 is old
SHAPED = (
    *("nose-", "mouth-", "chin-", "l-cheek-", "l-eye-", "l-ear-", "forehead-", "eyebrows-"),
    *("head-fat", "head-scale", "head-back", "head-oval", "head-round", "head-age"),
)
UNSHAPED = ("nose-trans-out", "mouth-trans-out", "l-eye-push", "l-eye-scale", "l-eye-trans")
SHAPE_SPREAD, SHAPE_LIMIT, LOPSIDED = 0.30, 0.8, 0.05
# sRGB of skin from the palest to the darkest, hair, irises.
SKINS = (
    *((243, 212, 195), (233, 190, 165), (214, 163, 130), (186, 134, 100)),
    *((148, 100, 72), (105, 68, 49), (72, 46, 35)),
)
HAIRS = (
    *((18, 15, 14), (34, 26, 22), (58, 40, 29), (92, 64, 42), (134, 96, 58), (190, 154, 104)),
    *((142, 74, 42), (110, 46, 30), (140, 136, 132), (186, 182, 176)),
)
IRISES = (
    *((52, 32, 20), (78, 48, 26), (104, 74, 40), (92, 96, 58), (84, 116, 98)),
    *((94, 128, 156), (120, 148, 170), (110, 116, 122)),
)


@dataclass(frozen=True, eq=False)
class Person:
    """Describe a person and what they wear; colours are linear light in [0, 1].

    Attributes:
        phenotype: Anny's phenotypes.
        changes: Anny's local changes.
        hair: hairdo.
        body: neck and shoulders.
        colours: of skin, lips, brows, hair, second hair, irises, sclera, enamel, gums, inside of
            the mouth, tongue, cloth, second cloth, eye shadow.
        look: numbers of the skin's shader by name.
        brow: height, length, thickness (m), density.
        brow_arch: m.
        iris: half angles of iris and pupil, rad.
        teeth: width of the arch, unevenness (m).
        cloth: kind of pattern, its frequency (1/m).
        hair_look: strands a radian, their frequency along, shine.
        seed: of every noise, small enough for single precision.
    """

    phenotype: Mapping[str, float]
    changes: Mapping[str, float]
    hair: HairStyle
    body: Body
    colours: Mapping[str, Colour]
    look: Mapping[str, float]
    brow: tuple[float, float, float, float]
    brow_arch: float
    iris: tuple[float, float]
    teeth: tuple[float, float]
    cloth: tuple[float, float]
    hair_look: tuple[float, float, float]
    seed: float


def draw_person(rng: np.random.Generator, change_names: tuple[str, ...]) -> Person:
    """Draw a person.

    Args:
        rng: source of chance.
        change_names: all of Anny's local changes.
    """
    man = bool(rng.random() < 0.5)
    age = rng.uniform(*ADULT_AGE)
    old = (age - ADULT_AGE[0]) / (ADULT_AGE[1] - ADULT_AGE[0])
    tone = rng.uniform(0, len(SKINS) - 1)
    skin = _between(SKINS, tone) * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    dark = tone / (len(SKINS) - 1)
    hair_colour, second = _draw_hair(rng, dark, old)
    redness = rng.uniform(0.15, 0.75)
    lip = skin * np.array([1.0, 0.62, 0.62]) * (1 - redness) + redness * _linear((168, 82, 80)) * (
        1.05 - 0.65 * dark
    )
    painted = not man and rng.random() < 0.45
    if painted:
        tint = _linear(
            ((178, 34, 44), (196, 84, 92), (122, 30, 52), (206, 110, 98))[rng.integers(4)]
        )
        lip = lip + rng.uniform(0.4, 0.9) * (tint - lip)
    brow_colour = (
        hair_colour * rng.uniform(0.35, 0.9)
        if hair_colour.mean() < 0.4
        else (_linear((120, 96, 74)) * rng.uniform(0.4, 1.0))
    )
    hue = rng.uniform(0.1, 1.0, 3)
    colours = {
        "skin": skin,
        "lip": lip,
        "brow": brow_colour,
        "hair": hair_colour,
        "second_hair": second,
        "iris": _linear(_pick(rng, IRISES[:4] if dark > 0.5 else IRISES)),
        "sclera": _linear((226, 220, 212)) * rng.uniform(0.75, 1.0),
        "enamel": _linear((238, 228, 204))
        * rng.uniform(0.72, 1.05)
        * np.array([1.0, 1.0, rng.uniform(0.82, 1.0)]),
        "gum": _linear((196, 108, 104)) * (1 - 0.45 * dark),
        "mouth": _linear((150, 62, 58)) * (1 - 0.4 * dark),
        "tongue": _linear((196, 104, 100)) * rng.uniform(0.8, 1.05),
        "cloth": (hue * rng.uniform(0.02, 0.9)) ** 1.5,
        "second_cloth": rng.uniform(0.02, 0.9, 3) ** 1.5,
        "shadow": rng.uniform(0.02, 0.35, 3) * np.array([1.0, 0.75, 0.8]),
    }
    beard = 0.0
    if man:
        beard = float(_pick(rng, (0.0, 0.15, 0.3, 0.3, 0.5, 0.8, 1.0))) * rng.uniform(0.7, 1.0)
    look = {
        "blotches": rng.uniform(0.10, 0.42),
        "freckles": rng.uniform(0.2, 0.9) if rng.random() < 0.2 and dark < 0.5 else 0.0,
        "pores": rng.uniform(0.10, 0.30),
        "wrinkles": 0.03 + 0.16 * old * rng.random(),
        "gloss": rng.uniform(0.04, 0.22),
        "beard": beard,
        "make_up": rng.uniform(0.2, 0.9) if painted else 0.0,
    }
    return Person(
        phenotype=_draw_phenotype(rng, man=man, age=age),
        changes=_draw_changes(rng, change_names),
        hair=_draw_style(rng, man=man, old=old),
        body=Body(
            neck_m=rng.uniform(0.054, 0.062) if man else rng.uniform(0.048, 0.055),
            shoulder_m=rng.uniform(0.20, 0.24) if man else rng.uniform(0.17, 0.20),
            slope_m=rng.uniform(0.035, 0.075),
            collar_m=float(_pick(rng, (0.028, 0.008, -0.005, -0.02))),
            v_neck=float(_pick(rng, (0.0, 0.015, 0.03, 0.08, 0.12))),
        ),
        colours={name: np.asarray(c, np.float32).clip(0.002, 1) for name, c in colours.items()},
        look=look,
        brow=(
            rng.uniform(0.0165, 0.0215),
            rng.uniform(0.036, 0.046),
            rng.uniform(0.0030, 0.0050) * (1.15 if man else 0.85),
            rng.uniform(0.6, 1.0),
        ),
        brow_arch=rng.uniform(0.001, 0.006),
        iris=(rng.uniform(0.41, 0.47), rng.uniform(0.12, 0.24)),
        teeth=(rng.uniform(0.94, 1.06), rng.uniform(0.0, 0.0005)),
        cloth=(float(rng.integers(0, 4)), rng.uniform(25, 160)),
        hair_look=(rng.uniform(45, 120), rng.uniform(14, 60), rng.uniform(0.1, 0.7)),
        seed=float(rng.uniform(0, 9)),
    )


def _draw_phenotype(rng: np.random.Generator, *, man: bool, age: float) -> dict[str, float]:
    origins = rng.dirichlet((0.6, 0.6, 0.6))
    return {
        "gender": float(np.clip((0.0 if man else 1.0) + rng.normal(0, 0.15), 0, 1)),
        "age": age,
        "muscle": rng.uniform(0.2, 0.9),
        "weight": rng.uniform(0.2, 0.9),
        "height": 0.5,
        "proportions": rng.uniform(0.4, 1.0),
        "african": float(origins[0]),
        "asian": float(origins[1]),
        "caucasian": float(origins[2]),
    }


def _draw_changes(rng: np.random.Generator, names: tuple[str, ...]) -> dict[str, float]:
    """Draw local changes of the face, nearly symmetric ones."""
    changes = {}
    for name in names:
        if not name.startswith(SHAPED) or name.startswith(UNSHAPED):
            continue
        amount = float(np.clip(rng.normal(0, SHAPE_SPREAD), -SHAPE_LIMIT, SHAPE_LIMIT))
        changes[name] = amount
        twin = "r" + name[1:]
        if name.startswith("l-") and twin in names:
            changes[twin] = amount + float(rng.normal(0, LOPSIDED))
    return changes


def _draw_style(rng: np.random.Generator, *, man: bool, old: float) -> HairStyle:
    long = rng.random() < (0.12 if man else 0.72)
    bald = rng.random() < (0.14 if man else 0.03)
    volume = 0.0 if bald else rng.uniform(0.004, 0.034)
    if long:
        volume = rng.uniform(0.010, 0.026)
    return HairStyle(
        volume=volume,
        front=rng.uniform(0.782, 0.804),
        slope=rng.uniform(0.75, 0.95),
        recession=rng.uniform(0, 0.022) * (0.4 + old) if man else rng.uniform(0, 0.006),
        ragged=rng.uniform(0.001, 0.006),
        fringe=rng.uniform(0.015, 0.032) if rng.random() < 0.25 else 0.0,
        length=rng.uniform(0.02, 0.26) if long and not bald else 0.0,
        opening_deg=rng.uniform(58, 84),
        bulk=rng.uniform(0.008, 0.035),
        parting=rng.uniform(-0.6, 0.6),
        waves=rng.uniform(0, 1) ** 2 * 1.5,
        seed=int(rng.integers(1 << 30)),
    )


def _draw_hair(rng: np.random.Generator, dark: float, old: float) -> tuple[Colour, Colour]:
    if rng.random() < 0.5 * old**2:
        colour = _linear(_pick(rng, HAIRS[-2:]))
    elif rng.random() < dark:
        colour = _linear(_pick(rng, HAIRS[:3]))
    else:
        colour = _linear(_pick(rng, HAIRS[:-2]))
    colour = colour * np.exp(rng.normal(0, 0.15, 3)).astype(np.float32)
    return colour, colour * rng.uniform(1.1, 1.8)


def _between(palette: tuple[tuple[int, int, int], ...], place: float) -> Colour:
    low = min(int(place), len(palette) - 2)
    share = place - low
    return (1 - share) * _linear(palette[low]) + share * _linear(palette[low + 1])


def _pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    return options[int(rng.integers(len(options)))]


def _linear(srgb: Sequence[float]) -> Colour:
    """Turn sRGB in [0, 255] to linear light in [0, 1]."""
    return ((np.asarray(srgb, np.float32) / 255) ** 2.2).astype(np.float32)

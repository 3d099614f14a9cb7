"""What the shaders are told: colours, light and measures by the names of their uniforms.

In: Person, Posed, Scene. Out: dictionaries, each key the name of a uniform. Knows nothing about
OpenGL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmfa_core.synthetic.figure import Posed
from mmfa_core.synthetic.person import Person
from mmfa_core.synthetic.scene import Scene

# The number of a kind of surface in parts.frag; skin has a shader of its own.
KINDS = {"teeth": 0, "tongue": 1, "left_eye": 2, "right_eye": 2, "hair": 3, "body": 4}
EYE_MIDDLE = (0.0308, 0.7284, 0.1245)  # of the left eye of the mean head, m

Uniforms = dict[str, Any]


def common_look(person: Person, scene: Scene) -> Uniforms:
    """List what every shader of a person takes: light, camera, noise, skin."""
    return {
        "eye_place": (*scene.middle, scene.distance_m),
        "key_direction": scene.key_direction,
        "key_colour": scene.key,
        "fill_colour": scene.fill,
        "ground_colour": scene.ground,
        "rim_direction": scene.rim_direction / np.linalg.norm(scene.rim_direction),
        "rim_colour": scene.rim,
        "light_map": 0,
        "seed": person.seed,
        "skin_colour": person.colours["skin"],
        "blotches": person.look["blotches"],
    }


def skin_look(person: Person) -> Uniforms:
    """List what the shader of skin takes besides."""
    colours, hair = person.colours, person.hair
    return {
        **person.look,
        "lip_colour": colours["lip"],
        "brow_colour": colours["brow"],
        "hair_colour": colours["hair"],
        "mouth_colour": colours["mouth"],
        "shadow_colour": colours["shadow"],
        "scalp": 0.85 if hair.volume > 0 else 0.12,
        "brow": person.brow,
        "brow_arch": person.brow_arch,
        "hairline": (hair.front, hair.slope, hair.recession, hair.ragged),
        "eye_middle": EYE_MIDDLE,
    }


def part_look(kind: str, person: Person, posed: Posed) -> Uniforms:
    """List what the shader of the other parts takes for one kind of surface."""
    colours = person.colours
    number = {"kind": KINDS[kind]}
    if kind == "teeth":
        return {
            **number,
            "base_colour": colours["enamel"],
            "other_colour": colours["gum"],
            "opening": 1,
        }
    if kind == "tongue":
        return {**number, "base_colour": colours["tongue"]}
    if kind == "hair":
        return {
            **number,
            "base_colour": colours["hair"],
            "other_colour": colours["second_hair"],
            "shape": (*person.hair_look, 0.0),
        }
    if kind == "body":
        return {
            **number,
            "base_colour": colours["cloth"],
            "other_colour": colours["second_cloth"],
            "shape": (*person.cloth, 0.0, 0.0),
        }
    return {
        **number,
        "base_colour": colours["sclera"],
        "other_colour": colours["iris"],
        "shape": (*person.iris, 0.0, 0.0),
        "gaze": posed.rotation.T @ posed.gaze,
        "eye_axis_up": (0.0, 1.0, 0.0),
    }


def background_look(scene: Scene) -> Uniforms:
    """List what the shader of the background takes."""
    kind, seed, scale = scene.background
    one, two, three = scene.background_colours
    return {
        "kind": kind,
        "seed": seed,
        "scale": scale,
        "base_colour": one,
        "other_colour": two,
        "third_colour": three,
    }

"""Which motion a portrait shows while a clip drives it: method.md section 6 as pure functions.

In: Motion of the portrait, of driving frames and of the reference frame. Out: Motion to render.
Knows nothing about pictures or files.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmfa_core.geometry import angles_from_rotation, rotation_from_angles
from mmfa_core.inference.options import AnimateOptions
from mmfa_core.motion import Motion

SMALL_TURN = 1e-4  # radians; below it a turn's axis is not looked for

Decode = Callable[[Tensor], Tensor]  # expression code (B, Z) -> offsets (B, K, 3)


def transfer_motion(
    source: Motion, driving: Motion, reference: Motion, options: AnimateOptions, decode: Decode
) -> Motion:
    """Compute what the portrait shows for each driving frame.

    Equation: with gain g a part, relative: a = a_s + g (a_i - a_0) for yaw, pitch and roll,
    s = s_s (s_i / s_0)^g, t = t_s + g (t_i - t_0), z = z_s + g (z_i - z_0). Absolute:
    R = (R_i R_s^-1)^g R_s and z = z_s + g (z_i - z_s), so that gain 1 copies the driver; s and t
    as in relative, unless ``copy_scale`` and ``copy_translation`` ask for the driver's. With
    ``expression_space="offsets"`` delta takes the place of z.

    Angles are added, as edits add them, where method.md multiplies rotations: if the reference
    frame's head is tilted otherwise than the portrait's, a product turns the driver's yaw into
    roll and pitch.

    Args:
        source: the portrait's own motion, batch 1.
        driving: motion of driving frames, batch B.
        reference: motion of frame 0 of the equations, batch 1.
        options: mode, gains and locks.
        decode: the model's decoder of expression codes.

    Returns:
        Motion, batch B.
    """
    absolute = options.mode == "absolute"
    gain = {part: options.gain(part) for part in ("rotation", "translation", "scale")}
    start = source if absolute else reference
    if absolute:
        way = driving.rotation @ source.rotation.transpose(1, 2)
        rotation = rotation_power(way, gain["rotation"]) @ source.rotation
    else:
        rotation = _add_angles(source, driving, reference, gain["rotation"])
    place = source if absolute and options.copy_translation else reference
    shift = gain["translation"] * (driving.translation - place.translation)
    size = source if absolute and options.copy_scale else reference
    growth = (driving.scale / size.scale) ** gain["scale"]
    code, offsets = _transfer_expression(source, driving, start, options, decode)
    return Motion(rotation, source.translation + shift, source.scale * growth, code, offsets)


def _add_angles(source: Motion, driving: Motion, reference: Motion, gain: float) -> Tensor:
    """Add the change of each angle from the reference to the portrait's; (B, 3, 3)."""
    own, asked, start = (angles_from_rotation(m.rotation) for m in (source, driving, reference))
    return rotation_from_angles(own + gain * (asked - start))


def _transfer_expression(
    source: Motion, driving: Motion, start: Motion, options: AnimateOptions, decode: Decode
) -> tuple[Tensor, Tensor]:
    gain = options.gain("expression")
    change = driving.expression_code - start.expression_code
    code = source.expression_code + gain * change  # (B, Z)
    if gain == 0:
        return code, source.expression_offsets.expand_as(driving.expression_offsets)
    if options.expression_space == "code":
        return code, decode(code)
    moves = driving.expression_offsets - start.expression_offsets
    return code, source.expression_offsets + gain * moves


def rotation_power(rotation: Tensor, gain: float) -> Tensor:
    """Turn by ``gain`` times the angle, about the same axis.

    Args:
        rotation: (B, 3, 3), by less than 180 degrees.
        gain: factor on the angle; 1 returns the rotation itself.

    Returns:
        (B, 3, 3).
    """
    if gain == 1:
        return rotation
    skew = rotation - rotation.transpose(1, 2)
    axis = torch.stack((skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]), -1)  # 2 sin(angle) * axis
    trace = rotation.diagonal(dim1=1, dim2=2).sum(-1)
    angle = torch.atan2(axis.norm(dim=-1), trace - 1)  # (B,), 0 to pi
    sine = axis.norm(dim=-1, keepdim=True).clamp_min(SMALL_TURN)
    x, y, z = (axis / sine).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).reshape(-1, 3, 3)
    theta = (gain * angle)[:, None, None]
    eye = torch.eye(3, device=rotation.device, dtype=rotation.dtype)
    return eye + theta.sin() * cross + (1 - theta.cos()) * cross @ cross

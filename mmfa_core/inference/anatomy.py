"""What a generated picture is made of: the dense flow, what was hidden, what was painted.

In: an encoded source and a motion. Out: Anatomy, its maps as pictures.
Knows nothing about files, clips or faces in big pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray

from mmfa_core.estimates import EncodedSource
from mmfa_core.geometry import make_grid, resize_flow
from mmfa_core.inference.engine import Engine
from mmfa_core.media import Frame
from mmfa_core.motion import Motion

Map = NDArray[np.float32]
LEAST_FULL_PX = 4.0  # a flow shorter than this everywhere stays pale
FULL_PERCENTILE = 99.5  # of the lengths of a flow: drawn in full colour


@dataclass(frozen=True, eq=False, kw_only=True)
class Anatomy:
    """Hold one generated picture and the maps behind it, all of the model's size H = W.

    Attributes:
        picture: what the model makes, (H, W, 3).
        warped: the portrait pushed along the flow, (H, W, 3).
        painted: what the generator paints itself, (H, W, 3).
        flow: (H, W, 2), px: how far right and down of itself each place is taken from.
        visible: (H, W), the occlusion mask: 1 = seen in the portrait, 0 = must be invented.
        kept: (H, W), the blend: 1 = the warped portrait is kept, 0 = painted.
    """

    picture: Frame
    warped: Frame
    painted: Frame
    flow: Map
    visible: Map
    kept: Map

    @property
    def full_colour_px(self) -> float:
        """Return the length of the flow that flow_picture draws in full colour, px."""
        lengths = np.hypot(self.flow[..., 0], self.flow[..., 1])
        return max(LEAST_FULL_PX, float(np.percentile(lengths, FULL_PERCENTILE)))

    def flow_picture(self) -> Frame:
        """Draw the flow: the hue says whereto a place moved, the strength how far."""
        return colour_flow(-self.flow, self.full_colour_px)

    def visible_picture(self) -> Frame:
        """Draw the occlusion mask: white = seen in the portrait, black = invented."""
        return grey_picture(self.visible)

    def kept_picture(self) -> Frame:
        """Draw the blend: white = pixels of the portrait are kept, black = painted."""
        return grey_picture(self.kept)


def dissect_render(engine: Engine, source: EncodedSource, motion: Motion) -> Anatomy:
    """Generate one picture and keep everything on the way; call it within computing().

    Args:
        engine: computes.
        source: the portrait, batch 1.
        motion: to show, batch 1.

    Returns:
        The picture and its maps.
    """
    generated = engine.generate(source, motion)
    side = engine.size_px
    flow = resize_flow(generated.motion.flow.float(), side, side)
    moves = (flow - make_grid(side, side, flow.device)) * (side / 2)
    visible = F.interpolate(
        generated.motion.occlusion_masks[0].float(), (side, side), mode="bilinear"
    )
    pictures = (generated.picture, generated.warped, generated.painted.clamp(0, 1))
    picture, warped, painted = (engine.to_frames(p)[0] for p in pictures)
    return Anatomy(
        picture=picture,
        warped=warped,
        painted=painted,
        flow=np.asarray(moves[0].cpu().numpy(), np.float32),
        visible=np.asarray(visible[0, 0].cpu().numpy(), np.float32),
        kept=np.asarray(generated.blend[0, 0].float().cpu().numpy(), np.float32),
    )


def colour_flow(flow: Map, full_px: float) -> Frame:
    """Draw a field of movements in colours.

    Args:
        flow: (H, W, 2), px, right and down.
        full_px: length that gets full colour; white = no movement.

    Returns:
        (H, W, 3): the hue turns with the direction (red right, yellow-green down, cyan left,
        violet up).
    """
    hue = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi)) % 1
    strength = np.clip(np.hypot(flow[..., 0], flow[..., 1]) / full_px, 0, 1)[..., None]
    places = 6 * hue[..., None] - np.array([0.0, 2.0, 4.0], np.float32)
    pure = np.clip(2 - np.abs((places + 3) % 6 - 3), 0, 1)
    colours = 1 - strength * (1 - (0.12 + 0.8 * pure))
    return np.asarray((255 * colours).round(), np.uint8)


def flow_wheel(side: int = 96) -> Frame:
    """Draw the legend of colour_flow: each place in the colour of a movement towards it."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    field = np.stack(np.meshgrid(axis, axis), -1)
    wheel = colour_flow(field, 1.0)
    wheel[np.hypot(field[..., 0], field[..., 1]) > 1] = 255
    return wheel


def grey_picture(values: Map) -> Frame:
    """Draw a map (H, W) in [0, 1] as a grey picture (H, W, 3)."""
    grey = (255 * np.clip(values, 0, 1)).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)

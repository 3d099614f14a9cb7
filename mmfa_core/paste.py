"""Paste an animated crop back into its picture with a soft seam.

In: the original picture, where the crop was cut, the new crop. Out: the picture at its full size.
Knows nothing about faces or networks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mmfa_core.face import Crop, resize_frame
from mmfa_core.media import Frame

SEAM_SHARE = 0.1  # width of the seam over the side of the crop
_BAND_ROWS = 16
_OPAQUE = 128  # weights are whole numbers from 0 to this, so that a product fits in 16 bits


def paste_back(
    picture: Frame,
    crop: Crop,
    generated: Frame,
    mask: NDArray[np.float32] | None = None,
    *,
    seam_share: float = SEAM_SHARE,
) -> Frame:
    """Put a generated crop back where it was cut.

    The outer tenth of the crop fades into the picture, except where the crop ends at the
    picture's own border: there is nothing to fade into.

    Args:
        picture: (H, W, 3) uint8, the original; it is not changed.
        crop: where the crop was cut from this picture.
        generated: (S, S, 3) uint8 of any size.
        mask: (S', S') in [0, 1] of any size, 1 where the generated crop is shown; None for all.
        seam_share: width of the seam over the side of the crop, 0 to 0.5.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    height, width = picture.shape[:2]
    (x0, y0), side = crop.corner_px, crop.size_px
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x0 + side, width), min(y0 + side, height)
    result = picture.copy()
    if left >= right or top >= bottom:
        return result
    inside = (slice(top - y0, bottom - y0), slice(left - x0, right - x0))
    soft = (y0 > 0, x0 > 0, y0 + side < height, x0 + side < width)
    weights = _seam(side, soft, seam_share)
    if mask is not None:
        shown = np.repeat((mask.clip(0, 1) * 255).round().astype(np.uint8)[..., None], 3, axis=2)
        weights = weights * resize_frame(shown, side, side)[..., :1].astype(np.int16) // 255
    weights = weights[inside]
    new = resize_frame(generated, side, side)[inside]
    old = result[top:bottom, left:right]
    for row in range(0, len(old), _BAND_ROWS):  # small enough to stay in the processor's cache
        band = slice(row, row + _BAND_ROWS)
        change = new[band].astype(np.int16) - old[band]
        change *= weights[band]
        change += _OPAQUE // 2
        change >>= 7
        old[band] += change.astype(np.uint8)  # wraps round for a negative change, as it should
    return result


@lru_cache(maxsize=8)
def _seam(side: int, soft: tuple[bool, bool, bool, bool], seam_share: float) -> NDArray[np.int16]:
    """Make the weights of a crop: (side, side, 1), 0 at soft sides, rising smoothly to 128."""
    width = max(1.0, seam_share * side)
    way = (np.arange(side) + 0.5) / width
    ramp = np.clip(way, 0, 1) ** 2 * (3 - 2 * np.clip(way, 0, 1))
    top, left, bottom, right = (ramp if s else np.ones(side) for s in soft)
    weights = np.outer(top * bottom[::-1], left * right[::-1]) * _OPAQUE
    whole: NDArray[np.int16] = weights.round().astype(np.int16)[..., None]
    whole.flags.writeable = False
    return whole

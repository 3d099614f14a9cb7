"""Square crops round a face: where they are, and how they are cut out.

In: faces and pictures. Out: `Crop` and the pixels inside it, framed as the training pictures are.
Knows nothing about how a face is found or pasted back.

Convention: x right, y down, in px from the picture's upper left corner; the first pixel covers
[0, 1), so its middle is at 0.5. A crop is cut at whole pixels (`Crop.corner_px`), so that what is
cut can be pasted back in exactly the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mmfa_core.errors import MediaError
from mmfa_core.face.faces import Face, FaceBox, Floats
from mmfa_core.media import Frame

CROP_MARGIN = 1.9  # crop side over face side; the corpus's usual value
TIGHTEST_MARGIN = 1.35  # a picture that is tighter than this is continued beyond its border
FACE_BELOW_MIDDLE = 0.035  # of the side: in the corpus a face sits a little below the middle
SMALLEST_CROP_PX = 32
LARGEST_CROP = 4  # longer sides of the picture; what lies beyond the picture takes memory too


@dataclass(frozen=True)
class Crop:
    """Hold a square part of a picture; it may reach beyond the border.

    Attributes:
        x_px: middle, from the left.
        y_px: middle, from the top.
        side_px: width and height.
    """

    x_px: float
    y_px: float
    side_px: float

    @property
    def size_px(self) -> int:
        """The side in whole pixels."""
        return max(1, round(self.side_px))

    @property
    def corner_px(self) -> tuple[int, int]:
        """The upper left corner (x, y) in whole pixels; may be negative."""
        half = self.size_px / 2
        return round(self.x_px - half), round(self.y_px - half)

    def to_crop(self, points: Floats, size_px: int = 256) -> Floats:
        """Turn px of the picture into px of the crop at a given size.

        Args:
            points: (N, 2) or (N, 3); a third number is only scaled.
            size_px: side of the crop as it was cut.

        Returns:
            (N, 2) or (N, 3).
        """
        moved = points.astype(np.float32)
        moved[:, :2] -= np.asarray(self.corner_px, dtype=np.float32)
        return moved * np.float32(size_px / self.size_px)

    def to_picture(self, points: Floats, size_px: int = 256) -> Floats:
        """Turn px of the crop at a given size back into px of the picture."""
        moved = points.astype(np.float32) * np.float32(self.size_px / size_px)
        moved[:, :2] += np.asarray(self.corner_px, dtype=np.float32)
        return moved


def crop_for_face(face: Face, picture_shape: tuple[int, ...], margin: float = CROP_MARGIN) -> Crop:
    """Frame a face as the training pictures are framed.

    The crop is moved into the picture where it fits, and made a little smaller where the picture
    is tight; only a very tight picture makes it reach beyond the border.

    Args:
        face: the face.
        picture_shape: (H, W) or (H, W, 3).
        margin: side of the crop over the larger side of the landmark box.

    Returns:
        The crop.
    """
    least = min(margin, TIGHTEST_MARGIN) * face.box.side
    return _framed(face.box, margin * face.box.side, least, picture_shape)


def steady_crop(faces: Sequence[Face], picture_shape: tuple[int, ...]) -> Crop:
    """Find one crop that holds a face over a whole clip: all its places and 0.9 faces more.

    A face of a very different size or far from the others (a wrong detection) is left out.

    Args:
        faces: the faces found in some frames of the clip, at least one.
        picture_shape: (H, W) or (H, W, 3) of the frames.

    Returns:
        The crop.
    """
    if not faces:
        raise ValueError("steady_crop needs at least one face")
    boxes = np.array([(f.box.x0, f.box.y0, f.box.x1, f.box.y1) for f in faces])  # (N, 4)
    sides = np.array([f.box.side for f in faces])
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    usual_side = float(np.median(sides))
    ways = np.hypot(*(middles - np.median(middles, axis=0)).T)
    reach = max(usual_side, 4 * float(np.median(ways)))
    kept = (ways <= reach) & (sides < 1.7 * usual_side) & (sides > usual_side / 1.7)
    boxes = boxes[kept] if kept.any() else boxes
    (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    union = FaceBox(float(x0), float(y0), float(x1), float(y1))
    side = union.side + (CROP_MARGIN - 1) * usual_side
    least = max(1.05 * union.side, TIGHTEST_MARGIN * usual_side)
    return _framed(union, side, least, picture_shape)


def crop_by_hand(
    x0: float, y0: float, x1: float, y1: float, picture_shape: tuple[int, ...]
) -> Crop:
    """Make the square crop round a box that a person drew.

    Args:
        x0: left, px.
        y0: top, px.
        x1: right, px.
        y1: bottom, px.
        picture_shape: (H, W) or (H, W, 3).

    Returns:
        The smallest square with the same middle that holds the box.

    Raises:
        MediaError: the box is under 32 px or over LARGEST_CROP pictures, or its middle is outside
            the picture.
    """
    height, width = picture_shape[:2]
    largest = LARGEST_CROP * max(height, width)
    side = max(x1 - x0, y1 - y0)
    if min(x1 - x0, y1 - y0) <= 0 or side < SMALLEST_CROP_PX:
        raise MediaError(
            f"The crop is {x1 - x0:g} x {y1 - y0:g} px; it must be {SMALLEST_CROP_PX} px or more.",
            "Draw a larger crop.",
        )
    if side > largest:
        raise MediaError(
            f"The crop is {x1 - x0:g} x {y1 - y0:g} px; for a picture of {width} x {height} px it "
            f"must be {largest} px or less.",
            "Draw a smaller crop.",
        )
    crop = Crop((x0 + x1) / 2, (y0 + y1) / 2, side)
    if not (0 <= crop.x_px < width and 0 <= crop.y_px < height):
        raise MediaError(
            f"The middle of the crop is at ({crop.x_px:g}, {crop.y_px:g}), "
            f"outside the picture of {width} x {height} px.",
            "Draw it round the face.",
        )
    return crop


def cut_crop(picture: Frame, crop: Crop, size_px: int = 256, *, border: int | None = None) -> Frame:
    """Cut a crop out of a picture, filtered when it is made smaller.

    Args:
        picture: (H, W, 3) uint8.
        crop: where; what lies beyond the picture repeats its border.
        size_px: side of the result.
        border: a grey value for what lies beyond the picture instead, 0 to 255.

    Returns:
        (size_px, size_px, 3) uint8, a new array.
    """
    height, width = picture.shape[:2]
    (x0, y0), side = crop.corner_px, crop.size_px
    left, top = np.clip((x0, y0), 0, (width - 1, height - 1))
    right, bottom = np.clip((x0 + side, y0 + side), (left + 1, top + 1), (width, height))
    part = picture[top:bottom, left:right]
    if part.shape[:2] != (side, side):
        before, after = (top - y0, left - x0), (y0 + side - bottom, x0 + side - right)
        around = [(max(0, b), max(0, a)) for b, a in zip(before, after, strict=True)]
        around.append((0, 0))
        if border is None:
            part = np.pad(part, around, mode="edge")[:side, :side]
        else:
            part = np.pad(part, around, constant_values=border)[:side, :side]
    return resize_frame(part, size_px, size_px)


def resize_frame(frame: Frame, height: int, width: int) -> Frame:
    """Make a frame larger or smaller: bicubic, filtered when it is made smaller.

    Args:
        frame: (H, W, 3) uint8.
        height: rows wanted.
        width: columns wanted.

    Returns:
        (height, width, 3) uint8, a new array.
    """
    values = np.ascontiguousarray(frame)
    if values.shape[:2] == (height, width):
        return values.copy()
    if not values.flags.writeable:  # torch warns of an array that it could not write to
        values = values.copy()
    pixels = torch.from_numpy(values).permute(2, 0, 1)[None]  # (1, 3, H, W)
    scaled = functional.interpolate(
        pixels, (height, width), mode="bicubic", align_corners=False, antialias=True
    )
    result: Frame = scaled[0].permute(1, 2, 0).contiguous().numpy()
    return result


def _framed(box: FaceBox, side: float, least: float, picture_shape: tuple[int, ...]) -> Crop:
    """Place a crop round a box, moved and shrunk (down to `least`) to lie inside the picture."""
    height, width = picture_shape[:2]
    side = min(side, max(float(min(height, width)), least))
    x, y = box.centre
    y -= FACE_BELOW_MIDDLE * side
    return Crop(_inside(x, side, width), _inside(y, side, height), side)


def _inside(middle: float, side: float, length: int) -> float:
    """Move a span into [0, length], or round it if it is longer."""
    least, most = sorted((side / 2, length - side / 2))
    return min(max(middle, least), most)

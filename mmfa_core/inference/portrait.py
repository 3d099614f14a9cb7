"""A portrait made ready: its face found, framed and encoded once.

In: a picture. Out: PreparedPortrait. Knows nothing about clips or edits.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmfa_core.estimates import EncodedSource
from mmfa_core.face import (
    Crop,
    Face,
    FaceFinder,
    choose_face,
    crop_by_hand,
    crop_for_face,
    cut_crop,
    resize_frame,
)
from mmfa_core.inference.engine import Engine
from mmfa_core.media import Frame, read_picture
from mmfa_core.paste import paste_back
from mmfa_core.provenance import Ingredient, hash_file, hash_pixels
from mmfa_core.provenance.origin import PORTRAIT

CropByHand = tuple[float, float, float]  # x0, y0 and side, px of the portrait


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedPortrait:
    """Hold what is computed once a portrait; takes the portrait's place in every call.

    Attributes:
        picture: the whole portrait, (H, W, 3).
        crop: where its face is.
        face: the face crop, of the model's size.
        source: the face crop, encoded.
        ingredient: what results that were made from it name it by: its hash.
        notes: what a person should know, such as which of several faces was taken.
    """

    picture: Frame
    crop: Crop
    face: Frame
    source: EncodedSource
    ingredient: Ingredient
    notes: tuple[str, ...] = ()

    def paste(self, generated: Frame) -> Frame:
        """Put a generated face crop back into the whole portrait, with a soft seam."""
        return paste_back(self.picture, self.crop, generated)

    def shrunk(self, longest_px: int) -> PreparedPortrait:
        """Make the whole portrait smaller, for quick looks at pasted results.

        Args:
            longest_px: longest side that is kept, > 0; a smaller portrait stays as it is.

        Returns:
            The same face in a smaller picture; nothing is encoded again.
        """
        height, width = self.picture.shape[:2]
        factor = longest_px / max(height, width)
        if factor >= 1:
            return self
        crop = Crop(*(value * factor for value in dataclasses.astuple(self.crop)))
        size = max(1, round(height * factor)), max(1, round(width * factor))
        return dataclasses.replace(self, picture=resize_frame(self.picture, *size), crop=crop)

    @property
    def crop_box(self) -> CropByHand:
        """The crop as x0, y0 and side in px."""
        x0, y0 = self.crop.corner_px
        return float(x0), float(y0), float(self.crop.size_px)


THUMBNAIL_PX = 128
VIEW_SIDE_PX = 640
MIDDLE_SHARE = 0.8  # of the shorter side: the crop that is offered when there is no face
DIMMED = 0.4
FRAME_COLOUR = (255, 214, 64)


@dataclass(frozen=True, eq=False, kw_only=True)
class FoundFace:
    """Hold one face of a picture, for a person who chooses.

    Attributes:
        index: what face_index names it by; 0 is the largest.
        box: x0, y0, x1, y1 round its landmarks, px of the picture.
        crop_box: the crop that would be taken, x0, y0 and side in px.
        yaw_deg: how far it looks aside, + to the picture's right.
        thumbnail: the crop made small, (128, 128, 3).
    """

    index: int
    box: tuple[float, float, float, float]
    crop_box: CropByHand
    yaw_deg: float
    thumbnail: Frame


@dataclass(frozen=True, eq=False, kw_only=True)
class PortraitView:
    """Hold what a person needs to see where the face crop of a portrait is, and to move it.

    Attributes:
        width: of the portrait, px.
        height: of the portrait, px.
        crop_box: the crop, x0, y0 and side in px of the portrait.
        faces: all faces, largest first; empty when the crop was given, or when there is none.
        picture: the portrait, at most 640 px a side, darker outside the crop, with its frame.
    """

    width: int
    height: int
    crop_box: CropByHand
    faces: tuple[FoundFace, ...]
    picture: Frame


Portrait = Frame | str | Path | PreparedPortrait  # wherever a portrait is asked for


def prepare_portrait(
    engine: Engine,
    portrait: Portrait,
    *,
    face_index: int | None = None,
    crop: CropByHand | None = None,
) -> PreparedPortrait:
    """Find the face of a portrait and encode it.

    Args:
        engine: computes.
        portrait: a picture file, a frame, or a prepared portrait, which is returned as it is.
        face_index: which face, 0 = the largest; None takes the largest and notes it.
        crop: x0, y0 and side in px; no face is looked for then.

    Returns:
        The prepared portrait.

    Raises:
        UnreadableError: the file is no picture.
        NoFaceError: there is no face, or not as many.
        MediaError: the crop by hand is too small or outside.
    """
    if isinstance(portrait, PreparedPortrait):
        return portrait
    if isinstance(portrait, str | Path):
        picture, name = read_picture(portrait), Path(portrait).name
    else:
        picture, name = portrait, "the portrait"
    square, note = frame_face(picture, name, face_index=face_index, crop=crop)
    face = cut_crop(picture, square, engine.size_px)
    with engine.computing():
        source = engine.encode_source(face)
    return PreparedPortrait(
        picture=picture,
        crop=square,
        face=face,
        source=source,
        ingredient=ingredient_of(portrait),
        notes=(note,) if note else (),
    )


def ingredient_of(portrait: Portrait, role: str = PORTRAIT) -> Ingredient:
    """Name a portrait by its hash: that of its file, or of its pixels if it came without one.

    Args:
        portrait: a picture file, a frame, or a prepared portrait.
        role: what it is to the result.

    Raises:
        UnreadableError: the file can't be read.
    """
    if isinstance(portrait, PreparedPortrait):
        return dataclasses.replace(portrait.ingredient, role=role)
    if isinstance(portrait, str | Path):
        return hash_file(Path(portrait), role)
    return hash_pixels(portrait, role)


def list_faces(portrait: Portrait) -> tuple[FoundFace, ...]:
    """List the faces of a picture, largest first.

    Args:
        portrait: a picture file, a frame, or a prepared portrait.

    Returns:
        The faces; empty if there is none.

    Raises:
        UnreadableError: the file is no picture.
    """
    if isinstance(portrait, PreparedPortrait):
        picture = portrait.picture
    else:
        picture = read_picture(portrait) if isinstance(portrait, str | Path) else portrait
    with FaceFinder() as finder:
        return tuple(
            show_face(number, face, picture)
            for number, face in enumerate(finder.detect_faces(picture))
        )


def view_portrait(portrait: Portrait, crop: CropByHand | None = None) -> PortraitView:
    """Show where the face crop of a portrait is; see Animator.view."""
    if isinstance(portrait, PreparedPortrait):
        picture = portrait.picture
    else:
        picture = read_picture(portrait) if isinstance(portrait, str | Path) else portrait
    height, width = picture.shape[:2]
    faces = list_faces(picture) if crop is None else ()
    if crop is None:
        side = float(round(MIDDLE_SHARE * min(height, width)))
        middle = (float(width - side) // 2, float(height - side) // 2, side)
        crop = faces[0].crop_box if faces else middle
    square = crop_by_hand(crop[0], crop[1], crop[0] + crop[2], crop[1] + crop[2], picture.shape)
    return PortraitView(
        width=width,
        height=height,
        crop_box=crop,
        faces=faces,
        picture=_frame_crop(picture, square),
    )


def _frame_crop(picture: Frame, crop: Crop) -> Frame:
    factor = min(1.0, VIEW_SIDE_PX / max(picture.shape[:2]))
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    small = resize_frame(picture, height, width)
    (x0, y0), side = crop.corner_px, crop.size_px
    left, top, right, bottom = (round(v * factor) for v in (x0, y0, x0 + side, y0 + side))
    inside = np.zeros((height, width), bool)
    inside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    line = max(1, round(max(height, width) / 200))
    core = np.zeros_like(inside)
    core[
        max(top, 0) + line : max(min(bottom, height) - line, 0),
        max(left, 0) + line : max(min(right, width) - line, 0),
    ] = True
    shown: Frame = np.where(inside[..., None], small, (small * DIMMED).astype(np.uint8))
    shown[inside & ~core] = FRAME_COLOUR
    return shown


def show_face(index: int, face: Face, picture: Frame) -> FoundFace:
    """Describe one face of a picture by its box, its crop and a thumbnail."""
    crop = crop_for_face(face, picture.shape)
    x0, y0 = crop.corner_px
    return FoundFace(
        index=index,
        box=(face.box.x0, face.box.y0, face.box.x1, face.box.y1),
        crop_box=(float(x0), float(y0), float(crop.size_px)),
        yaw_deg=face.pose.yaw_deg,
        thumbnail=cut_crop(picture, crop, THUMBNAIL_PX),
    )


def frame_face(
    picture: Frame,
    name: str,
    *,
    face_index: int | None = None,
    crop: CropByHand | None = None,
) -> tuple[Crop, str | None]:
    """Find where the face crop of a picture is.

    Args:
        picture: (H, W, 3).
        name: of the picture, for sentences.
        face_index: which face, 0 = the largest.
        crop: x0, y0 and side in px, instead of looking.

    Returns:
        The crop, and a note if a choice was made.
    """
    if crop is not None:
        x0, y0, side = crop
        return crop_by_hand(x0, y0, x0 + side, y0 + side, picture.shape), None
    with FaceFinder() as finder:
        found, note = choose_face(finder.detect_faces(picture), face_index, name)
    return crop_for_face(found, picture.shape), note

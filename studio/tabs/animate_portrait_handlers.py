"""What the tab Animate does with a portrait: find its faces, frame the one that moves.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmfa_core import MMFAError
from studio.context import StudioContext
from studio.messages import friendly, sentence

Frame = NDArray[np.uint8]
Gallery = list[tuple[Frame, str]]


@dataclass(frozen=True)
class PortraitHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        studio: what tabs share.
    """

    studio: StudioContext

    @friendly
    def find_faces(
        self, portrait: str | None
    ) -> tuple[Frame | None, Gallery, str, int, int, float, float, float]:
        """Find the faces of a portrait.

        Args:
            portrait: a picture file.

        Returns:
            The portrait with the frame of the face crop, the faces, a line of words (also about a
            picture that can't be used, with nothing beside), the portrait's width and height, and
            the frame's left, top and side, in px.
        """
        if portrait is None:
            return None, [], "", 0, 0, 0, 0, 0
        try:
            view = self.studio.animator.view(portrait)
        except MMFAError as error:  # told in words: Gradio drops what waits behind a failure
            return None, [], sentence(error), 0, 0, 0, 0, 0
        faces = [(face.thumbnail, f"Face {face.index}") for face in view.faces]
        if not faces:
            words = "No face was found. Move the frame over it by hand, or use another picture."
        elif len(faces) == 1:
            words = "The face was found: what is in the frame will move."
        else:
            words = f"{len(faces)} faces were found; the largest is framed. Pick another below."
        choice = faces if len(faces) > 1 else []
        return view.picture, choice, words, view.width, view.height, *view.crop_box

    @friendly
    def choose_face(
        self, portrait: str | None, face: int = 0
    ) -> tuple[Frame | None, float, float, float]:
        """Frame one of several faces.

        Args:
            portrait: a picture file.
            face: its number in the list of find_faces.

        Returns:
            The portrait with the frame, and the frame's left, top and side in px.
        """
        if portrait is None:
            return None, 0, 0, 0
        faces = self.studio.animator.faces(portrait)
        if not 0 <= face < len(faces):
            raise MMFAError(f"There is no face number {face}.", f"There are {len(faces)}.")
        box = faces[face].crop_box
        return self.studio.animator.view(portrait, box).picture, *box

    @friendly
    def frame_face(
        self, portrait: str | None, crop_x: float = 0, crop_y: float = 0, crop_size: float = 0
    ) -> Frame | None:
        """Show a portrait with the frame of the face crop.

        Args:
            portrait: a picture file.
            crop_x: left of the frame, px.
            crop_y: top of the frame, px.
            crop_size: side of the frame, px.

        Returns:
            The portrait, darker outside the frame.
        """
        if portrait is None or not crop_size:
            return None
        return self.studio.animator.view(portrait, (crop_x, crop_y, crop_size)).picture

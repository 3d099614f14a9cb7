"""The four slots with faces in the tab Expressions, testable without a server.

In: picture files of one person. Out: faces made ready, and pictures of them. Nothing is remembered
here: a face is found again by its content, and made ready once.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from mmfa_core import MMFAError, PreparedPortrait, write_picture
from studio.context import StudioContext
from studio.messages import friendly, sentence
from studio.portraits import content_hash

Face = str | None  # a picture file
SLOTS = ("A", "B", "C", "D")
THUMB_PX = 128  # side of the faces on the pad


def contents(faces: Sequence[Face]) -> list[str | None]:
    """Tell faces apart by their content: one file may have several names."""
    return [None if face is None else content_hash(face) for face in faces]


class FaceSlots:
    """Make the faces of slots ready.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio

    @friendly
    def open_faces(self, *given: Any) -> tuple[Any, ...]:
        """Take the faces that a person gave; a picture without a face is put back, with a word.

        Args:
            *given: the four slots, what was good before, and what was in them, by content.

        Returns:
            The four slots, the last good face of each, what is in them, and the pad's corners,
            which stay as they are when there is nothing new.
        """
        *slots, kept, taken = given
        good: list[Face] = []
        for face, before in zip(slots, kept, strict=True):
            try:
                if face is not None:
                    self.studio.prepare(face)
                good.append(face)
            except MMFAError as error:
                gr.Warning(sentence(error), title="That can't be used")
                good.append(before)
        back = [gr.skip() if a == b else a for a, b in zip(good, slots, strict=True)]
        kept = [now or before for now, before in zip(good, kept, strict=True)]
        now = contents(good)
        return *back, kept, now, gr.skip() if now == taken else self.pad_corners(good)

    def pad_corners(self, faces: Sequence[Face]) -> str:
        """Write the faces of the pad as small pictures, in the order of the corners."""
        cells = []
        for name, face in zip(SLOTS, faces, strict=True):
            if face is None:
                cells.append(f"<div class='corner'><span class='empty'>{name}</span></div>")
                continue
            picture = self.studio.prepare(face).face
            step = max(1, len(picture) // THUMB_PX)
            small = self.studio.new_file(".jpg", "corner")
            write_picture(small, np.ascontiguousarray(picture[::step, ::step]))
            data = base64.b64encode(small.read_bytes()).decode()
            small.unlink()
            small.parent.rmdir()
            image = f"<img alt='Face {name}' src='data:image/jpeg;base64,{data}'>"
            cells.append(f"<div class='corner'>{image}<b>{name}</b></div>")
        return "".join(cells)

    def face(self, faces: Sequence[Face], name: str) -> PreparedPortrait:
        """Make the face of a slot ready; an MMFAError says that there is none."""
        if name not in SLOTS:
            raise MMFAError(f"There is no face {name!r}.", f"Choose one of {', '.join(SLOTS)}.")
        face = faces[SLOTS.index(name)]
        if face is None:
            raise MMFAError(
                f"There is no face {name} yet.", "Drop a portrait there, or pick a pair to try."
            )
        return self.studio.prepare(face)

"""Mix expressions of up to four faces in the tab Expressions, testable without a server.

In: pictures and numbers of one person. Out: pictures and clips. Nothing is remembered here: a face
is found again by its content, and made ready once.

Four slots hold faces, A to D; handlers take all four and then the names of slots.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmfa_core import MMFAError, pad_weights
from studio.context import StudioContext
from studio.marked import Marker
from studio.messages import friendly
from studio.tabs.expression_faces import SLOTS, Face, FaceSlots

Frame = NDArray[np.uint8]
Shown = list[tuple[Frame, str]]  # pictures with a word each
STRIP = 7  # frames of the strip from A to B
FRAMES_A_SECOND = 24
LOOP_S = (1, 10)  # shortest and longest round


class ExpressionHandlers:
    """Hold the handlers of one studio.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio
        self.space = studio.animator.expressions
        self.slots = FaceSlots(studio)

    @friendly
    def mix_expressions(  # noqa: PLR0917  # one argument a control, so that the API names each
        self,
        face_a: Face,
        face_b: Face,
        face_c: Face = None,
        face_d: Face = None,
        share: float = 0.5,
        shown_on: str = "A",
        path: str = "linear",
    ) -> Frame:
        """Mix the expressions of two faces, and show the mix on one of up to four.

        Args:
            face_a: picture file of the face with the first expression.
            face_b: picture file of the face with the second expression.
            face_c: picture file of another face that may show the mix.
            face_d: picture file of another face that may show the mix.
            share: how much of the second, 0 (only A) to 1 (only B).
            shown_on: A, B, C or D, whose face shows the mix.
            path: linear, or slerp (the direction of the code turns evenly).

        Returns:
            The picture.
        """
        if not 0 <= share <= 1:
            raise MMFAError(f"share is {share:g}; allowed are 0 to 1.", "Choose one.")
        faces = (face_a, face_b, face_c, face_d)
        ends = [self.space.read(self.slots.face(faces, name)) for name in "AB"]
        code = self.space.mix(ends, (1 - share, share), path)
        return self.space.show(self.slots.face(faces, shown_on), code)

    @friendly
    def mix_strip(
        self,
        face_a: Face,
        face_b: Face,
        face_c: Face = None,
        face_d: Face = None,
        shown_on: str = "A",
        path: str = "linear",
    ) -> Shown:
        """Show seven steps from one face's expression to another's.

        Args:
            face_a: picture file of the face with the first expression.
            face_b: picture file of the face with the last expression.
            face_c: picture file of another face that may show them.
            face_d: picture file of another face that may show them.
            shown_on: A, B, C or D, whose face shows them.
            path: linear or slerp.

        Returns:
            Pictures with their share of B.
        """
        faces = (face_a, face_b, face_c, face_d)
        ends = [self.space.read(self.slots.face(faces, name)) for name in "AB"]
        shares = [i / (STRIP - 1) for i in range(STRIP)]
        codes = [self.space.mix(ends, (1 - s, s), path) for s in shares]
        frames = self.space.show_all(self.slots.face(faces, shown_on), codes)
        names = ["A", *(f"{round(100 * s)} %" for s in shares[1:-1]), "B"]
        return list(zip(frames, names, strict=True))

    @friendly
    def expression_clip(  # noqa: PLR0917  # as mix_expressions
        self,
        face_a: Face,
        face_b: Face,
        face_c: Face = None,
        face_d: Face = None,
        shown_on: str = "A",
        path: str = "linear",
        seconds: float = 3.0,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands it in
        badge: bool = True,
    ) -> str:
        """Make a clip from one face's expression to another's and back, which loops smoothly.

        Args:
            face_a: picture file of the face with the first expression.
            face_b: picture file of the face with the second expression.
            face_c: picture file of another face that may show it.
            face_d: picture file of another face that may show it.
            shown_on: A, B, C or D, whose face shows it.
            path: linear or slerp.
            seconds: length of one round, 1 to 10.
            progress: told about frames.
            badge: lay the visible badge over it.

        Returns:
            An mp4 file.
        """
        low, high = LOOP_S
        if not low <= seconds <= high:
            raise MMFAError(
                f"The loop would be {seconds:g} s long; allowed are {low} to {high} s.",
                "Choose a length in that range.",
            )
        faces = (face_a, face_b, face_c, face_d)
        start, end = (self.space.read(self.slots.face(faces, name)) for name in "AB")
        made = self.space.write_loop(
            self.slots.face(faces, shown_on),
            start,
            end,
            self.studio.new_file(".mp4", "expression-loop"),
            frames=max(2, round(seconds * FRAMES_A_SECOND)),
            path=path,
            sources=(self.slots.face(faces, "A"), self.slots.face(faces, "B")),
            badge=badge,
            progress=lambda _stage, done, total: progress((done, total), desc="Drawing frames"),
        )
        return str(made)

    @friendly
    def mix_pad(  # noqa: PLR0917  # as mix_expressions
        self,
        face_a: Face,
        face_b: Face,
        face_c: Face = None,
        face_d: Face = None,
        x: float = 0.5,
        y: float = 0.5,
        shown_on: str = "A",
    ) -> Frame:
        """Mix the expressions of two to four faces in the corners of a square.

        Args:
            face_a: picture file, top left.
            face_b: picture file, top right.
            face_c: picture file, bottom left; with only three faces the third has the bottom.
            face_d: picture file, bottom right.
            x: 0 (left) to 1 (right).
            y: 0 (top) to 1 (bottom).
            shown_on: A, B, C or D, whose face shows the mix.

        Returns:
            The picture.
        """
        faces = (face_a, face_b, face_c, face_d)
        names = [name for name, face in zip(SLOTS, faces, strict=True) if face is not None]
        codes = [self.space.read(self.slots.face(faces, name)) for name in names or "A"]
        code = self.space.mix(codes, pad_weights(x, y, len(codes)))
        return self.space.show(self.slots.face(faces, shown_on), code)

    @friendly
    def show_faces(self, *given: Any) -> tuple[Any, Any]:
        """Show the mix and the strip of faces that were given.

        Args:
            *given: the four slots, share, shown_on and path.

        Returns:
            The picture and the strip; unchanged while a face that they need is missing.
        """
        a, b, c, d, share, shown_on, path = given
        if None in (a, b, (a, b, c, d)[SLOTS.index(shown_on)]):
            return gr.skip(), gr.skip()
        picture = self.mix_expressions(a, b, c, d, share, shown_on, path)
        return picture, self.mix_strip(a, b, c, d, shown_on, path)


def mark_shown(outputs: Any, mark: Marker) -> Any:
    """Mark every picture among outputs, also those of a gallery."""
    if isinstance(outputs, tuple | list):
        return type(outputs)(mark_shown(output, mark) for output in outputs)
    return mark(outputs)

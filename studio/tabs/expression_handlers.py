"""What the events of the tab Expressions do, testable without a server.

In: pictures and numbers of one person. Out: pictures and clips. Nothing is remembered here: a face
is found again by its content, and made ready once.

Four slots hold faces, A to D; handlers take all four and then the names of slots.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmfa_core import MMFAError, PreparedPortrait, pad_weights, write_picture
from studio.context import StudioContext
from studio.marked import Marker
from studio.messages import friendly, sentence

Frame = NDArray[np.uint8]
Face = str | None  # a picture file
Shown = list[tuple[Frame, str]]  # pictures with a word each
SLOTS = ("A", "B", "C", "D")
STRIP = 7  # frames of the strip from A to B
NEIGHBOURS = 6  # expressions that are drawn near a face
THUMB_PX = 128  # side of the faces on the pad
FRAMES_A_SECOND = 24
SEEDS = 2**31  # seeds that the page draws from


class ExpressionHandlers:
    """Hold the handlers of one studio.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio
        self.space = studio.animator.expressions

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
        faces = (face_a, face_b, face_c, face_d)
        ends = [self.space.read(self._face(faces, name)) for name in "AB"]
        code = self.space.mix(ends, (1 - share, share), path)
        return self.space.show(self._face(faces, shown_on), code)

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
        ends = [self.space.read(self._face(faces, name)) for name in "AB"]
        shares = [i / (STRIP - 1) for i in range(STRIP)]
        codes = [self.space.mix(ends, (1 - s, s), path) for s in shares]
        frames = self.space.show_all(self._face(faces, shown_on), codes)
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
        faces = (face_a, face_b, face_c, face_d)
        start, end = (self.space.read(self._face(faces, name)) for name in "AB")
        made = self.space.write_loop(
            self._face(faces, shown_on),
            start,
            end,
            self.studio.new_file(".mp4", "expression-loop"),
            frames=max(2, round(seconds * FRAMES_A_SECOND)),
            path=path,
            sources=(self._face(faces, "A"), self._face(faces, "B")),
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
        codes = [self.space.read(self._face(faces, name)) for name in names or "A"]
        code = self.space.mix(codes, pad_weights(x, y, len(codes)))
        return self.space.show(self._face(faces, shown_on), code)

    @friendly
    def sample_expression(  # noqa: PLR0917  # as mix_expressions
        self,
        face_a: Face,
        face_b: Face = None,
        face_c: Face = None,
        face_d: Face = None,
        near: str = "A",
        tau: float = 0.8,
        seed: float = 1,
        shown_on: str = "A",
    ) -> Shown:
        """Draw six expressions near a face's own, with a seed and the five after it.

        Args:
            face_a: picture file of a face.
            face_b: picture file of a face.
            face_c: picture file of a face.
            face_d: picture file of a face.
            near: A, B, C or D, whose expression to start from.
            tau: how far from it, 0 to 2 standard deviations.
            seed: the same whole number gives the same expressions.
            shown_on: A, B, C or D, whose face shows them.

        Returns:
            Pictures with their seeds.
        """
        faces = (face_a, face_b, face_c, face_d)
        own = self.space.read(self._face(faces, near))
        seeds = [(int(seed or 0) + i) % SEEDS for i in range(NEIGHBOURS)]
        codes = [self.space.sample(own, tau=tau, seed=s) for s in seeds]
        frames = self.space.show_all(self._face(faces, shown_on), codes)
        return [(frame, f"seed {s}") for frame, s in zip(frames, seeds, strict=True)]

    def show_sample(self, *given: Any, chosen: int) -> Frame:
        """Show one of the six expressions of sample_expression, which takes the same values."""
        *faces, near, tau, seed, shown_on = given
        own = self.space.read(self._face(faces, near))
        code = self.space.sample(own, tau=tau, seed=(int(seed or 0) + chosen) % SEEDS)
        return self.space.show(self._face(faces, shown_on), code)

    @friendly
    def add_expression(  # noqa: PLR0917  # as mix_expressions
        self,
        face_a: Face,
        face_b: Face,
        face_c: Face = None,
        face_d: Face = None,
        plus: str = "B",
        minus: str = "A",
        base: str = "C",
        gain: float = 1.0,
    ) -> Frame:
        """Add the difference of two faces' expressions to a face, which shows the result.

        Args:
            face_a: picture file of a face.
            face_b: picture file of a face.
            face_c: picture file of a face.
            face_d: picture file of a face.
            plus: A, B, C or D, whose expression is added.
            minus: A, B, C or D, whose expression is taken away.
            base: A, B, C or D, the face that it is added to.
            gain: how strongly, -2 to 2; 0 changes nothing.

        Returns:
            The picture.
        """
        faces = (face_a, face_b, face_c, face_d)
        shown = self._face(faces, base)
        own, more, less = (self.space.read(self._face(faces, n)) for n in (base, plus, minus))
        return self.space.show(shown, self.space.add(own, more, less, gain))

    def set_expression(
        self, faces: Sequence[Face], shown_on: str, amounts: Mapping[str, float]
    ) -> Frame:
        """Move a face's expression along the model's named directions.

        Args:
            faces: what the slots hold.
            shown_on: A, B, C or D, which face.
            amounts: how far, by name of a direction.

        Returns:
            The picture.
        """
        shown = self._face(faces, shown_on)
        return self.space.show(shown, self.space.steer(self.space.read(shown), amounts))

    @friendly
    def open_faces(self, *given: Any) -> tuple[Any, ...]:
        """Take the faces that a person gave; a picture without a face is put back, with a word.

        Args:
            *given: the four slots, and what was good before.

        Returns:
            The four slots, the last good face of each, and the pad's corners.
        """
        *slots, kept = given
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
        return *back, kept, self.pad_corners(good)

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

    def _face(self, faces: Sequence[Face], name: str) -> PreparedPortrait:
        """Make the face of a slot ready."""
        if name not in SLOTS:
            raise MMFAError(f"There is no face {name!r}.", f"Choose one of {', '.join(SLOTS)}.")
        face = faces[SLOTS.index(name)]
        if face is None:
            raise MMFAError(
                f"There is no face {name} yet.", "Drop a portrait there, or pick a pair to try."
            )
        return self.studio.prepare(face)


def mark_shown(outputs: Any, mark: Marker) -> Any:
    """Mark every picture among outputs, also those of a gallery."""
    if isinstance(outputs, tuple | list):
        return type(outputs)(mark_shown(output, mark) for output in outputs)
    return mark(outputs)

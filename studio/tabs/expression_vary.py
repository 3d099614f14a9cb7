"""Vary the expression of a face in the tab Expressions, testable without a server.

In: pictures and numbers of one person. Out: pictures. Handlers take the four slots, and then the
names of slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.context import StudioContext
from studio.messages import friendly
from studio.tabs.expression_faces import Face, FaceSlots

Frame = NDArray[np.uint8]
Shown = list[tuple[Frame, str]]  # pictures with a word each
NEIGHBOURS = 6  # expressions that are drawn near a face
SEEDS = 2**31  # seeds that the page draws from


class VaryHandlers:
    """Hold the handlers of one studio.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio
        self.space = studio.animator.expressions
        self.slots = FaceSlots(studio)

    @friendly
    def sample_expression(  # noqa: PLR0917  # one argument a control, so that the API names each
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
        own = self.space.read(self.slots.face(faces, near))
        seeds = [(int(seed or 0) + i) % SEEDS for i in range(NEIGHBOURS)]
        codes = [self.space.sample(own, tau=tau, seed=s) for s in seeds]
        frames = self.space.show_all(self.slots.face(faces, shown_on), codes)
        return [(frame, f"seed {s}") for frame, s in zip(frames, seeds, strict=True)]

    def show_sample(self, *given: Any, chosen: int) -> Frame:
        """Show one of the six expressions of sample_expression, which takes the same values."""
        *faces, near, tau, seed, shown_on = given
        own = self.space.read(self.slots.face(faces, near))
        code = self.space.sample(own, tau=tau, seed=(int(seed or 0) + chosen) % SEEDS)
        return self.space.show(self.slots.face(faces, shown_on), code)

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
        shown = self.slots.face(faces, base)
        own, more, less = (self.space.read(self.slots.face(faces, n)) for n in (base, plus, minus))
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
        shown = self.slots.face(faces, shown_on)
        return self.space.show(shown, self.space.steer(self.space.read(shown), amounts))

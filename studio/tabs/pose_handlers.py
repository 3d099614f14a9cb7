"""What the tab Pose does: handlers without components, so that they run without a server.

In: values of components. Out: values of components. Knows nothing about how they are laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core import CONTROL_RANGES, MotionEdit, PreparedPortrait
from studio.context import StudioContext
from studio.marked import Marker
from studio.messages import friendly

Frame = NDArray[np.uint8]
Pair = tuple[Frame, Frame]

SHOWN_PX = 768  # longest side of a whole portrait while it is edited; what is saved is not smaller
BY_HAND, COMPARED = "By hand", "Before and after"


@dataclass(frozen=True)
class PoseHandlers:
    """Hold the handlers; nothing of one person is kept here.

    Attributes:
        studio: the animator and what tabs share.
    """

    studio: StudioContext

    @friendly
    def open_portrait(self, portrait: str | None) -> tuple[str | None, str]:
        """Find the face of a portrait and tell how it looks at the viewer.

        Args:
            portrait: a picture file.

        Returns:
            The portrait, now known to be usable, and a line about its pose.
        """
        if portrait is None:
            return None, "Drop a portrait, or pick an example."
        prepared = self.studio.prepare(portrait)
        seen = self.studio.animator.keypoints(prepared)
        words = (
            _side(seen.yaw_deg, "turned right", "turned left"),
            _side(seen.pitch_deg, "looking up", "looking down"),
            _side(seen.roll_deg, "tilted counter-clockwise", "tilted clockwise"),
        )
        about = ", ".join(word for word in words if word) or "facing the viewer"
        return portrait, " ".join((f"This face is {about}.", *prepared.notes))

    @friendly
    def edit_pose(  # noqa: PLR0913, PLR0917  # one argument a control, so that the API names each
        self,
        portrait: str | None,
        yaw_deg: float = 0,
        pitch_deg: float = 0,
        roll_deg: float = 0,
        scale: float = 1,
        tx: float = 0,
        ty: float = 0,
        expression_gain: float = 1,
        frontalise: float = 0,
        paste_back: bool = False,
        view: str = BY_HAND,
    ) -> tuple[Frame, Pair | None]:
        """Turn, move or size the head of a portrait, or change how strong its expression is.

        Args:
            portrait: a picture file with a face.
            yaw_deg: + turns to the picture's right, degrees.
            pitch_deg: + turns up, degrees.
            roll_deg: + turns counter-clockwise, degrees.
            scale: factor on the size of the head.
            tx: shift to the right, in half widths of the face crop.
            ty: shift down, in half widths of the face crop.
            expression_gain: factor on the expression, 0 is neutral.
            frontalise: share of the head's own turn that is taken away first, 0 to 1.
            paste_back: show the whole portrait and not the face crop only.
            view: ``Before and after`` also returns the pair of both.

        Returns:
            The picture, and the pair if it was asked for.
        """
        edit = edit_of(yaw_deg, pitch_deg, roll_deg, scale, tx, ty, expression_gain, frontalise)
        prepared = self.studio.prepare(portrait)
        if paste_back:
            prepared = _shown(prepared)
        frame = self.studio.animator.edit(prepared, edit, paste_back=paste_back)
        before = prepared.picture if paste_back else prepared.face
        return frame, (before, frame) if view == COMPARED else None

    def show_portrait(self, portrait: str | None, *values: Any) -> tuple[Any, Any]:
        """Show a new portrait as edit_pose does; nothing when it was taken away."""
        return (None, None) if portrait is None else self.edit_pose(portrait, *values)

    def reset_pose(self) -> tuple[float, ...]:
        """Return the neutral value of every slider, in the order of edit_pose."""
        return tuple(limits.neutral for limits in CONTROL_RANGES.values())

    def frontalise_pose(self) -> tuple[float, float, float, float]:
        """Return values that make a head face the viewer.

        Returns:
            yaw_deg, pitch_deg and roll_deg of nothing, and all of frontalise.
        """
        return 0.0, 0.0, 0.0, 1.0

    @friendly
    def save_pose(  # noqa: PLR0913, PLR0917  # as edit_pose
        self,
        portrait: str | None,
        yaw_deg: float = 0,
        pitch_deg: float = 0,
        roll_deg: float = 0,
        scale: float = 1,
        tx: float = 0,
        ty: float = 0,
        expression_gain: float = 1,
        frontalise: float = 0,
        paste_back: bool = False,
        badge: bool = True,
    ) -> str:
        """Write the edited portrait as a PNG file, at its full size if it is pasted back.

        Args:
            portrait: a picture file with a face.
            yaw_deg: as for edit_pose, like the others.
            pitch_deg: degrees.
            roll_deg: degrees.
            scale: factor.
            tx: half widths of the face crop.
            ty: half widths of the face crop.
            expression_gain: factor.
            frontalise: share, 0 to 1.
            paste_back: the whole portrait and not the face crop only.
            badge: lay the visible badge over it.

        Returns:
            The PNG file.
        """
        edit = edit_of(yaw_deg, pitch_deg, roll_deg, scale, tx, ty, expression_gain, frontalise)
        prepared = self.studio.prepare(portrait)
        frame = self.studio.animator.edit(prepared, edit, paste_back=paste_back)
        settings = (edit, {"paste_back": paste_back})
        path = self.studio.new_file(".png", "pose")
        self.studio.animator.save(path, frame, portrait=prepared, settings=settings, badge=badge)
        return str(path)


def mark_edit(outputs: tuple[Any, ...], mark: Marker) -> tuple[Any, ...]:
    """Mark what edit_pose returns: the picture, and the second of the pair."""
    frame, pair, *rest = outputs
    return mark(frame), None if pair is None else (pair[0], mark(pair[1])), *rest


@lru_cache(maxsize=8)
def _shown(prepared: PreparedPortrait) -> PreparedPortrait:
    return prepared.shrunk(SHOWN_PX)


def edit_of(*values: float) -> MotionEdit:
    """Take values in the order of the sliders."""
    return MotionEdit(**dict(zip(CONTROL_RANGES, values, strict=True)))


def _side(degrees: float, more: str, less: str) -> str:
    if abs(degrees) < 1:
        return ""
    return f"{more if degrees > 0 else less} by {abs(degrees):.0f}°"

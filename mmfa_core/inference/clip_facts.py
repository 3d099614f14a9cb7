"""What the drive doctor measures in a clip.

In: nothing. Out: ClipFacts, plain numbers. Knows nothing about what they mean.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """Hold what was measured in a clip; times are in seconds after its first frame.

    Attributes:
        seconds: length of the whole clip.
        part: where the part begins and ends that was asked for.
        looked_s: how much of it was looked at.
        max_seconds: how much may be looked at.
        fps: exact rate.
        has_sound: whether there is sound.
        variable_rate: whether frames are unevenly spaced.
        found_share: share of frames with the face, 0..1.
        gaps: spans without the face.
        faces: how many there are in the first frame that has any, where one is chosen.
        face_index: which of them was chosen; None if nobody chose, so that the largest drives.
        cuts: where a new shot begins.
        start_s: the first look that found the face.
        start_yaw_deg: how far the head is turned there, + to the picture's right.
        start_unrest: expression and turn there: 0 calm and frontal, 1 far from that.
        start_expression: the expression alone.
        best_s: where the clip is calmest.
        best_unrest: unrest there.
        early_s: where its first half is calmest.
        early_unrest: unrest there.
        face_px: usual size of the face.
        sharpness: fine detail over contrast; below 0.11 the face is blurred.
        head_travel: how far the head goes, in face sizes.
        size_change: its largest size over its smallest.
        tremble: how far it is thrown about from frame to frame, in hundredths of the face's size.
        turn_deg: how far the head turns in all.
        expression_range: how much the expression changes.
    """

    seconds: float
    part: tuple[float, float]
    looked_s: float
    max_seconds: float
    fps: Fraction
    has_sound: bool
    variable_rate: bool
    found_share: float
    gaps: tuple[tuple[float, float], ...]
    faces: int
    face_index: int | None
    cuts: tuple[float, ...]
    start_s: float
    start_yaw_deg: float
    start_unrest: float
    start_expression: float
    best_s: float
    best_unrest: float
    early_s: float
    early_unrest: float
    face_px: float
    sharpness: float
    head_travel: float
    size_change: float
    tremble: float
    turn_deg: float
    expression_range: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the rate as an exact fraction."""
        values = dataclasses.asdict(self)
        values["fps"] = str(self.fps)
        return values

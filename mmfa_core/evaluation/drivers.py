"""The clips that drive in protocol ``cross``.

In: held-out people. Out: clips with the rows of their driving frames.
Knows nothing about portraits or figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmfa_core.errors import MediaError
from mmfa_core.evaluation import signals
from mmfa_core.evaluation.heldout import Clip, HeldOut, spread
from mmfa_core.evaluation.measure import Frames, Measured
from mmfa_core.motion import Motion

TRACKS = 8
VIDEO_FRAMES = 12  # consecutive


@dataclass(frozen=True)
class Driver:
    """Hold a driving clip, measured once for all portraits."""

    clip: Clip
    frames: Frames
    motion: Motion
    measured: Measured

    @property
    def consecutive(self) -> bool:
        """Say whether its frames follow each other in time."""
        return self.clip.kind == "video"


def choose_drivers(heldout: HeldOut) -> list[tuple[Clip, list[int]]]:
    """Choose the driving clips: every video, and TRACKS tracks evenly spaced over the corpus.

    Returns:
        Clips with the rows of their driving frames.

    Raises:
        MediaError: there is none.
    """
    chosen = []
    for clip in heldout.moving():
        if clip.kind == "video":
            chosen.append((clip, liveliest_window(heldout, clip, VIDEO_FRAMES)))
    tracks = [clip for clip in heldout.moving() if clip.kind == "track" and len(clip.rows) >= 5]
    for index in spread(range(len(tracks)), TRACKS):
        chosen.append((tracks[index], list(tracks[index].rows)))
    if not chosen:
        raise MediaError(
            "No held-out clip can drive: there is no video, and no track of 5 pictures.",
            "Choose other data, or another protocol.",
        )
    return chosen


def liveliest_window(heldout: HeldOut, clip: Clip, length: int) -> list[int]:
    """Find the consecutive frames in which pose and expression vary most.

    Args:
        heldout: gives the labels.
        clip: to search.
        length: of the window, frames.

    Returns:
        Rows; all of a shorter clip.
    """
    rows = np.array(clip.rows)
    if len(rows) <= length:
        return [int(row) for row in rows]
    pose = heldout.pose_deg[rows] / 15  # a turn of 15 degrees counts as a full expression
    expression = np.stack(list(signals.group_blendshapes(heldout.blendshapes[rows]).values()), 1)
    series = np.concatenate((pose, expression), 1)
    life = [series[i : i + length].std(0).sum() for i in range(len(rows) - length + 1)]
    start = int(np.argmax(life))
    return [int(row) for row in rows[start : start + length]]

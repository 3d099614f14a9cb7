"""Measure all of some frames once, and compare them with the true frames.

In: frames and the tools of the metrics. Out: columns for a FrameTable.
Knows nothing about models or clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from mmfa_core.evaluation import signals
from mmfa_core.evaluation.efflite import feature_distance
from mmfa_core.evaluation.heldout import spread, to_tensor
from mmfa_core.evaluation.identity import identity_distance
from mmfa_core.evaluation.measure import (
    Floats,
    Frames,
    Measured,
    Tools,
    describe_some,
    error_columns,
    measure_faces,
    motion_columns,
)
from mmfa_core.evaluation.metrics import picture_scores
from mmfa_core.evaluation.rendering import compute_features

IDENTITY_FRAMES = 2  # a clip; the embedder is slow


@dataclass(frozen=True)
class Seen:
    """Hold frames and all that is measured of them alone."""

    frames: Frames
    measured: Measured
    taps: list[Tensor]
    pool: Tensor
    descriptors: Floats | None

    def repeat(self, count: int) -> Seen:
        """Repeat a single frame."""
        known = self.descriptors
        return Seen(
            np.repeat(self.frames, count, 0),
            self.measured.repeat(count),
            [tap.expand(count, -1, -1, -1) for tap in self.taps],
            self.pool.expand(count, -1),
            None if known is None else np.repeat(known, count, 0),
        )


def look(tools: Tools, frames: Frames) -> Seen:
    """Measure frames (n, H, W, 3); identities of IDENTITY_FRAMES of them."""
    measured = measure_faces(tools.detect, frames)
    taps, pool = compute_features(tools.efflite, to_tensor(frames))
    return Seen(frames, measured, taps, pool, describe_spread(tools, frames, measured))


def describe_spread(tools: Tools, frames: Frames, measured: Measured) -> Floats | None:
    """Describe identity in IDENTITY_FRAMES frames, evenly spread.

    Returns:
        (n, 128), NaN for the others; None where nothing describes.
    """
    if tools.describe is None:
        return None
    some = spread(range(len(frames)), IDENTITY_FRAMES)
    return describe_some(tools.describe, frames, measured, some)


def compare(seen: Seen, truth: Seen, boxes: Tensor) -> dict[str, Any]:
    """Compare frames with the true ones.

    Args:
        seen: n frames.
        truth: the n frames that drove them.
        boxes: (n, 4), face boxes of the truth, px.

    Returns:
        Columns of a FrameTable, (n,) each.
    """
    columns: dict[str, Any] = dict(
        picture_scores(to_tensor(seen.frames), to_tensor(truth.frames), boxes)
    )
    columns["EffLite0"] = feature_distance(seen.taps, truth.taps)
    columns["AKD_px"] = signals.landmark_distance(seen.measured.landmarks, truth.measured.landmarks)
    if seen.descriptors is not None and truth.descriptors is not None:
        columns["identity_distance"] = identity_distance(seen.descriptors, truth.descriptors)
    columns |= error_columns(seen.measured, truth.measured)
    return columns | motion_columns(seen.measured, truth.measured)

"""Motion that nobody was filmed for: composed from beats of pose and named expressions.

In: beats and an engine. Out: a MotionTrack. Knows nothing about portraits or files.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

import torch

from mmfa_core.errors import ConfigError
from mmfa_core.inference.codes import steer_code
from mmfa_core.inference.editing import edit_motion
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack
from mmfa_core.inference.survey import MOST_CANDIDATES
from mmfa_core.inference.timeline import EASINGS
from mmfa_core.motion import CONTROL_RANGES, Motion, MotionEdit

Beat = tuple[float, Mapping[str, float]]  # time, s; values of controls and of directions


def compose_motion(
    engine: Engine, beats: Sequence[Beat], fps: Fraction = Fraction(25)
) -> MotionTrack:
    """Compose the motion of a neutral head that goes from beat to beat.

    Equation: as for Timeline.at, with every value eased in and out; what a beat doesn't name is
    neutral in it. The neutral head faces the viewer with the mean expression of the model's
    training set.

    Args:
        engine: its model measured the directions; amounts beyond a measured range end at it.
        beats: times rise from 0; the last one's is the length. Values are those of MotionEdit
            and amounts of the model's named directions, such as ``smile``.
        fps: frames a second.

    Returns:
        The motion.

    Raises:
        ConfigError: times don't rise from 0, or the model has no direction of a name.
    """
    times = [time for time, _ in beats]
    if len(beats) < 2 or times[0] != 0 or any(a >= b for a, b in itertools.pairwise(times)):
        raise ConfigError("The times of the beats don't rise from 0.", "Correct them.")
    count = max(1, round(times[-1] * fps))
    frames = [_frame(engine, _values(beats, float(n / fps))) for n in range(count)]
    whole = HeadMotion.of(Motion.cat(frames))
    chosen = list(range(0, count, -(-count // MOST_CANDIDATES)))
    return MotionTrack(
        fps=fps,
        present=torch.ones(count, dtype=torch.bool).numpy(),
        frames=whole,
        candidates=whole[chosen],
        candidate_frames=tuple(chosen),
        model_id=engine.loaded.model_id,
        model_hash=engine.loaded.model_hash,
    )


def _values(beats: Sequence[Beat], time_s: float) -> dict[str, float]:
    later = next(n for n, (time, _) in enumerate(beats) if n and time >= time_s)
    (start, before), (end, after) = beats[later - 1], beats[later]
    share = EASINGS["ease in-out"]((time_s - start) / (end - start))
    mixed = {}
    for name in sorted({*before, *after}):
        neutral = CONTROL_RANGES[name].neutral if name in CONTROL_RANGES else 0.0
        a, b = before.get(name, neutral), after.get(name, neutral)
        mixed[name] = a + share * (b - a)
    return mixed


def _frame(engine: Engine, values: Mapping[str, float]) -> Motion:
    stats, config = engine.loaded.expression, engine.loaded.config
    known = {direction.name: direction for direction in stats.directions}
    amounts = {}
    for name, value in values.items():
        if name not in CONTROL_RANGES:
            low, high = (known[name].low, known[name].high) if name in known else (value, value)
            amounts[name] = min(max(value, low), high)
    mean = stats.mean or (0.0,) * config.expression_code
    neutral = Motion(
        torch.eye(3)[None],
        torch.zeros(1, 2),
        torch.ones(1, 1),
        torch.tensor([steer_code(mean, stats.directions, amounts)]),
        torch.zeros(1, config.keypoints, 3),  # they follow from the code
    )
    edit = MotionEdit(**{name: v for name, v in values.items() if name in CONTROL_RANGES})
    return edit_motion(neutral, edit)

"""Expression codes as plain numbers: mix, sample, add and steer them.

In: codes. Out: codes. Knows nothing about pictures or networks.

A code is a tuple of Z floats: plain data that a page can keep for each visitor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from mmfa_core.config import ExpressionDirection, ExpressionStats
from mmfa_core.errors import ConfigError
from mmfa_core.inference.interpolation import PATHS, slerp

Code = tuple[float, ...]  # Z numbers

MOST_FACES = 4  # that are mixed
TAU_LIMITS = (0.0, 2.0)  # standard deviations of a sample
GAIN_LIMITS = (-2.0, 2.0)  # of A - B


def mix_codes(codes: Sequence[Code], weights: Sequence[float], path: str = "linear") -> Code:
    """Mix the expressions of up to four faces.

    Equation: z = sum w_i z_i / sum w_i. slerp, for two: the direction turns evenly from z_1's to
    z_2's and the length changes linearly. A weight of one with all others 0 gives exactly z_i.

    Args:
        codes: 1 to 4 codes of the same length.
        weights: one a code, not negative, not all 0; they are divided by their sum.
        path: ``linear`` or, for two codes, ``slerp``.

    Returns:
        The mixed code.

    Raises:
        ConfigError: for other numbers of codes, weights out of range, or another path.
    """
    if not 1 <= len(codes) <= MOST_FACES or len(weights) != len(codes):
        raise ConfigError(
            f"{len(codes)} expressions with {len(weights)} weights can't be mixed; 1 to "
            f"{MOST_FACES} can, with a weight each.",
            "Choose up to four faces.",
        )
    total = math.fsum(weights)
    if not all(w >= 0 and math.isfinite(w) for w in weights) or total <= 0:
        raise ConfigError(
            "The weights of a mix must not be negative, nor all 0.", "Give one face some weight."
        )
    if path not in PATHS or (path == "slerp" and len(codes) != 2):
        raise ConfigError(
            f"{len(codes)} expressions can't be mixed by {path!r}.",
            "Use linear, or slerp for two faces.",
        )
    if path == "slerp":
        if 0 in weights:
            return tuple(codes[0] if weights[1] == 0 else codes[1])
        share = torch.tensor([[weights[1] / total]], dtype=torch.float64)
        start, end = (torch.tensor([code], dtype=torch.float64) for code in codes)
        return tuple(float(v) for v in slerp(start, end, share)[0])
    shares = [w / total for w in weights]
    return tuple(
        math.fsum(w * v for w, v in zip(shares, values, strict=True))
        for values in zip(*codes, strict=True)
    )


def pad_weights(x: float, y: float, faces: int = MOST_FACES) -> tuple[float, ...]:
    """Turn a place on a square pad into weights of the faces in its corners.

    Equation: bilinear, (1-x)(1-y), x(1-y), (1-x)y, xy for the corners top left, top right, bottom
    left, bottom right. Three faces share the square: the third has the whole bottom edge. Two
    have the left and the right edge.

    Args:
        x: 0 (left) to 1 (right).
        y: 0 (top) to 1 (bottom).
        faces: 1 to 4.

    Returns:
        One weight a face; they sum to 1.

    Raises:
        ConfigError: for a place outside the pad or another number of faces.
    """
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ConfigError(f"({x:g}, {y:g}) is outside the pad.", "Both go from 0 to 1.")
    if not 1 <= faces <= MOST_FACES:
        raise ConfigError(f"{faces} faces don't fit the pad.", f"Choose 1 to {MOST_FACES}.")
    corners = ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)
    if faces == 1:
        return (1.0,)
    if faces == 2:
        return (1 - x, x)
    return (*corners[:2], corners[2] + corners[3]) if faces == 3 else corners


def sample_code(code: Code, stats: ExpressionStats, tau: float, seed: int) -> Code:
    """Draw an expression near a given one.

    Equation: z = m + tau L n, n standard normal, L L^T the covariance of the training set's codes
    (their standard deviations where a model has no covariance; 1 where it has neither).

    Args:
        code: m.
        stats: of the model.
        tau: how far, 0..2 standard deviations; 0 gives m itself.
        seed: the same seed gives the same expression, 0..2**63 - 1.

    Returns:
        The drawn code.

    Raises:
        ConfigError: for tau or seed out of range.
    """
    low, high = TAU_LIMITS
    if not low <= tau <= high:
        raise ConfigError(f"tau is {tau:g}; allowed are {low:g} to {high:g}.", "Choose one.")
    if not 0 <= seed < 2**63:
        raise ConfigError(f"The seed is {seed}; it must not be negative.", "Choose another.")
    noise = torch.randn(
        len(code), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    if stats.covariance:
        spread = torch.tensor(stats.covariance, dtype=torch.float64)
        floor = 1e-6 * torch.eye(len(spread), dtype=torch.float64)
        step = torch.linalg.cholesky((spread + spread.T) / 2 + floor) @ noise
    else:
        step = torch.tensor(stats.std or (1.0,) * len(code), dtype=torch.float64) * noise
    return tuple(m + tau * float(s) for m, s in zip(code, step, strict=True))


def add_codes(code: Code, plus: Code, minus: Code, gain: float) -> Code:
    """Add the difference of two expressions to a third.

    Equation: z = z_C + gain (z_A - z_B).

    Args:
        code: z_C.
        plus: z_A.
        minus: z_B.
        gain: -2..2; 0 gives z_C itself.

    Returns:
        The sum.

    Raises:
        ConfigError: for a gain out of range.
    """
    low, high = GAIN_LIMITS
    if not low <= gain <= high:
        raise ConfigError(f"The gain is {gain:g}; allowed are {low:g} to {high:g}.", "Choose one.")
    return tuple(c + gain * (a - b) for c, a, b in zip(code, plus, minus, strict=True))


def steer_code(
    code: Code, directions: Sequence[ExpressionDirection], amounts: Mapping[str, float]
) -> Code:
    """Move an expression along named directions.

    Equation: z + sum v_k d_k.

    Args:
        code: where to start.
        directions: of the model.
        amounts: v of some of them, by name, each within its measured range; 0 changes nothing.

    Returns:
        The changed code.

    Raises:
        ConfigError: for an unknown name or a value out of its range.
    """
    known = {d.name: d for d in directions}
    changed = list(code)
    for name, amount in amounts.items():
        if name not in known:
            offered = ", ".join(known) or "none"
            raise ConfigError(f"The model has no direction {name!r}.", f"It has these: {offered}.")
        direction = known[name]
        if not direction.low <= amount <= direction.high:
            raise ConfigError(
                f"{name} is {amount:g}; allowed are {direction.low:g} to {direction.high:g}.",
                "Choose a value in that range.",
            )
        changed = [z + amount * d for z, d in zip(changed, direction.code, strict=True)]
    return tuple(changed)


def loop_shares(frames: int) -> list[float]:
    """Go from 0 to 1 and back with soft turns, so that a clip of it loops without a jump.

    Args:
        frames: of one round, at least 2.

    Returns:
        One share a frame; the first is 0, the middle of an even number is 1.
    """
    return [0.5 - 0.5 * math.cos(2 * math.pi * i / frames) for i in range(frames)]

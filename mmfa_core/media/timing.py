"""The exact timing of a clip, from the times of its packets.

In: the packet listing and the banner that ffmpeg prints. Out: a rational frame rate, a frame
count and a length. Knows nothing about files, processes or pictures.

A printed rate such as 29.97 drifts by a frame every half minute or so when taken at its word, so
the rate is worked out from the time stamps and kept as a fraction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median

COMMON_RATES = tuple(
    sorted(
        [Fraction(n, 1) for n in (8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)]
        + [Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)]
        + [Fraction(25, 2)]
    )
)
FASTEST_RESAMPLED = Fraction(60)  # a clip without a rate of its own is resampled to this at most
FALLBACK_RATE = Fraction(25)
_NO_TIME = -(2**63)  # how ffmpeg prints a missing time stamp
_DISCARD = 4  # flag of a packet that is only there to decode others, as an edit list says


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Hold when the frames of a clip are shown.

    Attributes:
        fps: frames per second, exact; for a variable rate, the rate to resample to.
        frames: how many frames there are at `fps`.
        duration_s: length of the picture track in seconds.
        start_s: first frame, in seconds after the start of the file (sound may begin earlier).
        variable_rate: whether the frames are unevenly spaced.
    """

    fps: Fraction
    frames: int
    duration_s: float
    start_s: float
    variable_rate: bool


def read_timing(listing: str, nominal_fps: float | None = None) -> Timing | None:
    """Work out the timing of a clip from its packets.

    Args:
        listing: what ffmpeg's `framecrc` writes: a `#tb 0: num/den` line, then one line a packet
            with stream, decoding time, showing time, duration in units of that time base.
        nominal_fps: the rate that the container states, rounded; it settles short clips whose
            coarse time stamps fit several rates.

    Returns:
        The timing, or None if there is no packet.
    """
    base_found = re.search(r"^#tb 0: (\d+)/(\d+)", listing, re.MULTILINE)
    if base_found is None:
        return None
    base = Fraction(int(base_found[1]), int(base_found[2]))
    packets = [
        [int(field) for field in line.split(",")[1:4]]
        for line in listing.splitlines()
        if line.startswith("0,") and _is_shown(line)
    ]
    if not packets:
        return None
    if any(packet[1] == _NO_TIME for packet in packets):
        return _untimed(len(packets), nominal_fps)
    packets.sort(key=lambda packet: packet[1])
    ticks = sorted({packet[1] for packet in packets})
    last_duration = packets[-1][2]
    start_s = float(ticks[0] * base)
    fps = _constant_rate(ticks, base, nominal_fps)
    if fps is None and len(ticks) > 1:
        fps = _typical_rate(ticks, base)
        length = (ticks[-1] - ticks[0] + max(last_duration, 0)) * base
        length = max(length, Fraction(ticks[-1] - ticks[0]) * base + 1 / fps)
        frames = max(1, round(length * fps))
        return Timing(
            fps=fps, frames=frames, duration_s=float(length), start_s=start_s, variable_rate=True
        )
    if fps is None:  # one frame only: its duration is all there is to go by
        fps = 1 / (last_duration * base) if last_duration > 0 else FALLBACK_RATE
        fps = fps if 1 <= fps <= COMMON_RATES[-1] else FALLBACK_RATE
    count = len(ticks)
    return Timing(
        fps=fps,
        frames=count,
        duration_s=float(count / fps),
        start_s=start_s,
        variable_rate=False,
    )


def _is_shown(line: str) -> bool:
    """Say whether the frame of a packet is shown: one before the cut of a trimmed clip isn't."""
    flags = re.search(r", F=0x([0-9A-Fa-f]+)", line)
    return flags is None or not int(flags[1], 16) & _DISCARD


def _untimed(frames: int, nominal_fps: float | None) -> Timing:
    """Assume the stated rate for a bare stream, whose packets say no time."""
    stated = nominal_fps or float(FALLBACK_RATE)
    fps = min(COMMON_RATES, key=lambda rate: abs(float(rate) - stated))
    if abs(float(fps) - stated) > 0.01:
        fps = Fraction(stated).limit_denominator(1001)
    return Timing(
        fps=fps, frames=frames, duration_s=float(frames / fps), start_s=0.0, variable_rate=False
    )


def read_nominal_fps(banner: str) -> float | None:
    """Find the rounded frame rate that ffmpeg prints for the picture track, such as 29.97."""
    found = re.search(r"^  Stream #0.*?: Video: .*?([\d.]+)(k?) fps", banner, re.MULTILINE)
    if found is None:
        return None
    return float(found[1]) * (1000 if found[2] else 1)


def _constant_rate(ticks: list[int], base: Fraction, nominal_fps: float | None) -> Fraction | None:
    """Find the one rate that explains every time stamp, or None if there is none.

    Stamps are multiples of the time base, so a frame may be shown up to a tick off its place;
    a steady clip that was converted between containers may be off by part of a frame.
    """
    count = len(ticks) - 1
    span = ticks[-1] - ticks[0]
    if count < 1:
        return None
    mean = count / (span * base)
    hint = Fraction(nominal_fps) if nominal_fps else mean
    spacing = Fraction(span, count)
    # Where a frame lasts only a tick or two, a tick is no rounding but a frame that is missing.
    allowed = Fraction(1) if spacing >= 3 else Fraction(1, 100)
    for rate in sorted(COMMON_RATES, key=lambda rate: abs(rate - hint)):
        if abs(rate - mean) < mean / 20 and _largest_error(ticks, 1 / (rate * base)) <= allowed:
            return rate
    if _largest_error(ticks, spacing) <= allowed:
        return mean.limit_denominator(1_000_000)
    if spacing < 3:
        return None
    blur = mean * max(Fraction(1, 2000), Fraction(2, span))  # what two ticks make of the mean
    near = [rate for rate in COMMON_RATES if abs(rate - mean) < blur]
    exact = mean.limit_denominator(1_000_000)
    rate = min(near, key=lambda rate: abs(rate - hint), default=exact)
    period = 1 / (rate * base)
    return rate if _largest_error(ticks, period) < period * Fraction(2, 5) else None


def _largest_error(ticks: list[int], period: Fraction) -> Fraction:
    """Measure how far the worst time stamp is from an even grid, in ticks."""
    first = ticks[0]
    step = period.numerator
    worst = max(abs((tick - first) * period.denominator - i * step) for i, tick in enumerate(ticks))
    return Fraction(worst, period.denominator)


def _typical_rate(ticks: list[int], base: Fraction) -> Fraction:
    """Choose a steady rate for unevenly spaced frames: the usual spacing, at most 60 a second."""
    gaps = [after - before for before, after in pairwise(ticks)]
    rate = 1 / (Fraction(median(gaps)) * base)
    nearest = min(COMMON_RATES, key=lambda common: abs(common - rate))
    if abs(nearest - rate) < rate / 30:
        rate = nearest
    return min(max(rate.limit_denominator(1000), Fraction(1)), FASTEST_RESAMPLED)

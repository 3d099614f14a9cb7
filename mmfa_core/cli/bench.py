"""Measure speed end to end, with the stages broken out, and memory.

In: an animator and a driver. Out: the values of the JSON line. Knows nothing about exit codes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from mmfa_core.cli.output import ReportProgress
from mmfa_core.errors import UnreadableError
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.options import AnimateOptions

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PORTRAIT = EXAMPLES / "london_009_neutral.jpg"
CLIP = EXAMPLES / "driving_expressive.mp4"


def measure_speed(
    animator: Animator,
    portrait: str | None,
    clip: str | None,
    max_seconds: float | None,
    progress: ReportProgress,
) -> dict[str, Any]:
    """Animate once into a temporary folder and report how fast that was.

    Args:
        animator: what is measured.
        portrait: None takes a shipped one.
        clip: None takes a shipped one.
        max_seconds: longest clip that is accepted; None takes the usual limit.
        progress: told about frames made.

    Returns:
        ``fps`` end to end without loading the model; milliseconds a frame by stage (stages run
        side by side, so that their sum exceeds the time a frame); resident memory in MB.

    Raises:
        UnreadableError: the shipped examples are not there and nothing else was named.
    """
    source = Path(portrait or PORTRAIT)
    driver = Path(clip or CLIP)
    if not source.is_file() or not driver.is_file():
        raise UnreadableError(
            f"{source.name} or {driver.name} is not there.", "Name them with --source, --driving."
        )
    options = AnimateOptions()
    if max_seconds is not None:
        options = options.changed(max_seconds=max_seconds)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "bench.mp4"
        result = animator.animate(source, driver, output, options=options, progress=progress)
    engine = animator.engine
    per_frame = {
        stage: round(1000 * seconds / result.frames_out, 2)
        for stage, seconds in result.seconds.items()
    }
    return {
        "fps": round(result.speed_fps, 2),
        "frames": result.frames_out,
        "size_px": engine.size_px,
        "seconds": round(result.seconds["total"], 3),
        "ms_per_frame": per_frame,
        "resident_mb": round(_resident_mb(), 1),
        "peak_resident_mb": round(_peak_mb(), 1),
        "device": str(engine.device),
        "precision": str(engine.dtype).removeprefix("torch."),
        "threads": engine.threads,
        "model_id": animator.model_id,
        "model_hash": animator.model_hash,
        "notes": list(result.notes),
    }


def _peak_mb() -> float:
    units = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def _resident_mb() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return _peak_mb()
    line = next(x for x in status.splitlines() if x.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024

"""The motions that ship with the page: made anew by scripts/make_motions when the model changes.

In: the bundled model and the example clips. Out: motion files in examples/motions. A file's name
is what people read, with hyphens for spaces.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mmfa_core.cli.output import write_line
from mmfa_core.errors import MMFAError, NotFoundError
from mmfa_core.inference.animator import Animator
from mmfa_core.inference.compose import Beat, compose_motion
from mmfa_core.inference.motion_files import MOTION_SUFFIX, save_track

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDER = EXAMPLES / "motions"

# From the clips beside them, whose licences hold for the motion too (examples/LICENSES.md): which,
# and where it begins to drive, s.
FROM_CLIPS = {
    "many-faces": ("driving_expressive.mp4", 0.0),
    "warm-smile": ("driving_smile.mp4", 0.0),
    "turn-aside": ("driving_turn.mp4", 0.75),  # before that the head is turned far away
}

# Composed by us; every one begins and ends neutral, so that it loops.
COMPOSED: dict[str, tuple[Beat, ...]] = {
    "nod": (
        (0.0, {}),
        (0.35, {"pitch_deg": -9}),
        (0.7, {"pitch_deg": 3}),
        (1.05, {"pitch_deg": -8}),
        (1.4, {"pitch_deg": 2}),
        (1.75, {"pitch_deg": -5, "smile": 0.3}),
        (2.4, {}),
    ),
    "shake": (
        (0.0, {}),
        (0.35, {"yaw_deg": -12, "brow_frown": 0.4}),
        (0.8, {"yaw_deg": 12, "brow_frown": 0.5}),
        (1.25, {"yaw_deg": -11, "brow_frown": 0.5}),
        (1.7, {"yaw_deg": 9, "brow_frown": 0.3}),
        (2.4, {}),
    ),
    "look-around": (
        (0.0, {}),
        (0.7, {"yaw_deg": -17, "pitch_deg": 2, "brow_raise": 0.3}),
        (1.2, {"yaw_deg": -17, "pitch_deg": 4, "brow_raise": 0.5}),
        (2.1, {"yaw_deg": 17, "pitch_deg": 2, "brow_raise": 0.2}),
        (2.6, {"yaw_deg": 17, "pitch_deg": -4}),
        (3.4, {}),
    ),
    "tilt-and-smile": (
        (0.0, {}),
        (0.7, {"roll_deg": 9, "smile": 0.6}),
        (1.3, {"roll_deg": 9, "smile": 0.9}),
        (2.1, {"roll_deg": -7, "smile": 0.9, "brow_raise": 0.3}),
        (2.6, {"roll_deg": -7, "smile": 0.6}),
        (3.2, {}),
    ),
    "blink-twice": (
        (0.0, {}),
        (0.5, {}),
        (0.62, {"blink": 1}),
        (0.78, {}),
        (1.1, {}),
        (1.22, {"blink": 1}),
        (1.4, {}),
        (2.0, {}),
    ),
    "surprise": (
        (0.0, {}),
        (0.3, {"blink": 0.4}),
        (0.6, {"brow_raise": 1, "jaw_open": 0.7, "scale": 1.03, "pitch_deg": 3}),
        (1.5, {"brow_raise": 0.9, "jaw_open": 0.6, "scale": 1.03, "pitch_deg": 3}),
        (2.1, {"smile": 0.6, "brow_raise": 0.2}),
        (2.8, {}),
    ),
    "talk": (
        (0.0, {}),
        (0.2, {"jaw_open": 0.45}),
        (0.36, {"jaw_open": 0.1, "smile": -0.5}),
        (0.54, {"jaw_open": 0.5, "pitch_deg": -2}),
        (0.72, {"smile": 0.3, "pitch_deg": -3}),
        (0.9, {"jaw_open": 0.35, "yaw_deg": 3}),
        (1.06, {"smile": -0.6, "yaw_deg": 4}),
        (1.24, {"jaw_open": 0.6, "brow_raise": 0.4, "yaw_deg": 3}),
        (1.42, {"jaw_open": 0.1, "brow_raise": 0.5}),
        (1.6, {"jaw_open": 0.4, "smile": 0.4, "yaw_deg": -2}),
        (1.76, {"smile": 0.2, "blink": 0.9, "yaw_deg": -3}),
        (1.94, {"jaw_open": 0.5, "pitch_deg": 2, "yaw_deg": -3}),
        (2.12, {"jaw_open": 0.1, "smile": -0.4}),
        (2.3, {"jaw_open": 0.4, "pitch_deg": -2}),
        (2.5, {"smile": 0.4}),
        (3.0, {}),
    ),
}


def make_gallery(
    animator: Animator, folder: Path = FOLDER, told: Callable[[Path], None] | None = None
) -> list[Path]:
    """Make every motion of the gallery anew; what else lies in the folder is removed.

    Args:
        animator: the shipped model. In single precision on one thread the same model gives the
            same bytes.
        folder: where to.
        told: called with each file that was made.

    Returns:
        The files.

    Raises:
        NotFoundError: an example clip is missing.
        MMFAError: the model can't show a motion, or a file can't be written.
    """
    folder.mkdir(exist_ok=True)
    wanted = {folder / f"{name}{MOTION_SUFFIX}" for name in (*COMPOSED, *FROM_CLIPS)}
    for old in set(folder.glob(f"*{MOTION_SUFFIX}")) - wanted:
        old.unlink()
    made = []
    for name in (*COMPOSED, *FROM_CLIPS):
        path = folder / f"{name}{MOTION_SUFFIX}"
        if name in COMPOSED:
            track = compose_motion(animator.engine, COMPOSED[name])
            save_track(path, track, overwrite=True)
        else:
            file, start_s = FROM_CLIPS[name]
            clip = EXAMPLES / file
            if not clip.is_file():
                raise NotFoundError(f"{clip.name} is not there.", "Run this in the repository.")
            animator.save_motion(clip, path, start_s=start_s, overwrite=True)
        made.append(path)
        if told is not None:
            told(path)
    return made


def main() -> int:
    """Make the gallery with the bundled model and print a line for each motion."""
    try:
        animator = Animator.from_pretrained(device="cpu", dtype="float32", threads=1)
        make_gallery(
            animator, told=lambda p: write_line({"motion": p.name, "bytes": p.stat().st_size})
        )
    except MMFAError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

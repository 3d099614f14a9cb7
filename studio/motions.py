"""The gallery of motions, and whatever motion file a person sends.

In: a choice. Out: the file that drives, and sentences about it. Knows nothing about components.
"""

from __future__ import annotations

from pathlib import Path

from mmfa_core import Animator, MMFAError, load_motion

FOLDER = Path(__file__).parents[1] / "examples" / "motions"
SUFFIX = ".safetensors"
OWN = "own"  # the choice of a file instead of the gallery
NO_FILE = MMFAError("There is no motion file yet.", "Drop one on the page, or pick a motion.")


def gallery_of(animator: Animator, folder: Path = FOLDER) -> dict[str, str]:
    """List the motions of the gallery that a model can read.

    Args:
        animator: expression codes of another model mean nothing to this one.
        folder: of the motion files.

    Returns:
        What people read -> name.
    """
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if load_motion(path).model_hash == animator.model_hash:
            found[path.stem.replace("-", " ").capitalize()] = path.stem
    return found


def chosen_motion(motion: str, file: str | None, folder: Path = FOLDER) -> Path:
    """Find the file of a choice.

    Args:
        motion: a name of the gallery, or OWN.
        file: a person's own file.
        folder: of the gallery.

    Returns:
        The file.

    Raises:
        MMFAError: there is no such motion, or no file yet.
    """
    if motion == OWN:
        if file is None:
            raise NO_FILE
        return Path(file)
    known = {path.stem: path for path in folder.glob(f"*{SUFFIX}")}
    if motion not in known:
        raise MMFAError(
            f"There is no motion {motion[:40]!r}; there are {', '.join(sorted(known))}.",
            "Pick one of them, or send a file.",
        )
    return known[motion]


def describe_motion(animator: Animator, path: Path) -> str:
    """Say what a motion file holds.

    Raises:
        MMFAError: it is none.
    """
    track = load_motion(path)
    seen = int(track.present.sum())
    face = "a face in all of them" if seen == len(track) else f"a face in {seen} of them"
    words = (
        f"{track.duration_s:.1f} s of motion: {len(track)} frames, {float(track.fps):.4g} a "
        f"second, {face}. No picture, no sound."
    )
    if track.model_hash != animator.model_hash:
        words += (
            f" Its expressions are of the model {track.model_id} ({track.model_hash}), which this "
            "page doesn't run: lock the expression to take its head movements."
        )
    return words

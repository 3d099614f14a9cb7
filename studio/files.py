"""Where results are written, and when they go.

In: a suffix. Out: a path in a fresh folder that nobody can guess. Knows nothing about what is
written there.

Files are served by Gradio's own file route only, and that route gives out nothing but what lies in
Gradio's folder for temporary files. Folders in it get 128 random bits as their name.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path

from gradio.utils import get_upload_folder

KEEP_S = 24 * 3600.0  # files older than this are deleted
SWEEP_S = 3600.0  # how often they are looked for


def new_file(suffix: str, name: str = "result") -> Path:
    """Make a fresh folder for one file of one person, and sweep away old ones.

    Args:
        suffix: with its dot, such as ``.mp4``.
        name: what a person sees when they save the file; other than plain characters become ``-``.

    Returns:
        Where to write; the folder exists, the file doesn't.
    """
    root = Path(get_upload_folder())
    folder = root / f"made-{secrets.token_hex(16)}"
    folder.mkdir(parents=True, mode=0o700)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "result"
    return folder / f"{stem}{suffix}"


def delete_older_than(age_s: float, root: Path | None = None) -> int:
    """Delete every folder of temporary files that nobody touched for a while.

    Args:
        age_s: how long ago the newest file in it was written, s.
        root: where to look; None takes Gradio's folder for temporary files.

    Returns:
        How many folders went.
    """
    root = Path(get_upload_folder()) if root is None else root
    if not root.is_dir():
        return 0
    old = [f for f in root.iterdir() if f.is_dir() and _newest(f) < time.time() - age_s]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _newest(folder: Path) -> float:
    """Return when a folder or anything in it was last written, s since 1970."""
    times = [folder.stat().st_mtime]
    for path in folder.rglob("*"):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # went while we looked
            continue
    return max(times)

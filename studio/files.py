"""Where results are written, and when they go.

In: a suffix. Out: a path in a fresh folder that nobody can guess. Knows nothing about what is
written there.

Files are served by Gradio's own file route only, and that route gives out nothing but what lies in
Gradio's folder for temporary files. Folders in it get 128 random bits as their name. Gradio deletes
what people sent (``delete_cache``), this module what was made.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import threading
import time
from pathlib import Path

from gradio.utils import get_upload_folder

KEEP_S = 24 * 3600.0  # files older than this are deleted
SWEEP_S = 3600.0  # how often they are looked for
MADE = "made-"
LASTING = "kept-"  # what the page opens with; stays as long as the studio runs


def new_file(suffix: str, name: str = "result", *, lasting: bool = False) -> Path:
    """Make a fresh folder for one file of one person.

    Args:
        suffix: with its dot, such as ``.mp4``.
        name: what a person sees when they save the file; other than plain characters become ``-``.
        lasting: the file is part of the page itself and is never swept away.

    Returns:
        Where to write; the folder exists, the file doesn't.
    """
    folder = Path(get_upload_folder()) / f"{LASTING if lasting else MADE}{secrets.token_hex(16)}"
    folder.mkdir(parents=True, mode=0o700)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "result"
    return folder / f"{stem}{suffix}"


def keep_sweeping(every_s: float = SWEEP_S, age_s: float = KEEP_S) -> None:
    """Delete old results from now on, in the background, until this process ends.

    Args:
        every_s: how often to look, s.
        age_s: how old they may get, s.
    """

    def sweep() -> None:
        while True:
            time.sleep(every_s)
            with contextlib.suppress(OSError):  # the next time is another chance
                delete_older_than(age_s)

    threading.Thread(target=sweep, name="sweep", daemon=True).start()


def delete_older_than(age_s: float) -> int:
    """Delete every folder of new_file that nobody wrote to for a while.

    Args:
        age_s: how long ago the newest file in it was written, s.

    Returns:
        How many folders went.
    """
    root = Path(get_upload_folder())
    limit = time.time() - age_s
    old = [folder for folder in root.glob(f"{MADE}*") if _newest(folder) < limit]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _newest(folder: Path) -> float:
    """Return when a folder or anything in it was last written, s since 1970."""
    times = []
    for path in (folder, *folder.rglob("*")):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # went while we looked
            continue
    return max(times, default=time.time())

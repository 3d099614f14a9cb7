"""Start MMFA Studio.

Until the page exists (next release) this animates a shipped portrait with a shipped clip, so that a
fresh machine has something to look at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PORTRAIT = Path("examples/london_034_neutral.jpg")
CLIP = Path("examples/driving_expressive.mp4")
OUTPUT = Path("outputs/first_clip.mp4")


def main() -> int:
    """Animate the shipped examples and print where the clip is.

    Returns:
        The exit code of `python -m mmfa_core animate`: 0 when the clip was made.
    """
    description = (
        f"Animate {PORTRAIT} with {CLIP} into {OUTPUT}. The web page comes with the next "
        "release; everything that this release can do is in: python -m mmfa_core --help"
    )
    argparse.ArgumentParser(prog="app.py", description=description).parse_args()
    print(f"Animating {PORTRAIT} with {CLIP} ...", flush=True)
    (ROOT / OUTPUT).parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mmfa_core", "animate", "--overwrite"]
    command += ["--source", str(PORTRAIT), "--driving", str(CLIP), "--output", str(OUTPUT)]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == 0:
        print(f"The clip is at {ROOT / OUTPUT}")
        print("Try your own: .venv/bin/python -m mmfa_core animate --help")
    return code


if __name__ == "__main__":
    sys.exit(main())

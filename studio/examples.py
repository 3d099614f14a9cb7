"""The pictures and clips that come with the program.

In: names. Out: files. Knows nothing about what is done with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def known(names: Sequence[str]) -> list[Path]:
    """Return the files of those examples that are there."""
    return [EXAMPLES / name for name in names if (EXAMPLES / name).exists()]

"""The tiny model of helpers.py on disk."""

from __future__ import annotations

from pathlib import Path

from mmfa_core.checkpoint import save_model
from mmfa_core.config import ExpressionStats
from tests.helpers import awake_model, tiny_config

TINY = tiny_config()
STATS = ExpressionStats(mean=(0.0,) * 8, std=(1.0,) * 7 + (2.0,))


def save_tiny(folder: Path) -> Path:
    """Save the tiny model and return its folder."""
    save_model(folder, awake_model(), TINY, STATS, {"steps": 7})
    return folder

"""Let the examples of the tab Animate answer at once: what they give is made beforehand.

In: the handlers. Out: answers in the context. Knows nothing about components.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from studio.ready import REPORT, ReadyClip, animation
from studio.tabs.animate_settings import DriveSettings
from studio.tabs.animate_tab_handlers import TabHandlers

_log = logging.getLogger("studio")


def make_ready(handlers: TabHandlers, portraits: Sequence[Path], clips: Sequence[Path]) -> None:
    """Look through every clip, and animate every portrait with it as the page would at first.

    Args:
        handlers: of the tab; the answers are kept in their context.
        portraits: picture files with a face.
        clips: clip files.
    """
    begun = time.monotonic()
    ready = handlers.portrait.studio.ready
    for clip in clips:
        *_, report = handlers.driver.examine_clip(str(clip))
        ready.keep((clip,), REPORT, report)
    for portrait in portraits:
        *_, x, y, side = handlers.portrait.find_faces(str(portrait))
        for clip in clips:
            *_, last = handlers.animation.animate(
                str(portrait), str(clip), crop_x=x, crop_y=y, crop_size=side
            )
            clip_file, _, _, line, _ = last
            answer = ReadyClip(Path(clip_file).read_bytes(), line)
            ready.keep((portrait, clip), animation(DriveSettings(), x, y, side), answer)
    _log.info("%d answers were made ready in %.0f s", len(ready), time.monotonic() - begun)

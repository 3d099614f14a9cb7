"""All handlers of the tab Animate, which share what was cancelled.

In: a StudioContext. Out: the handlers. Knows nothing about components.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.context import StudioContext
from studio.tabs.animate_driver_handlers import DriverHandlers
from studio.tabs.animate_handlers import AnimateHandlers
from studio.tabs.animate_motion_handlers import MotionHandlers
from studio.tabs.animate_portrait_handlers import PortraitHandlers
from studio.tabs.animate_preview import PreviewHandlers
from studio.tabs.animate_runs import Runs


@dataclass(frozen=True)
class TabHandlers:
    """Hold the handlers of one tab.

    Attributes:
        portrait: of the portrait's column.
        driver: of the examination of clips.
        motion: of motion files.
        preview: of the button Preview.
        animation: of the button Animate.
    """

    portrait: PortraitHandlers
    driver: DriverHandlers
    motion: MotionHandlers
    preview: PreviewHandlers
    animation: AnimateHandlers

    @classmethod
    def of(cls, studio: StudioContext) -> TabHandlers:
        """Make the handlers of one studio."""
        runs = Runs(studio)
        return cls(
            portrait=PortraitHandlers(studio),
            driver=DriverHandlers(studio, runs.stops),
            motion=MotionHandlers(studio, runs.stops),
            preview=PreviewHandlers(runs),
            animation=AnimateHandlers(runs),
        )

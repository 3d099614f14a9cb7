"""What a person chose in the tab Animate, as one value.

In: values of components. Out: AnimateOptions, and what a mend of the drive doctor sets. Knows
nothing about components.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from mmfa_core import AnimateOptions, MMFAError

PARTS = ("rotation", "translation", "scale", "expression")
FORMATS = {"mp4": ".mp4", "gif": ".gif", "png sequence": ".zip"}
MOST_GAIN = 200  # per cent
DRIVERS = ("clip", "picture", "motion")
SHOWN = ("face", "portrait")
DEFAULT = AnimateOptions()
NO_DRIVER = MMFAError("There is no driver yet.", "Drop a clip on the page, or pick an example.")


@dataclass(frozen=True, kw_only=True)
class DriveSettings:
    """Hold the choices; the names are those of the API."""

    driver: str = "clip"
    mode: str = DEFAULT.mode
    gain_rotation: float = 100.0  # per cent, 0..MOST_GAIN
    gain_translation: float = 100.0
    gain_scale: float = 100.0
    gain_expression: float = 100.0
    lock_rotation: bool = False
    lock_translation: bool = False
    lock_scale: bool = False
    lock_expression: bool = False
    smoothing: float = DEFAULT.smoothing
    best_frame: bool = DEFAULT.best_frame
    start_s: float = 0.0
    end_s: float = 0.0  # 0 = the clip's end
    driving_face: int = 0
    shown: str = "face"
    file_format: str = "mp4"
    motion: str = "nod"  # of the gallery, or OWN; counts when motion drives

    def options(self, max_seconds: float) -> AnimateOptions:
        """Return what the core understands.

        Raises:
            MMFAError: a value is outside its range.
        """
        if self.driver not in DRIVERS:
            raise MMFAError(
                f"The driver is {self.driver!r}, not one of {', '.join(DRIVERS)}.",
                "Choose one of them.",
            )
        if self.file_format not in FORMATS:
            raise MMFAError(
                f"The format is {self.file_format!r}, not one of {', '.join(FORMATS)}.",
                "Choose one of them.",
            )
        if self.shown not in SHOWN:
            raise MMFAError(
                f"What is shown is {self.shown!r}, not one of {', '.join(SHOWN)}.",
                "Choose one of them.",
            )
        for name in (f"gain_{part}" for part in PARTS):
            if not 0 <= getattr(self, name) <= MOST_GAIN:
                raise MMFAError(
                    f"{name} is {getattr(self, name):g} %; allowed are 0 to {MOST_GAIN} %.",
                    "Choose a value in that range.",
                )
        return AnimateOptions(
            mode=self.mode,
            parts=tuple(part for part in PARTS if not getattr(self, f"lock_{part}")),
            gain_rotation=self.gain_rotation / 100,
            gain_translation=self.gain_translation / 100,
            gain_scale=self.gain_scale / 100,
            gain_expression=self.gain_expression / 100,
            smoothing=self.smoothing,
            best_frame=self.best_frame,
            start_s=self.start_s or 0.0,
            end_s=self.end_s or None,
            driving_face_index=int(self.driving_face or 0) or None,
            paste_back=self.shown == "portrait",
            max_seconds=max_seconds,
        )


NAMES = [field.name for field in fields(DriveSettings)]  # in the order of the API
PREVIEWED = [name for name in NAMES if name not in ("mode", "shown", "file_format")]


def mend_values(changes: dict[str, Any]) -> dict[str, Any]:
    """Turn changes of AnimateOptions into values of this tab's controls."""
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "driving_face_index":
            values["driving_face"] = value
        elif name.startswith("gain_") and value == 0:
            values[f"lock_{name.removeprefix('gain_')}"] = True
        elif name in ("start_s", "end_s"):
            values[name] = round(value, 3)
        else:
            values[name] = value
    return values

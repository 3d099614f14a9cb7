"""What the tab Keypoints shows of one portrait, testable without a server.

In: pictures and numbers of one person. Out: pictures, keypoints and files of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmfa_core import (
    MMFAError,
    MotionEdit,
    flow_wheel,
    point_colours,
    write_keypoints,
)
from studio.context import StudioContext
from studio.marked import Marker
from studio.messages import friendly, sentence
from studio.tabs.keypoint_space import space_json

Frame = NDArray[np.uint8]
STAGES = ("canonical", "expressed", "posed")
FORMATS = ("json", "csv", "safetensors")
STAGE_WORDS = {
    "canonical": "Canonical: who it is, neutral and frontal. Comes from the portrait alone.",
    "expressed": "Expressed: canonical and the expression, still frontal. Grey: canonical.",
    "posed": "Posed: turned, sized and placed like the head. Grey: canonical.",
}


class KeypointHandlers:
    """Hold the handlers of one studio.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio
        self.microscope = studio.animator.microscope

    @friendly
    def show_keypoints(self, portrait: str | None, stage: str = "posed") -> tuple[Frame, str, str]:
        """Show the keypoints that the model sees in a portrait.

        Args:
            portrait: a picture file with a face.
            stage: canonical, expressed or posed.

        Returns:
            The face with its keypoints, the same in space (JSON), and a line of words.
        """
        with self.studio.latency.measure():
            return self.look(portrait, stage)

    def look(self, portrait: str | None, stage: str) -> tuple[Frame, str, str]:
        """Show as show_keypoints does, without measuring how long a person waits."""
        seen = self.studio.prepare(portrait)
        picture = self.microscope.draw(seen, stage)
        report = self.microscope.report(seen)
        space = space_json(
            getattr(report, stage),
            point_colours(report.canonical),
            beside=None if stage == "canonical" else report.canonical,
            text=f"{len(report.posed)} keypoints, {stage}",
        )
        words = (
            f"{STAGE_WORDS[stage]} Yaw {report.yaw_deg:+.1f}, pitch {report.pitch_deg:+.1f}, roll "
            f"{report.roll_deg:+.1f} degrees; size {report.scale:.2f}."
        )
        return picture, space, " ".join((words, *report.notes))

    @friendly
    def open_portrait(self, portrait: str | None, kept: str | None, stage: str) -> tuple[Any, ...]:
        """Take the portrait that a person gave; a picture without a face is put back, with a word.

        Args:
            portrait: what is in its place now.
            kept: what was good before.
            stage: that is shown.

        Returns:
            The portrait's place, the good portrait, and what show_keypoints returns; these stay as
            they are when there is nothing new to show.
        """
        unchanged = (gr.skip(),) * 3
        if portrait is None or portrait == kept:
            return gr.skip(), kept, *unchanged
        try:
            self.studio.prepare(portrait)
        except MMFAError as error:
            gr.Warning(sentence(error), title="That can't be used")
            return kept, kept, *unchanged
        return gr.skip(), portrait, *self.look(portrait, stage)

    def dissect_given(self, portrait: str | None, *values: Any) -> tuple[Any, ...]:
        """Show a new portrait as dissect_picture does; nothing new when it was taken away."""
        if portrait is None:
            return (gr.skip(),) * 5
        return self.dissect_picture(portrait, *values)

    @friendly
    def dissect_picture(
        self,
        portrait: str | None,
        yaw_deg: float = 15,
        pitch_deg: float = 0,
        roll_deg: float = 0,
        expression_gain: float = 1,
    ) -> tuple[Frame, Frame, Frame, Frame, str]:
        """Turn a portrait's head and show what the picture is made of.

        Args:
            portrait: a picture file with a face.
            yaw_deg: + turns to the picture's right, degrees.
            pitch_deg: + turns up, degrees.
            roll_deg: + turns counter-clockwise, degrees.
            expression_gain: factor on the expression, 0 is neutral.

        Returns:
            The picture, the dense flow in colours, the occlusion mask, the blend mask, and a line
            of words.
        """
        edit = MotionEdit(
            yaw_deg=yaw_deg,
            pitch_deg=pitch_deg,
            roll_deg=roll_deg,
            expression_gain=expression_gain,
        )
        found = self.microscope.dissect(self.studio.prepare(portrait), edit)
        flow = found.flow_picture()
        wheel = flow_wheel(48)
        inside = np.hypot(*np.mgrid[-1:1:48j, -1:1:48j]) <= 1
        flow[-52:-4, -52:-4][inside] = wheel[inside]
        seen, kept = float(found.visible.mean()), float(found.kept.mean())
        words = (
            f"Full colour is {found.full_colour_px:.0f} px of {self.studio.animator.size_px}. "
            f"{100 * seen:.0f} % is seen in the portrait, {100 * kept:.0f} % of its "
            "pixels are kept."
        )
        return found.picture, flow, found.visible_picture(), found.kept_picture(), words

    @friendly
    def export_keypoints(self, portrait: str | None, file_format: str = "json") -> str:
        """Write the keypoints of a portrait to a file.

        Args:
            portrait: a picture file with a face.
            file_format: json, csv or safetensors.

        Returns:
            The file.
        """
        report = self.microscope.report(self.studio.prepare(portrait))
        return str(write_keypoints(new_export(self.studio, file_format, "keypoints"), report))


def new_export(studio: StudioContext, file_format: str, name: str) -> Path:
    """Name a file of keypoints in a folder of its own.

    Raises:
        MMFAError: there is no such format.
    """
    if file_format not in FORMATS:
        raise MMFAError(
            f"There is no format {file_format!r}.", f"Choose one of {', '.join(FORMATS)}."
        )
    return studio.new_file(f".{file_format}", name)


def mark_first(outputs: tuple[Any, ...], mark: Marker) -> tuple[Any, ...]:
    """Mark the first output, the picture that is taken apart; the others are drawings."""
    return mark(outputs[0]), *outputs[1:]

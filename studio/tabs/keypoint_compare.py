"""What the tab Keypoints shows of a portrait and its driver over time, testable without a server.

In: pictures, clips and numbers of one person. Out: pictures, keypoints and files of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmfa_core import KeypointTracks, MMFAError, point_colours, write_keypoints
from studio.context import StudioContext
from studio.messages import friendly
from studio.tabs.keypoint_handlers import new_export
from studio.tabs.keypoint_space import space_json

Frame = NDArray[np.uint8]
MODES = ("relative", "absolute")
NOT_YET = MMFAError("Nothing has been compared yet.", "Press Compare first.")
_STAGES = {"survey": "Looking for the face", "keypoints": "Following keypoints"}


@dataclass(frozen=True)
class Comparison:
    """Keep one person's comparison between events.

    Attributes:
        portrait: the portrait's file.
        pictures: file of the driver's face crops.
        tracks: everything else.
    """

    portrait: str
    pictures: str
    tracks: KeypointTracks = field(repr=False)


class CompareHandlers:
    """Hold the handlers of one studio.

    Args:
        studio: the animator and what tabs share.
    """

    def __init__(self, studio: StudioContext) -> None:
        self.studio = studio
        self.microscope = studio.animator.microscope

    @friendly
    def compare_keypoints(
        self,
        portrait: str | None,
        clip: str | None,
        mode: str = "relative",
        trails: bool = True,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio hands it in
        badge: bool = True,
    ) -> tuple[Comparison, Any, str, Frame, str, str]:
        """Follow the keypoints of a portrait and of its driver through a clip.

        Args:
            portrait: a picture file with a face.
            clip: a clip file with a face; its first 300 frames are looked at.
            mode: relative adds the clip's changes to the portrait's pose; absolute copies it.
            trails: draw where the keypoints came from.
            progress: told about frames.
            badge: lay the visible badge over the portrait, whose picture is made.

        Returns:
            The comparison, the frame slider, portrait and driver with keypoints, both in space
            (JSON), and a line of words.
        """
        if clip is None:
            raise MMFAError("There is no driving clip yet.", "Drop one, or pick an example.")
        seen = self.studio.prepare(portrait)
        tracks = self.microscope.compare(
            seen,
            clip,
            mode=mode,
            max_seconds=self.studio.settings.max_clip_s,
            progress=lambda stage, done, total: progress((done, total), desc=_STAGES[stage]),
        )
        kept = self.studio.new_file(".npy", "driver")
        np.save(kept, tracks.pictures)
        comparison = Comparison(str(portrait), str(kept), tracks.without_pictures())
        last = len(tracks) - 1
        views = self.frame(comparison, 0, trails, badge=badge)
        found = int(tracks.present.sum())
        words = (
            f"{len(tracks)} frames, the driver's face in {found}. Movements are counted from frame "
            f"{tracks.reference_frame}, which is most like the portrait."
        )
        slider = gr.Slider(0, last, value=0, interactive=True)
        return comparison, slider, *views, " ".join((words, *tracks.notes))

    @friendly
    def show_frame(
        self,
        comparison: Comparison | None,
        frame: float = 0,
        trails: bool = True,
        badge: bool = True,
    ) -> tuple[str, Frame, str]:
        """Show one frame of the comparison that was made before.

        Args:
            comparison: what compare_keypoints made in this session.
            frame: its number.
            trails: draw where the keypoints came from.
            badge: lay the visible badge over the portrait, whose picture is made.

        Returns:
            Portrait and driver with keypoints, and both in space (JSON).
        """
        if comparison is None:
            raise NOT_YET
        last = len(comparison.tracks) - 1
        if not 0 <= frame <= last:
            raise MMFAError(f"There is no frame {frame:g}.", f"Choose one of 0 to {last}.")
        with self.studio.latency.measure():
            return self.frame(comparison, int(frame), trails, badge=badge)

    def frame(
        self, comparison: Comparison, frame: int, trails: bool, *, badge: bool
    ) -> tuple[str, Frame, str]:
        """Show as show_frame does, without measuring how long a person waits."""
        try:
            pictures = np.load(comparison.pictures, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise MMFAError(
                "The comparison was deleted after a day.", "Press Compare again."
            ) from error
        tracks = comparison.tracks
        portrait = self.studio.prepare(comparison.portrait)
        source, driver, _ = self.microscope.frame(
            portrait,
            tracks,
            frame,
            driver=np.array(pictures[frame]),
            trails=trails,
        )
        space = space_json(
            tracks.source.posed[frame],
            point_colours(tracks.source.canonical),
            beside=tracks.driver.posed[frame],
            text=f"frame {frame}, {tracks.times_s[frame]:.2f} s; grey: the driver",
        )
        made = self.studio.keep(
            source, portrait, operation="compare_keypoints", settings=[frame, trails], badge=badge
        )
        return made, driver, space

    @friendly
    def export_comparison(self, comparison: Comparison | None, file_format: str = "json") -> str:
        """Write the keypoints of portrait and driver over time to a file.

        Args:
            comparison: what compare_keypoints made in this session.
            file_format: json, csv or safetensors.

        Returns:
            The file.
        """
        if comparison is None:
            raise NOT_YET
        return str(
            write_keypoints(new_export(self.studio, file_format, "tracks"), comparison.tracks)
        )

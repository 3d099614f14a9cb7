"""The keypoint microscope: what the model sees in faces, and what it makes pictures of.

In: portraits, clips, edits. Out: reports, tracks, anatomies and pictures with dots.
Knows nothing about pages. The door is Animator.microscope.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mmfa_core.errors import ConfigError
from mmfa_core.inference.anatomy import Anatomy, dissect_render
from mmfa_core.inference.codes import Code
from mmfa_core.inference.dots import TRAIL_FRAMES, draw_keypoints, point_colours
from mmfa_core.inference.editing import KeypointReport, edit_motion, report_keypoints
from mmfa_core.inference.engine import Engine
from mmfa_core.inference.options import AnimateOptions, build_options
from mmfa_core.inference.portrait import Portrait, prepare_portrait
from mmfa_core.inference.tracks import KeypointTracks, compare_clip, motion_at
from mmfa_core.inference.watching import ReportProgress, report_nothing
from mmfa_core.media import Frame
from mmfa_core.motion import MotionEdit


@dataclass(frozen=True, eq=False)
class Microscope:
    """Look into one model; safe to share between threads.

    Attributes:
        engine: the model on its device.
    """

    engine: Engine

    def report(self, portrait: Portrait) -> KeypointReport:
        """Report the keypoints of a portrait step by step; see Animator.keypoints."""
        seen = prepare_portrait(self.engine, portrait)
        with self.engine.computing():
            return report_keypoints(
                self.engine.loaded.model, seen.source, seen.crop_box, seen.face, seen.notes
            )

    def draw(self, portrait: Portrait, stage: str = "posed", *, side_px: int = 512) -> Frame:
        """Draw one stage of a portrait's keypoints over its face crop.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            stage: ``canonical``, ``expressed`` or ``posed``; the first two are shown at the size
                and place of the head but unturned, so that they can be compared.
            side_px: of the result.

        Returns:
            (side_px, side_px, 3); each keypoint has the same colour in every picture.

        Raises:
            ConfigError: another stage.
        """
        seen = prepare_portrait(self.engine, portrait)
        report = self.report(seen)
        if stage not in ("canonical", "expressed", "posed"):
            raise ConfigError(
                f"stage is {stage!r}, not one of canonical, expressed, posed.", "Choose one."
            )
        points = getattr(report, stage)
        if stage != "posed":
            points = report.scale * points[:, :2] + report.translation
        colours = point_colours(report.canonical)
        return draw_keypoints(seen.face, points, colours=colours, side_px=side_px)

    def dissect(
        self, portrait: Portrait, edit: MotionEdit | None = None, code: Code | None = None
    ) -> Anatomy:
        """Show a portrait with another pose or expression, and what that picture is made of.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            edit: what to change; None changes nothing.
            code: an expression to show instead of its own, Z numbers.

        Returns:
            The picture, the dense flow and the masks.
        """
        seen = prepare_portrait(self.engine, portrait)
        with self.engine.computing():
            motion = seen.source.motion
            if code is not None:
                row = torch.tensor([code], dtype=torch.float32, device=self.engine.device)
                motion = self.engine.with_expression(motion, row)
            return dissect_render(self.engine, seen.source, edit_motion(motion, edit or NEUTRAL))

    def compare(
        self,
        portrait: Portrait,
        clip: str | Path,
        *,
        options: AnimateOptions | None = None,
        progress: ReportProgress | None = None,
        **changes: Any,
    ) -> KeypointTracks:
        """Follow the keypoints of a portrait and of its driver through a clip.

        Args:
            portrait: a picture file, a frame, or a prepared portrait.
            clip: the driver; at most its first 300 frames from ``start_s`` are looked at.
            options: how the portrait follows.
            progress: called as progress(stage, done, total).
            **changes: single options, such as ``mode="absolute"``.

        Returns:
            Keypoints and motion of both, frame by frame.

        Raises:
            MMFAError: for any file or option that can't be used, in one sentence.
        """
        chosen = build_options(options, changes)
        seen = prepare_portrait(self.engine, portrait)
        return compare_clip(self.engine, seen, Path(clip), chosen, progress or report_nothing)

    def frame(
        self,
        portrait: Portrait,
        tracks: KeypointTracks,
        frame: int,
        *,
        driver: Frame | None = None,
        trails: bool = True,
        side_px: int = 512,
    ) -> tuple[Frame, Frame, Anatomy]:
        """Show one frame of a comparison.

        Args:
            portrait: that was compared.
            tracks: of compare.
            frame: its number, 0..T - 1.
            driver: the driver's face crop, when ``tracks`` holds no pictures.
            trails: draw where the keypoints were in the frames before.
            side_px: of the results.

        Returns:
            The portrait and the driver with their keypoints, and the anatomy of the portrait's
            picture.

        Raises:
            ConfigError: there is no such frame.
        """
        if not 0 <= frame < len(tracks):
            raise ConfigError(
                f"There is no frame {frame}; the clip has 0 to {len(tracks) - 1}.", "Choose one."
            )
        seen = prepare_portrait(self.engine, portrait)
        with self.engine.computing():
            motion = motion_at(self.engine, tracks.source, frame)
            anatomy = dissect_render(self.engine, seen.source, motion)
        before = slice(max(0, frame - TRAIL_FRAMES), frame)
        views = []
        picture = tracks.pictures[frame] if driver is None else driver
        for head, shown in ((tracks.source, anatomy.picture), (tracks.driver, picture)):
            views.append(
                draw_keypoints(
                    shown,
                    head.posed[frame],
                    colours=point_colours(head.canonical),
                    trail=head.posed[before] if trails else None,
                    side_px=side_px,
                )
            )
        return views[0], views[1], anatomy


NEUTRAL = MotionEdit()

"""MMFA: animate a portrait with a clip, edit pose and expression apart, mix expressions.

In: portraits, clips, weights. Out: clips, frames, reports. This file is the only door for the
studio and for people's own scripts; importing it loads nothing until a name is used.

    from mmfa_core import Animator
    Animator.from_pretrained().animate("portrait.jpg", "clip.mp4", output="result.mp4")

Shape letters, in all docstrings and comments: B batch, T frames, K keypoints, C channels, H rows,
W columns, E expression features, Z expression code. A frame is (H, W, 3), uint8, sRGB.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmfa_core.batch import run_batch
    from mmfa_core.checkpoint import load_model, save_model
    from mmfa_core.config import ExpressionDirection, ModelConfig
    from mmfa_core.errors import MMFAError
    from mmfa_core.inference.anatomy import Anatomy, flow_wheel
    from mmfa_core.inference.animator import Animator
    from mmfa_core.inference.codes import pad_weights
    from mmfa_core.inference.doctor import DriveReport, ExamineUpdate
    from mmfa_core.inference.dots import point_colours
    from mmfa_core.inference.editing import KeypointReport
    from mmfa_core.inference.expressions import ExpressionSpace
    from mmfa_core.inference.findings import Finding, Mend
    from mmfa_core.inference.keypoint_files import write_keypoints
    from mmfa_core.inference.microscope import Microscope
    from mmfa_core.inference.motion_files import load_motion
    from mmfa_core.inference.options import AnimateOptions
    from mmfa_core.inference.portrait import FoundFace, PortraitView, PreparedPortrait
    from mmfa_core.inference.result import AnimateResult, RenderUpdate
    from mmfa_core.inference.saving import Saved
    from mmfa_core.inference.timeline import EASINGS, Keyframe, Timeline
    from mmfa_core.inference.tracks import KeypointTracks
    from mmfa_core.media import probe_clip, write_picture
    from mmfa_core.motion import CONTROL_RANGES, MotionEdit
    from mmfa_core.provenance import Verification, verify

__all__ = [
    "CONTROL_RANGES",
    "EASINGS",
    "Anatomy",
    "AnimateOptions",
    "AnimateResult",
    "Animator",
    "DriveReport",
    "ExamineUpdate",
    "ExpressionDirection",
    "ExpressionSpace",
    "Finding",
    "FoundFace",
    "Keyframe",
    "KeypointReport",
    "KeypointTracks",
    "MMFAError",
    "Mend",
    "Microscope",
    "ModelConfig",
    "MotionEdit",
    "PortraitView",
    "PreparedPortrait",
    "RenderUpdate",
    "Saved",
    "Timeline",
    "Verification",
    "flow_wheel",
    "load_model",
    "load_motion",
    "pad_weights",
    "point_colours",
    "probe_clip",
    "run_batch",
    "save_model",
    "verify",
    "write_keypoints",
    "write_picture",
]

_HOMES = {
    "CONTROL_RANGES": "motion",
    "EASINGS": "inference.timeline",
    "Anatomy": "inference.anatomy",
    "AnimateOptions": "inference.options",
    "AnimateResult": "inference.result",
    "Animator": "inference.animator",
    "DriveReport": "inference.doctor",
    "ExamineUpdate": "inference.doctor",
    "ExpressionDirection": "config",
    "ExpressionSpace": "inference.expressions",
    "Finding": "inference.findings",
    "FoundFace": "inference.portrait",
    "Keyframe": "inference.timeline",
    "KeypointReport": "inference.editing",
    "KeypointTracks": "inference.tracks",
    "MMFAError": "errors",
    "Mend": "inference.findings",
    "Microscope": "inference.microscope",
    "ModelConfig": "config",
    "MotionEdit": "motion",
    "PortraitView": "inference.portrait",
    "PreparedPortrait": "inference.portrait",
    "RenderUpdate": "inference.result",
    "Saved": "inference.saving",
    "Timeline": "inference.timeline",
    "Verification": "provenance",
    "flow_wheel": "inference.anatomy",
    "load_model": "checkpoint",
    "load_motion": "inference.motion_files",
    "pad_weights": "inference.codes",
    "point_colours": "inference.dots",
    "run_batch": "batch",
    "probe_clip": "media",
    "save_model": "checkpoint",
    "verify": "provenance",
    "write_keypoints": "inference.keypoint_files",
    "write_picture": "media",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__

"""Find a face, frame it, follow it through a clip: the only home of MediaPipe.

In: frames. Out: faces with 478 landmarks, 52 blendshapes and a head pose, and square crops. Knows
nothing about networks, files or motion.
"""

from mmfa_core.face.crop import (
    CROP_MARGIN,
    Crop,
    crop_by_hand,
    crop_for_face,
    cut_crop,
    resize_frame,
    steady_crop,
)
from mmfa_core.face.faces import BLENDSHAPE_NAMES, Face, FaceBox, FacePose, choose_face, pose_of
from mmfa_core.face.finder import FaceFinder, whole_crop
from mmfa_core.face.tracking import FaceTrack, find_gaps, track_faces

__all__ = [
    "BLENDSHAPE_NAMES",
    "CROP_MARGIN",
    "Crop",
    "Face",
    "FaceBox",
    "FaceFinder",
    "FacePose",
    "FaceTrack",
    "choose_face",
    "crop_by_hand",
    "crop_for_face",
    "cut_crop",
    "find_gaps",
    "pose_of",
    "resize_frame",
    "steady_crop",
    "track_faces",
    "whole_crop",
]

"""Pictures and clips in and out: the only home of PIL and ffmpeg.

In: file names. Out: frames, (H, W, 3) uint8 sRGB arrays, upright, and exact frame rates; and the
other way round. Knows nothing about faces, networks or tensors.
"""

from mmfa_core.media.chunks import ChunkWriter
from mmfa_core.media.clips import ClipInfo, check_length, probe_clip, read_clip
from mmfa_core.media.files import (
    Frame,
    check_output,
    existing,
    part_file,
    replace_file,
    replace_text,
    unwritable,
)
from mmfa_core.media.marking import Marking
from mmfa_core.media.opening import open_output
from mmfa_core.media.pictures import PICTURE_SUFFIXES, read_picture, write_picture
from mmfa_core.media.sequences import (
    GIF_SUFFIX,
    OUTPUT_SUFFIXES,
    PICTURES_SUFFIX,
    FrameWriter,
    GifWriter,
    PicturesWriter,
)
from mmfa_core.media.writer import CLIP_SUFFIXES, ClipWriter

__all__ = [
    "CLIP_SUFFIXES",
    "GIF_SUFFIX",
    "OUTPUT_SUFFIXES",
    "PICTURES_SUFFIX",
    "PICTURE_SUFFIXES",
    "ChunkWriter",
    "ClipInfo",
    "ClipWriter",
    "Frame",
    "FrameWriter",
    "GifWriter",
    "Marking",
    "PicturesWriter",
    "check_length",
    "check_output",
    "existing",
    "open_output",
    "part_file",
    "probe_clip",
    "read_clip",
    "read_picture",
    "replace_file",
    "replace_text",
    "unwritable",
    "write_picture",
]

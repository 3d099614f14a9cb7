"""Motion on disk: one safetensors file, never a pickle, and nothing in it is believed unchecked.

In: a MotionTrack, or a file of a stranger. Out: the file, or a checked MotionTrack. Knows nothing
about clips or portraits.

A motion file of T frames with C candidates and codes of Z numbers holds

    present U8 (T,)                 1 where the face was there
    rotation F32 (T, 3, 3)          translation F32 (T, 2)
    scale F32 (T, 1)                expression_code F32 (T, Z)
    candidate_frames I32 (C,)       candidate_rotation ... candidate_expression_code F32 (C, ...)

and in its metadata, under ``mmfa_motion``, the JSON of version, fps (an exact fraction), model_id
and model_hash. The same motion gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as format_safetensors

from mmfa_core.errors import MismatchError, ResourceError, UnreadableError
from mmfa_core.inference.motion_checks import (
    AGAIN,
    PARTS,
    check_shape,
    check_track,
    plain_word,
    read_fps,
    read_word,
    refuse,
    show,
)
from mmfa_core.inference.motion_track import HeadMotion, MotionTrack
from mmfa_core.media import check_output, existing, replace_file

MOTION_SUFFIX: Final = ".safetensors"
VERSION: Final = 1
LARGEST_BYTES = 64 * 2**20
LARGEST_HEADER_BYTES = 16 * 2**10
MOST_FRAMES = 200_000
MOST_CANDIDATES = 1000
LONGEST_CODE = 4096
_KEY = "mmfa_motion"
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
_TYPES = {"F32": "<f4", "I32": "<i4", "U8": "u1"}

Arrays = Mapping[str, NDArray[Any]]


def is_motion(path: Path) -> bool:
    """Tell by its name whether a driver is a motion file."""
    return path.suffix.lower() == MOTION_SUFFIX


def save_track(path: str | Path, track: MotionTrack, *, overwrite: bool = False) -> Path:
    """Write a motion file; it appears under its name only when it is complete.

    Args:
        path: where to, ending in .safetensors.
        track: what to write.
        overwrite: whether an existing file may be replaced.

    Returns:
        The file.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, the motion is too long, or it can't be written.
    """
    target = check_output(path, overwrite=overwrite, suffixes=(MOTION_SUFFIX,))
    about = {
        "version": VERSION,
        "fps": str(track.fps),
        "model_id": plain_word(track.model_id),
        "model_hash": track.model_hash,
    }
    arrays: dict[str, NDArray[Any]] = {
        "present": track.present.astype(np.uint8),
        "candidate_frames": np.array(track.candidate_frames, np.int32),
    }
    for prefix, motion in (("", track.frames), ("candidate_", track.candidates)):
        for name in PARTS:
            arrays[prefix + name] = np.ascontiguousarray(getattr(motion, name), np.float32)
    content = format_safetensors(arrays, {_KEY: json.dumps(about)})
    if len(track) > MOST_FRAMES or len(content) > LARGEST_BYTES:
        raise ResourceError(
            f"The motion has {len(track)} frames; a motion file holds up to {MOST_FRAMES} frames "
            f"and {LARGEST_BYTES // 2**20} MB.",
            "Save a part of the clip.",
        )
    replace_file(target, lambda file: file.write(content))
    return target


def load_motion(path: str | Path) -> MotionTrack:
    """Read a motion file and check all of it.

    What it claims about itself costs no memory: it is refused beyond LARGEST_BYTES, and tensors
    are read only if they lie inside it.

    Args:
        path: as written by Animator.save_motion.

    Returns:
        The motion.

    Raises:
        UnreadableError: missing, empty, too large, damaged, a pickle, or not a motion file.
        MismatchError: of another version.
    """
    path = existing(path, "motion file")
    content = _read(path)
    about, arrays = _open(path.name, content)
    track = _track(path.name, about, arrays)
    check_track(path.name, track)
    return track


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST_BYTES else b""
    except OSError as error:
        raise UnreadableError(f"{path.name} can't be read.", "Check its permissions.") from error
    if size > LARGEST_BYTES:
        raise UnreadableError(
            f"{path.name} is larger than {LARGEST_BYTES // 2**20} MB, so it can't be a motion "
            "file.",
            AGAIN,
        )
    if not content:
        raise UnreadableError(f"{path.name} is empty: it has 0 bytes.", AGAIN)
    return content


def _open(name: str, content: bytes) -> tuple[dict[str, Any], Arrays]:
    header_bytes = int.from_bytes(content[:8], "little")
    if len(content) < 8 or header_bytes > len(content) - 8:
        raise _damaged(name, content)
    if header_bytes > LARGEST_HEADER_BYTES:
        _no_motion(name)
    try:
        found = deserialize(content)  # type: ignore[no-untyped-call]
        header = json.loads(content[8 : 8 + header_bytes])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise _damaged(name, content) from error
    about = _about(name, header.get("__metadata__") or {})
    arrays = {}
    for key, tensor in found:
        if tensor["dtype"] not in _TYPES:
            refuse(name, f"{key[:40]!r} is of the type {tensor['dtype']}")
        if 0 in tensor["shape"]:  # the other sides could be of any length
            refuse(name, f"{key[:40]} is empty")
        arrays[key] = np.frombuffer(tensor["data"], _TYPES[tensor["dtype"]]).reshape(
            tensor["shape"]
        )
    return about, arrays


def _about(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    if _KEY not in metadata:
        _no_motion(name)
    try:
        about = json.loads(metadata[_KEY])
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or "version" not in about:
        refuse(name, "what it says about itself can't be read")
    version = about["version"]
    if version != VERSION or isinstance(version, bool):
        raise MismatchError(
            f"{name} is a motion file of version {show(version)}; this program reads {VERSION}.",
            "Save it again from the clip, or update the program.",
        )
    return about


def _track(name: str, about: Mapping[str, Any], arrays: Arrays) -> MotionTrack:
    prefixes = ("", "candidate_")
    wanted = {"present", "candidate_frames", *(p + n for p in prefixes for n in PARTS)}
    for key in sorted(wanted ^ set(arrays)):
        refuse(name, f"{key} is missing" if key in wanted else f"it holds {show(key)}")
    present, numbers = arrays["present"], arrays["candidate_frames"]
    check_shape(name, "present", present, "u1", (present.size,), MOST_FRAMES)
    check_shape(name, "candidate_frames", numbers, "<i4", (numbers.size,), MOST_CANDIDATES)
    code = arrays["expression_code"]
    length = code.shape[-1] if code.ndim == 2 else 0
    if not 1 <= length <= LONGEST_CODE:
        refuse(name, f"its expression codes have {length} numbers")
    tails = dict(zip(PARTS, ((3, 3), (2,), (1,), (length,)), strict=True))
    parts = []
    for prefix, count in zip(prefixes, (present.size, numbers.size), strict=True):
        for key, tail in tails.items():
            check_shape(name, prefix + key, arrays[prefix + key], "<f4", (count, *tail))
        parts.append(HeadMotion(**{key: arrays[prefix + key] for key in tails}))
    return MotionTrack(
        fps=read_fps(name, about.get("fps")),
        present=present == 1,
        frames=parts[0],
        candidates=parts[1],
        candidate_frames=tuple(numbers.tolist()),
        model_id=read_word(name, "model_id", about.get("model_id")),
        model_hash=read_word(name, "model_hash", about.get("model_hash")),
    )


def _damaged(name: str, content: bytes) -> UnreadableError:
    """Say why a file is no safetensors; only then, since a sound header may begin as a pickle."""
    if content.startswith(_PICKLES):
        return UnreadableError(
            f"{name} is a pickle or an archive, which is never opened here.", AGAIN
        )
    return UnreadableError(f"{name} is damaged, or not a motion file.", AGAIN)


def _no_motion(name: str) -> NoReturn:
    raise UnreadableError(
        f"{name} is not a motion file.", "Choose one that was saved from a clip's motion."
    )

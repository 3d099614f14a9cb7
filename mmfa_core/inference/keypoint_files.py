"""Keypoints on disk: JSON, CSV or safetensors, never a pickle.

In: KeypointReport or KeypointTracks. Out: one file. Knows nothing about how they were found.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as format_safetensors

from mmfa_core.inference.editing import KeypointReport
from mmfa_core.inference.tracks import HeadTrack, KeypointTracks
from mmfa_core.media import check_output, replace_file

KEYPOINT_SUFFIXES: Final = (".json", ".csv", ".safetensors")
DIGITS = 5
STAGES = ("canonical", "expressed", "posed")


def write_keypoints(
    path: str | Path, found: KeypointReport | KeypointTracks, *, overwrite: bool = False
) -> Path:
    """Write keypoints, by the ending of the name.

    JSON holds everything but pictures. CSV has a line for each keypoint (and frame) with its
    canonical, expressed and posed x, y and z. safetensors holds the arrays in single precision.

    Args:
        path: where to, ending in .json, .csv or .safetensors.
        found: of one portrait, or of a portrait and its driver over time.
        overwrite: whether an existing file may be replaced.

    Returns:
        The file.

    Raises:
        MediaError: another ending.
        ResourceError: the file exists, or the folder can't be written.
    """
    target = check_output(Path(path), overwrite=overwrite, suffixes=KEYPOINT_SUFFIXES)
    write = {".json": _as_json, ".csv": _as_csv, ".safetensors": _as_safetensors}
    content = write[target.suffix.lower()](found)
    replace_file(target, lambda file: file.write(content))
    return target


def _as_json(found: KeypointReport | KeypointTracks) -> bytes:
    if isinstance(found, KeypointReport):
        values = found.to_json()
    else:
        values = {
            "times_s": _plain(found.times_s),
            "present": found.present.tolist(),
            "reference_frame": found.reference_frame,
            "notes": list(found.notes),
            **{who: _head(track) for who, track in _heads(found)},
        }
    return (json.dumps(values) + "\n").encode()


def _as_csv(found: KeypointReport | KeypointTracks) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    axes = [f"{stage}_{axis}" for stage in STAGES for axis in "xyz"]
    if isinstance(found, KeypointReport):
        writer.writerow(["keypoint", *axes])
        table = np.concatenate([getattr(found, stage) for stage in STAGES], 1)
        writer.writerows([k, *_plain(row)] for k, row in enumerate(table))
        return text.getvalue().encode()
    writer.writerow(["frame", "time_s", "head", "keypoint", *axes])
    for frame, time_s in enumerate(_plain(found.times_s)):
        for who, track in _heads(found):
            parts = (track.canonical, track.expressed[frame], track.posed[frame])
            for k, row in enumerate(np.concatenate(parts, 1)):
                writer.writerow([frame, time_s, who, k, *_plain(row)])
    return text.getvalue().encode()


def _as_safetensors(found: KeypointReport | KeypointTracks) -> bytes:
    arrays: dict[str, NDArray[Any]]
    if isinstance(found, KeypointReport):
        arrays = {stage: getattr(found, stage) for stage in STAGES}
        arrays |= {
            "pose_deg": np.array([found.yaw_deg, found.pitch_deg, found.roll_deg]),
            "scale": np.array([found.scale]),
            "translation": np.array(found.translation),
            "expression_code": np.array(found.expression_code),
        }
    else:
        arrays = {"times_s": found.times_s, "present": found.present}
        for who, track in _heads(found):
            arrays |= {
                f"{who}.{field.name}": getattr(track, field.name)
                for field in dataclasses.fields(track)
            }
    single = {
        name: np.ascontiguousarray(value if value.dtype == bool else value.astype(np.float32))
        for name, value in arrays.items()
    }
    return bytes(format_safetensors(single, {"format": "mmfa keypoints 1"}))


def _heads(tracks: KeypointTracks) -> tuple[tuple[str, HeadTrack], ...]:
    return ("source", tracks.source), ("driver", tracks.driver)


def _head(track: HeadTrack) -> dict[str, Any]:
    return {f.name: _plain(getattr(track, f.name)) for f in dataclasses.fields(track)}


def _plain(values: NDArray[Any]) -> Any:
    return np.round(np.asarray(values, np.float64), DIGITS).tolist()

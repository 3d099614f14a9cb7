"""Exact flow between two pictures of a made person, and the labels that it follows from.

In: which triangle each pixel shows, where the triangles' corners are, cameras. Out: flow, and where
it is known. Knows nothing about rendering.

Convention:
    Flow as in `mmfa_core.geometry`: for each place of the driving picture the place (x, y) of the
    source picture to sample, normalised, ``align_corners=False``. Rows go down.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mmfa_core.errors import MediaError, ResourceError
from mmfa_core.media import replace_file

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Arrays = dict[str, NDArray[Any]]

ENDING = "flow.npz"  # after the name of a shard
UNIT_M = 4e-5  # of stored places, so int16 reaches 1.3 m and rounds by 0.02 mm at most
NONE = np.iinfo(np.uint16).max  # stored where a pixel shows no triangle
SAME_M = 0.002  # nearer in depth, two places under one pixel are one
KEYS = ("flow_seen", "flow_faces", "flow_places")


def pack_labels(seen: Sequence[Ints], faces: Ints, places: Sequence[Floats]) -> Arrays:
    """Keep of a person's triangles those that any of n pictures shows, in small types.

    Args:
        seen: of each picture (side, side), rows of ``faces``, negative where none.
        faces: (F, 3) rows of places.
        places: of each picture (V, 3) m.

    Returns:
        ``flow_seen`` (n, side, side) uint16, a row of ``flow_faces`` or `NONE`; ``flow_faces``
        (f, 3) uint16; ``flow_places`` (n, v, 3) int16, in `UNIT_M`.

    Raises:
        ValueError: when more is seen than the types hold.
    """
    numbers = np.stack(seen)
    used = np.unique(numbers[numbers >= 0])
    rows, corners = np.unique(faces[used], return_inverse=True)
    units = np.round(np.stack(places)[:, rows].astype(np.float64) / UNIT_M)
    if max(len(used), len(rows)) >= NONE or np.abs(units).max(initial=0) > np.iinfo(np.int16).max:
        raise ValueError("too many triangles, or places too far away, to be stored")
    packed = np.where(numbers >= 0, np.searchsorted(used, numbers), NONE)
    return {
        "flow_seen": packed.astype(np.uint16),
        "flow_faces": corners.reshape(-1, 3).astype(np.uint16),
        "flow_places": units.astype(np.int16),
    }


def save_labels(path: Path, clips: Sequence[str], people: Sequence[Arrays]) -> None:
    """Write the labels of a shard's people beside it, deflated; equal labels give equal bytes.

    Raises:
        ResourceError: when the disk refuses.
    """
    named: dict[str, Any] = {
        f"{clip}.{key}": person[key]
        for clip, person in zip(clips, people, strict=True)
        for key in KEYS
    }
    replace_file(path, lambda file: np.savez_compressed(file, **named))


class FlowLabels:
    """Hold what the flow between pictures of one shard follows from; people are read when asked.

    Args:
        folder: of heads that were made with ``--flow``, or a mixture with them.
        shard: its name, as in index.tsv.

    Raises:
        ResourceError: when the labels are missing or damaged.
    """

    def __init__(self, folder: Path, shard: str) -> None:
        self._shard = shard
        try:
            with np.load(folder / f"{shard}.npz", allow_pickle=False) as table:
                self.clip: Ints = table["clip"]
                self._clips = table["clips"].tolist()
                self._cameras: Floats = table["true_camera"]
            self._file = np.load(folder / f"{shard}.{ENDING}", allow_pickle=False)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise self._damaged() from error
        self._person, self._arrays = -1, Arrays()

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.clip)

    def picture(self, row: int) -> tuple[Ints, Ints, Doubles]:
        """Give the labels of one picture.

        Args:
            row: of the shard's arrays.

        Returns:
            (side, side) which triangle each pixel shows, -1 where none; (f, 3) the triangles, the
            same for all pictures of the person; (v, 3) x, y, w of their corners in the picture:
            x / w right and y / w down, normalised, and w the distance from the camera, m.

        Raises:
            ResourceError: when the labels are damaged.
        """
        person = int(self.clip[row])
        if person != self._person:
            clip = self._clips[person]
            try:
                self._arrays = {key: self._file[f"{clip}.{key}"] for key in KEYS}
            except (OSError, ValueError, KeyError, BadZipFile) as error:
                raise self._damaged() from error
            self._person = person
        seen, faces, places = (self._arrays[key] for key in KEYS)
        at = row - int(np.searchsorted(self.clip, person))  # people stand one after the other
        triangles = np.where(seen[at] == NONE, -1, seen[at].astype(np.int32))
        corners = project(places[at] * UNIT_M, self._cameras[row])
        return triangles.astype(np.int32), faces.astype(np.int32), corners

    def _damaged(self) -> ResourceError:
        return ResourceError(
            f"The shard {self._shard} has no labels of flow that can be read.",
            "Make the heads with --flow, in a new folder or with --overwrite.",
        )


def project(places: NDArray[Any], camera: Floats) -> Doubles:
    """Project places (V, 3) in m to x, y, w; see `FlowLabels.picture`."""
    ends = np.concatenate((places, np.ones((len(places), 1))), 1)
    x, y, _, w = camera.astype(np.float64) @ ends.T
    return np.stack((x, -y, w), -1)


def flow_between(labels: FlowLabels, source: int, driving: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Find where each place of the driving picture is in the source picture.

    Equation: a pixel at p = (x, y, 1) shows the place sum_i l_i c_i of the triangle with corners
    c_i = (x w, y w, w), where C l = w p and the l_i sum to 1. The same l of the triangle's corners
    in the source picture are the flow. It is known where the source's pixel there shows a place
    as far away, within `SAME_M`.

    Convention: `mmfa_core.geometry.warp` of the source by the flow looks like the driving picture.

    Args:
        labels: of a shard.
        source: row of the picture that is warped.
        driving: row of the picture that it is warped to.

    Returns:
        Flow (side, side, 2) float32, and where it is known, (side, side); where it isn't, the flow
        is that of the place behind what hides it, or the identity where there is no person.

    Raises:
        MediaError: when a picture isn't there, or they show different people.
        ResourceError: when the labels are damaged.
    """
    for row in (source, driving):
        if not 0 <= row < len(labels):
            raise MediaError(
                f"There is no picture {row} in the shard.", f"It has 0 to {len(labels) - 1}."
            )
    if labels.clip[source] != labels.clip[driving]:
        raise MediaError(
            f"The pictures {source} and {driving} show different people.",
            "Flow is between two pictures of one person: choose rows of the same clip.",
        )
    source_seen, faces, source_corners = labels.picture(source)
    driving_seen, _, driving_corners = labels.picture(driving)
    side = len(driving_seen)
    middles = (2 * np.arange(side) + 1) / side - 1
    flow = np.stack(np.meshgrid(middles, middles), -1)  # identity
    person = driving_seen >= 0
    numbers = driving_seen[person]
    shares, _ = locate(planes_of(driving_corners[faces])[numbers], flow[person])
    there = np.einsum("ni,nij->nj", shares, source_corners[faces[numbers]])
    ahead = there[:, 2] > 0  # neither behind the camera nor on a triangle seen from the edge
    moved = np.where(ahead[:, None], there[:, :2] / np.where(ahead, there[:, 2], 1)[:, None], 0)
    pixel = np.floor((moved + 1) * side / 2).astype(int)
    column, row_ = np.clip(pixel, 0, side - 1).T
    within = ((pixel >= 0) & (pixel < side)).all(1) & ahead
    shown = source_seen[row_, column]
    _, depth = locate(planes_of(source_corners[faces])[np.maximum(shown, 0)], moved)
    same = (shown == numbers) | (np.abs(depth - there[:, 2]) < SAME_M)
    known = np.zeros((side, side), bool)
    known[person] = within & (shown >= 0) & same
    flow[person] = moved
    return flow.astype(np.float32), known


def planes_of(corners: Doubles) -> Doubles:
    """Prepare triangles for `locate`.

    Args:
        corners: (f, 3, 3) x w, y w and w of each corner.

    Returns:
        (f, 3, 3), for each corner what turns a ray to the corner's share over the distance:
        the inverse of C = (c_1, c_2, c_3). Of triangles seen exactly from the edge it isn't finite.
    """
    a, b, c = corners.swapaxes(0, 1)
    crosses = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), 1)
    volume = (crosses[:, 2] * c).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(crosses / volume[:, None, None], np.float64)


def locate(planes: Doubles, places: Doubles) -> tuple[Doubles, Doubles]:
    """Find places of a picture on the planes of triangles.

    Args:
        planes: (N, 3, 3) of `planes_of`.
        places: (N, 2) normalised.

    Returns:
        (N, 3) shares of the corners, which sum to 1, negative outside of the triangle; and (N,)
        the distance from the camera, m.
    """
    rays = np.concatenate((places, np.ones((len(places), 1))), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.einsum("nij,nj->ni", planes, rays)
        depth = 1 / parts.sum(1)
        return parts * depth[:, None], depth

"""Held-out people: pictures and labels of a corpus shard.

In: a folder with index.tsv and val-*.npz beside val-*.tar. Out: HeldOut.
Knows nothing about training, models or metrics.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mmfa_core.errors import UnreadableError
from mmfa_core.evaluation.signals import group_blendshapes

Floats = NDArray[np.float32]
FRONTAL_DEG = 20.0  # largest yaw and pitch of a face that is chosen for its expression
HINT = "Give --data the folder that holds index.tsv and the val shard (val-00.npz, val-00.tar)."


@dataclass(frozen=True)
class Clip:
    """Name one held-out clip and its pictures.

    Attributes:
        name: name of the clip.
        identity: who is in it.
        kind: video, track (a few distant frames), pair (two expressions) or still.
        tier: licence tier of the corpus, A, B or C; only A may be shown.
        rows: indices of its pictures, in the order of time.
    """

    name: str
    identity: str
    kind: str
    tier: str
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Hold labels in memory and pictures on disk; N pictures in all.

    Attributes:
        clips: every clip, in the order of the shards.
        landmarks: (N, 478, 3), px of the picture, z in the same scale, smaller = nearer.
        blendshapes: (N, 52), about [0, 1].
        pose_deg: (N, 3), yaw, pitch, roll, degrees.
        box: (N, 4), x0, y0, x1, y1 of the landmarks, px.
    """

    clips: tuple[Clip, ...]
    landmarks: Floats
    blendshapes: Floats
    pose_deg: Floats
    box: Floats
    places: tuple[tuple[NDArray[np.uint8], int, int], ...]  # bytes of a tar, offset, length

    def frames(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        """Decode pictures.

        Args:
            rows: n indices of pictures.

        Returns:
            (n, H, W, 3) uint8 sRGB.

        Raises:
            UnreadableError: when a picture is damaged.
        """
        decoded = []
        for row in rows:
            data, offset, length = self.places[row]
            stream = io.BytesIO(data[offset : offset + length].tobytes())
            try:
                with Image.open(stream, formats=("JPEG",)) as picture:
                    decoded.append(np.asarray(picture.convert("RGB")))
            except OSError as error:
                raise UnreadableError(
                    f"Held-out picture {row} is not a JPEG.", "Copy the val shard again."
                ) from error
        return np.stack(decoded)

    @property
    def owners(self) -> dict[int, str]:
        """Return the identity of each picture by its row."""
        return {row: clip.identity for clip in self.clips for row in clip.rows}

    def moving(self) -> list[Clip]:
        """List the clips of two pictures or more."""
        return [clip for clip in self.clips if len(clip.rows) > 1]

    def portraits(self) -> list[Clip]:
        """List one clip an identity, single pictures first; its first picture is the portrait."""
        chosen: dict[str, Clip] = {}
        for clip in sorted(self.clips, key=lambda c: c.kind != "still"):
            chosen.setdefault(clip.identity, clip)
        return list(chosen.values())


def read_heldout(folder: str | Path, split: str = "val") -> HeldOut:
    """Read the labels of held-out people and map their pictures.

    Args:
        folder: the corpus.
        split: which one, a word of the column of that name in index.tsv.

    Returns:
        HeldOut.

    Raises:
        UnreadableError: when the folder holds no such split, or it is damaged.
    """
    root = Path(folder)
    facts = [row for row in _read_index(root) if row.get("split") == split]
    if not facts:
        raise UnreadableError(f"index.tsv of {root.name!r} lists nobody of split {split}.", HINT)
    spans: dict[str, range] = {}  # rows of each shard
    labels: dict[str, list[Floats]] = {"lm": [], "bs": [], "pose": []}
    places: list[tuple[NDArray[np.uint8], int, int]] = []
    for name in sorted({row["shard"] for row in facts}):
        start = len(places)
        places += _read_shard(root / f"{name}.npz", labels)
        spans[name] = range(start, len(places))
    clips = []
    for row in facts:
        span = spans[row["shard"]]
        first = span.start + int(row["first"])
        rows = tuple(range(first, first + int(row["n"])))
        if not rows or rows[-1] not in span:
            raise UnreadableError(f"The clip {row['clip']} is not in {row['shard']}.npz.", HINT)
        clips.append(Clip(row["clip"], row["identity"], row["kind"], row["tier"], rows))
    joined = {key: np.concatenate(parts) for key, parts in labels.items()}
    flat = joined["lm"][..., :2]
    box = np.concatenate((flat.min(1), flat.max(1)), -1)
    return HeldOut(tuple(clips), joined["lm"], joined["bs"], joined["pose"], box, tuple(places))


def choose_portraits(heldout: HeldOut, count: int) -> list[Clip]:
    """Choose portraits of different people, evenly spaced over the corpus."""
    portraits = heldout.portraits()
    return [portraits[i] for i in spread(range(len(portraits)), count)]


def strongest_expressions(heldout: HeldOut, count: int) -> list[int]:
    """Choose pictures of different people whose mouths are most open or smile most.

    Args:
        heldout: held-out people.
        count: how many at most.

    Returns:
        Rows, strongest first; nearly frontal faces only.
    """
    groups = group_blendshapes(heldout.blendshapes)
    strength = np.maximum(groups["jawOpen"], groups["smile"])
    order = [int(row) for row in np.argsort(-strength)]
    return one_a_person(heldout, [row for row in order if is_frontal(heldout, row)])[:count]


def is_frontal(heldout: HeldOut, row: int) -> bool:
    """Say whether yaw and pitch of a picture are below FRONTAL_DEG."""
    return bool((np.abs(heldout.pose_deg[row, :2]) < FRONTAL_DEG).all())


def one_a_person(heldout: HeldOut, rows: Sequence[int]) -> list[int]:
    """Keep the first row of each identity, in order."""
    owner = heldout.owners
    kept: dict[str, int] = {}
    for row in rows:
        if row in owner:
            kept.setdefault(owner[row], row)
    return list(kept.values())


def spread(items: Sequence[int], count: int) -> list[int]:
    """Take at most ``count`` of the items, evenly spaced, both ends included.

    Args:
        items: any sequence of numbers.
        count: how many, at least 1.

    Returns:
        The items kept, in their order.
    """
    if len(items) <= count:
        return list(items)
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, count)]


def to_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """Turn frames (n, H, W, 3) uint8 into pictures (n, 3, H, W) in [0, 1], channels last."""
    pictures = torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 255
    return pictures.contiguous(memory_format=torch.channels_last)


def to_frames(pictures: Tensor) -> NDArray[np.uint8]:
    """Turn pictures (n, 3, H, W) in [0, 1] into frames (n, H, W, 3) uint8, rounded."""
    frames: NDArray[np.uint8] = (
        (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    )
    return frames


def _read_shard(
    file: Path, labels: dict[str, list[Floats]]
) -> list[tuple[NDArray[np.uint8], int, int]]:
    try:
        with np.load(file) as table:
            data = np.memmap(file.with_suffix(".tar"), np.uint8, "r")
            if len(table["off"]) == 0 or (table["off"] + table["len"]).max() > len(data):
                raise ValueError("the tar is shorter than its labels say")
            for key, parts in labels.items():
                parts.append(table[key].astype(np.float32))
            return [
                (data, int(offset), int(length))
                for offset, length in zip(table["off"], table["len"], strict=True)
            ]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"The shard {file.name} can't be read.", HINT) from error


def _read_index(folder: Path) -> list[dict[str, str]]:
    wanted = {"clip", "identity", "kind", "tier", "split", "shard", "first", "n"}
    try:
        with (folder / "index.tsv").open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not wanted <= set(reader.fieldnames or ()):
                raise ValueError("a column is missing")
            rows = list(reader)
            if any(int(row["first"]) < 0 for row in rows if int(row["n"]) >= 0):
                raise ValueError("a clip starts before its shard")
            return rows
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableError(f"index.tsv of {folder.name!r} can't be read.", HINT) from error

"""Writer of the corpus's shards, from labelled files that are kept one by one.

In: Labels. Out: one .npz a file, and from many of them *.tar, *.npz and index.tsv as `corpus`
reads them. Every file appears under its name only when it is complete. Knows nothing about faces.
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mmfa_core.media import replace_file
from mmfa_core.training.labelling import Labels

SHARD_PICTURES = 4000  # about 60 MB
TAR_HEADER = tarfile.BLOCKSIZE  # a short name needs one block
COLUMNS = (
    *("clip", "identity", "source", "tier", "kind", "split"),
    *("shard", "first", "n", "fps", "face_px", "flags"),
)
# Of the labels of one file and of a shard alike: MediaPipe's numbers hold in half precision.
TYPES = {"lm": "f2", "bs": "f2", "pose": "f4", "mat": "f4", "box": "f4", "sharp": "f4", "t": "f4"}

Arrays = dict[str, Any]  # of NDArray


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Say where the pictures of one clip of the corpus come from.

    Attributes:
        name: unique, of letters, digits, dots, dashes and underscores, at most 80.
        identity: who.
        kind: video, pair or still.
        split: train or val.
        parts: files written by `save_labels`, and the stretch of each to take.
        count: number of pictures.
        fps: of the samples; 0 for stills.
        face_px: usual side of the face in the file.
        flags: notes, a few words.
    """

    name: str
    identity: str
    kind: str
    split: str
    parts: tuple[tuple[Path, int], ...]
    count: int
    fps: float = 0.0
    face_px: float = 0.0
    flags: str = ""


def save_labels(path: Path, labels: Labels) -> dict[str, Any]:
    """Keep what became of a file, its samples included.

    Returns:
        The facts, as `load_facts` reads them.

    Raises:
        ResourceError: when the disk refuses.
    """
    samples = labels.samples
    points = np.array([s.landmarks for s in samples], dtype=np.float32).reshape(-1, 478, 3)
    flat = points[..., :2]
    columns = {
        "lm": points,
        "bs": np.array([s.blendshapes for s in samples]).reshape(-1, 52),
        "pose": np.array([s.pose_deg for s in samples]).reshape(-1, 3),
        "mat": np.array([s.matrix for s in samples]).reshape(-1, 4, 4),
        "box": np.concatenate((flat.min(1), flat.max(1)), -1),
        "sharp": np.array([s.sharpness for s in samples]),
        "t": np.array([s.time_s for s in samples]),
    }
    arrays: Arrays = {key: values.astype(TYPES[key]) for key, values in columns.items()}
    arrays["stretch"] = np.array([s.stretch for s in samples], dtype=np.int32)
    arrays["len"] = np.array([len(s.jpeg) for s in samples], dtype=np.int32)
    arrays["data"] = np.frombuffer(b"".join(s.jpeg for s in samples), dtype=np.uint8)
    facts = {
        "kind": labels.kind,
        "fps": labels.fps,
        "face_px": labels.face_px,
        "notes": labels.notes,
        "reason": labels.reason,
        "stretches": sorted(Counter(s.stretch for s in samples).items()),
    }
    text = json.dumps(facts)
    arrays["facts"] = np.array(text)
    replace_file(path, lambda file: np.savez(file, **arrays))
    stored: dict[str, Any] = json.loads(text)
    return stored


def load_facts(path: Path) -> dict[str, Any] | None:
    """Read what became of a file without its samples; None when that can't be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            facts: dict[str, Any] = json.loads(str(data["facts"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return facts


def write_shards(folder: Path, clips: Sequence[Clip], tag: str) -> None:
    """Write a corpus: new shards, then index.tsv; then shards that it no longer names are removed.

    Args:
        folder: where to; a corpus that is there stays whole until the new one is.
        clips: at least one.
        tag: a word of the shards' names, another one for other contents.

    Raises:
        ResourceError: when the disk refuses.
    """
    rows: list[dict[str, str | int]] = []
    for split in ("train", "val"):
        batches: list[list[Clip]] = [[]]
        room = SHARD_PICTURES
        for clip in (c for c in clips if c.split == split):
            if clip.count > room and batches[-1]:
                batches.append([])
                room = SHARD_PICTURES
            room -= clip.count
            batches[-1].append(clip)
        for number, batch in enumerate(b for b in batches if b):
            rows += _write_shard(folder, f"{split}_{tag}-{number:02d}", batch)

    def index(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.DictWriter(text, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text.detach()

    replace_file(folder / "index.tsv", index)
    named = {row["shard"] for row in rows}
    for path in [*folder.glob("*.tar"), *folder.glob("*.npz")]:
        if path.stem not in named:
            path.unlink(missing_ok=True)


def _write_shard(folder: Path, name: str, clips: Iterable[Clip]) -> list[dict[str, str | int]]:
    columns: dict[str, list[NDArray[Any]]] = {key: [] for key in TYPES}
    offsets: list[int] = []
    sizes: list[int] = []
    numbers: list[int] = []
    rows: list[dict[str, str | int]] = []

    def write(file: IO[bytes]) -> None:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for number, clip in enumerate(clips):
                first = len(offsets)
                for path, stretch in clip.parts:
                    pictures, arrays = _load(path, stretch)
                    for key, parts in columns.items():
                        parts.append(arrays[key])
                    for data in pictures:
                        frame = len(offsets) - first
                        member = tarfile.TarInfo(f"{clip.name}.{frame:05d}.jpg")
                        member.size = len(data)
                        offsets.append(file.tell() + TAR_HEADER)
                        sizes.append(len(data))
                        tar.addfile(member, io.BytesIO(data))
                count = len(offsets) - first
                numbers.extend([number] * count)
                rows.append(_row(clip, name, first, count))

    replace_file(folder / f"{name}.tar", write)
    table: Arrays = {key: np.concatenate(parts) for key, parts in columns.items()}
    table["off"] = np.array(offsets, dtype=np.int64)
    table["len"] = np.array(sizes, dtype=np.int32)
    table["clip"] = np.array(numbers, dtype=np.int32)
    table["clips"] = np.array([row["clip"] for row in rows])
    replace_file(folder / f"{name}.npz", lambda file: np.savez(file, **table))
    return rows


def _row(clip: Clip, shard: str, first: int, count: int) -> dict[str, str | int]:
    return {
        "clip": clip.name,
        "identity": clip.identity,
        "source": "folder",
        "tier": "A",  # a person's own; every setting of `tiers` takes it
        "kind": clip.kind,
        "split": clip.split,
        "shard": shard,
        "first": first,
        "n": count,
        "fps": f"{clip.fps:.2f}",
        "face_px": f"{clip.face_px:.0f}",
        "flags": clip.flags,
    }


def _load(path: Path, stretch: int) -> tuple[list[bytes], Arrays]:
    """Read the samples of one stretch: JPEGs and labels."""
    with np.load(path, allow_pickle=False) as data:
        chosen = np.flatnonzero(data["stretch"] == stretch)
        ends = np.cumsum(data["len"])
        raw = data["data"].tobytes()
        arrays = {key: data[key][chosen] for key in TYPES}
        sizes = data["len"]
    return [raw[ends[i] - sizes[i] : ends[i]] for i in chosen], arrays

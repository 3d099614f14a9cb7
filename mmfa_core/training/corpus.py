"""Readers of the corpus shards: JPEGs in a tar, labels in an npz, an index of clips.

In: a folder with index.tsv, *.tar and *.npz. Out: Corpus. Knows nothing about networks.
"""

from __future__ import annotations

import csv
import io
import mmap
import zlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.errors import NotFoundError, UnreadableError

PICTURE_PX = 256  # side of every picture of a corpus
INDEX_COLUMNS = ("clip", "identity", "kind", "tier", "split", "shard", "first", "n")


@dataclass(frozen=True)
class Clip:
    """Point at the pictures of one clip, pair or still.

    Attributes:
        name: unique name.
        identity: who; never shared between splits.
        kind: video, track, pair or still.
        tier: licence tier A, B or C.
        first: first row in the corpus.
        count: number of rows.
    """

    name: str
    identity: str
    kind: str
    tier: str
    first: int
    count: int


class Corpus:
    """Hold labels in memory and pictures as JPEG bytes on disk.

    Attributes:
        landmarks: (N, 478, 3) float32, px in the 256-px crop, z in the same unit, + is far.
        blendshapes: (N, 52) float32, [0, 1].
        pose_deg: (N, 3) float32, yaw, pitch, roll in degrees.
        clips: every clip.
        clip_of: (N,) index into ``clips``.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str,
        tiers: str = "ABC",
        leave_out: tuple[str, ...] = (),
    ) -> None:
        """Read the labels of one split.

        Args:
            folder: where index.tsv and the shards are.
            split: ``train`` or ``val``.
            tiers: licence tiers to keep, any of A, B, C.
            leave_out: shards, or sources (a column that index.tsv may have), that are passed
                over; patterns of fnmatch.

        Raises:
            NotFoundError: when there is no index.tsv, no clip of that split, or nothing that a
                name of ``leave_out`` fits.
            UnreadableError: when a shard is missing or damaged.
        """
        root = Path(folder)
        index = root / "index.tsv"
        if not index.is_file():
            raise NotFoundError(
                f"There is no index.tsv in {root.name}.", "Give the folder of a corpus."
            )
        rows = [r for r in _read_index(index) if r["split"] == split and r["tier"] in tiers]
        rows = _without(rows, leave_out, root.name)
        self._maps: list[mmap.mmap] = []
        self._pieces: list[tuple[int, int, int]] = []
        self.clips: list[Clip] = []
        labels: dict[str, list[NDArray[np.float32]]] = {"lm": [], "bs": [], "pose": []}
        start = 0
        for shard in sorted({r["shard"] for r in rows}):
            arrays = self._open(root, shard)
            for row in (r for r in rows if r["shard"] == shard):
                first, count = int(row["first"]), int(row["n"])
                keep = slice(first, first + count)
                if first < 0 or count < 1 or first + count > len(arrays["off"]):
                    raise UnreadableError(
                        f"Clip {row['clip']} is not inside shard {shard} of the corpus.",
                        "Copy the corpus again.",
                    )
                for key, parts in labels.items():
                    parts.append(arrays[key][keep].astype(np.float32))
                self._pieces += [
                    (len(self._maps) - 1, int(o), int(n))
                    for o, n in zip(arrays["off"][keep], arrays["len"][keep], strict=True)
                ]
                self.clips.append(
                    Clip(row["clip"], row["identity"], row["kind"], row["tier"], start, count)
                )
                start += count
        if not self.clips:
            raise NotFoundError(f"{root.name} has no clip of the split {split!r}.", "Check it.")
        self.landmarks = np.concatenate(labels["lm"])
        self.blendshapes = np.concatenate(labels["bs"])
        self.pose_deg = np.concatenate(labels["pose"])
        self.clip_of = np.repeat(np.arange(len(self.clips)), [c.count for c in self.clips])

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._pieces)

    def picture(self, row: int) -> NDArray[np.uint8]:
        """Decode one picture, (256, 256, 3) uint8 sRGB."""
        shard, offset, size = self._pieces[row]
        data = self._maps[shard][offset : offset + size]
        try:
            with Image.open(io.BytesIO(data)) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError) as error:
            raise UnreadableError(
                f"Picture {row} of the corpus is damaged.", "Copy the corpus again."
            ) from error

    def _open(self, root: Path, shard: str) -> dict[str, NDArray[np.float32]]:
        try:
            with (root / f"{shard}.npz").open("rb") as file:
                data = np.load(file, allow_pickle=False)
                arrays = {key: data[key] for key in ("lm", "bs", "pose", "off", "len")}
            with (root / f"{shard}.tar").open("rb") as file:
                self._maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise UnreadableError(
                f"Shard {shard} of the corpus is missing or damaged.", "Copy the corpus again."
            ) from error
        return arrays


def _without(
    rows: list[dict[str, str]], names: tuple[str, ...], corpus: str
) -> list[dict[str, str]]:
    """Leave out the rows of some sources or shards; each name must fit one."""
    for name in names:
        kept = [r for r in rows if not _fits(r, name)]
        if len(kept) == len(rows):
            raise NotFoundError(
                f"{corpus} has no source and no shard {name!r} that could be left out.",
                "Correct leave_out, or take the name out of it.",
            )
        rows = kept
    return rows


def _fits(row: dict[str, str], name: str) -> bool:
    return any(fnmatchcase(row.get(column) or "", name) for column in ("source", "shard"))


def _read_index(path: Path) -> list[dict[str, str]]:
    """Read the rows of index.tsv, checking the columns that are used."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [r for r in csv.DictReader(file, delimiter="\t") if r.get("split")]
        for row in rows:
            if not all(row.get(name) for name in INDEX_COLUMNS):
                raise ValueError("a column is missing")
            int(row["first"]), int(row["n"])
    except (OSError, ValueError, csv.Error) as error:
        raise UnreadableError(
            "index.tsv of the corpus is damaged.", "Copy the corpus again."
        ) from error
    return rows

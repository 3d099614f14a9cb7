"""Who is who in a person's own folder, and who is held out.

In: labelled files by their names in the folder. Out: clips of the corpus with identities and
splits. Knows nothing about pictures.

The rule: everything below one folder of the given folder is one person; a file that lies directly
in the given folder is a person of its own. Portraits in one and the same folder are paired with
each other. So pictures of different people belong in folders of their own, or directly into the
given folder.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mmfa_core.training.shards import Clip

FEWEST_PEOPLE = 4  # with fewer nobody is held out
HELD_OUT = 0.1  # share of people
MANY_PORTRAITS = 20  # in one folder: a note says that they are taken as one person


@dataclass(frozen=True)
class LabelledFile:
    """Hold one file of the folder.

    Attributes:
        name: in the folder, with forward slashes.
        labels: where its labels are.
        facts: kind, fps, face_px, notes, reason and stretches, as `shards.save_labels` returns.
    """

    name: str
    labels: Path
    facts: Mapping[str, Any]


def identity_of(name: str) -> str:
    """Name the person of a file: its first folder, or itself if it lies in none."""
    first = PurePosixPath(name).parts[0]
    plain = re.sub(r"[\s\"]+", "_", first)  # fit for a table
    return plain if plain == first else f"{plain}-{digest(first)[:6]}"


def group_clips(files: Sequence[LabelledFile]) -> tuple[list[Clip], list[tuple[str, str]]]:
    """Make clips: one of each stretch of a clip, one of the portraits of each folder.

    Args:
        files: those that are kept.

    Returns:
        Clips, all in the split train; and notes (folder, sentence).
    """
    clips: list[Clip] = []
    portraits: dict[str, list[LabelledFile]] = defaultdict(list)
    for file in files:
        if file.facts["kind"] == "still":
            folder = str(PurePosixPath(file.name).parent)
            portraits[file.name if folder == "." else folder].append(file)
            continue
        for stretch, count in file.facts["stretches"]:
            name = f"{_slug(file.name)}_{stretch}"
            clips.append(_clip(name, "video", [file], stretch, count))
    for place, group in portraits.items():
        kind = "pair" if len(group) > 1 else "still"
        clips.append(_clip(_slug(place), kind, group, 0, len(group)))
    notes = [
        (place, f"Its {len(group)} portraits are taken as one person.")
        for place, group in portraits.items()
        if len(group) > MANY_PORTRAITS
    ]
    return sorted(clips, key=lambda clip: clip.name), notes


def choose_splits(clips: Sequence[Clip], before: Mapping[str, str]) -> dict[str, str]:
    """Put about a tenth of the people into the split val.

    Nobody is held out if there are fewer than four people, or if there would not be people with
    more than one picture in both splits. Whoever was trained on is never held out later.

    Args:
        clips: of everybody.
        before: splits of earlier calls.

    Returns:
        Split of every identity: train or val.
    """
    moves: dict[str, bool] = defaultdict(bool)
    for clip in clips:
        moves[clip.identity] |= clip.count > 1
    splits = {who: before.get(who, "train") for who in moves}
    moving = [who for who in moves if moves[who]]
    still = [who for who in moves if not moves[who]]
    for group, least in ((moving, 1), (still, 0)):
        wanted = max(least, round(HELD_OUT * len(group)))
        wanted -= sum(splits[who] == "val" for who in group)
        fresh = sorted((who for who in group if who not in before), key=digest)
        splits |= dict.fromkeys(fresh[: max(0, wanted)], "val")
    both = {splits[who] for who in moving} == {"train", "val"}
    return splits if both and len(splits) >= FEWEST_PEOPLE else dict.fromkeys(splits, "train")


def digest(text: str) -> str:
    """Shorten a text to 20 letters and digits that no other text has."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:20]


def printable(name: str) -> str:
    """Replace what is no text in a file's name."""
    return name.encode(errors="replace").decode()


def _clip(name: str, kind: str, files: Sequence[LabelledFile], stretch: int, count: int) -> Clip:
    notes = {note for file in files for note in file.facts["notes"]}
    return Clip(
        name=name,
        identity=identity_of(files[0].name),
        kind=kind,
        split="train",
        parts=tuple((file.labels, stretch) for file in files),
        count=count,
        fps=files[0].facts["fps"],
        face_px=min(file.facts["face_px"] for file in files),
        flags="; ".join(sorted(note.rstrip(".") for note in notes)),
    )


def _slug(name: str) -> str:
    """Name a clip after a file: at most 71 plain characters, and another one for each file."""
    return f"{re.sub(r'[^A-Za-z0-9-]+', '_', name)[-64:]}_{digest(name)[:6]}"

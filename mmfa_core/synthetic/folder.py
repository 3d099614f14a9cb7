"""A folder of made people: shards and an index as a corpus has them, made by pieces.

In: a seed and numbers of people. Out: ``*.tar``, ``*.npz`` and ``index.tsv`` that `train --data`
takes, and ``heads.json``, which says what is there. Knows nothing about rendering.

Every person is kept in ``.people/`` as soon as it is made, and moves into a shard when all people
of the shard are there. So a kill loses no more than the person in the making, and a folder that
was made in several goes is the same as one made in one.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from mmfa_core.media import replace_file, unwritable
from mmfa_core.synthetic.anatomy import Anatomy
from mmfa_core.synthetic.correspondence import ENDING, save_labels
from mmfa_core.synthetic.listing import (
    FACTS,
    FORMAT_VERSION,
    check_same,
    read_facts,
    read_index,
    write_facts,
    write_index,
)
from mmfa_core.synthetic.maker import SIDE_PX, MadePerson
from mmfa_core.synthetic.tables import (
    Arrays,
    load_arrays,
    person_arrays,
    pictures_of,
    save_arrays,
    shard_arrays,
)

PEOPLE_A_SHARD = 500  # about 60 MB
PEOPLE = ".people"

Report = Callable[[dict[str, Any]], None]


class Maker(Protocol):
    """Make people by their numbers, as `HeadMaker` does."""

    seed: int
    views: int

    @property
    def anatomy(self) -> Anatomy:
        """The head model."""
        ...

    def make(self, number: int) -> MadePerson:
        """Make one person."""
        ...


@dataclass(frozen=True)
class Plan:
    """Say what to make.

    Attributes:
        folder: where to.
        seed: of everything.
        views: pictures to render of each person.
        first: number of the first person.
        people: how many.
        flow: whether what flow follows from is stored too.
    """

    folder: Path
    seed: int
    views: int
    first: int
    people: int
    flow: bool = False


def open_folder(plan: Plan, *, overwrite: bool = False) -> dict[str, Any]:
    """Make the folder, or look whether what is in it can be gone on with.

    Args:
        plan: what to make.
        overwrite: whether heads that are there are removed.

    Returns:
        The facts of ``heads.json``.

    Raises:
        ResourceError: when the folder holds anything else, or heads of another seed or number of
            views, or with flow where it is without or the other way, or can't be written.
    """
    folder = plan.folder
    path = folder / FACTS
    fresh = {"format": FORMAT_VERSION, "seed": plan.seed, "views": plan.views, "shards": []}
    fresh |= {"flow": True} if plan.flow else {}
    try:
        if folder.is_dir() and any(folder.iterdir()):
            facts = read_facts(path)
            if not overwrite:
                check_same(folder, facts, fresh)
                return facts
            _remove_heads(folder, facts)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    write_facts(path, fresh)
    write_index(folder, [])
    return fresh


def fill_folder(plan: Plan, facts: dict[str, Any], maker: Maker, report: Report) -> None:
    """Make the people that aren't there yet, shard by shard.

    Args:
        plan: what to make.
        facts: of `open_folder`; the shards that are made are added.
        maker: of the plan's seed and views.
        report: gets ``person``, ``pictures`` and ``rendered`` of each person that is made or found.

    Raises:
        ResourceError: when the disk refuses.
    """
    store = plan.folder / PEOPLE
    try:
        store.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(store, error) from error
    for numbers in pieces(plan, facts):
        people: list[Arrays] = []
        for number in numbers:
            path = store / f"{number:06d}.npz"
            person = load_arrays(path)
            if person is None:
                person = person_arrays(maker.make(number), maker.anatomy)
                save_arrays(path, person)
            people.append(person)
            counts = {"pictures": len(person["len"]), "rendered": int(person["rendered"])}
            report({"person": number, **counts})
        _finish_shard(plan, facts, maker.anatomy, people)
        for number in numbers:
            (store / f"{number:06d}.npz").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # another plan's people may be left
        store.rmdir()


def pieces(plan: Plan, facts: dict[str, Any]) -> Iterator[range]:
    """Split the people that aren't in a shard yet into shards of neighbours."""
    there = {n for s in facts["shards"] for n in range(s["first"], s["first"] + s["people"])}
    start: int | None = None
    for number in range(plan.first, plan.first + plan.people + 1):
        wanted = number < plan.first + plan.people and number not in there
        if start is not None and (not wanted or number % PEOPLE_A_SHARD == 0):
            yield range(start, number)
            start = None
        if wanted and start is None:
            start = number


def _finish_shard(
    plan: Plan, facts: dict[str, Any], anatomy: Anatomy, people: Sequence[Arrays]
) -> None:
    """Write a shard, name it in the index, and note that its people are done."""
    first, last = int(people[0]["person"]), int(people[-1]["person"])
    name = f"heads_s{plan.seed}_{first:06d}-{last:06d}"
    kept = [person for person in people if len(person["len"])]
    clips = [f"heads_s{plan.seed}_{int(person['person']):06d}" for person in kept]
    known = {shard["name"] for shard in facts["shards"]}  # a kill may have left one that isn't
    rows = [row for row in read_index(plan.folder) if row["shard"] in known]
    if kept:
        table = shard_arrays(kept, clips, anatomy)
        table["off"] = _write_tar(plan.folder / f"{name}.tar", kept, clips)
        save_arrays(plan.folder / f"{name}.npz", table)
        if plan.flow:
            save_labels(plan.folder / f"{name}.{ENDING}", clips, kept)
        start = 0
        for clip, person in zip(clips, kept, strict=True):
            rows.append(_row(plan.seed, name, clip, start, person))
            start += len(person["len"])
    write_index(plan.folder, rows)
    facts["shards"].append(
        {
            "name": name,
            "first": first,
            "people": len(people),
            "kept": len(kept),
            "pictures": sum(len(person["len"]) for person in kept),
            "rendered": sum(int(person["rendered"]) for person in people),
        }
    )
    write_facts(plan.folder / FACTS, facts)


def _write_tar(path: Path, people: Sequence[Arrays], clips: Sequence[str]) -> Any:
    """Write the pictures; returns where each begins in the file, (N,) int64."""
    offsets: list[int] = []

    def write(file: IO[bytes]) -> None:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for clip, person in zip(clips, people, strict=True):
                for time, data in zip(person["t"], pictures_of(person), strict=True):
                    member = tarfile.TarInfo(f"{clip}.{int(time):05d}.jpg")
                    member.size = len(data)
                    offsets.append(file.tell() + tarfile.BLOCKSIZE)
                    tar.addfile(member, io.BytesIO(data))

    replace_file(path, write)
    return np.array(offsets, np.int64)


def _row(seed: int, shard: str, clip: str, first: int, person: Arrays) -> dict[str, Any]:
    pose, box = person["pose"], person["box"]
    face_px = float(np.median(np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])))
    row = {
        "clip": clip,
        "identity": f"heads:s{seed}:{int(person['person']):06d}",
        "source": "heads",
        "repo": "ours",
        "path": clip,
        "tier": "A",
        "licence": "CC0",
        "kind": "video",
        "split": "train",
        "shard": shard,
        "first": first,
        "n": len(pose),
        "fps": "1.00",
        "face_px": f"{face_px:.0f}",
        "pad": "0.000",
        "sharp": f"{float(np.median(person['sharp'])):.0f}",
        "flags": "",
        "crop_ratio": f"{SIDE_PX / face_px:.2f}",
    }
    for axis, name in enumerate(("yaw", "pitch", "roll")):
        row[f"{name}_min"] = f"{pose[:, axis].min():.1f}"
        row[f"{name}_max"] = f"{pose[:, axis].max():.1f}"
    return row


def _remove_heads(folder: Path, facts: dict[str, Any]) -> None:
    for shard in facts["shards"]:
        for ending in ("tar", "npz", ENDING):
            (folder / f"{shard['name']}.{ending}").unlink(missing_ok=True)
    for path in (folder / PEOPLE).glob("*.npz"):
        path.unlink()

"""A person's own folder of clips and portraits, turned into a corpus.

In: a folder of pictures and clips. Out: a folder of shards that `corpus` reads, and what was left
out and why. Knows nothing about how a face is labelled (labelling.py) or written (shards.py).

Who is who is told by the folders; the rule is in people.py.

What is kept: `files/` in the cache holds the labels of each file, under a name made of the file's
own name, size, time of change and VERSION. So a second call looks at new and changed files only,
and a kill loses no more than the file that was being looked at.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.errors import MediaError, NotFoundError, ResourceError
from mmfa_core.face import FaceFinder
from mmfa_core.media import replace_file
from mmfa_core.training.labelling import label_file
from mmfa_core.training.machine import require_room
from mmfa_core.training.people import LabelledFile, choose_splits, digest, group_clips, printable
from mmfa_core.training.shards import load_facts, save_labels, write_shards

VERSION = 1  # raise it when files must be labelled again
NOT_DATA = ("index.tsv", "metrics.jsonl", "state.pt")  # a folder with these is a corpus or a run

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class PreparedFolder:
    """Hold what became of a folder.

    Attributes:
        path: a corpus: index.tsv, *.tar and *.npz.
        kept: number of files that are used.
        left_out: (file, reason) of every other file, by its name inside the folder.
        notes: (file or folder, sentence) on what is used.
        pictures: number of pictures.
        people: number of people.
        held_out: people in the split val; nobody if there are fewer than four people, or fewer
            than two of whom there is more than one picture.
    """

    path: Path
    kept: int
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]
    pictures: int
    people: int
    held_out: tuple[str, ...]


def prepare_folder(folder: Path, cache: Path, report: Report) -> PreparedFolder:
    """Turn a folder of clips and portraits into a corpus, doing only what isn't done yet.

    Processes that share a cache wait for each other.

    Args:
        folder: pictures and clips, in folders or not; hidden files are passed over.
        cache: where the corpus and the labels go; made if needed.
        report: gets a line for each file that is looked at, left out or noted, and a last one.

    Returns:
        PreparedFolder.

    Raises:
        NotFoundError: there is no such folder.
        MediaError: the folder holds nothing that can be used.
        ResourceError: the cache can't be written.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder.name}.", "Check its name.")
    try:
        (cache / "files").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"The folder {cache.name} can't be made: {error.strerror}.", "Choose another output."
        ) from error
    with _alone(cache):
        names = sorted(_walk(folder, cache))
        if not names:
            raise MediaError(f"{folder.name} holds no file.", "Put clips and portraits into it.")
        files = _label_files(folder, cache / "files", names, report)
        prepared = _build_corpus(folder, cache, files)
    for name, reason in prepared.left_out:
        report({"left_out": name, "why": reason})
    for name, note in prepared.notes:
        report({"note": note, "file": name})
    report(
        {
            "prepared": folder.name,
            "files": prepared.kept,
            "left_out": len(prepared.left_out),
            "pictures": prepared.pictures,
            "people": prepared.people,
            "held_out": len(prepared.held_out),
        }
    )
    return prepared


def _walk(folder: Path, cache: Path) -> Iterator[str]:
    """List the files of a folder by their names in it, with forward slashes."""
    own = cache.resolve()
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and (here / name).resolve() != own
            and not any((here / name / mark).is_file() for mark in NOT_DATA)
        ]
        for name in files:
            if not name.startswith(".") and (here / name).is_file():
                yield (here / name).relative_to(folder).as_posix()


def _label_files(
    folder: Path, store: Path, names: Sequence[str], report: Report
) -> list[LabelledFile]:
    """Label every file that isn't labelled yet; forget those that are gone."""
    finder: FaceFinder | None = None
    files: list[LabelledFile] = []
    try:
        for number, name in enumerate(names, 1):
            labels = store / f"{_key(folder / name, name)}.npz"
            facts = load_facts(labels)
            if facts is None:
                require_room(store)
                finder = finder or FaceFinder()
                facts = save_labels(labels, label_file(folder / name, finder))
                pictures = sum(count for _, count in facts["stretches"])
                line = {"number": number, "of": len(names), "pictures": pictures}
                report({"file": printable(name), **line})
            files.append(LabelledFile(printable(name), labels, facts))
    finally:
        if finder is not None:
            finder.close()
    named = {file.labels for file in files}
    for path in store.iterdir():
        if path not in named:
            path.unlink(missing_ok=True)
    return files


def _build_corpus(folder: Path, cache: Path, files: Sequence[LabelledFile]) -> PreparedFolder:
    """Write shards and the index, unless they are there already."""
    left_out = tuple((file.name, file.facts["reason"]) for file in files if file.facts["reason"])
    kept = [file for file in files if not file.facts["reason"]]
    if not kept:
        first, reason = left_out[0]
        raise MediaError(
            f"None of the {len(files)} files of {folder.name} can be trained on; {first}: {reason}",
            "Add clips and portraits that show one face, large and from the front.",
        )
    clips, notes = group_clips(kept)
    memory = cache / "splits.json"
    before = _read_splits(memory)
    splits = choose_splits(clips, before)
    clips = [dataclasses.replace(clip, split=splits[clip.identity]) for clip in clips]
    contents = [(c.name, c.identity, c.split, [p.name for p, _ in c.parts]) for c in clips]
    tag = digest(repr((VERSION, contents)))[:10]
    index = cache / "index.tsv"
    if not index.is_file() or f"_{tag}-00\t" not in index.read_text(encoding="utf-8"):
        text = json.dumps(before | splits, indent=1, ensure_ascii=False).encode()
        replace_file(memory, lambda file: file.write(text))
        write_shards(cache, clips, tag)
    return PreparedFolder(
        path=cache,
        kept=len(kept),
        left_out=left_out,
        notes=tuple([(file.name, note) for file in kept for note in file.facts["notes"]] + notes),
        pictures=sum(clip.count for clip in clips),
        people=len(splits),
        held_out=tuple(sorted(who for who, split in splits.items() if split == "val")),
    )


def _read_splits(path: Path) -> dict[str, str]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {who: split for who, split in values.items() if split in {"train", "val"}}


def _key(path: Path, name: str) -> str:
    """Name a version of a file: another size, time or permission is another version."""
    facts = path.stat()
    return digest(f"{name}\n{facts.st_size} {facts.st_mtime_ns} {facts.st_mode} {VERSION}")


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Wait until no other process prepares the same cache; a kill lets the next one in."""
    with (cache / ".lock").open("w") as file:
        with suppress(ImportError, OSError):  # no such lock on this system or disk
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield

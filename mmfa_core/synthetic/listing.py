"""What says which heads are in a folder: the index of a corpus, and heads.json.

In: tables and facts. Out: the files, complete or not there. Knows nothing about pictures.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmfa_core.errors import ResourceError
from mmfa_core.media import replace_file

FORMAT_VERSION = 1
FACTS, INDEX = "heads.json", "index.tsv"
COLUMNS = (
    *("clip", "identity", "source", "repo", "path", "tier", "licence", "kind", "split"),
    *("shard", "first", "n", "fps", "face_px", "pad", "yaw_min", "yaw_max", "pitch_min"),
    *("pitch_max", "roll_min", "roll_max", "sharp", "flags", "crop_ratio"),
)


def read_facts(path: Path) -> dict[str, Any]:
    """Read heads.json: format, seed, views, and the shards with the people in them.

    Raises:
        ResourceError: when it isn't there, or of another version.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT_VERSION or not isinstance(facts["shards"], list):
            raise ValueError("another format")
        _ = facts["seed"], facts["views"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResourceError(
            f"{path.parent.name} holds something else than heads that this version made.",
            "Choose a new or empty folder.",
        ) from error
    made: dict[str, Any] = facts
    return made


def check_same(folder: Path, facts: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with heads of another seed or number of views, or with flow and without.

    Raises:
        ResourceError: when one differs.
    """
    for key, words in (("seed", "seed {}"), ("views", "{} views a person")):
        if facts[key] != wanted[key]:
            had, asked = words.format(facts[key]), words.format(wanted[key])
            raise ResourceError(
                f"{folder.name} holds heads made with {had}, and {asked} was asked for.",
                "Ask for the same, choose another folder, or use --overwrite.",
            )
    if bool(facts.get("flow")) != bool(wanted.get("flow")):
        had, asked = ("with", "without") if facts.get("flow") else ("without", "with")
        raise ResourceError(
            f"{folder.name} holds heads made {had} --flow, and heads {asked} it were asked for.",
            "Ask for the same, choose another folder, or use --overwrite.",
        )


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write heads.json."""
    text = (json.dumps(facts, indent=1) + "\n").encode()
    replace_file(path, lambda file: file.write(text))


def read_index(folder: Path) -> list[dict[str, str]]:
    """Read the rows of a folder's index.

    Raises:
        ResourceError: when it isn't there or can't be read.
    """
    try:
        with (folder / INDEX).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))
    except (OSError, ValueError, csv.Error) as error:
        raise ResourceError(
            f"{folder.name} has no {INDEX} that can be read.", "Give the folder of a corpus."
        ) from error


def write_index(
    folder: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS
) -> None:
    """Write a folder's index; what a row doesn't say stays empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    replace_file(folder / INDEX, lambda file: file.write(data))

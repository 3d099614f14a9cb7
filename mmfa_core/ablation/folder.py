"""The folder of one run: whose it is, and what was found when it is done.

In: settings and figures. Out: run.json and figures.json. Knows nothing about training.
"""

from __future__ import annotations

import json
from pathlib import Path

from mmfa_core.ablation.figures import FIGURES
from mmfa_core.ablation.variants import fingerprint
from mmfa_core.errors import MismatchError
from mmfa_core.media import replace_text
from mmfa_core.training.settings import TrainSettings

DONE = "figures.json"
MARK = "run.json"


def read_done(folder: Path, settings: TrainSettings) -> dict[str, float | None] | None:
    """Read the figures of a run that is done; None when it isn't."""
    try:
        known = json.loads((folder / DONE).read_text(encoding="utf-8"))
        made_by, figures = known["fingerprint"], known["figures"]
        chosen = {f.name: figures[f.name] for f in FIGURES}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MismatchError(
            f"{DONE} of {folder.parent.name}, {folder.name}, is damaged.",
            "Delete that folder to run it again.",
        ) from error
    if made_by != fingerprint(settings):
        raise MismatchError(
            f"{folder.parent.name}, {folder.name}, was run with another budget or configuration.",
            "Choose another --output, or delete that folder.",
        )
    return chosen


def claim(folder: Path, settings: TrainSettings) -> None:
    """Note what a folder is for, so that another budget never goes on with its state."""
    mark = folder / "run.json"
    mine = fingerprint(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        theirs = json.loads(mark.read_text(encoding="utf-8"))["fingerprint"]
    except FileNotFoundError:
        theirs = mine
        replace_text(mark, json.dumps({"fingerprint": mine}) + "\n")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MismatchError(
            f"{mark.name} of {folder.parent.name}, {folder.name}, can't be read.",
            "Delete that folder to run it again.",
        ) from error
    if theirs != mine:
        raise MismatchError(
            f"{folder.parent.name}, {folder.name}, was begun with another budget or configuration.",
            "Choose another --output, or delete that folder.",
        )

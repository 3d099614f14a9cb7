"""The command ``evaluate``: load everything, run one protocol, write the report.

In: what was asked on the command line. Out: the result and its files.
Knows nothing about how figures are made.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mmfa_core.checkpoint import LoadedModel, load_model
from mmfa_core.errors import ConfigError
from mmfa_core.evaluation.cross import evaluate_cross
from mmfa_core.evaluation.edits import evaluate_edits
from mmfa_core.evaluation.efflite import load_efflite
from mmfa_core.evaluation.heldout import HeldOut, read_heldout
from mmfa_core.evaluation.identity import load_describer
from mmfa_core.evaluation.measure import Frames, Progress, SeenFace, Tools
from mmfa_core.evaluation.paths import evaluate_interpolation
from mmfa_core.evaluation.rendering import Renderer
from mmfa_core.evaluation.report import check_output, plain, write_report
from mmfa_core.evaluation.same import evaluate_same
from mmfa_core.face import Crop, FaceFinder, whole_crop
from mmfa_core.hub import resolve_model
from mmfa_core.inference.engine import choose_dtype, choose_threads

PROTOCOLS = ("same", "cross", "edit", "interpolation")
SPLIT = "val"
CLOSE_MARGIN = 1.5  # side of the crop over the face, where the face is put in the middle


def evaluate_command(args: argparse.Namespace, progress: Progress | None = None) -> dict[str, Any]:
    """Measure a model with one protocol and write the report.

    Args:
        args: protocol (one of PROTOCOLS), data (folder of the held-out people), output (JSON
            file; None writes nothing), model (as hub.resolve_model takes it); and, if they are
            there, overwrite, threads and limit (at most so many clips for ``same``, portraits
            for ``cross`` and ``edit``, pairs for ``interpolation``).
        progress: told what is being done, how many are done, and of how many.

    Returns:
        The result, as written: protocol, split, mode, n, model, command, rows, margins, seconds;
        figures that are missing are None.

    Raises:
        MMFAError: when the model, the data or the output can't be used.
    """
    if args.protocol not in PROTOCOLS:
        raise ConfigError(
            f"The protocol is {args.protocol!r}, not one of {', '.join(PROTOCOLS)}.",
            "Choose one of them.",
        )
    limit = getattr(args, "limit", None)
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit is {limit}; it must be at least 1.", "Leave it out.")
    overwrite = bool(getattr(args, "overwrite", False))
    if args.output is not None:
        check_output(args.output, overwrite=overwrite)
    if getattr(args, "threads", None) is not None:
        torch.set_num_threads(choose_threads(args.threads))
    loaded = load_model(resolve_model(args.model))
    heldout = read_heldout(args.data, SPLIT)
    start = time.monotonic()
    found, notes = _run(args.protocol, limit, loaded, heldout, progress or _silent)
    sheets, plots = found.pop("sheets", []), found.pop("plots", [])
    result: dict[str, Any] = {
        "protocol": args.protocol,
        "split": SPLIT,
        "mode": found.pop("mode"),
        "n": found.pop("n"),
        "model": {"id": loaded.model_id, "hash": loaded.model_hash, "training": loaded.training},
        "command": command_line(args),
        **found,
        "notes": notes,
        "seconds": round(time.monotonic() - start, 1),
    }
    if args.output is not None:
        write_report(result, args.output, overwrite=overwrite, sheets=sheets, plots=plots)
    written: dict[str, Any] = plain(result)
    return written


def command_line(args: argparse.Namespace) -> str:
    """Write the command down again, with names instead of full paths."""
    words = ["python -m mmfa_core evaluate", f"--protocol {args.protocol}"]
    words.append(f"--data {Path(args.data).name}")
    if args.model is not None:
        place = Path(args.model)
        words.append(f"--model {place.name if place.is_dir() else args.model}")
    if getattr(args, "limit", None) is not None:
        words.append(f"--limit {args.limit}")
    return " ".join(words)


def _run(
    protocol: str, limit: int | None, loaded: LoadedModel, heldout: HeldOut, progress: Progress
) -> tuple[dict[str, Any], list[str]]:
    notes = []
    dtype = choose_dtype(torch.device("cpu"))
    renderer = Renderer(loaded.model, dtype)
    with open_tools(identity=protocol in ("same", "cross")) as (tools, tools_closely):
        if tools.describe is None and protocol in ("same", "cross"):
            notes.append("identity_distance was left out: dlib or its model is not installed")
        notes.append(f"the model computed in {str(dtype).removeprefix('torch.')}, on the CPU")
        protocols: dict[str, Callable[..., dict[str, Any]]] = {
            "same": evaluate_same,
            "cross": partial(evaluate_cross, references=True),
            "edit": evaluate_edits,
            "interpolation": evaluate_interpolation,
        }
        chosen = tools_closely if protocol == "edit" else tools
        found = protocols[protocol](renderer, heldout, chosen, limit, progress)
    return found, [*found.pop("notes", []), *notes]


@contextmanager
def open_tools(*, identity: bool) -> Iterator[tuple[Tools, Tools]]:
    """Load what measures outputs.

    Args:
        identity: also dlib's descriptor, if it is installed.

    Yields:
        The tools; and those whose landmarker is shown the face in the middle, for edits: its
        camera looks at the middle of what it is given, so a shifted head seems to turn.
    """
    describe = load_describer() if identity else None
    with FaceFinder() as finder:

        def detect(frame: Frames) -> SeenFace | None:
            return finder.detect_in_crop(frame, whole_crop(frame.shape))

        def detect_closely(frame: Frames) -> SeenFace | None:
            face = finder.detect_in_crop(frame, whole_crop(frame.shape))
            if face is None:
                return None
            crop = Crop(*face.box.centre, CLOSE_MARGIN * face.box.side)
            return finder.detect_in_crop(frame, crop) or face

        tools = Tools(detect, load_efflite(), describe)
        yield tools, dataclasses.replace(tools, detect=detect_closely)


def _silent(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""

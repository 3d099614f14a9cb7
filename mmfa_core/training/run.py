"""The train command: read settings, prepare data, resume, run, export.

In: arguments of the command line. Out: a training folder with state.pt, metrics.jsonl, clips.tsv
(errors by clip), sheets/ and model/ (the averaged weights, ready for --model). Knows nothing about
losses or networks.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import torch
import torch.distributed as dist

from mmfa_core.checkpoint import load_model, save_model
from mmfa_core.config import read_json
from mmfa_core.errors import ConfigError, NotFoundError, ResourceError
from mmfa_core.losses.perceptual import load_vgg16
from mmfa_core.model import MMFA, build_model
from mmfa_core.training.batches import PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.directions import PORTRAITS, measure_expressions
from mmfa_core.training.folder import prepare_folder
from mmfa_core.training.growth import grow
from mmfa_core.training.hard_cases import read_clip_errors
from mmfa_core.training.heldout import HeldOut
from mmfa_core.training.machine import keep_memory, require_room
from mmfa_core.training.origin import claim_folder, usual_folder
from mmfa_core.training.settings import TrainSettings, settings_from_dict
from mmfa_core.training.sheet import write_sheet
from mmfa_core.training.state import has_state
from mmfa_core.training.teacher import build_teacher, initial_keypoints
from mmfa_core.training.trainer import Trainer

Progress = Callable[[dict[str, Any]], None]
CONFIGS = Path(__file__).parent / "configs"
DEFAULT_CONFIG = "mmfa-s-256"
CACHE = Path.home() / ".cache" / "mmfa"
SHEET_ROWS = [0, 1, 2, 3, 6, 9]
CODES = 1500  # pictures whose expression codes give the aggregate posterior


def train_command(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Train, or go on with a training.

    Args:
        arguments: ``config`` (file or shipped name), ``data``, ``output``, ``device``; any may be
            None.
        progress: gets every line of the log.

    Returns:
        Steps, whether a signal stopped it, hours, last measures on held-out people, where the
        model is, its id and hash.

    Raises:
        ConfigError, NotFoundError, ResourceError, MismatchError: each in one sentence.
    """
    settings = read_settings(arguments.config or DEFAULT_CONFIG)
    if arguments.data:
        settings = dataclasses.replace(settings, data=arguments.data)
    if not settings.data:
        raise ConfigError(
            "There is nothing to train on.", "Give --data, a folder of clips and portraits."
        )
    if not settings.stages:
        raise ConfigError("The training configuration has no stages.", "Add at least one.")
    asked = arguments.output or settings.output
    output = Path(asked or usual_folder(CACHE, settings.model.name, Path(settings.data)))
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"The folder {output.name} can't be made.", "Choose one that you may write to."
        ) from error
    require_room(output)
    rank, device = _join_processes(arguments.device)
    older = CACHE / settings.model.name  # where versions before this one kept every run
    if rank == 0 and not asked and has_state(older) and not has_state(output):
        progress({"note": f"An older run is kept; --output ~/.cache/mmfa/{older.name} resumes it."})
    try:
        return train_model(settings, output, progress, rank=rank, device=device)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def read_settings(name: str) -> TrainSettings:
    """Read settings from a JSON file, or shipped ones by name.

    Raises:
        ConfigError: for a missing file or wrong values.
    """
    shipped = CONFIGS / f"{name}.json"
    return settings_from_dict(read_json(shipped if shipped.is_file() else name))


def train_model(
    settings: TrainSettings,
    output: Path,
    progress: Progress,
    *,
    rank: int = 0,
    device: torch.device,
    quick: bool = False,
) -> dict[str, Any]:
    """Train in a folder, or go on there, until the schedule ends or a signal asks to stop.

    Args:
        settings: with ``data`` and at least one stage.
        output: folder of the run, there already.
        progress: gets every line of the log.
        rank: process number in a distributed run.
        device: where networks compute.
        quick: measure and draw nothing on held-out people, and look for no named directions.

    Returns:
        As train_command.
    """
    hard = read_clip_errors(settings.hard_cases)
    keep_memory()
    cv2.setNumThreads(1)
    claim_folder(output, Path(settings.data), write=rank == 0)
    data = data_folder(Path(settings.data), output, progress)
    corpus = Corpus(data, "train", settings.tiers, settings.leave_out)
    teacher = build_teacher(corpus, settings.model.radius)
    model = _first_model(settings, initial_keypoints(teacher, settings.model.keypoints))
    perceptual = None
    if settings.perceptual_weights:
        perceptual = load_vgg16(str(Path(settings.perceptual_weights).expanduser()))
    trainer = Trainer(
        settings,
        model,
        PairSampler(
            corpus,
            teacher,
            settings.seed,
            settings.stills,
            turned=settings.turned,
            wide=settings.wide_pairs,
            hard=hard,
        ),
        output,
        device=device,
        perceptual=perceptual,
        rank=rank,
    )
    resumed = trainer.resume()
    held_out = None if quick else _held_out(data, settings)
    last: dict[str, Any] = {}

    def log(line: dict[str, Any]) -> None:
        if rank == 0:
            with (output / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            progress(line)

    def evaluate(at: Trainer) -> dict[str, Any]:
        if held_out is not None:
            last.update(held_out.measure(at.averaged))
            sheet = output / "sheets" / f"{at.step:06d}.jpg"
            write_sheet(sheet, at.averaged, held_out, SHEET_ROWS)
        _export(at, output)
        return last

    log({"resumed": resumed, "step": trainer.step, "pictures": len(corpus)})
    with _stop_on_signals() as stop:
        trainer.run(log, None if quick else evaluate, stop)
        portraits = 0 if quick else PORTRAITS
        model_hash = _export(trainer, output, portraits) if rank == 0 else ""
        stopped = stop()
    return {
        "steps": trainer.step,
        "stopped": stopped,
        "hours": round(trainer.seconds / 3600, 3),
        "held_out": last,
        "folder": output.name,
        "model": settings.model.name,
        "hash": model_hash,
    }


def data_folder(folder: Path, output: Path, progress: Progress) -> Path:
    """Take a folder of shards as it is, and make shards of anything else."""
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder.name}.", "Check --data.")
    if (folder / "index.tsv").is_file():
        return folder
    prepared = prepare_folder(folder, output / "data", progress)
    return prepared.path


def _first_model(settings: TrainSettings, keypoints: torch.Tensor) -> MMFA:
    """Build a model: fresh by the seed, or with the weights that the settings name."""
    torch.manual_seed(settings.seed)
    model = build_model(settings.model)
    if settings.teacher:
        model.motion_estimator.mean_keypoints.data.copy_(keypoints)
    if settings.start:
        loaded = load_model(Path(settings.start).expanduser())
        state = loaded.model.state_dict()
        if loaded.config != settings.model:
            state = grow(state, loaded.config, settings.model, settings.seed)
        model.load_state_dict(state)
    return model


def _held_out(data: Path, settings: TrainSettings) -> HeldOut | None:
    """Take people of the val split, if there are clips of any."""
    try:
        return HeldOut(data, settings.model.radius)
    except NotFoundError:
        return None


def _export(trainer: Trainer, output: Path, portraits: int = 0) -> str:
    """Write the averaged weights with what is measured of the expression codes; returns the hash.

    Named directions are looked for only at the end, on ``portraits``: that takes minutes.
    """
    model = trainer.averaged.eval()
    stats = measure_expressions(
        model, trainer.sampler.corpus, codes=2 * CODES if portraits else CODES, portraits=portraits
    )
    notes = {"steps": trainer.step, "hours": round(trainer.seconds / 3600, 2)}
    return save_model(output / "model", model, model.config, stats, notes)


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Ask the loop to save and end on Ctrl-C or a request to end."""
    asked: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    before = {n: signal.signal(n, remember) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _join_processes(device: str | None) -> tuple[int, torch.device]:
    """Join the other processes that torchrun started, if any; returns rank and device."""
    cuda = torch.cuda.is_available() if device is None else device.startswith("cuda")
    if "LOCAL_RANK" not in os.environ:
        return 0, torch.device("cuda" if cuda else "cpu")
    local = int(os.environ["LOCAL_RANK"])
    dist.init_process_group("nccl" if cuda else "gloo")
    if cuda:
        torch.cuda.set_device(local)
    return dist.get_rank(), torch.device(f"cuda:{local}" if cuda else "cpu")

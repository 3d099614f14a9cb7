"""Models on disk: save_model and load_model, without ever unpickling anything.

In: a model, or a folder of model.safetensors, config.json and hashes.json. Out: the same.
Knows nothing about the Hub, pictures or training.

The weights are stored in half precision and computed with in single precision. hashes.json holds
the SHA-256 of the two other files, so that a damaged or half-copied folder is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor

from mmfa_core.config import (
    FORMAT_VERSION,
    ExpressionStats,
    ModelConfig,
    from_dict,
    read_json,
    to_dict,
)
from mmfa_core.errors import MismatchError, NotFoundError, ResourceError
from mmfa_core.model import MMFA, build_model
from mmfa_core.model_files import (
    CONFIG,
    HASH_LETTERS,
    HASHES,
    LOAD_AGAIN,
    PICKLE_SUFFIXES,
    WEIGHTS,
    as_mismatch,
    check_hashes,
    pickle_error,
)

PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
SECTIONS = ("format_version", "model", "expression", "training")


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadedModel:
    """Hold a model that is ready to compute.

    Attributes:
        model: single precision, channels last, evaluation mode, without gradients.
        config: its architecture.
        model_id: what people call it, such as ``mmfa-s-256``.
        model_hash: the first HASH_LETTERS of the SHA-256 of its weights.
        expression: spread of the expression codes of its training set; may be empty.
        training: free notes of the training, such as steps and hours.
    """

    model: MMFA = field(repr=False)
    config: ModelConfig
    model_id: str
    model_hash: str
    expression: ExpressionStats
    training: dict[str, Any]


def save_model(
    folder: str | Path,
    model: MMFA,
    config: ModelConfig,
    expression: ExpressionStats | None = None,
    notes: dict[str, Any] | None = None,
) -> str:
    """Write a model; a reader sees the old files or the new ones, and refuses a mixture of both.

    Args:
        folder: made if it is missing; other files in it stay.
        model: of the architecture that ``config`` describes.
        config: stored beside the weights.
        expression: spread of the expression codes.
        notes: JSON values about the training.

    Returns:
        The short hash of the weights.

    Raises:
        ValueError: when a weight is not finite in half precision.
        ResourceError: when the folder can't be written.
    """
    place = Path(folder)
    weights = format_safetensors(_half_precision(model))
    described = {
        "format_version": FORMAT_VERSION,
        "model": {k: v for k, v in to_dict(config).items() if k != "format_version"},
        "expression": to_dict(expression or ExpressionStats()),
        "training": notes or {},
    }
    text = _json_bytes(described)
    files = {WEIGHTS: weights, CONFIG: text}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=place) as temporary:
            written = {**files, HASHES: _json_bytes(hashes)}
            for name, content in written.items():
                _write_through(Path(temporary) / name, content)
            for name in written:
                (Path(temporary) / name).replace(place / name)
    except OSError as error:
        raise ResourceError(
            f"The model can't be written to {place.name}: {error.strerror}.",
            "Choose a folder that you may write to, with room for it.",
        ) from error
    return hashes[WEIGHTS][:HASH_LETTERS]


def load_model(folder: str | Path, device: torch.device | str = "cpu") -> LoadedModel:
    """Read a model and check it completely before it is used.

    Args:
        folder: as written by save_model.
        device: where the weights go.

    Returns:
        The model, ready to compute.

    Raises:
        NotFoundError: when the folder or one of its files is missing, or can't be read.
        MismatchError: when a file is damaged, a pickle, of another version, or doesn't fit the
            architecture that it names.
    """
    place = Path(folder)
    with _as_not_found(place):
        _check_files(place)
        weights = (place / WEIGHTS).read_bytes()
        # The length of a sound header may begin with the same bytes; JSON follows it, in place 8.
        if weights.startswith(PICKLE_STARTS) and weights[8:9] != b"{":
            raise pickle_error(WEIGHTS)
        config, expression, training = _read_config(place)
        found = hashlib.sha256(weights).hexdigest()
        check_hashes(place, found)
    model = _fill(config, _parse(weights))
    model.requires_grad_(False).eval()
    moved = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedModel(
        model=moved,
        config=config,
        model_id=config.name,
        model_hash=found[:HASH_LETTERS],
        expression=expression,
        training=training,
    )


@contextlib.contextmanager
def _as_not_found(place: Path) -> Iterator[None]:
    """Say of a folder that can't be read that there is no model for us in it."""
    try:
        yield
    except OSError as error:
        raise NotFoundError(
            f"The model folder {place.name!r} can't be read: {error.strerror}.",
            "Check its permissions.",
        ) from error


def _half_precision(model: MMFA) -> dict[str, Tensor]:
    halves = {}
    for name, value in model.state_dict().items():
        half = value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype)
        if half.is_floating_point() and not bool(half.isfinite().all()):
            raise ValueError(f"{name} has values that are not finite in half precision")
        halves[name] = half.contiguous()
    return halves


def _json_bytes(value: Any) -> bytes:
    """Write JSON for people: indented, with each list of numbers on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    short = re.sub(r"\[\n[\d.,\s+eE-]+\]", lambda row: f"[{' '.join(row[0][1:-1].split())}]", text)
    return (short + "\n").encode()


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _check_files(place: Path) -> None:
    if place.suffix in PICKLE_SUFFIXES and not place.is_dir():
        raise pickle_error(place.name)
    if not place.is_dir():
        raise NotFoundError(
            f"There is no model folder {place.name!r}.",
            f"Name a folder with {WEIGHTS}, {CONFIG} and {HASHES}, or leave it out.",
        )
    missing = [name for name in (WEIGHTS, CONFIG, HASHES) if not (place / name).is_file()]
    if WEIGHTS in missing:
        pickles = sorted(p.name for p in place.iterdir() if p.suffix in PICKLE_SUFFIXES)
        if pickles:
            raise pickle_error(pickles[0])
    if missing:
        raise NotFoundError(
            f"The model folder {place.name!r} lacks {' and '.join(missing)}.", LOAD_AGAIN
        )


def _read_config(place: Path) -> tuple[ModelConfig, ExpressionStats, dict[str, Any]]:
    with as_mismatch():
        values = read_json(place / CONFIG)
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise MismatchError(
            f"The model has format version {version!r}; this program reads {FORMAT_VERSION}.",
            "Use a model and a program of the same release.",
        )
    if sorted(values) != sorted(SECTIONS) or not isinstance(values["training"], dict):
        raise MismatchError(
            f"{CONFIG} has {', '.join(sorted(values))}; needed are {', '.join(SECTIONS)}.",
            LOAD_AGAIN,
        )
    with as_mismatch():
        config = from_dict(ModelConfig, values["model"])
        expression = from_dict(ExpressionStats, values["expression"])
    if {len(expression.mean), len(expression.std)} not in ({0}, {config.expression_code}):
        raise MismatchError(
            f"{CONFIG} describes {len(expression.mean)} numbers of the expression code; "
            f"{config.expression_code} are needed.",
            LOAD_AGAIN,
        )
    return config, expression, values["training"]


def _parse(weights: bytes) -> dict[str, Tensor]:
    try:
        tensors = parse_safetensors(weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise MismatchError(f"{WEIGHTS} is damaged or truncated.", LOAD_AGAIN) from error
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise MismatchError(f"{WEIGHTS} has values that are not finite in {name}.", LOAD_AGAIN)
    return tensors


def _fill(config: ModelConfig, tensors: dict[str, Tensor]) -> MMFA:
    with torch.random.fork_rng(devices=[]):  # the fresh weights are thrown away
        model = build_model(config)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    wrong = sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
    if wrong:
        name = wrong[0]
        raise MismatchError(
            f"{WEIGHTS} doesn't fit {CONFIG} in {len(wrong)} places, first {name}: "
            f"{found.get(name, 'nothing')} is there, {wanted.get(name, 'nothing')} is needed.",
            LOAD_AGAIN,
        )
    model.load_state_dict({name: value.float() for name, value in tensors.items()})
    return model

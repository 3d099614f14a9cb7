"""The model on a device: frames in, motion and frames out.

In: uint8 frames of the model's size. Out: Motion, encoded sources and uint8 frames.
Knows nothing about faces, clips or options.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmfa_core.checkpoint import LoadedModel
from mmfa_core.errors import ConfigError
from mmfa_core.estimates import EncodedSource
from mmfa_core.hardware import has_fast_bfloat16
from mmfa_core.media import Frame
from mmfa_core.motion import Motion
from mmfa_core.networks.generator import Generated

THREAD_LIMITS = (1, 256)
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, eq=False)
class Engine:
    """Compute with one loaded model; safe to share between threads.

    Attributes:
        loaded: the model, on ``device``.
        device: where it computes.
        dtype: what convolutions compute in.
        threads: CPU threads in all.
    """

    loaded: LoadedModel
    device: torch.device
    dtype: torch.dtype
    threads: int

    @property
    def size_px(self) -> int:
        """Return the side of the pictures that go in and come out."""
        return self.loaded.config.size_px

    @property
    def workers(self) -> int:
        """Return how many batches are worth computing side by side.

        On a CPU two batches on half the threads each leave no core idle in the parts of a
        network that run on one thread.
        """
        return 2 if self.device.type == "cpu" and self.threads > 1 else 1

    @contextlib.contextmanager
    def computing(self) -> Generator[None]:
        """Prepare this thread to compute without gradients; only networks use ``dtype``.

        It gets a worker's share of the CPU threads and never all of them: with a thread on every
        core each operation waits for the core that something else has taken, and one picture
        takes a second and more on a busy machine instead of a few hundredths.
        """
        torch.set_num_threads(max(1, self.threads // self.workers))
        with torch.inference_mode():
            yield

    def _fast(self) -> torch.autocast:
        half = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype, enabled=half)

    def to_tensor(self, frames: Sequence[Frame]) -> Tensor:
        """Turn frames (H, W, 3) uint8 into (B, 3, H, W) in [0, 1], channels last."""
        stacked = torch.from_numpy(np.stack(frames)).to(self.device)  # (B, H, W, 3)
        return stacked.permute(0, 3, 1, 2).float().div_(255)

    def to_frames(self, pictures: Tensor) -> list[Frame]:
        """Turn (B, 3, H, W) in [0, 1] into frames."""
        rounded = pictures.float().mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
        return list(rounded.permute(0, 2, 3, 1).contiguous().cpu().numpy())

    def encode_source(self, frame: Frame) -> EncodedSource:
        """Compute all that depends on the portrait alone; call it within computing()."""
        with self._fast():
            source = self.loaded.model.encode_source(self.to_tensor([frame]))
        return dataclasses.replace(
            source,
            canonical_keypoints=source.canonical_keypoints.float(),
            motion=_single_precision(source.motion),
        )

    def estimate(self, frames: Sequence[Frame]) -> tuple[Motion, Tensor]:
        """Estimate motion and canonical keypoints (B, K, 3); call it within computing()."""
        with self._fast():
            found = self.loaded.model.estimate_closely(self.to_tensor(frames))
        return _single_precision(found.motion), found.canonical_keypoints.float()

    def estimate_motion(self, frames: Sequence[Frame]) -> Motion:
        """Estimate the motion of a few frames; call it within computing()."""
        return self.estimate(frames)[0]

    def render(self, source: EncodedSource, motion: Motion) -> list[Frame]:
        """Show a portrait with each motion of a batch; call it within computing()."""
        return self.to_frames(self.generate(source, motion).picture)

    def generate(self, source: EncodedSource, motion: Motion) -> Generated:
        """Show a portrait and keep what the pictures are made of; call it within computing()."""
        model = self.loaded.model
        with self._fast():
            return model.render(model.expand(source, len(motion)), motion)

    def decode_expression(self, code: Tensor) -> Tensor:
        """Decode expression codes (B, Z) to offsets (B, K, 3)."""
        offsets: Tensor = self.loaded.model.expression_vae.decode(code)
        return offsets

    def with_expression(self, motion: Motion, code: Tensor) -> Motion:
        """Give motions, batch B, other expressions by their codes (B, Z)."""
        offsets = self.decode_expression(code)
        return dataclasses.replace(motion, expression_code=code, expression_offsets=offsets)

    def decode_as_estimated(self, code: Tensor) -> Tensor:
        """Decode codes that estimate gave, (B, Z), to the very offsets that it gave with them."""
        with self._fast():
            return self.decode_expression(code).float()


def _single_precision(motion: Motion) -> Motion:
    return Motion(*(getattr(motion, f.name).float() for f in dataclasses.fields(Motion)))


def choose_device(name: str | None) -> torch.device:
    """Choose where to compute.

    Args:
        name: such as ``cpu`` or ``cuda:0``; None takes a GPU if there is one.

    Returns:
        The device.

    Raises:
        ConfigError: for an unknown device, or one that this machine doesn't have.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"The device {name!r} is not there.", "Leave it out, or use cpu or cuda."
        ) from error
    return device


def choose_dtype(device: torch.device, name: str | None = None) -> torch.dtype:
    """Choose what networks compute in.

    Args:
        device: where they compute.
        name: one of DTYPES; None takes bfloat16 or float16 where the hardware multiplies matrices
            of them fast, else float32.

    Returns:
        The precision.

    Raises:
        ConfigError: for another name.
    """
    if name is not None:
        if name not in DTYPES:
            raise ConfigError(
                f"The precision {name!r} is unknown.", f"Leave it out, or use {', '.join(DTYPES)}."
            )
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if has_fast_bfloat16(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else torch.float32


def choose_threads(threads: int | None) -> int:
    """Choose the number of CPU threads.

    Raises:
        ConfigError: when ``threads`` is below 1 or above 256.
    """
    if threads is None:
        return _available_cores()
    low, high = THREAD_LIMITS
    if not low <= threads <= high:
        raise ConfigError(f"threads is {threads}; allowed are {low} to {high}.", "Leave it out.")
    return threads


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(len(os.sched_getaffinity(0)), THREAD_LIMITS[1]))
    return max(1, min(os.cpu_count() or 1, THREAD_LIMITS[1]))

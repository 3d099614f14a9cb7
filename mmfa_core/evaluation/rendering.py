"""Run a model over pictures in small batches.

In: a model, pictures, motions. Out: motions and pictures.
Knows nothing about protocols.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.evaluation.efflite import EffLite0
from mmfa_core.evaluation.heldout import to_frames, to_tensor
from mmfa_core.evaluation.measure import Frames
from mmfa_core.model import MMFA
from mmfa_core.motion import Motion


@dataclass(frozen=True)
class Renderer:
    """Compute with a model, without gradients.

    Attributes:
        model: weights to measure.
        dtype: what convolutions compute in; that of the product, to measure what people get.
    """

    model: MMFA
    dtype: torch.dtype = torch.float32

    def encode_source(self, frame: Frames) -> EncodedSource:
        """Encode one source (H, W, 3) uint8; batch 1."""
        with self._computing():
            return self.model.encode_source(to_tensor(frame[None]))

    def estimate_motion(self, frames: Frames) -> Motion:
        """Estimate the motion in frames (n, H, W, 3) uint8."""
        with self._computing():
            parts = [
                self.model.estimate_motion(to_tensor(frames[part])) for part in batches(len(frames))
            ]
        return Motion.cat(parts)

    def render(self, source: EncodedSource, motion: Motion) -> Tensor:
        """Show a source (batch 1) with n motions; (n, 3, H, W) in [0, 1]."""
        with self._computing():
            parts = [
                self.model.render(
                    self.model.expand(source, part.stop - part.start), motion[part]
                ).picture.float()
                for part in batches(len(motion))
            ]
        return torch.cat(parts)

    def render_frames(self, source: EncodedSource, motion: Motion) -> Frames:
        """Show a source with n motions, as frames (n, H, W, 3) uint8."""
        return to_frames(self.render(source, motion))

    def decode_expression(self, code: Tensor) -> Tensor:
        """Decode expression codes (n, Z) to offsets (n, K, 3)."""
        with self._computing():
            return self.model.expression_vae.decode(code).float()

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        half = self.dtype != torch.float32
        with torch.no_grad(), torch.autocast("cpu", self.dtype, enabled=half):
            yield


def compute_features(net: EffLite0, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
    """Compute taps and pools of EffLite0 of pictures (n, 3, H, W) in small batches."""
    with torch.no_grad():
        parts = [net(pictures[part]) for part in batches(len(pictures))]
    taps = [torch.cat([taps[i] for taps, _ in parts]) for i in range(len(parts[0][0]))]
    return taps, torch.cat([pool for _, pool in parts])


def batches(total: int, size: int = 8) -> Iterator[slice]:
    """Cut ``range(total)`` into slices of at most ``size``."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))

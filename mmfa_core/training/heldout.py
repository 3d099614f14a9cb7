"""Quick measures on held-out people while a run goes on.

In: the averaged model and a val split. Out: numbers. The full protocols are in evaluation/.
Knows nothing about optimisers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfa_core.errors import NotFoundError
from mmfa_core.geometry import pose_from_rotation
from mmfa_core.losses.reconstruction import flow_distance
from mmfa_core.model import MMFA
from mmfa_core.training.batches import Pair, PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.teacher import GUIDES, build_teacher

PAIRS = 64
LAPLACIAN = torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]])


class HeldOut:
    """Hold a fixed set of same-identity pairs of people who are not in training."""

    def __init__(self, folder: str | Path, radius: float, count: int = PAIRS) -> None:
        """Read the val split and choose pairs: first picture of a clip, and others of it."""
        corpus = Corpus(folder, "val")
        self.sampler = PairSampler(corpus, build_teacher(corpus, radius), seed=0)
        rng = np.random.default_rng(0)
        many = [c for c in corpus.clips if c.count > 1]
        if not many:
            raise NotFoundError("No held-out person has two pictures.", "Add a clip of one.")
        rows: list[tuple[int, int]] = []
        while len(rows) < count:
            clip = many[len(rows) % len(many)]
            rows.append((clip.first, clip.first + int(rng.integers(1, clip.count))))
        self.rows = np.array(rows)

    def pair(self, first: int, count: int) -> Pair:
        """Load some of the pairs."""
        part = self.rows[first : first + count]
        return Pair(self.sampler.rows(part[:, 0]), self.sampler.rows(part[:, 1]))

    @torch.no_grad()
    def measure(self, model: MMFA) -> dict[str, float]:
        """Measure the model: pictures against the truth beside the copy, poses, keypoints, flow.

        Returns:
            l1, l1_face, psnr, sharpness and the same of the copy (``copy_``); pose_deg,
            keypoint_px and flow_px at 256 px.
        """
        model.eval()
        sums: dict[str, float] = {}
        for first in range(0, len(self.rows), 8):
            pair = self.pair(first, 8)
            source = model.encode_source(pair.source.pictures)
            driving = model.estimate_motion(pair.driving.pictures)
            generated = model.render(source, driving)
            points = model.keypoints(source.canonical_keypoints, driving)
            truth = pair.driving
            values = _picture_rows(generated.picture, pair, "")
            values |= _picture_rows(pair.source.pictures, pair, "copy_")
            mine, theirs = pose_from_rotation(driving.rotation), pose_from_rotation(truth.rotation)
            angles = torch.stack(
                (
                    mine.yaw_deg - theirs.yaw_deg,
                    mine.pitch_deg - theirs.pitch_deg,
                    mine.roll_deg - theirs.roll_deg,
                )
            )
            values["pose_deg"] = angles.abs().mean().item()
            away = points[:, : len(GUIDES), :2] - truth.landmarks[:, list(GUIDES), :2]
            values["keypoint_px"] = 128 * away.norm(dim=-1).mean().item()
            values["flow_px"] = (
                128
                * flow_distance(
                    generated.motion.flow,
                    truth.landmarks[..., :2],
                    pair.source.landmarks[..., :2],
                    torch.ones(478),
                ).item()
            )
            for key, value in values.items():
                sums[key] = sums.get(key, 0.0) + value * len(truth.scale) / len(self.rows)
        model.train()
        return {k: round(v, 5) for k, v in sums.items()}


def _picture_rows(picture: Tensor, pair: Pair, prefix: str) -> dict[str, float]:
    truth = pair.driving.pictures
    error = (picture - truth).abs().mean(1)
    psnr = -10 * torch.log10(((picture - truth) ** 2).mean((1, 2, 3)))
    inside = []
    pixels = (pair.driving.landmarks[..., :2] + 1) * truth.shape[-1] / 2
    for one, points in zip(error, pixels, strict=True):
        x0, y0 = points.amin(0).clamp_min(0).int().tolist()
        x1, y1 = points.amax(0).int().tolist()
        inside.append(one[y0 : y1 + 1, x0 : x1 + 1].mean())
    return {
        f"{prefix}l1": error.mean().item(),
        f"{prefix}l1_face": torch.stack(inside).mean().item(),
        f"{prefix}psnr": psnr.mean().item(),
        f"{prefix}sharpness": sharpness(picture, truth),
    }


def sharpness(pictures: Tensor, truth: Tensor) -> float:
    """Compare the detail of pictures with that of the truth, which L1 doesn't tell.

    Args:
        pictures: (B, 3, H, W).
        truth: (B, 3, H, W).

    Returns:
        Mean size of the Laplacian of the brightness, as a share of the truth's; 1 = as sharp.
    """
    detail, wanted = (F.conv2d(p.mean(1, keepdim=True), LAPLACIAN).abs() for p in (pictures, truth))
    return float(detail.mean() / wanted.mean().clamp_min(1e-6))

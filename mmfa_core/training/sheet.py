"""Sheets of held-out people: what the numbers can't say.

In: the averaged model and held-out pairs. Out: one picture to look at.
Knows nothing about optimisers.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.estimates import EncodedSource
from mmfa_core.geometry import make_grid, pose_from_rotation, rotation_from_pose
from mmfa_core.model import MMFA
from mmfa_core.motion import HeadPose, Motion
from mmfa_core.training.heldout import HeldOut

SWEEPS = ((-20, 0, 0), (20, 0, 0), (0, -12, 0), (0, 12, 0), (0, 0, 15))
STEPS = 5  # pictures of an interpolation strip


@torch.no_grad()
def write_sheet(path: Path, model: MMFA, held_out: HeldOut, rows: list[int]) -> None:
    """Draw one line a held-out pair.

    Each line: source, driving, output, warped, painted, keypoints, flow, blend, cross identity
    (the next line's driving on this source), five turns, and the expression interpolation from
    the source to the next line's driving.

    Args:
        path: PNG or JPEG to write.
        model: in eval mode or not; left as it was.
        held_out: pairs of people who are not in training.
        rows: which pairs.
    """
    was_training = model.training
    model.eval()
    pairs = [held_out.pair(row, 1) for row in rows]
    motions = [model.estimate_motion(p.driving.pictures) for p in pairs]
    lines = []
    for index, pair in enumerate(pairs):
        source = model.encode_source(pair.source.pictures)
        driving, other = motions[index], motions[(index + 1) % len(pairs)]
        made = model.render(source, driving)
        points = model.keypoints(source.canonical_keypoints, driving)
        tiles = [pair.source.pictures, pair.driving.pictures, made.picture, made.warped]
        cells = [_frame(t) for t in (*tiles, made.painted)]
        cells.append(_dots(_frame(pair.driving.pictures), points[0, :, :2]))
        cells.append(_flow_colours(made.motion.flow, made.picture.shape[-1]))
        cells.append(_frame(made.blend.expand(-1, 3, -1, -1)))
        cells.append(_frame(model.render(source, other).picture))
        cells += [_frame(model.render(source, _turned(source, turn)).picture) for turn in SWEEPS]
        cells += [_frame(p) for p in _strip(model, source, other)]
        lines.append(np.concatenate(cells, 1))
    sheet = np.concatenate(lines, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
    model.train(was_training)


def _turned(source: EncodedSource, turn: tuple[int, int, int]) -> Motion:
    pose = pose_from_rotation(source.motion.rotation)
    yaw, pitch, roll = turn
    rotation = rotation_from_pose(
        HeadPose(pose.yaw_deg + yaw, pose.pitch_deg + pitch, pose.roll_deg + roll)
    )
    return dataclasses.replace(source.motion, rotation=rotation)


def _strip(model: MMFA, source: EncodedSource, other: Motion) -> list[Tensor]:
    first, last = source.motion.expression_code, other.expression_code
    pictures = []
    for share in torch.linspace(0, 1, STEPS).tolist():
        code = torch.lerp(first, last, share)
        offsets = model.expression_vae.decode(code)
        motion = dataclasses.replace(
            source.motion, expression_code=code, expression_offsets=offsets
        )
        pictures.append(model.render(source, motion).picture)
    return pictures


def _frame(picture: Tensor) -> NDArray[np.uint8]:
    data = (picture[0].clamp(0, 1) * 255 + 0.5).byte().permute(1, 2, 0).contiguous()
    return np.asarray(data.cpu().numpy())


def _dots(frame: NDArray[np.uint8], points: Tensor) -> NDArray[np.uint8]:
    drawn = frame.copy()
    side = frame.shape[0]
    for index, (x, y) in enumerate(points.tolist()):
        hue = np.full((1, 1, 3), 255, np.uint8)
        hue[..., 0] = 179 * index // len(points)
        colour = [int(v) for v in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0]]
        cv2.circle(drawn, (int((x + 1) * side / 2), int((y + 1) * side / 2)), 2, colour, -1)
    return drawn


def _flow_colours(flow: Tensor, size_px: int) -> NDArray[np.uint8]:
    """Colour displacements: hue is the direction, brightness the length (full at 0.3)."""
    moves = (flow[0] - make_grid(flow.shape[1], flow.shape[2], flow.device)).cpu().numpy()
    length = np.linalg.norm(moves, axis=-1)
    angle = (np.arctan2(moves[..., 1], moves[..., 0]) + np.pi) / (2 * np.pi)
    hsv = np.stack((179 * angle, np.full_like(angle, 255), np.clip(length / 0.3, 0, 1) * 255), -1)
    rgb = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return np.asarray(cv2.resize(rgb, (size_px, size_px), interpolation=cv2.INTER_NEAREST))

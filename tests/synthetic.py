"""A synthetic face and a corpus of such faces in the shard format, drawn by formula.

Landmarks are exact (up to the format's half precision), so tests know the truth. Pictures may be
smaller than 256 px; the labels are in px of a 256-px crop as in the real corpus.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from mmfa_core.geometry import rotation_from_pose
from mmfa_core.motion import HeadPose
from mmfa_core.training.teacher import DEPTH_FACTOR, GUIDES, RIGID
from mmfa_core.training.twins import landmark_twins

RADIUS = 0.33
JAW_OPEN, SMILE_LEFT, SMILE_RIGHT, BLINK_LEFT, BLINK_RIGHT = 25, 44, 45, 9, 10
# x and y of guided landmarks in the head frame (x to the picture's right, y down), the side at
# the picture's left only; a second index is the landmark's twin on the other side.
MIDLINE = {168: -0.02, 6: 0.08, 10: -0.52, 1: 0.3, 0: 0.5, 17: 0.66, 13: 0.56, 14: 0.58, 152: 0.95}
PAIRED = {
    (33, 263): (-0.36, 0.0),
    (133, 362): (-0.13, 0.01),
    (67, 297): (-0.22, -0.48),
    (127, 356): (-0.53, -0.05),
    (98, 327): (-0.1, 0.33),
    (55, 285): (-0.1, -0.13),
    (105, 334): (-0.27, -0.19),
    (70, 300): (-0.42, -0.13),
    (159, 386): (-0.245, -0.05),
    (145, 374): (-0.245, 0.045),
    (468, 473): (-0.245, 0.0),
    (61, 291): (-0.2, 0.57),
    (39, 269): (-0.1, 0.52),
    (181, 405): (-0.1, 0.64),
    (81, 311): (-0.08, 0.553),
    (178, 402): (-0.08, 0.588),
    (172, 397): (-0.42, 0.6),
    (132, 361): (-0.52, 0.35),
    (205, 425): (-0.28, 0.4),
}
LOWER = (17, 14, 152, 181, 405, 178, 402, 172, 397)


def base_shape() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Make a symmetric face.

    Returns:
        (478, 3) points with z away from the viewer, and (478,) the index of each one's twin.
    """
    flat = np.zeros((478, 2))
    twins = landmark_twins().numpy()
    for index, y in MIDLINE.items():
        flat[index] = 0, y
    for (one, other), (x, y) in PAIRED.items():
        flat[one], flat[other] = (x, y), (-x, y)
    rest = [i for i in range(478) if i not in GUIDES and i <= twins[i]]
    for number, one in enumerate(rest):
        radius = np.sqrt((number + 0.5) / len(rest))
        angle = 2.399963 * number
        x, y = 0.02 + 0.5 * abs(radius * np.cos(angle)), 0.2 + 0.75 * radius * np.sin(angle)
        flat[one] = (-x if twins[one] != one else 0), y
        flat[twins[one]] = -flat[one][0], y
    bulge = 1 - (flat[:, 0] / 0.68) ** 2 - ((flat[:, 1] - 0.2) / 1.0) ** 2
    depth = -0.55 * np.sqrt(np.clip(bulge, 0, None))
    depth[1] -= 0.2  # the nose tip
    return np.concatenate((flat, depth[:, None]), 1), twins


def expression(shape: NDArray[np.float64], blendshapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move a shape (478, 3) by blendshapes (52,): jaw, smile and lids; returns offsets."""
    moves = np.zeros_like(shape)
    moves[list(LOWER), 1] += 0.16 * blendshapes[JAW_OPEN]
    moves[61] += np.array([-0.07, -0.05, 0.02]) * blendshapes[SMILE_RIGHT]
    moves[291] += np.array([0.07, -0.05, 0.02]) * blendshapes[SMILE_LEFT]
    moves[159, 1] += 0.05 * blendshapes[BLINK_RIGHT]
    moves[386, 1] += 0.05 * blendshapes[BLINK_LEFT]
    return moves


@dataclass(frozen=True)
class Shot:
    """Hold one synthetic picture with exact labels; points are normalised picture coordinates."""

    points: NDArray[np.float64]  # (478, 3)
    pose_deg: NDArray[np.float64]  # (3,)
    blendshapes: NDArray[np.float64]  # (52,)
    scale: float
    translation: NDArray[np.float64]  # (2,)
    picture: NDArray[np.uint8] | None = None  # (side, side, 3), as drawn


def make_person(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an identity: (478, 3), gauged as the model gauges (rigid centre 0, radius RADIUS)."""
    shape, _ = base_shape()
    shape *= 1 + 0.07 * rng.uniform(-1, 1, 3)
    shape[[1, 98, 327], 2] -= 0.06 * rng.uniform()
    rigid = shape[list(GUIDES[:RIGID])]
    shape -= rigid.mean(0)
    size = np.sqrt((shape[list(GUIDES[:RIGID])] ** 2).sum(1).mean())
    return shape * RADIUS / size


def make_shot(
    person: NDArray[np.float64], rng: np.random.Generator, *, frontal: bool = False
) -> Shot:
    """Draw pose, size, place and expression, and pose the person."""
    pose = np.zeros(3) if frontal else rng.uniform(-1, 1, 3) * [18, 10, 12]
    shapes = np.zeros(52)
    shapes[[JAW_OPEN, SMILE_LEFT, SMILE_RIGHT, BLINK_LEFT, BLINK_RIGHT]] = rng.uniform(0, 1, 5)
    scale = float(rng.uniform(0.72, 0.88))
    place = rng.uniform(-0.08, 0.08, 2) + np.array([0, -0.12])
    turn = rotation_from_pose(HeadPose(*torch.tensor(pose)[:, None]))[0].double().numpy()
    posed = scale * (person + expression(person, shapes)) @ turn.T
    posed[:, :2] += place
    return Shot(posed, pose, shapes, scale, place)


def draw(shot: Shot, side: int, colours: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paint a picture: striped background, face, eyes, brows, nose, mouth; (side, side, 3)."""
    big = 4 * side
    pixels = ((shot.points[:, :2] + 1) * big / 2 - 0.5).round().astype(np.int32)
    rows = np.linspace(0, 1, big)
    ground = 60 + 90 * (0.5 + 0.5 * np.sin(9 * rows))[:, None, None] * colours[0]
    canvas = np.ascontiguousarray(np.broadcast_to(ground, (big, big, 3)).astype(np.uint8))
    skin, lip, dark = (tuple(int(v) for v in 255 * c) for c in colours[1:4])
    cv2.fillConvexPoly(canvas, cv2.convexHull(pixels), skin)
    for ring in ((33, 159, 133, 145), (362, 386, 263, 374)):
        cv2.fillPoly(canvas, [pixels[list(ring)]], (245, 245, 245))
    for iris in (468, 473):
        cv2.circle(canvas, pixels[iris].tolist(), big // 60, dark, -1)
    cv2.fillPoly(canvas, [pixels[[61, 39, 0, 269, 291, 405, 17, 181]]], lip)
    cv2.fillPoly(canvas, [pixels[[61, 81, 13, 311, 291, 402, 14, 178]]], (40, 10, 10))
    for line in ((70, 105, 55), (285, 334, 300), (168, 6, 1), (98, 1, 327)):
        cv2.polylines(canvas, [pixels[list(line)]], False, dark, big // 80)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Entry:
    """Describe one clip to write."""

    clip: str
    identity: str
    kind: str
    tier: str
    split: str
    shard: str
    count: int


ENTRIES = (
    Entry("talk_a", "anna", "video", "A", "train", "train_video", 8),
    Entry("talk_b", "bela", "video", "B", "train", "train_video", 6),
    Entry("track_c", "carl", "track", "B", "train", "train_tracks", 5),
    Entry("pair_d", "dora", "pair", "A", "train", "train_stills", 2),
    Entry("still_e", "emil", "still", "C", "train", "train_stills", 1),
    Entry("still_f", "fanny", "still", "A", "train", "train_stills", 1),
    Entry("talk_v", "vera", "video", "A", "val", "val", 5),
)


def write_corpus(
    folder: Path, *, side: int = 64, entries: tuple[Entry, ...] = ENTRIES, seed: int = 5
) -> dict[str, list[Shot]]:
    """Write index.tsv and shards, and return the exact labels of each clip."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    shots: dict[str, list[Shot]] = {}
    shards: dict[str, list[tuple[Shot, bytes]]] = {}
    lines = []
    for entry in entries:
        person, colours = make_person(rng), rng.uniform(0.35, 0.9, (4, 3))
        colours[3] *= 0.4
        made = [make_shot(person, rng, frontal=i == 0) for i in range(entry.count)]
        made = [dataclasses.replace(shot, picture=draw(shot, side, colours)) for shot in made]
        shots[entry.clip] = made
        rows = shards.setdefault(entry.shard, [])
        lines.append([*list(vars(entry).values())[:-1], len(rows), entry.count])
        rows += [(shot, jpeg(shot.picture)) for shot in made]
    for name, rows in shards.items():
        _write_shard(folder, name, rows)
    with (folder / "index.tsv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["clip", "identity", "kind", "tier", "split", "shard", "first", "n"])
        writer.writerows(lines)
    return shots


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture finely."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _write_shard(folder: Path, name: str, rows: list[tuple[Shot, bytes]]) -> None:
    offsets, place = [], 512  # a tar has a header before each member
    with (folder / f"{name}.tar").open("wb") as file:
        for _, data in rows:
            file.write(bytes(512))
            file.write(data)
            offsets.append(place)
            place += len(data) + 512
    points = np.stack([shot.points for shot, _ in rows])
    flat = ((points[..., :2] + 1) * 256 - 1) / 2
    np.savez(
        folder / f"{name}.npz",
        lm=np.concatenate((flat, points[..., 2:] * 128 / DEPTH_FACTOR), -1).astype(np.float16),
        bs=np.stack([shot.blendshapes for shot, _ in rows]).astype(np.float16),
        pose=np.stack([shot.pose_deg for shot, _ in rows]).astype(np.float32),
        off=np.array(offsets, np.int64),
        len=np.array([len(data) for _, data in rows], np.int32),
    )

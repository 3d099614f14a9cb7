"""Batches of pairs, each a pure function of the seed and the step.

In: corpus and teacher. Out: Pair (source and driving with labels). Because nothing else than
(seed, step, rank) enters, a resumed run sees exactly the batches that it would have seen.
Knows nothing about networks or losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmfa_core.errors import ConfigError
from mmfa_core.geometry import pose_from_rotation
from mmfa_core.training.augment import (
    TRUST_GRID,
    Labelled,
    colour_table,
    mirror_labels,
    move_labels,
    move_picture,
)
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.hard_cases import NOTHING_KNOWN, ClipError, share_factors
from mmfa_core.training.teacher import GUIDES, Teacher, normalise_landmarks
from mmfa_core.training.turning import Change, turn_portraits
from mmfa_core.training.twins import landmark_twins

KIND_SHARES = {"video": 0.58, "track": 0.10, "pair": 0.07, "still": 0.25}
TURNED_SHARE = 0.2  # of the other pairs that are made like those of single portraits
ENCODERS_TURNED_SHARE = 0.25  # of the sources that the encoders see while they learn alone
SWAPPED_SHARE = 0.35  # of made pairs whose truth is the made picture
WIDEST_YAW_DEG = 38.0  # of a made picture
CANDIDATES = 4  # driving pictures compared when a wide pair is wanted


@dataclass(frozen=True)
class Pair:
    """Hold the two pictures of each pair of a batch, same identity.

    Attributes:
        source: B pictures whose identity is kept, with labels.
        driving: B pictures whose motion is taken, which are the truth too.
        clips: index of each pair's clip in the corpus; empty for pairs that were not drawn.
    """

    source: Labelled
    driving: Labelled
    clips: tuple[int, ...] = ()


class PairSampler:
    """Draw pairs from clips, from same-person stills and from single portraits by warping."""

    def __init__(
        self,
        corpus: Corpus,
        teacher: Teacher,
        seed: int,
        stills: bool = True,
        *,
        turned: bool = True,
        wide: bool = True,
        hard: Mapping[str, ClipError] = NOTHING_KNOWN,
    ) -> None:
        """Prepare shares of clip kinds.

        Args:
            corpus: pictures and labels.
            teacher: labels of the same corpus.
            seed: of everything that is drawn.
            stills: False leaves single portraits out.
            turned: False turns no picture in depth (turning.py); a single portrait then makes no
                pair, and only the encoders see it.
            wide: False draws every driving picture of a clip alike, instead of the farthest of
                CANDIDATES in half of the pairs.
            hard: errors of clips by name, from the log of an earlier run: hard clips are drawn
                more often, within their kind.

        Raises:
            ConfigError: when nothing is left to train on.
        """
        self.turned = turned
        self.candidates = CANDIDATES if wide else 1
        self.hard = hard
        self.corpus = corpus
        self.teacher = teacher
        self.seed = seed
        self.landmarks = normalise_landmarks(corpus.landmarks)
        self.landmark_twins = landmark_twins()
        position = {landmark: i for i, landmark in enumerate(GUIDES)}
        twins = [position.get(int(self.landmark_twins[g]), i) for i, g in enumerate(GUIDES)]
        self.guide_twins = torch.tensor(twins)
        groups: dict[str, list[int]] = {kind: [] for kind in KIND_SHARES}
        for index, clip in enumerate(corpus.clips):
            kind = "still" if clip.count == 1 else clip.kind
            groups[kind if kind in groups else "video"].append(index)
        if not stills:
            groups["still"] = []
        self.encoder_weights = self._shares(groups)
        if not turned:
            groups["still"] = []
        self.weights = self._shares(groups)

    def batch(self, step: int, size: int, *, joint: bool, rank: int = 0) -> Pair:
        """Make the batch of a step.

        Args:
            step: number of the step, >= 0.
            size: B, pairs.
            joint: True: one camera a pair, portraits warped; False: each picture is moved and
                recoloured on its own (enough for the encoders).
            rank: process number in a distributed run.

        Returns:
            The pairs.
        """
        rng = np.random.default_rng((self.seed, step, rank))
        rows = np.array([self._pick(rng, joint) for _ in range(size)])
        clips = tuple(int(clip) for clip in self.corpus.clip_of[rows[:, 0]])
        tables = [colour_table(rng) for _ in range(size)]
        others = tables if joint else [colour_table(rng) for _ in range(size)]
        flips = rng.random(size) < 0.5
        first = _draw_similarity(rng, size, 0.6 if joint else 1.0)
        second = first if joint else _draw_similarity(rng, size, 1.0)
        source = self._load(rows[:, 0], tables, flips, first)
        driving = self._load(rows[:, 1], others, flips, second)
        if not self.turned:
            return Pair(source, driving, clips)
        if not joint:
            part = np.flatnonzero(rng.random(size) < ENCODERS_TURNED_SHARE)
            if len(part):
                index = torch.from_numpy(part)
                source = source.put(index, self._turned(source.select(index), rng, express=True))
        else:
            single = (rows[:, 0] == rows[:, 1]) | (rng.random(size) < TURNED_SHARE)
            chosen = np.flatnonzero(single)
            # Mostly the made picture is the source, and the truth a real one; but only a made
            # truth shows a frontal head turned far.
            swapped = rng.random(len(chosen)) < SWAPPED_SHARE
            for part, backwards in ((chosen[~swapped], False), (chosen[swapped], True)):
                if not len(part):
                    continue
                index = torch.from_numpy(part)
                made = self._turned(driving.select(index), rng, express=not backwards)
                if backwards:
                    source = source.put(index, driving.select(index))
                    driving = driving.put(index, made)
                else:
                    source = source.put(index, made)
        return Pair(source, driving, clips)

    def rows(self, rows: NDArray[np.int64]) -> Labelled:
        """Load pictures as they are, with labels."""
        still = np.tile([0.0, 1.0, 0.0, 0.0], (len(rows), 1))
        return self._load(rows, [None] * len(rows), np.zeros(len(rows), bool), still)

    def _shares(self, groups: dict[str, list[int]]) -> NDArray[np.float64]:
        """Sum up how often a clip is drawn, by kind, length and error; (clips,), 1 at the end."""
        kept = {kind: clips for kind, clips in groups.items() if clips}
        if not kept:
            raise ConfigError(
                "Nothing is left to train on: there are only single portraits, and stills or "
                "turned is off.",
                "Add clips, or set both to true.",
            )
        total = sum(KIND_SHARES[kind] for kind in kept)
        weights = np.zeros(len(self.corpus.clips))
        for kind, clips in kept.items():
            sizes = np.sqrt([self.corpus.clips[i].count for i in clips])
            sizes *= share_factors([self.corpus.clips[i].name for i in clips], self.hard)
            weights[clips] = KIND_SHARES[kind] / total * sizes / sizes.sum()
        return np.cumsum(weights / weights.sum())

    def _pick(self, rng: np.random.Generator, joint: bool) -> tuple[int, int]:
        weights = self.weights if joint else self.encoder_weights
        clip = self.corpus.clips[int(np.searchsorted(weights, rng.random()))]
        if clip.count == 1:
            return clip.first, clip.first
        source = clip.first + int(rng.integers(clip.count))
        count = self.candidates if joint and rng.random() < 0.5 else 1
        if joint and not self.turned:  # a picture beside itself would teach copying
            ahead = 1 + rng.integers(clip.count - 1, size=count)
            options = clip.first + (source - clip.first + ahead) % clip.count
        else:
            options = clip.first + rng.integers(clip.count, size=count)
        pose = np.abs(self.corpus.pose_deg[options] - self.corpus.pose_deg[source]).sum(1) / 15
        face = np.abs(self.corpus.blendshapes[options] - self.corpus.blendshapes[source]).sum(1)
        return source, int(options[np.argmax(pose + face)])

    def _load(
        self,
        rows: NDArray[np.int64],
        tables: list[NDArray[np.uint8]] | list[None],
        flips: NDArray[np.bool_],
        moves: NDArray[np.float64],
    ) -> Labelled:
        pictures = [
            torch.from_numpy(
                move_picture(self.corpus.picture(int(row)), table, bool(flip), tuple(move))
            )
            for row, table, flip, move in zip(rows, tables, flips, moves, strict=True)
        ]
        index = torch.from_numpy(np.asarray(rows))
        teacher = self.teacher
        loaded = Labelled(
            torch.stack(pictures).float().div_(255),
            teacher.rotation[index],
            teacher.scale[index],
            teacher.translation[index],
            teacher.canonical[index],
            teacher.offsets[index],
            self.landmarks[index],
            torch.ones(len(rows), 1, TRUST_GRID, TRUST_GRID),
        )
        turned = torch.from_numpy(np.flatnonzero(flips))
        if len(turned):
            part = mirror_labels(loaded.select(turned), self.landmark_twins, self.guide_twins)
            loaded = loaded.put(turned, part)
        move = torch.from_numpy(moves).float()
        return move_labels(loaded, move[:, 0], move[:, 1:2], move[:, 2:])

    def _turned(self, base: Labelled, rng: np.random.Generator, *, express: bool) -> Labelled:
        """Turn portraits in depth, mostly further the way that they look: that reveals little."""
        count = len(base.scale)
        uniform = torch.from_numpy(rng.uniform(-1, 1, (count, 6))).float()
        pose = pose_from_rotation(base.rotation)
        onward = torch.where(pose.yaw_deg.abs() < 4, uniform[:, 3].sign(), pose.yaw_deg.sign())
        yaw = 10 + 20 * uniform[:, 0]  # -10 is back, 30 is on
        yaw = onward * torch.minimum(yaw, (WIDEST_YAW_DEG - pose.yaw_deg.abs()).clamp_min(0))
        pitch = (16 * uniform[:, 1] + pose.pitch_deg).clamp(-25, 25) - pose.pitch_deg
        offsets = base.offsets
        if express:
            donors = torch.from_numpy(rng.integers(len(self.corpus), size=count))
            share = torch.from_numpy(rng.uniform(0, 1, (count, 1, 1))).float()
            offsets = offsets + share * (self.teacher.offsets[donors] - offsets)
        change = Change(
            torch.stack((yaw, pitch, 12 * uniform[:, 2]), -1),
            torch.exp(0.1 * uniform[:, 3:4]),
            0.14 * uniform[:, 4:6],
            offsets,
        )
        return turn_portraits(base, change)


def _draw_similarity(rng: np.random.Generator, size: int, strength: float) -> NDArray[np.float64]:
    """Draw roll in degrees, factor, and shift right and down; (size, 4)."""
    noise = rng.normal(0, strength, (size, 4))
    return np.stack(
        (9 * noise[:, 0], np.exp(0.1 * noise[:, 1]), 0.09 * noise[:, 2], 0.09 * noise[:, 3]), 1
    )

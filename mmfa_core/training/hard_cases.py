"""Hard cases: which clips a run found hard, in its log, and how much oftener they are drawn.

In: errors of pairs. Out: clips.tsv, and factors on the shares of clips. Knows nothing about how
pairs are made or what a step minimises.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mmfa_core.errors import ConfigError
from mmfa_core.media import replace_text

CLIPS_NAME = "clips.tsv"
COLUMNS = ("clip", "pairs", "error")
LEAST_PAIRS = 4  # a clip with fewer in the log counts as one that the log doesn't know
FACTOR_RANGE = (0.5, 3.0)  # of the share of a clip that the log knows


@dataclass(frozen=True)
class ClipError:
    """Hold what a log tells of a clip.

    Attributes:
        pairs: how many were seen, > 0.
        error: their mean, as ``pair_errors`` measures it, >= 0.
    """

    pairs: int
    error: float


NOTHING_KNOWN: Mapping[str, ClipError] = MappingProxyType({})


@torch.no_grad()
def pair_errors(picture: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Measure each pair: mean |difference| of the pictures, weighted.

    Args:
        picture: (B, 3, H, W), RGB in [0, 1].
        truth: (B, 3, H, W), the same.
        weights: (B, 1, h, w), >= 0; differences are averaged to its grid.

    Returns:
        (B,), >= 0, free of the graph: places of weight 0 don't count.
    """
    errors = (picture - truth).abs().mean(1, keepdim=True)
    rows, columns = weights.shape[-2:]
    errors = F.adaptive_avg_pool2d(errors.float(), (rows, columns))
    total = weights.sum((1, 2, 3)).clamp_min(1e-6)
    return (errors * weights).sum((1, 2, 3)) / total


class ClipErrors:
    """Sum the errors of pairs by clip, over all processes, for the log and the state.

    Attributes:
        sums: (clips, 2) float64: sum of errors, and number of pairs.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Start with nothing seen.

        Args:
            names: of the clips of a corpus, each once.
        """
        self.names = tuple(names)
        self.sums = torch.zeros(len(self.names), 2, dtype=torch.float64)

    def add(self, clips: Sequence[int], errors: Tensor) -> None:
        """Add the pairs of a step, this process's and all others'; each process calls it.

        Args:
            clips: index of each pair's clip, B of them.
            errors: (B,); one that is not finite is left out.
        """
        index = torch.tensor(clips, dtype=torch.float32, device=errors.device)
        rows = torch.stack((index, errors.detach().float()), 1)  # (B, 2)
        if dist.is_initialized():
            parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
            dist.all_gather(parts, rows)
            rows = torch.cat(parts)
        for clip, error in rows.tolist():
            if math.isfinite(error):
                self.sums[int(clip)] += torch.tensor((error, 1.0), dtype=torch.float64)

    def state(self) -> dict[str, Any]:
        """Give what a resume needs: names of the clips that were seen, and their sums (n, 2)."""
        seen = self.sums[:, 1] > 0
        names = [name for name, known in zip(self.names, seen.tolist(), strict=True) if known]
        return {"names": names, "sums": self.sums[seen]}

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Go on from a state; one of before there were sums (None) has none.

        Clips that the corpus no longer has are forgotten.
        """
        self.sums.zero_()
        if state is None:
            return
        place = {name: i for i, name in enumerate(self.names)}
        for name, row in zip(state["names"], state["sums"], strict=True):
            if name in place:
                self.sums[place[name]] = row

    def write(self, folder: Path) -> None:
        """Write clips.tsv (clip, pairs, mean error), the hardest first; nothing if none was seen.

        Raises:
            ResourceError: when it can't be written.
        """
        rows = [
            (name, int(pairs), total / pairs)
            for name, (total, pairs) in zip(self.names, self.sums.tolist(), strict=True)
            if pairs > 0
        ]
        if not rows:
            return
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, pairs, error in sorted(rows, key=lambda row: (-row[2], row[0])):
            writer.writerow((name, pairs, f"{error:.6g}"))
        replace_text(folder / CLIPS_NAME, text.getvalue())


def read_clip_errors(name: str) -> dict[str, ClipError]:
    """Read the clips.tsv of an earlier run.

    Args:
        name: path of the file; "" knows no clip.

    Returns:
        What it tells, by the names of clips.

    Raises:
        ConfigError: when it isn't there, or is no such file.
    """
    if not name:
        return {}
    path = Path(name).expanduser()
    hint = f"Give the {CLIPS_NAME} that an earlier run wrote, or leave hard_cases empty."
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", strict=True)
            rows = list(reader)
        if tuple(reader.fieldnames or ()) != COLUMNS or not rows:
            raise ValueError("other columns, or no clip")
        if any(len(row) != len(COLUMNS) for row in rows):  # cells beyond the last column
            raise ValueError("a row is too long")
        found = {row["clip"]: ClipError(int(row["pairs"]), float(row["error"])) for row in rows}
        if len(found) < len(rows) or not all(_is_sound(value) for value in found.values()):
            raise ValueError("a clip twice, or a number out of range")
    except FileNotFoundError as error:
        raise ConfigError(f"hard_cases names {path.name}, which isn't there.", hint) from error
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise ConfigError(
            f"hard_cases names {path.name}, which can't be read as a log of clips.", hint
        ) from error
    return found


def share_factors(names: Sequence[str], log: Mapping[str, ClipError]) -> NDArray[np.float64]:
    """Give factors on the shares of the clips of one kind; renormalising is the caller's.

    Equation:
        factor = clip(error / mean error of the kind's clips that the log knows, FACTOR_RANGE)

    Args:
        names: of the clips of one kind.
        log: errors by name; clips with fewer than LEAST_PAIRS pairs count as unknown.

    Returns:
        (n,): 1 for a clip that the log doesn't know.
    """
    errors = [
        log[name].error if name in log and log[name].pairs >= LEAST_PAIRS else math.nan
        for name in names
    ]
    known = [error for error in errors if not math.isnan(error)]
    mean = sum(known) / len(known) if known else 0.0
    if not mean > 0:
        return np.ones(len(names))
    factors = np.clip(np.array(errors) / mean, *FACTOR_RANGE)
    return np.where(np.isnan(factors), 1.0, factors)


def _is_sound(value: ClipError) -> bool:
    return value.pairs > 0 and math.isfinite(value.error) and value.error >= 0

"""A table of figures a frame, and its averages.

In: columns of figures with the group (clip) that they belong to. Out: averages and correlations.
Knows nothing about what is measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmfa_core.evaluation import signals

ASKED = "_asked"  # ends the name of the driver's column beside the output's


@dataclass
class FrameTable:
    """Collect figures a frame; columns that a group doesn't have are NaN there."""

    _parts: list[tuple[int, dict[str, NDArray[np.float64]]]] = field(default_factory=list)

    def add(self, group: int, columns: Mapping[str, ArrayLike]) -> None:
        """Add the frames of one group; a group may be added several times.

        Args:
            group: which clip.
            columns: names to (n,), the same n for each.
        """
        arrays = {name: np.asarray(values, np.float64) for name, values in columns.items()}
        lengths = {len(values) for values in arrays.values()}
        if len(lengths) != 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")
        self._parts.append((group, arrays))

    def __len__(self) -> int:
        """Count the frames."""
        return sum(len(next(iter(arrays.values()))) for _, arrays in self._parts)

    def only(self, groups: Collection[int]) -> FrameTable:
        """Return a table of some of the groups."""
        return FrameTable([part for part in self._parts if part[0] in groups])

    def names(self) -> list[str]:
        """List the columns, in the order in which they came."""
        return list(dict.fromkeys(name for _, arrays in self._parts for name in arrays))

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column, (frames,)."""
        parts = [
            arrays.get(name, np.full(len(next(iter(arrays.values()))), np.nan))
            for _, arrays in self._parts
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def groups(self) -> NDArray[np.int64]:
        """Return the group of each frame, (frames,)."""
        parts = [
            np.full(len(next(iter(arrays.values()))), group, np.int64)
            for group, arrays in self._parts
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def group_averages(self, name: str) -> NDArray[np.float64]:
        """Average a column over the frames of each group; (groups,), by their number."""
        values, groups = self.column(name), self.groups()
        return np.array([signals.mean(values[groups == group]) for group in np.unique(groups)])

    def average(self, name: str) -> float:
        """Average a column over the frames of each group, then over groups; NaN is left out."""
        return signals.mean(self.group_averages(name))

    def averages(self) -> dict[str, float]:
        """Average every column that is not one of a pair with an asked one."""
        names = self.names()
        return {
            name: self.average(name)
            for name in names
            if not name.endswith(ASKED) and name + ASKED not in names
        }

    def correlations(self) -> dict[str, float]:
        """Correlate each column with its asked one.

        Returns:
            ``<name>_r``: of the changes within groups; ``<name>_r_all``: of all frames.
        """
        result = {}
        groups = self.groups()
        for name in self.names():
            if name + ASKED in self.names():
                answered, asked = self.column(name), self.column(name + ASKED)
                result[f"{name}_r"] = signals.within_correlation(answered, asked, groups)
                result[f"{name}_r_all"] = signals.correlation(answered, asked)
        return {name: value for name, value in result.items() if not math.isnan(value)}

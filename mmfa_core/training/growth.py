"""Growth: a wider, deeper model that starts out computing what a smaller one computes.

In: weights of a model. Out: weights for a larger configuration, equal in function. Old channels
keep their weights and don't see new ones at first; new channels start random and are read with
weight 0; new residual blocks add 0. So training goes on from where it was, with more room. After
"Net2Net: Accelerating Learning via Knowledge Transfer" (arXiv 1511.05641), with zeros where that
paper splits copies. Knows nothing about losses or data.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from mmfa_core.config import ModelConfig
from mmfa_core.errors import MismatchError
from mmfa_core.model import build_model
from mmfa_core.networks.hints import SHAPES

GROWING_LISTS = (
    *("motion_widths", "motion_blocks", "expression_widths", "expression_blocks"),
    *("appearance_widths", "appearance_blocks", "dense_widths", "decoder_blocks"),
)
GROWING = {"name", "dense_blocks", "relight", *GROWING_LISTS}
Sizes = tuple[int, ...]


def can_grow(small: ModelConfig, large: ModelConfig) -> bool:
    """Say whether one configuration is the other with nothing but more width, depth or light."""
    same = all(
        getattr(small, name) == getattr(large, name) for name in vars(small) if name not in GROWING
    )
    before, after = (
        [(c.dense_blocks, int(c.relight)), *(getattr(c, name) for name in GROWING_LISTS)]
        for c in (small, large)
    )
    return same and all(
        len(old) == len(new) and all(a <= b for a, b in zip(old, new, strict=True))
        for old, new in zip(before, after, strict=True)
    )


def grow(
    weights: dict[str, Tensor], small: ModelConfig, large: ModelConfig, seed: int = 0
) -> dict[str, Tensor]:
    """Make weights of ``large`` that compute what ``weights`` of ``small`` compute.

    Args:
        weights: state of a model of configuration ``small``.
        small: configuration of ``weights``.
        large: the same configuration with more width or depth of encoders, appearance, dense
            motion or decoder, or with relighting.
        seed: of the new channels; the same seed gives the same ones.

    Returns:
        State for a model of configuration ``large``.

    Raises:
        MismatchError: when the configurations differ in anything else, or shrink.
    """
    if not can_grow(small, large):
        raise MismatchError(
            f"{small.name} can't grow into this configuration.",
            "Only widths and blocks of networks may grow, and relighting may be added.",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build_model(large).state_dict()
    parts = _parts(small, large)
    grown = {}
    for name, new in fresh.items():
        old = weights.get(name)
        if old is None:  # of a residual block or a relighting that is new
            grown[name] = torch.zeros_like(new) if ".second." in name else new
            continue
        grown[name] = _place(old, new, parts.get(name, {}))
    return grown


def _parts(small: ModelConfig, large: ModelConfig) -> dict[str, dict[int, tuple[Sizes, Sizes]]]:
    """List the tensors whose channels come in groups: by dimension, sizes before and after."""

    def sizes(config: ModelConfig) -> dict[str, dict[int, Sizes]]:
        fine, coarse = config.appearance_widths
        volume = config.volume_depth * config.volume_width
        regions = len(config.hint_regions) * SHAPES
        return {
            "generator.enter.weight": {1: (coarse, config.dense_widths[0], volume)},
            "generator.merge.weight": {1: (fine, fine, 48)},
            "hints.embed.2.weight": {0: (fine,) * regions},
            "hints.embed.2.bias": {0: (fine,) * regions},
        }

    before, after = sizes(small), sizes(large)
    return {
        name: {d: (groups[d], after[name][d]) for d in groups} for name, groups in before.items()
    }


def _place(old: Tensor, new: Tensor, parts: dict[int, tuple[Sizes, Sizes]]) -> Tensor:
    """Put old weights into a fresh tensor, and 0 where an old output would see a new input."""
    if old.ndim == 0 or old.shape == new.shape:
        return old.clone()
    where = []
    for dimension in range(min(2, old.ndim)):
        whole = ((old.shape[dimension],), (new.shape[dimension],))
        where.append(_indices(*parts.get(dimension, whole)))
    result = new.clone()
    result[where[0]] = 0
    if old.ndim == 1:
        result[where[0]] = old
    else:
        result[where[0][:, None], where[1][None]] = old.to(new.dtype)
    return result


def _indices(before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Say where the channels of each group go: to the start of the group that it grew into."""
    starts = itertools.accumulate(after, initial=0)
    return torch.cat([torch.arange(n) + s for n, s in zip(before, starts, strict=False)])

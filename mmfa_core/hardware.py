"""What the machine computes fast.

In: a device. Out: whether half precision pays there. Knows nothing about networks.
"""

from __future__ import annotations

from pathlib import Path

import torch

# CPU instructions that multiply bfloat16: AMX in tiles, AVX-512 in vectors (twice float32's rate).
BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether the device multiplies bfloat16 faster than float32.

    Args:
        device: cpu or cuda; others say no.

    Returns:
        Whether it has instructions for products of bfloat16; a GPU that emulates them has none.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and not _cpu_flags().isdisjoint(BFLOAT16_INSTRUCTIONS)


def _cpu_flags() -> set[str]:
    """Name the CPU's instruction sets, as torch knows them or else as Linux does."""
    if hasattr(torch.cpu, "get_capabilities"):
        return {name for name, there in torch.cpu.get_capabilities().items() if there is True}
    try:
        return set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return set()

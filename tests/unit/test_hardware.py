"""Where half precision pays: by what a CPU or a GPU multiplies, whoever tells it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmfa_core import hardware
from mmfa_core.inference.engine import choose_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ({"avx2", "avx512_bf16"}, True),  # AMD's since Zen 4
        ({"avx2", "avx512f", "amx_bf16"}, True),  # Intel's since Sapphire Rapids
        ({"avx2", "avx512f"}, False),
        (set(), False),
    ],
)
def test_bfloat16_is_taken_where_the_cpu_multiplies_it(
    flags: set[str], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: flags)
    assert hardware.has_fast_bfloat16(CPU) is fast
    assert choose_dtype(CPU) is (torch.bfloat16 if fast else torch.float32)
    assert choose_dtype(CPU, "float32") is torch.float32
    assert not hardware.has_fast_bfloat16(torch.device("meta"))


@pytest.mark.parametrize(("major", "fast"), [(7, False), (8, True)])
def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(
    major: int, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 (7.5) takes bfloat16, but has no units for it."""
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    properties = SimpleNamespace(major=major)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _: True)
    assert hardware.has_fast_bfloat16(torch.device("cuda")) is fast


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux tells what a CPU can do")
def test_an_older_torch_finds_the_same_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    known = hardware.has_fast_bfloat16(CPU)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert hardware.has_fast_bfloat16(CPU) is known

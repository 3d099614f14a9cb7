"""What all tests share: no network, one torch thread, the same random examples each time."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import torch
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

torch.set_num_threads(1)  # two threads starve as soon as another process is busy
settings.register_profile("mmfa", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("mmfa")


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the certificate that tests sign with out of this user's home."""
    os.environ["MMFA_HOME"] = str(tmp_path_factory.mktemp("settings"))


@pytest.fixture(autouse=True)
def same_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if str(host) not in {"localhost", "127.0.0.1", "::1"}:
            raise OSError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of shipped portraits and clips."""
    return ROOT / "examples"


@pytest.fixture(scope="session")
def face_landmarker() -> Path:
    """The bundled landmarker file."""
    return ROOT / "checkpoints" / "face_landmarker.task"

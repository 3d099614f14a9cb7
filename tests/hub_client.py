"""A process that finds models with the real client, told by JSON lines.

huggingface_hub reads its environment when it is imported, so each environment needs a process.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def environment(home: Path, endpoint: str, **more: str) -> dict[str, str]:
    """Give an environment that has nothing of the Hub's from outside and short timeouts."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    given = {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_ETAG_TIMEOUT": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return {**kept, **given, **more}


class Client:
    """Speak with such a process; its working folder is empty."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.home = Path(environment["HF_HOME"])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.hub_client"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def find(self, name: str, revision: str | None = None, **more: Any) -> SimpleNamespace:
        """Call resolve_model; ``largest_file`` stands for the room on the disk, in bytes."""
        return self._ask({"name": name, "revision": revision, **more})

    def publish(self, name: str, folder: Path, *, private: bool = False) -> SimpleNamespace:
        """Call publish_files with everything in a folder."""
        files = {path.name: str(path) for path in folder.iterdir()}
        return self._ask({"name": name, "files": files, "private": private})

    def _ask(self, asked: dict[str, Any]) -> SimpleNamespace:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        blank = {"folder": None, "error": None, "message": "", "hint": "", "logged": []}
        return SimpleNamespace(**{**blank, **answer})

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _find(asked: dict[str, Any]) -> dict[str, Any]:
    from mmfa_core.hub import resolve_model

    return {"folder": str(resolve_model(asked["name"], asked["revision"]))}


def _publish(asked: dict[str, Any]) -> dict[str, Any]:
    from mmfa_core.hub import publish_files

    files = {name: Path(path) for name, path in asked["files"].items()}
    done = publish_files(files, asked["name"], private=asked["private"], message="a test")
    return {"url": done.url, "commit": done.commit}


def _answer(asked: dict[str, Any], log: _Kept) -> dict[str, Any]:
    from mmfa_core.errors import MMFAError

    log.lines.clear()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked.get("largest_file", limits[0]), limits[1]))
    try:
        done = _publish(asked) if "files" in asked else _find(asked)
    except MMFAError as error:
        kind = type(error).__name__
        return {"error": kind, "message": error.message, "hint": error.hint}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    return {**done, "logged": log.lines}


def main() -> None:
    log = _Kept()
    logging.getLogger("mmfa_core").addHandler(log)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line), log)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

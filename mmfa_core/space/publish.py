"""Publish a Space: build its folder, try it, upload it as one commit.

In: SpaceOptions. Out: JSON values. Knows nothing about how a Space is tried.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.errors import ConfigError
from mmfa_core.hub import publish_files
from mmfa_core.space.folder import build_space, list_strays
from mmfa_core.space.trial import try_space

NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """Say which Space to publish.

    Attributes:
        repository: ``org/name`` of the Space; made if it is missing.
        zero_gpu: for ZeroGPU and not for a CPU.
        private: whether a Space that is made here is private.
        message: of the commit.
        output: where the folder is built and kept; None builds it in a temporary place.
        untried: don't install, start and use it first.
        dry_run: send nothing.
    """

    repository: str
    zero_gpu: bool = False
    private: bool = False
    message: str | None = None
    output: str | Path | None = None
    untried: bool = False
    dry_run: bool = False


def publish_space(
    options: SpaceOptions, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Build the folder of a Space, try it in a clean environment, and upload it.

    Args:
        options: see SpaceOptions.
        say: told what is going on.

    Returns:
        JSON values: repository, how many files go up and the names of those that aren't code, what
        stays here as it isn't part of the project, what the trial saw, and unless it was a dry run
        ``url`` and ``commit``.

    Raises:
        ConfigError: the name can't be that of a Space.
        MismatchError: the folder doesn't work.
        NotFoundError: no token, or the Hub can't be reached.
        ResourceError: the folder can't be built, or something can't be installed.
    """
    if not NAME.fullmatch(options.repository):
        raise ConfigError(
            f"{options.repository!r} can't be the name of a Space.", "Write it as org/name."
        )
    with tempfile.TemporaryDirectory(prefix="mmfa-publish-") as temporary:
        place = Path(options.output or Path(temporary) / "space")
        names = build_space(place, zero_gpu=options.zero_gpu)
        done: dict[str, Any] = {
            "repository": options.repository,
            "dry_run": options.dry_run,
            "folder": None if options.output is None else str(options.output),
            "files": len(names),
            "besides_code": [name for name in names if not name.endswith(".py")],
            "left_out": list_strays(),
            "bytes": sum((place / name).stat().st_size for name in names),
            "trial": None if options.untried else dataclasses.asdict(try_space(place, say)),
        }
        if options.dry_run:
            return done
        say("uploading")
        sent = publish_files(
            {name: place / name for name in names},
            options.repository,
            private=options.private,
            message=options.message or "Publish MMFA Studio",
            kind="space",
        )
    return {**done, "url": sent.url, "commit": sent.commit}

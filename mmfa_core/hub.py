"""Find a model: the bundled one, a folder, or a repository of the Hugging Face Hub; publish one.

In: a name. Out: a local folder, whole and as its checksums say. Knows nothing about what is in the
files. A repository may hold anything; only the files named below are ever fetched.

Where things go is up to huggingface_hub: HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN,
HF_ENDPOINT and the timeouts HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT. It reads them when it
is imported. Its progress bars go to stderr, and only if that is a terminal. Files travel by plain
HTTP, which keeps to the timeouts and takes up a broken transfer, within a call and at the next one;
HF_HUB_DISABLE_XET=0 brings back the client's Xet protocol, made for files far larger than a model
of ours.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.errors import MismatchError, MMFAError, NotFoundError, ResourceError
from mmfa_core.hub_errors import explain
from mmfa_core.hub_resume import complete_blob
from mmfa_core.model_files import (
    CONFIG,
    HASHES,
    PICKLE_SUFFIXES,
    WEIGHTS,
    check_hashes,
    pickle_error,
)

BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints" / "mmfa-s-256"
NEEDED = (CONFIG, HASHES, WEIGHTS)
WELCOME = ("README.md", "LICENSE")
LONGEST_SHOWN = 80  # letters of a name
GIT_ATTRIBUTES = ".gitattributes"  # the Hub writes it
REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>.+))?", re.ASCII)
REVISION = re.compile(r"\w[\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Published:
    """Say where a model went.

    Attributes:
        url: page of the commit.
        commit: its full hash, which pins the model: ``org/name@commit``.
    """

    url: str
    commit: str


def resolve_model(name: str | Path | None, revision: str | None = None) -> Path:
    """Turn the name of a model into a local folder.

    A full commit hash that is in the cache needs no network. For a branch or a tag the Hub is
    asked, since both can move; when it can't be asked, the copy in the cache is taken and a warning
    is logged.

    Args:
        name: None for the bundled model, a folder, the name of a model that comes along (such as
            ``mmfa-s-256-open``), or ``org/name[@revision]`` on the Hub. A folder that exists comes
            first.
        revision: branch, tag or full commit hash on the Hub; wins over the one in ``name``.

    Returns:
        The folder; its content is checked by checkpoint.load_model.

    Raises:
        NotFoundError: when there is no such folder, repository or revision, it holds no model, or
            it can't be reached.
        MismatchError: when ``name`` is a pickle, or what arrived is not what its checksums say.
        ResourceError: when the cache has no room or can't be written.
    """
    place = None if name is None else _expand(name)
    if place is None or place.is_dir():
        if revision is not None:
            raise NotFoundError(
                f"{BUNDLED.name if place is None else place.name} is a folder on this machine, "
                f"and a folder has no revision {revision!r}.",
                "Leave the revision out, or name a repository as org/name.",
            )
        return _bundled() if place is None else place
    if place.suffix in PICKLE_SUFFIXES:
        raise pickle_error(place.name)
    if place.is_file():
        raise NotFoundError(f"{place.name} is a file, not a model folder.", "Name its folder.")
    match = REPOSITORY.fullmatch(str(name))
    if match is None:
        return _shipped(str(name), revision)
    wanted = revision or match["revision"]
    if wanted is not None and not REVISION.fullmatch(wanted):
        raise NotFoundError(
            f"{wanted!r} can't be a revision of {match['name']}.",
            "Name a branch, a tag or a full commit hash.",
        )
    return _from_cache_or_hub(match["name"], wanted)


def _expand(name: str | Path) -> Path:
    """Take a name as a path, and refuse one that no file can have."""
    try:
        place = Path(name).expanduser()
        place.is_dir()
    except (RuntimeError, OSError) as error:  # no such user, too long, or not allowed
        why = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        raise NotFoundError(
            f"The model {str(name)[:LONGEST_SHOWN]!r} can't be looked for: {why}.",
            "Name a folder, or a repository as org/name.",
        ) from error
    return place


def publish_files(
    files: dict[str, Path], repository: str, *, private: bool, message: str, kind: str = "model"
) -> Published:
    """Upload files as one commit, so that nobody ever reads half of them.

    Args:
        files: name in the repository: file on this machine.
        repository: ``org/name``; made if it is missing.
        private: whether a repository that is made here is private; an old one stays as it is.
        message: of the commit.
        kind: model or space; files of a Space that are not among ``files`` are removed.

    Returns:
        Where they are. When nothing has changed that is the commit that is there already.

    Raises:
        NotFoundError: when there is no token, it may not write there, or the Hub can't be reached.
    """
    import huggingface_hub as hub  # heavy, and needed by few

    if hub.get_token() is None:
        raise NotFoundError(
            "Publishing needs a token of the Hugging Face Hub, and there is none.",
            "Make one with the right to write on the Hub's page of tokens and set HF_TOKEN to it.",
        )
    steps: list[Any] = [
        hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
        for name, path in files.items()
    ]
    with _explained(repository, None, doing="upload"):
        api = hub.HfApi()
        sdk = "gradio" if kind == "space" else None
        api.create_repo(repository, private=private, exist_ok=True, repo_type=kind, space_sdk=sdk)
        if kind == "space":
            there = set(api.list_repo_files(repository, repo_type=kind))
            gone = sorted(there - {*files, GIT_ATTRIBUTES})
            steps += [hub.CommitOperationDelete(path_in_repo=name) for name in gone]
        done = api.create_commit(repository, steps, commit_message=message, repo_type=kind)
    return Published(url=str(done.commit_url), commit=done.oid)


def _bundled() -> Path:
    if not BUNDLED.is_dir():
        raise NotFoundError(
            f"The bundled model {BUNDLED.name} is not there.",
            f"Restore {BUNDLED.parent.name}/{BUNDLED.name}, or name a model with --model.",
        )
    return BUNDLED


def _shipped(name: str, revision: str | None) -> Path:
    """Find one of the models that come along, by its name alone."""
    names = sorted(path.parent.name for path in BUNDLED.parent.glob(f"*/{WEIGHTS}"))
    if name not in names:
        raise NotFoundError(
            f"There is no model folder {Path(name).name!r}.",
            f"Name a folder, one of {', '.join(names)}, a repository as org/name[@revision], or "
            "leave it out.",
        )
    if revision is not None:
        raise NotFoundError(
            f"{name} comes along and has no revision {revision!r}.", "Leave the revision out."
        )
    return BUNDLED.parent / name


def _from_cache_or_hub(repository: str, revision: str | None) -> Path:
    cached = _find_in_cache(repository, revision)
    if revision and COMMIT.fullmatch(revision) and cached and _fault(cached) is None:
        return cached
    try:
        names = _list_files(repository, revision)
    except MMFAError as error:
        if cached is None:
            raise
        fault = _fault(cached)
        if fault is not None:
            raise MismatchError(
                f"The copy of {repository} in the cache can't be used: {fault.message}",
                "Go online and run it again: it is fetched anew then.",
            ) from error
        LOG.warning("%s The copy of %s in the cache is used.", error.message, repository)
        return cached
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise NotFoundError(
            f"The repository {repository} holds no model: it lacks {' and '.join(missing)}.",
            "Choose one that was made by scripts/publish_model; pickles are never fetched.",
        )
    wanted = [*NEEDED, *(name for name in WELCOME if name in names)]
    folder = _fetch(repository, revision, wanted)
    if _fault(folder) is not None:
        folder = _fetch(repository, revision, wanted, anew=True)
    fault = _fault(folder)
    if fault is not None:
        raise MismatchError(
            f"The download of {repository} is wrong, twice: {fault.message}",
            "Run it again later; if it stays so, name another revision and tell its publisher.",
        )
    return folder


def _find_in_cache(repository: str, revision: str | None) -> Path | None:
    """Give the folder of a revision in the cache if it is complete; the network isn't needed."""
    import huggingface_hub as hub

    with _explained(repository, revision):
        found = [hub.try_to_load_from_cache(repository, x, revision=revision) for x in NEEDED]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(NEEDED) else None


def _list_files(repository: str, revision: str | None) -> set[str]:
    import huggingface_hub as hub
    from huggingface_hub import constants

    with _explained(repository, revision):
        info = hub.HfApi().model_info(
            repository, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT
        )
    return {file.rfilename for file in info.siblings or ()}


def _fetch(repository: str, revision: str | None, names: list[str], *, anew: bool = False) -> Path:
    """Bring files into the cache, all of one commit; the first name decides which commit it is."""
    import huggingface_hub as hub
    from huggingface_hub import constants

    with _explained(repository, revision):
        first, *others = names
        path = hub.hf_hub_download(repository, first, revision=revision, force_download=anew)
        folder = Path(path).parent
        for name in others:
            if name == WEIGHTS and not anew and constants.HF_HUB_DISABLE_XET:
                complete_blob(repository, folder.name, name)
            hub.hf_hub_download(repository, name, revision=folder.name, force_download=anew)
    return folder


def _fault(folder: Path) -> MismatchError | ResourceError | None:
    """Say what is wrong with a complete folder; None is good news."""
    try:
        check_hashes(folder)
    except MismatchError as error:
        return error
    except OSError as error:
        return ResourceError(f"{folder.name} can't be read: {error.strerror}.")
    return None


@contextlib.contextmanager
def _explained(repository: str, revision: str | None, *, doing: str = "download") -> Iterator[None]:
    """Turn what the Hub's client raises into a sentence; mistakes of ours pass as they are."""
    try:
        with _bars_only_at_a_terminal(), _plain_http():
            yield
    except Exception as error:
        found = explain(error, repository, revision, doing=doing)
        if found is None:
            raise
        raise found from error


@contextlib.contextmanager
def _bars_only_at_a_terminal() -> Iterator[None]:
    """Silence the client's bars where nobody looks; those of uploads don't do so themselves."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    as_told = sys.stderr.isatty() or "HF_HUB_DISABLE_PROGRESS_BARS" in os.environ
    if as_told or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextlib.contextmanager
def _plain_http() -> Iterator[None]:
    """Leave Xet out unless the environment has a word on it; it was seen to hang without an end."""
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = before or "HF_HUB_DISABLE_XET" not in os.environ
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before

"""Complete a large file in the Hub's cache, from where an earlier call broke off.

In: a repository, a commit and a file's name. Out: the file's content in the cache's folder of
blobs, where huggingface_hub finds it and only has to link it. Knows nothing about models.

The client takes up a broken transfer within a call, but throws away what it has when the call
fails, and a process that is killed leaves a file that nobody looks at again. Here half a file is
kept as ``<etag>.incomplete``, the name that the cache's own tools know; the next call, of whatever
process, asks for the rest by ``Range``. The SHA-256 by which the Hub names a large file decides
whether both parts fit; what doesn't is fetched anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from mmfa_core.hub_errors import NO_ROOM

STEP_BYTES = 2**20  # what a transfer that breaks off may lose
SHA256 = re.compile(r"[0-9a-f]{64}")


def complete_blob(repository: str, commit: str, name: str) -> None:
    """Bring a large file's content into the cache; a file that is no large one is left alone.

    Args:
        repository: ``org/name``.
        commit: full hash.
        name: of the file in the repository.

    Raises:
        OSError: the connection broke off or the disk is full, or what else the client raises; all
            but a full disk leave what has arrived for the next call.
    """
    import huggingface_hub as hub
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]

    if isinstance(hub.try_to_load_from_cache(repository, name, revision=commit), str):
        return
    url = hub.hf_hub_url(repository, name, revision=commit)
    about = hub.get_hf_file_metadata(
        url, timeout=constants.HF_HUB_ETAG_TIMEOUT, retry_on_errors=True
    )
    if about.etag is None or about.size is None or not SHA256.fullmatch(about.etag):
        return
    folder = file_download.repo_folder_name(repo_id=repository, repo_type="model")
    cache = Path(constants.HF_HUB_CACHE)
    blob = cache / folder / "blobs" / about.etag
    lock = cache / ".locks" / folder / f"{about.etag}.lock"
    for place in (blob, lock):
        place.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{about.etag}.incomplete")
    with WeakFileLock(lock), _small_steps():
        if blob.exists():
            return
        for _ in range(2):  # again if what lay there was no part of this file
            if part.exists() and part.stat().st_size > about.size:
                part.unlink()
            with _kept_if_useful(part), part.open("ab") as file:
                there = file.tell()
                file_download.http_get(
                    url,
                    file,
                    resume_size=there,
                    headers=build_hf_headers(),
                    expected_size=about.size,
                    displayed_filename=name,
                )
            if _sha256(part) == about.etag:
                part.replace(blob)
                return
            part.unlink()
            if not there:
                return  # the Hub's client gets the next try


@contextlib.contextmanager
def _kept_if_useful(part: Path) -> Iterator[None]:
    """Keep what has arrived when all else fails, unless that is nothing or the disk is full."""
    try:
        yield
    except BaseException as error:
        full = isinstance(error, OSError) and error.errno in NO_ROOM
        if part.exists() and (full or part.stat().st_size == 0):
            part.unlink()
        raise


@contextlib.contextmanager
def _small_steps() -> Iterator[None]:
    """Let the client write often: its steps of 10 MiB are lost when a transfer breaks off."""
    from huggingface_hub import constants

    before = constants.DOWNLOAD_CHUNK_SIZE
    constants.DOWNLOAD_CHUNK_SIZE = min(STEP_BYTES, before)
    try:
        yield
    finally:
        constants.DOWNLOAD_CHUNK_SIZE = before


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(STEP_BYTES):
            digest.update(part)
    return digest.hexdigest()

"""Turn what the Hub's client raises into sentences.

In: an exception of huggingface_hub, of the libraries below it, or of the disk. Out: an MMFAError,
or None for a mistake of ours. Knows the classes by name only, because they moved between releases
of the client and importing it is slow.
"""

from __future__ import annotations

import errno

from mmfa_core.errors import MMFAError, NotFoundError, ResourceError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
CLIENTS = ("huggingface_hub", "hf_xet", "httpx", "httpx2", "httpcore", "httpcore2", "requests")
HUB = "The Hugging Face Hub"
NAMED = ("OfflineModeIsEnabled", "GatedRepoError", "RevisionNotFoundError", "HFValidationError")
STRANGE = ("JSONDecodeError", "FileMetadataError")
TOO_SLOW = ("TimeoutException", "Timeout", "TimeoutError")
CUT = ("RemoteProtocolError", "ReadError", "WriteError", "ChunkedEncodingError", "ProtocolError")
CUT_WORDS = ("Consistency check failed", "CAS Client Error")  # the second is a bare RuntimeError
AWAY = ("TransportError", "ConnectionError", "gaierror")


def explain(
    error: BaseException, repository: str, revision: str | None = None, *, doing: str = "download"
) -> MMFAError | None:
    """Say what a person can do about an exception of the Hub's client.

    Args:
        error: its causes are looked at too, since the client wraps what happened.
        repository: ``org/name``.
        revision: what was asked for.
        doing: ``download`` or ``upload``.

    Returns:
        The error to raise, or None when this is nothing that a person can mend.
    """
    cause: BaseException | None = error
    while cause is not None:
        found = (
            _by_name(cause, repository, revision)
            or _by_status(cause, repository, doing)
            or _by_connection(cause, repository, doing)
            or _by_disk(cause, repository)
        )
        if found is not None:
            return found
        cause = cause.__cause__
    if isinstance(error, OSError) or type(error).__module__.split(".")[0] in CLIENTS:
        return NotFoundError(
            f"The {doing} of {repository} failed ({type(error).__name__}).",
            "Run it again; if that doesn't help, name a folder on this machine.",
        )
    return None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _by_name(error: BaseException, repository: str, revision: str | None) -> MMFAError | None:
    name = next((name for name in NAMED if name in _names(error)), None)
    if name == "OfflineModeIsEnabled":
        return NotFoundError(
            f"There is no folder {repository!r}, it is not in the cache, and HF_HUB_OFFLINE "
            "forbids to ask the Hugging Face Hub.",
            "Unset HF_HUB_OFFLINE, or name a folder on this machine.",
        )
    if name == "GatedRepoError":
        return NotFoundError(
            f"The model {repository} is gated.",
            "Accept its terms on its page and set HF_TOKEN to a token of yours.",
        )
    if name == "RevisionNotFoundError":
        return NotFoundError(
            f"The model {repository} has no revision {revision!r}.",
            "Name another branch, tag or full commit hash, or leave the revision out.",
        )
    if name == "HFValidationError":
        return NotFoundError(
            f"{repository!r} is neither a folder nor a name of a repository.",
            "Write it as org/name[@revision].",
        )
    return None


def _by_status(error: BaseException, repository: str, doing: str) -> MMFAError | None:
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", None)
    headers = getattr(answer, "headers", None) or {}
    missing = "RepositoryNotFoundError" in _names(error)
    if "Invalid credentials" in str(headers.get("x-error-message", "")):
        return NotFoundError(
            f"{HUB} does not know the token that was sent.",
            "Set HF_TOKEN to a token that is still valid, or unset it.",
        )
    if missing or status == 401:
        verb = "write" if doing == "upload" else "read"
        return NotFoundError(
            f"There is no folder and no repository {repository!r}, or it is private.",
            f"Check the spelling, or set HF_TOKEN to a token that may {verb} it.",
        )
    if not isinstance(status, int) or status < 400:
        return None
    return NotFoundError(*_refusal(status, repository, doing, str(headers.get("retry-after", ""))))


def _refusal(status: int, repository: str, doing: str, wait: str) -> tuple[str, str]:
    if status == 403:
        return (
            f"{HUB} forbids this {doing} of {repository} (403).",
            "Set HF_TOKEN to a token that may do it.",
        )
    if status == 429:
        when = f"{wait} seconds" if wait.isdecimal() else "some minutes"
        return (
            f"{HUB} had too many requests from here (429).",
            f"Run it again in {when}; with HF_TOKEN set, more requests are allowed.",
        )
    if status >= 500:
        return (
            f"{HUB} has a fault of its own at the moment ({status}).",
            "Run it again in some minutes.",
        )
    return (
        f"{HUB} refused the {doing} of {repository} ({status}).",
        "Check the name, and HF_ENDPOINT if it is set.",
    )


def _by_connection(error: BaseException, repository: str, doing: str) -> MMFAError | None:
    names = _names(error)
    if names.intersection(TOO_SLOW):
        return NotFoundError(
            f"{HUB} did not answer in time.",
            "Run it again, or raise HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT (seconds).",
        )
    if names.intersection(STRANGE):
        return NotFoundError(
            "What answers at the address of the Hugging Face Hub is not the Hub.",
            "Check HF_ENDPOINT if it is set, and whether this network wants you to log in.",
        )
    if names.intersection(CUT) or any(words in str(error) for words in CUT_WORDS):
        return NotFoundError(
            f"The {doing} of {repository} broke off.",
            "Run it again: files that arrived whole are kept and the rest follows.",
        )
    if names.intersection(AWAY):
        return NotFoundError(
            f"There is no folder {repository!r}, and the Hugging Face Hub can't be reached.",
            "Go online, check HF_ENDPOINT if it is set, or name a folder on this machine.",
        )
    return None


def _by_disk(error: BaseException, repository: str) -> MMFAError | None:
    number = error.errno if isinstance(error, OSError) else None
    if number in NO_ROOM:
        return ResourceError(
            f"There is no room on the disk for {repository}.",
            "Make room, or set HF_HOME to a folder on a larger disk.",
        )
    if number in NOT_ALLOWED:
        return ResourceError(
            f"The cache of the Hugging Face Hub can't be written, so {repository} has no place.",
            "Set HF_HOME to a folder that you may write to.",
        )
    return None

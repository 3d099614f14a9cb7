"""Find a model: the bundled one, a folder, or a repository of the Hugging Face Hub.

In: a name. Out: a local folder. Knows nothing about what is inside.
"""

from __future__ import annotations

import re
from pathlib import Path

from mmfa_core.checkpoint import PICKLE_SUFFIXES, pickle_error
from mmfa_core.errors import NotFoundError

BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints" / "mmfa-s-256"
WANTED_FILES = ("*.safetensors", "*.json")
REPOSITORY = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?", re.ASCII)


def resolve_model(name: str | Path | None, revision: str | None = None) -> Path:
    """Turn the name of a model into a local folder.

    Args:
        name: None for the bundled model, a folder, or ``org/name[@revision]`` on the Hub. A
            folder that exists comes first.
        revision: branch, tag or commit on the Hub; wins over the one in ``name``.

    Returns:
        The folder; its content is checked by checkpoint.load_model.

    Raises:
        NotFoundError: when there is no such folder or repository, or it can't be reached.
        MismatchError: when ``name`` is a pickle.
    """
    if name is None:
        if not BUNDLED.is_dir():
            raise NotFoundError(
                f"The bundled model {BUNDLED.name} is not there.",
                f"Restore {BUNDLED.parent.name}/{BUNDLED.name}, or name a model with --model.",
            )
        return BUNDLED
    place = Path(name).expanduser()
    if place.is_dir():
        return place
    if place.suffix in PICKLE_SUFFIXES:
        raise pickle_error(place.name)
    if place.is_file():
        raise NotFoundError(f"{place.name} is a file, not a model folder.", "Name its folder.")
    match = REPOSITORY.fullmatch(str(name))
    if match is None:
        raise NotFoundError(
            f"There is no model folder {place.name!r}.",
            "Name a folder, a repository as org/name[@revision], or leave it out.",
        )
    return _download(match["name"], revision or match["revision"])


def _download(repository: str, revision: str | None) -> Path:
    import huggingface_hub as hub  # heavy, and needed by few
    from huggingface_hub import errors

    try:
        folder = hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(WANTED_FILES)
        )
    except errors.GatedRepoError as error:
        raise NotFoundError(
            f"The model {repository} is gated.",
            "Accept its terms on its page and set HF_TOKEN to a token of yours.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NotFoundError(
            f"There is no folder and no repository {repository!r}, or it is private.",
            "Check the spelling, or set HF_TOKEN to a token that may read it.",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NotFoundError(
            f"The model {repository} has no revision {revision!r}.", "Leave the revision out."
        ) from error
    except errors.HFValidationError as error:
        raise NotFoundError(
            f"{repository!r} is neither a folder nor a name of a repository.",
            "Write it as org/name[@revision].",
        ) from error
    except OSError as error:  # no network, HF_HUB_OFFLINE, not in the cache, an answer 5xx
        raise NotFoundError(
            f"There is no folder {repository!r}, and the Hugging Face Hub can't be reached.",
            "Go online, or name a folder on this machine.",
        ) from error
    return Path(folder)

"""Publish a model: check its folder, write its card for the Hugging Face Hub, upload both.

In: a model folder and a card in Markdown. Out: a commit on the Hub, or the folder that would be
uploaded. Knows nothing about HTTP.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmfa_core.checkpoint import LoadedModel, load_model
from mmfa_core.errors import ConfigError, MismatchError, NotFoundError, ResourceError
from mmfa_core.hub import NEEDED, publish_files, resolve_model
from mmfa_core.model_files import WEIGHTS

MODEL_CARD = Path(__file__).resolve().parents[1] / "MODEL_CARD.md"
CARDS = {"mmfa-s-256-open": MODEL_CARD.parent / "docs" / "model-card-open.md"}  # others: MODEL_CARD
CARD = "README.md"
LICENSE = "LICENSE"
OTHER = "other"
NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
LICENCE_ROW = re.compile(
    r"^\| *licen[cs]e of the weights *\| *([^|,;]+?) *(?:[|,;]|\.(?!\d))", re.MULTILINE
)
LINK = re.compile(r"!?\[([^\]]*)\]\((?!https?:|#|mailto:)[^)]*\)")  # to a file of this project
HUB_LICENCES = {"apache-2.0", "cc-by-4.0", "cc0-1.0", "mit"}  # identifiers that a card may name
TRAITS = {
    "library_name": "mmfa-studio",
    "pipeline_tag": "image-to-video",
    "tags": [
        "face-animation",
        "portrait-animation",
        "talking-head",
        "motion-transfer",
        "expression-editing",
        "mmfa",
        "cpu",
        "arxiv:2603.04302",
    ],
}
USE = """## Use

With MMFA Studio, in Python and on the command line:

    from mmfa_core import Animator
    animator = Animator.from_pretrained("{repository}")
    animator.animate("portrait.jpg", "clip.mp4", output="result.mp4")

    python -m mmfa_core animate --model {repository} --source P --driving C --output O.mp4
    python app.py --model {repository}

Write `{repository}@COMMIT` to pin a commit: it is fetched once, then needs no network.
`hashes.json` holds the SHA-256 of the weights ({hash}...) and of the config; both are checked at
every load, and nothing of this repository is ever unpickled.

"""


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """Say what to publish, and where.

    Attributes:
        repository: ``org/name`` on the Hub; made if it is missing.
        model: a folder or the name of a model that comes along; None takes the bundled one.
        card: Markdown without front matter that names these weights by their short hash; None
            takes the one of this project, MODEL_CARD.md or that of CARDS.
        license: identifier of the Hub, such as ``apache-2.0``; None takes what the card's row
            "licence of the weights" gives, one of HUB_LICENCES or else ``other`` with that name.
        private: whether a repository that is made here is private.
        message: of the commit; None takes the name and hash of the model.
        output: where the folder is built and kept; None builds it in a temporary place.
        dry_run: build and check, but send nothing.
    """

    repository: str
    model: str | Path | None = None
    card: str | Path | None = None
    license: str | None = None
    private: bool = False
    message: str | None = None
    output: str | Path | None = None
    dry_run: bool = False


def publish_model(options: PublishOptions) -> dict[str, Any]:
    """Check a model, build the folder for the Hub, and upload it as one commit.

    Args:
        options: see PublishOptions.

    Returns:
        JSON values: what went, its SHA-256, and unless it was a dry run ``url``, ``commit`` and
        ``model``, the name that pins it.

    Raises:
        ConfigError: the repository's name, the card or the licence can't be used.
        NotFoundError: there is no model or card there, no token, or the Hub can't be reached.
        MismatchError: the model is damaged, has other files beside it, or the card is of another.
        ResourceError: the folder can't be built.
    """
    if not NAME.fullmatch(options.repository):
        raise ConfigError(
            f"{options.repository!r} can't be the name of a repository.", "Write it as org/name."
        )
    with tempfile.TemporaryDirectory(prefix="mmfa-publish-") as temporary:
        place = Path(options.output or temporary)
        loaded = build_folder(place, options)
        files = {path.name: path for path in sorted(place.iterdir())}
        done: dict[str, Any] = {
            "repository": options.repository,
            "dry_run": options.dry_run,
            "folder": None if options.output is None else str(options.output),
            "files": {name: _describe(path) for name, path in files.items()},
            "model_id": loaded.model_id,
            "model_hash": loaded.model_hash,
        }
        if options.dry_run:
            return done
        message = options.message or f"Publish {loaded.model_id} {loaded.model_hash}"
        sent = publish_files(files, options.repository, private=options.private, message=message)
    pinned = f"{options.repository}@{sent.commit}"
    return {**done, "url": sent.url, "commit": sent.commit, "model": pinned}


def build_folder(place: Path, options: PublishOptions) -> LoadedModel:
    """Copy a model that was checked completely to a new folder and write its card beside it.

    Args:
        place: missing or empty.
        options: see PublishOptions; the Hub is not asked.

    Returns:
        The model as it was loaded for the check.

    Raises:
        ConfigError, NotFoundError, MismatchError, ResourceError: as publish_model.
    """
    source = _find(options.model)
    loaded = load_model(source)
    others = sorted({path.name for path in source.iterdir()} - {*NEEDED, LICENSE})
    if others:
        raise MismatchError(
            f"The model folder {source.name!r} holds other files too: {', '.join(others)}.",
            f"Move them away; {', '.join(NEEDED)} and {LICENSE} may stay.",
        )
    licensed = (source / LICENSE).is_file()
    card = options.card or CARDS.get(loaded.model_id, MODEL_CARD)
    text = write_card(_read_card(card), loaded, options, licensed=licensed)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ResourceError(f"{place.name} is there already.", "Choose another name.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in (*NEEDED, *([LICENSE] if licensed else [])):
            shutil.copyfile(source / name, place / name)
        (place / CARD).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResourceError(
            f"{place.name} can't be written: {error.strerror}.", "Choose another place."
        ) from error
    if load_model(place).model_hash != loaded.model_hash:
        raise MismatchError(f"{WEIGHTS} changed while it was copied.", "Run it again.")
    return loaded


def write_card(text: str, loaded: LoadedModel, options: PublishOptions, *, licensed: bool) -> str:
    """Write the card of the Hub: front matter in YAML, the given text, and how to use the model.

    Of links to files of this project, which the Hub doesn't have, only their words stay.

    Args:
        text: Markdown without front matter.
        loaded: the model that the text must be about.
        options: repository and licence.
        licensed: whether a file LICENSE goes with it.

    Returns:
        Markdown.

    Raises:
        ConfigError: the text has front matter, or it and ``options`` don't agree on a licence.
        MismatchError: the text doesn't name these weights.
    """
    if text.startswith("---"):
        raise ConfigError("The card has front matter already.", "Leave that out: it is written.")
    if loaded.model_hash not in text:
        raise MismatchError(
            f"The card does not speak of these weights: it lacks their hash {loaded.model_hash}.",
            "Bring MODEL_CARD.md up to date, or name another card with --card.",
        )
    traits = {**_licence(text, options.license, licensed=licensed), **TRAITS}
    front = "".join(f"{name}: {json.dumps(value)}\n" for name, value in traits.items())
    use = USE.format(repository=options.repository, hash=loaded.model_hash)
    local = f"checkpoints/{loaded.model_id}/"
    text = LINK.sub(r"\1", text)
    start, heading, rest = text.replace(local, "").partition("\n## ")
    return f"---\n{front}---\n{start.rstrip()}\n\n{use}{heading.lstrip()}{rest}"


def _licence(text: str, given: str | None, *, licensed: bool) -> dict[str, str]:
    row = LICENCE_ROW.search(text)
    said = re.sub(r"[^a-z0-9]+", "-", row[1].lower()).strip("-") if row else ""
    if row and given is None and row[1].lower() in HUB_LICENCES:
        return {"license": row[1].lower()}
    if given not in (None, OTHER):
        if "non-commercial" in said and "-nc" not in str(given):
            raise ConfigError(
                f"The card says that the weights are {said}, and --license says {given}.",
                "Make them agree.",
            )
        return {"license": str(given)}
    if not said:
        raise ConfigError(
            "The card has no row 'licence of the weights'.", "Add it, or name one with --license."
        )
    link = {"license_link": LICENSE} if licensed else {}
    return {"license": OTHER, "license_name": said, **link}


def _find(model: str | Path | None) -> Path:
    if model is None or Path(model).name == str(model):
        return resolve_model(model)  # one that comes along, unless a folder here has that name
    return Path(model).expanduser()


def _read_card(card: str | Path) -> str:
    place = Path(card).expanduser()
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"The card {place.name} can't be read.", "Name a text in Markdown with --card."
        ) from error


def _describe(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

"""What a manifest says, read from the report of c2pa; of this tool or of another.

In: plain JSON values of strangers. Out: Declaration, with every text cut to size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmfa_core.provenance.manifest import GENERATION
from mmfa_core.provenance.origin import HASHED, TOOL, Ingredient

LONGEST = 120  # characters of a stranger's text that are kept
MOST_INGREDIENTS = 20
_SYNTHETIC_TYPES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """Hold what a manifest claims; what it doesn't say is empty.

    Attributes:
        tool: that made the file.
        tool_version: its version.
        synthetic: whether it says that a trained model had a part in it.
        operation: what this tool did, such as ``animate``; of other tools nothing, as below.
        model_id: what people call the model.
        model_hash: short hash of its weights.
        settings_hash: SHA-256 of the settings.
        made_at: when, by the clock of the machine that signed, ISO 8601.
        ingredients: the sources, by hash.
        checksum: whether it says that a checksum of the whole file follows.
    """

    tool: str
    tool_version: str
    synthetic: bool
    operation: str = ""
    model_id: str = ""
    model_hash: str = ""
    settings_hash: str = ""
    made_at: str = ""
    ingredients: tuple[Ingredient, ...] = ()
    checksum: bool = False

    def sentences(self) -> tuple[str, ...]:
        """Say it in plain words."""
        tool = f"{self.tool} {self.tool_version}".strip() or "a tool that it doesn't name"
        kind = " and is synthetic: a trained model had a part in it" if self.synthetic else ""
        lines = [f"It says that it was made with {tool}{kind}."]
        if self.model_id:
            lines.append(f"Model {self.model_id}, weights {self.model_hash}.")
        if self.operation or self.made_at:
            done = f"Made by {self.operation}" if self.operation else "Made"
            when = self.made_at.replace("T", " ").replace("+00:00", " UTC") or "an unknown time"
            lines.append(f"{done} at {when}.")
        if self.settings_hash:
            lines.append(f"Settings, SHA-256: {self.settings_hash}.")
        for source in self.ingredients:
            lines.append(f"Source, {source.role}, SHA-256 of its {source.hashed}: {source.sha256}.")
        return tuple(lines)


def read_declaration(manifest: Any) -> Declaration:
    """Read one manifest of c2pa's report.

    Args:
        manifest: the JSON value of a manifest.

    Returns:
        What it claims.
    """
    tool = _first(_get(manifest, "claim_generator_info"))
    name = _text(_get(tool, "name")) or _text(_get(manifest, "claim_generator"))
    actions = list(_actions(manifest))
    kinds = [_text(_get(action, "digitalSourceType")).rpartition("/")[2] for action in actions]
    when = [_text(_get(action, "when")) for action in actions]
    own = next(_assertions(manifest, GENERATION), None) if name == TOOL else None
    model = _get(own, "model")
    return Declaration(
        tool=name,
        tool_version=_text(_get(tool, "version")),
        synthetic=any(kind in _SYNTHETIC_TYPES for kind in kinds),
        operation=_text(_get(own, "operation")),
        model_id=_text(_get(model, "id")),
        model_hash=_text(_get(model, "hash")),
        settings_hash=_text(_get(own, "settings_sha256")),
        made_at=_text(_get(own, "made_at"))
        or _text(_get(_get(manifest, "signature_info"), "time"))
        or next(filter(None, when), ""),
        ingredients=tuple(_ingredients(_get(own, "ingredients"))),
        checksum=_get(own, "checksum") is True,
    )


def signer_of(manifest: Any) -> tuple[str, str]:
    """Return the organisation and the common name of a manifest's certificate."""
    signature = _get(manifest, "signature_info")
    return _text(_get(signature, "issuer")), _text(_get(signature, "common_name"))


def _ingredients(values: Any) -> Iterator[Ingredient]:
    for value in _list(values)[:MOST_INGREDIENTS]:
        hashed = _text(_get(value, "hashed"))
        yield Ingredient(
            role=_text(_get(value, "role")),
            sha256=_text(_get(value, "sha256")),
            hashed=hashed if hashed in HASHED else "",
        )


def _actions(manifest: Any) -> Iterator[Any]:
    for data in _assertions(manifest, "c2pa.actions"):
        yield from _list(_get(data, "actions"))


def _assertions(manifest: Any, label: str) -> Iterator[Any]:
    for assertion in _list(_get(manifest, "assertions")):
        if _text(_get(assertion, "label")).startswith(label):
            yield _get(assertion, "data")


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    return next(iter(_list(value)), None)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:LONGEST] if c.isprintable()).strip()

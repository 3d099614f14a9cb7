"""Whether a file was altered since it was signed, and what it declares about how it was made.

In: a file of anybody. Out: Verification, or one sentence. Nothing is fetched from the network, and
nothing in the file is believed: what it declares is told as its claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mmfa_core.errors import MMFAError, UnreadableError
from mmfa_core.provenance.certificate import COMMON_NAME, load_identity, settings_folder
from mmfa_core.provenance.checksum import checksum_holds
from mmfa_core.provenance.declaration import Declaration, read_declaration, signer_of
from mmfa_core.provenance.manifest import MADE_WITH
from mmfa_core.provenance.signing import offline_settings

PICTURE: Final = "the picture or sound"
STATEMENT: Final = "the signed statement"
BESIDE: Final = "something beside the picture and sound"
GONE: Final = "the signed statement is gone or can't be read"
_TRACES: Final = (MADE_WITH.encode(), b"jumdc2pa")  # plain metadata of this tool; any manifest
_CHUNK: Final = 1 << 20
# What c2pa's own code raises where a damaged manifest lacks what it expects.
_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
_CONTENT: Final = ("assertion.dataHash", "assertion.bmffHash", "assertion.boxesHash")
# About the signer, not about the file.
_CREDENTIAL: Final = ("signingCredential", "timeStamp", "claimSignature.outsideValidity")
_HERE = "It is signed with the self-made certificate of this installation"
_ELSEWHERE = "It is signed with a self-made certificate of another installation"
_SELF_MADE = "that shows whether the file was altered, but nobody vouches for who made it"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Tell what a file declares.

    Attributes:
        name: of the file, without its folder.
        declared: what its manifest says; None when there is none that can be read.
        intact: whether nothing was altered since it was signed; None when it holds no sign of ever
            having been signed.
        altered: what was altered, in words.
        trusted: whether somebody vouches for the signer: always False, since this tool keeps no
            list of signers, and its own certificates are self-made.
        certificate: who signed, as a sentence.
    """

    name: str
    declared: Declaration | None
    intact: bool | None
    altered: tuple[str, ...] = ()
    trusted: bool = False
    certificate: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return asdict(self)

    def sentences(self) -> tuple[str, ...]:
        """Say the same in plain words, most important first."""
        if self.intact is None:
            return (
                "This file declares nothing about how it was made.",
                "That proves nothing: such statements are easily removed.",
            )
        verdict = "This file is intact: nothing was altered since it was signed."
        if not self.intact:
            verdict = f"This file was altered since it was signed: {', '.join(self.altered)}."
        told = () if self.declared is None else self.declared.sentences()
        return (verdict, *told, *((self.certificate,) if self.certificate else ()))


def verify(path: str | Path) -> Verification:
    """Read what a picture or clip declares about how it was made, and whether it was altered since.

    Files of other tools are read as well, if they hold a C2PA manifest. No request is made.

    Args:
        path: .mp4, .mov, .m4v, .png, .jpg, .webp or .gif; other kinds as far as C2PA has them.

    Returns:
        What was found.

    Raises:
        UnreadableError: the file is missing, of a kind that can't hold a manifest, or its manifest
            lies elsewhere.
    """
    file = Path(path)
    try:
        report, checksum = _read_report(file), checksum_holds(file)
        if report is None:
            traces = checksum is not None or _has_traces(file)
            return Verification(
                name=file.name,
                declared=None,
                intact=False if traces else None,
                altered=(GONE,) if traces else (),
            )
    except OSError as error:
        raise UnreadableError(
            f"{file.name} can't be opened.", "Check its name, folder and permissions."
        ) from error
    manifest = report["manifest"]
    declared = read_declaration(manifest)
    altered = list(_altered(report["results"]))
    if declared.checksum and not checksum:
        altered.append(BESIDE)
    return Verification(
        name=file.name,
        declared=declared,
        intact=not altered,
        altered=tuple(dict.fromkeys(altered)),
        certificate=_certificate(manifest, own=report["state"] == "Trusted"),
    )


def _read_report(file: Path) -> dict[str, Any] | None:
    """Let c2pa read a file.

    Returns:
        ``manifest``, ``results`` and ``state``; None when there is no manifest, or none that can be
        read in a file that once had one.

    Raises:
        OSError: the file can't be read.
        UnreadableError: as for verify.
    """
    import c2pa

    try:
        with (
            file.open("rb") as stream,
            c2pa.Context.from_dict(offline_settings(_own_root())) as context,
            c2pa.Reader(None, stream, context=context) as reader,
        ):
            return {
                "manifest": reader.get_active_manifest(),
                "results": reader.get_validation_results(),
                "state": reader.get_validation_state(),
            }
    except c2pa.C2paError.RemoteManifest as error:
        raise _elsewhere(file) from error
    except (c2pa.C2paError, *_MALFORMED) as error:
        if "fetch remote manifests" in str(error):
            raise _elsewhere(file) from error
        if isinstance(error, c2pa.C2paError.ManifestNotFound) or _has_traces(file):
            return None
        if checksum_holds(file) is not None:
            return None
        raise UnreadableError(
            f"{file.name} is no picture or clip that can be read, so nothing can be said of it.",
            "Choose an mp4, mov, png, jpg, webp or gif file; unpack a zip first.",
        ) from error


def _elsewhere(file: Path) -> UnreadableError:
    return UnreadableError(
        f"The statement of {file.name} lies on another server, and none is asked.",
        "Choose a file that holds its statement itself.",
    )


def _own_root() -> str | None:
    try:
        own = load_identity(settings_folder())
    except (OSError, MMFAError):
        return None
    return None if own is None else own.root


def _has_traces(file: Path) -> bool:
    """Look for bytes that only a file which was signed has."""
    overlap = max(map(len, _TRACES)) - 1
    with file.open("rb") as stream:
        tail = b""
        while chunk := stream.read(_CHUNK):
            if any(trace in tail + chunk for trace in _TRACES):
                return True
            tail = chunk[-overlap:]
    return False


def _altered(results: Any) -> Iterator[str]:
    """Name what doesn't fit, from c2pa's report."""
    active = results.get("activeManifest") if isinstance(results, dict) else None
    active = active if isinstance(active, dict) else {}
    failed = [str(found.get("code")) for found in active.get("failure") or ()]
    passed = [str(found.get("code")) for found in active.get("success") or ()]
    for code in failed:
        if code.startswith(_CONTENT):
            yield PICTURE
        elif not code.startswith(_CREDENTIAL):
            yield STATEMENT
    if "claimSignature.validated" not in passed:
        yield STATEMENT


def _certificate(manifest: Any, *, own: bool) -> str:
    issuer, name = signer_of(manifest)
    if own:
        return f"{_HERE}: {_SELF_MADE}."
    if name == COMMON_NAME:
        return f"{_ELSEWHERE}: {_SELF_MADE}."
    signer = ", ".join(part for part in (name, issuer) if part) or "somebody who isn't named"
    return f"It is signed by {signer}; no list of signers is kept here, so that isn't checked."

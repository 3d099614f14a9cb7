"""Signing, with c2pa: a manifest into a picture or clip, offline.

In: bytes or files, a manifest definition and an Identity. Out: signed bytes or files, or OSError.
Knows nothing about what the manifest says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from mmfa_core.provenance.certificate import Identity

MIME_TYPES: Final = {
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".webp": "image/webp",
}


def offline_settings(root: str | None = None) -> dict[str, Any]:
    """Return settings of c2pa that keep it off the network, out of pictures and small in memory.

    Args:
        root: a root certificate that is known, PEM.
    """
    return {
        "version": 1,
        "core": {
            "backing_store_memory_threshold_in_mb": 4,  # what is larger waits in a temporary file
            "merkle_tree_chunk_size_in_kb": 1024,  # a clip is hashed in parts, not as a whole
            "max_decompressed_manifest_size_in_mb": 8,
        },
        "verify": {
            "verify_after_sign": False,
            "verify_trust": root is not None,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "trust": {} if root is None else {"user_anchors": root},
        "builder": {"thumbnail": {"enabled": False}},
    }


def sign_bytes(data: bytes, suffix: str, definition: dict[str, Any], identity: Identity) -> bytes:
    """Sign a picture in memory.

    Args:
        data: the file.
        suffix: of MIME_TYPES.
        definition: of the manifest.
        identity: signs.

    Returns:
        The signed file.

    Raises:
        OSError: it can't be signed.
    """
    signed = BytesIO()
    _sign(BytesIO(data), signed, suffix, definition, identity)
    return signed.getvalue()


def sign_file(
    source: Path, target: Path, suffix: str, definition: dict[str, Any], identity: Identity
) -> None:
    """Sign a file into another one; memory doesn't grow with its length.

    Raises:
        OSError: it can't be signed, or there is no room.
    """
    with source.open("rb") as unsigned, target.open("w+b") as signed:
        _sign(unsigned, signed, suffix, definition, identity)


def _sign(
    source: Any, target: Any, suffix: str, definition: dict[str, Any], identity: Identity
) -> None:
    import c2pa

    key = c2pa.C2paSignerInfo(
        c2pa.C2paSigningAlg.ES256, identity.chain.encode(), identity.key.encode(), None
    )
    with (
        as_os_error(),
        c2pa.Context.from_dict(offline_settings()) as context,
        c2pa.Signer.from_info(key) as signer,
        c2pa.Builder(definition, context=context) as builder,
    ):
        builder.sign(signer, MIME_TYPES[suffix], source, target)


@contextlib.contextmanager
def as_os_error() -> Generator[None]:
    """Turn the errors of c2pa into OSError."""
    import c2pa

    try:
        yield
    except c2pa.C2paError as error:
        raise OSError(str(error)) from error

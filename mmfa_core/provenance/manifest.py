"""The statement that is signed: a C2PA manifest, and the same in plain words for plain metadata.

In: an Origin. Out: a manifest definition, and texts. Knows nothing about how it is signed.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from mmfa_core.provenance.origin import PORTRAIT, TOOL, Origin
from mmfa_core.version import VERSION

GENERATION: Final = "mmfa_studio.generation"  # label of this tool's own assertion
SYNTHETIC: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
MADE_WITH: Final = f"Generated with {TOOL}"  # begins what plain metadata say
HASH_PREFIX: Final = "urn:sha256:"
_MIME_UNKNOWN = "application/octet-stream"  # what a source was is nobody's business


def plain_words(origin: Origin) -> str:
    """Say in one line for plain metadata what a file is."""
    return (
        f"{MADE_WITH} {VERSION}: synthetic media, made from a real picture by the model "
        f"{origin.model_id} ({origin.model_hash})."
    )


def xmp_packet(origin: Origin) -> str:
    """Write the same as XMP, with IPTC's term for pictures that a trained model had a part in."""
    attributes = {
        "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        "xmlns:xmp": "http://ns.adobe.com/xap/1.0/",
        "xmlns:Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "rdf:about": "",
        "dc:source": plain_words(origin),
        "xmp:CreatorTool": f"{TOOL} {VERSION}",
        "Iptc4xmpExt:DigitalSourceType": SYNTHETIC,
    }
    listed = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {listed}/></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    )


def manifest_definition(origin: Origin, made_at: datetime, *, checksum: bool) -> dict[str, Any]:
    """Describe a manifest to the library that builds it.

    Sources are ingredients by their hash alone: no title, thumbnail, file or name of them.

    Args:
        origin: how the file was made; its first portrait is what was edited.
        made_at: when, with a time zone.
        checksum: whether a checksum of the whole file follows at its end, see checksum.py.
    """
    when = made_at.isoformat(timespec="seconds")
    agent = {"name": TOOL, "version": VERSION}
    ids = [f"ingredient-{number}" for number in range(len(origin.ingredients))]
    parents = [id_ for id_, i in zip(ids, origin.ingredients, strict=True) if i.role == PORTRAIT]
    parent = parents[:1]
    others = [id_ for id_ in ids if id_ not in parent]
    edited: dict[str, Any] = {
        "action": "c2pa.edited",
        "when": when,
        "softwareAgent": agent,
        "digitalSourceType": SYNTHETIC,
    }
    if others:
        edited["parameters"] = {"ingredientIds": others}
    return {
        "claim_generator_info": [agent],
        "ingredients": [
            {
                "title": f"{ingredient.role} (by hash only)",
                "format": _MIME_UNKNOWN,
                "relationship": "parentOf" if id_ in parent else "inputTo",
                "instance_id": HASH_PREFIX + ingredient.sha256,
                "label": id_,
            }
            for id_, ingredient in zip(ids, origin.ingredients, strict=True)
        ],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {"action": "c2pa.opened", "parameters": {"ingredientIds": parent}},
                        edited,
                    ]
                },
            },
            {
                "label": GENERATION,
                "kind": "Json",
                "data": {
                    "operation": origin.operation,
                    "model": {"id": origin.model_id, "hash": origin.model_hash},
                    "settings_sha256": origin.settings_hash,
                    "made_at": when,
                    "ingredients": [dataclasses.asdict(i) for i in origin.ingredients],
                    "checksum": checksum,
                },
            },
        ],
    }

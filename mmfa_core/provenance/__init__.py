"""Provenance: what a file says of itself, visibly, in plain metadata and in a signed manifest.

In: finished pictures and clips, and how they were made. Out: marked files, and what files declare.
The only home of c2pa and cryptography, which are loaded when something is signed or verified.
Knows nothing about models, faces or how pictures are made.
"""

from mmfa_core.provenance.badge import draw_badge
from mmfa_core.provenance.mark import Mark
from mmfa_core.provenance.origin import Ingredient, Origin, hash_file, hash_pixels, hash_settings
from mmfa_core.provenance.verification import Verification, verify

__all__ = [
    "Ingredient",
    "Mark",
    "Origin",
    "Verification",
    "draw_badge",
    "hash_file",
    "hash_pixels",
    "hash_settings",
    "verify",
]

"""What the page says about itself."""

from __future__ import annotations

TAGLINE = "Mix expressions, move a portrait, turn a head: each apart from the others."

ABOUT = """
**Consent.** Use your own face, or that of somebody who agreed to this very use. Don't make a
person seem to say or do what they didn't, don't deceive, harass or get past an identity check, and
don't animate children. Say that a picture or clip is synthetic wherever you show it: in many
places the law asks for that. Results carry a badge, which you may leave out, and a signed statement
of how they were made, which the tab Verify reads back; both can get lost on the way to others.

**Privacy.** Pictures and clips go to the machine that runs this page{way}; this page asks no other
host for anything. What you send and what is made is deleted after {kept}, and lies at an address
that others can't guess. Nothing is learned from it.

**Limits.** The face is drawn at {size_px} x {size_px} pixels. Large turns, profiles and strong nods
are weak, and what the portrait doesn't show (teeth, closed eyes, the other cheek) is guessed. One
face at a time; hands or objects in front of it confuse the model. {licence}
"""

DIRECTLY = " and to nobody else"
BY_GRADIO = ", through Gradio's servers, which pass them on"
LICENCES = {  # by model
    "mmfa-s-256": "The weights are for non-commercial research.",
    "mmfa-s-256-open": "The weights may be used for anything (Apache-2.0).",
}
OTHER_LICENCE = "What the weights may be used for, their model card says."


def about(model_id: str, *, size_px: int, kept: str, shared: bool) -> str:
    """Tell of consent, privacy and limits.

    Args:
        model_id: of the weights.
        size_px: side of the face that is drawn.
        kept: how long files stay, such as ``24 hours``.
        shared: whether the page is also reached through Gradio's servers.

    Returns:
        Markdown.
    """
    licence = LICENCES.get(model_id, OTHER_LICENCE)
    way = BY_GRADIO if shared else DIRECTLY
    return ABOUT.format(licence=licence, way=way, size_px=size_px, kept=kept)

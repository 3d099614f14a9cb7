"""What a person says once a session, above all tabs: that they may use the pictures, and the badge.

In: nothing. Out: two ticks, and the sentence for whoever forgot the first. The ticks belong to one
page in one browser: every event hands their values to the server, which keeps neither.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import gradio as gr

from mmfa_core import MMFAError
from studio.examples import EXAMPLES

CONSENT = "I may use these pictures, and the people in them agree"
_STORE = "(yes) => { try { sessionStorage.setItem('consent', yes ? 'yes' : ''); } catch (_) {} }"
_RECALL = """(now) => {
    try { return sessionStorage.getItem('consent') === 'yes' || now; } catch (_) { return now; }
}"""
# Shows where the tick is that was forgotten.
SHOW_CONSENT = """() => {
    const tick = document.querySelector('#consent input');
    if (!tick || tick.checked) return;
    tick.scrollIntoView({ block: 'center' });
    tick.focus({ focusVisible: true });
}"""


@dataclass(frozen=True, eq=False)
class Terms:
    """Hold the two ticks; handlers that make something get their values last, in this order.

    Attributes:
        badge: whether results get the visible badge.
        consent: whether the person may use the pictures.
    """

    badge: gr.Checkbox
    consent: gr.Checkbox

    @property
    def inputs(self) -> list[gr.Checkbox]:
        """Return both, as the last inputs of an event."""
        return [self.badge, self.consent]


def build_terms() -> Terms:
    """Build the two ticks in a row."""
    with gr.Row(elem_id="terms"):
        consent = gr.Checkbox(
            False, label=CONSENT, elem_id="consent", container=False, min_width=280, scale=3
        )
        badge = gr.Checkbox(
            True,
            label='Badge "AI" on what is made',
            elem_id="badge",
            container=False,
            min_width=200,
            scale=1,
        )
    consent.change(None, consent, None, js=_STORE, api_visibility="private")
    return Terms(badge, consent)


def recall_consent(page: gr.Blocks, terms: Terms) -> None:
    """Tick again what was ticked before the page was loaded anew in the same browser tab."""
    page.load(None, terms.consent, terms.consent, js=_RECALL, api_visibility="private")


def require_consent(consent: object) -> None:
    """Stop whoever didn't say that they may use the pictures.

    Raises:
        MMFAError: consent is anything but True.
    """
    if consent is not True:
        raise MMFAError(
            "Nothing was made yet: say first that you may use these pictures, and that the people "
            "in them agree.",
            "Tick that above the tabs, once (in the API: consent = true).",
        )


def is_example(path: str | None) -> bool:
    """Say whether a file is one of the shipped examples, whose licences allow this, by content."""
    if path is None:
        return True
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() in _example_hashes()
    except OSError:
        return False


@lru_cache(maxsize=1)
def _example_hashes() -> frozenset[str]:
    files = [p for p in EXAMPLES.glob("*") if p.suffix in (".jpg", ".png", ".mp4")]
    return frozenset(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)

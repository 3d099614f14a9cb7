"""The page: head, tabs, footer.

In: an Animator and StudioSettings. Out: gr.Blocks. Knows nothing about what tabs compute.
"""

from __future__ import annotations

import gradio as gr

from mmfa_core import Animator
from studio.context import StudioContext, StudioSettings
from studio.controls import TabControls
from studio.files import KEEP_S, SWEEP_S
from studio.footer import build_footer
from studio.recipe_panel import build_recipe_panel, load_from_url, rules_of
from studio.tabs.animate import build_animate
from studio.tabs.expression_tool import build_interpolation
from studio.tabs.expressions import build_expressions
from studio.tabs.keypoints import build_keypoints
from studio.tabs.pose import build_pose
from studio.tabs.verify import build_verify
from studio.terms import build_terms, recall_consent
from studio.theme import ICON, SLIDERS
from studio.words import TAGLINE, about

TABS = (
    ("expressions", "Expressions", build_expressions),
    ("animate", "Animate", build_animate),
    ("pose", "Pose", build_pose),
    ("keypoints", "Keypoints", build_keypoints),
)
SWITCH_SCHEME = """() => {
    const dark = document.body.classList.toggle('dark');
    try { localStorage.setItem('scheme', dark ? 'dark' : 'light'); } catch (_) {}
}"""
# Runs when the page is there. Gradio follows the system; who chose otherwise keeps that.
# Gradio plays a clip's thumbnail while the pointer is over it, and leaves the promise of a play
# that the pointer ended unanswered; that is no error.
ON_OPEN = """() => {
    document.documentElement.lang = 'en';
    window.addEventListener('unhandledrejection', (event) => {
        if (event.reason && event.reason.name === 'AbortError') event.preventDefault();
    });
    if (new URLSearchParams(location.search).has('__theme')) return;
    let kept = null;
    try { kept = localStorage.getItem('scheme'); } catch (_) {}
    if (kept) document.body.classList.toggle('dark', kept === 'dark');
}"""


def build_studio(animator: Animator, settings: StudioSettings | None = None) -> gr.Blocks:
    """Build the page.

    Args:
        animator: the model.
        settings: limits and what is offered.

    Returns:
        The page, not launched yet; theme, css and js are arguments of launch(), see app.py.
    """
    studio = StudioContext(animator, settings or StudioSettings())
    page: gr.Blocks
    with gr.Blocks(
        title="MMFA Studio",
        analytics_enabled=False,
        delete_cache=(int(SWEEP_S), int(KEEP_S)),
    ) as page:
        _build_head()
        terms = build_terms()
        tabs: dict[str, TabControls] = {}
        folders: dict[str, gr.Column] = {}
        with gr.Tabs(elem_id="tabs") as chosen:
            for name, title, build in TABS:
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    tabs[name] = build(studio, terms)
                    with gr.Column() as folders[name]:
                        pass
            with gr.Tab("Verify", id="verify", elem_id="tab-verify"):
                build_verify()
        rules = rules_of(tabs)
        for name, folder in folders.items():
            with folder:
                build_recipe_panel(tabs[name], rules)
        with gr.Accordion("Before you begin: consent, privacy, limits", open=False):
            words = about(
                animator.model_id,
                size_px=animator.size_px,
                kept=f"{KEEP_S / 3600:g} hours",
                shared=studio.settings.shared,
            )
            gr.Markdown(words)
        build_interpolation(studio, terms)
        build_footer(studio)
        load_from_url(page, tabs, chosen)
        recall_consent(page, terms)
        page.load(None, js=SLIDERS.read_text(encoding="utf-8"), api_visibility="private")
    return page


def _build_head() -> None:
    """Build the name of the page, and the switch between light and dark."""
    icon = ICON.read_text(encoding="utf-8")
    with gr.Row(elem_id="head", equal_height=True):
        gr.HTML(
            f"<span aria-hidden='true'>{icon}</span><h1>MMFA Studio</h1><p>{TAGLINE}</p>",
            elem_id="brand",
            padding=False,
        )
        scheme = gr.Button(
            "Light or dark", size="sm", elem_id="scheme", elem_classes=["quiet"], min_width=0
        )
    scheme.click(None, None, None, js=SWITCH_SCHEME, api_visibility="private")

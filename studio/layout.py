"""The page: head, tabs, footer.

In: an Animator and StudioSettings. Out: gr.Blocks. Knows nothing about what tabs compute.
"""

from __future__ import annotations

import gradio as gr

from mmfa_core import Animator
from studio.context import StudioContext, StudioSettings
from studio.files import KEEP_S, SWEEP_S
from studio.tabs.animate import build_animate
from studio.tabs.expressions import build_expressions
from studio.tabs.keypoints import build_keypoints
from studio.tabs.pose import build_pose

TABS = (
    ("expressions", "Expressions", build_expressions),
    ("animate", "Animate", build_animate),
    ("pose", "Pose", build_pose),
    ("keypoints", "Keypoints", build_keypoints),
)


def build_studio(animator: Animator, settings: StudioSettings | None = None) -> gr.Blocks:
    """Build the page.

    Args:
        animator: the model.
        settings: limits and what is offered.

    Returns:
        The page, not launched yet; theme and css are arguments of launch().
    """
    studio = StudioContext(animator, settings or StudioSettings())
    page: gr.Blocks
    with gr.Blocks(
        title="MMFA Studio",
        analytics_enabled=False,
        delete_cache=(int(SWEEP_S), int(KEEP_S)),
    ) as page:
        gr.Markdown("# MMFA Studio")
        with gr.Tabs(elem_id="tabs"):
            for name, title, build in TABS:
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    build(studio)
    return page

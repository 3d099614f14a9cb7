"""The tab Pose."""

from __future__ import annotations

import gradio as gr

from studio.context import StudioContext
from studio.controls import TabControls


def build_pose(studio: StudioContext) -> TabControls:
    """Build the tab."""
    del studio
    gr.Markdown("Coming.")
    return TabControls("pose")

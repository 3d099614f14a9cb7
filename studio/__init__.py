"""The web page: sliders, tabs and messages over the facade of mmfa_core.

In: an Animator and StudioSettings. Out: a Gradio page. Knows nothing about networks, tensors or
files of weights.
"""

from __future__ import annotations

from studio.context import StudioSettings
from studio.layout import build_studio

__all__ = ["StudioSettings", "build_studio"]

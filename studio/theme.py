"""How the page looks.

Classes for elem_classes, all defined in assets/studio.css:

    stage   the column with the big result      hero    the one main button of a tab
    rail    a column of controls                hint    a line of help under or over something
    square  a picture or clip in a fixed 1:1 box, so that nothing jumps when it arrives
    wide    the same in a 16:9 box
    strip   a row of small pictures that scrolls sideways on a narrow screen
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
CSS = ASSETS / "studio.css"


def build_theme() -> gr.themes.Base:
    """Build the theme."""
    return gr.themes.Base()

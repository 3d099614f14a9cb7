"""Start MMFA Studio: parse flags, load an Animator, build the page, launch."""

from __future__ import annotations

from mmfa_core import Animator
from studio import StudioSettings, build_studio
from studio.theme import CSS, build_theme

build_studio(Animator.from_pretrained(), StudioSettings()).queue(
    max_size=32, default_concurrency_limit=1
).launch(theme=build_theme(), css_paths=[CSS], server_name="127.0.0.1")

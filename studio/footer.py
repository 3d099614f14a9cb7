"""The last line of the page: which model, on what, and how fast.

In: the context. Out: one line. Knows nothing about tabs.
"""

from __future__ import annotations

import html

import gradio as gr

from studio.context import StudioContext

EVERY_S = 4.0  # how often the line is looked at anew, s


def build_footer(studio: StudioContext) -> None:
    """Build the line and keep it true."""
    line = gr.HTML(footer_html(studio), elem_id="footer", padding=False)

    def look() -> str:
        """Tell the model and its speed."""
        return footer_html(studio)

    gr.Timer(EVERY_S).tick(
        look, None, line, show_progress="hidden", queue=False, api_visibility="private"
    )


def footer_html(studio: StudioContext) -> str:
    """Write the line: model and hash, device and precision, median from slider to picture."""
    animator, meter = studio.animator, studio.latency
    engine = animator.engine
    precision = str(engine.dtype).removeprefix("torch.")
    median = meter.median_ms()
    speed = "not measured yet" if median is None else f"{median:.0f} ms (median of {meter.count})"
    parts = {
        "Model": f"{animator.model_id}, {animator.model_hash}",
        "Computes on": f"{engine.device.type}, {precision}",
        "Slider to picture": speed,
    }
    cells = (
        f"<span><b>{name}</b> <span data-part='{name}'>{html.escape(text)}</span></span>"
        for name, text in parts.items()
    )
    return "".join(cells)

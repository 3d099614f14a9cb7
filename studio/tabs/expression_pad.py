"""The square pad: a finger, a mouse or the arrow keys choose a place between four faces.

In: ids of two sliders. Out: an element. The sliders stay the only values: what the hand does goes
through them, so it is computed by the same event, and they are the pad's equal without a mouse.
"""

from __future__ import annotations

import json

import gradio as gr

LABEL = (
    "Pad of faces. Drag the point, or use the arrow keys; Home goes to the middle. "
    "The two sliders below do the same."
)
TEMPLATE = (
    "<div class='pad'>${value}<svg viewBox='0 0 100 100' preserveAspectRatio='none' "
    "aria-hidden='true'><path d='M50 0V100M0 50H100'/></svg><i class='puck'></i></div>"
)
CSS = """
margin: -8px -10px; /* Gradio's own padding round HTML */
outline: none;
.pad {
  position: relative; width: 100%; max-width: 420px; margin: 0 auto; aspect-ratio: 1 / 1;
  border-radius: 12px; overflow: hidden; background: var(--ink-sunken); cursor: crosshair;
  border: 1px solid var(--ink-line); touch-action: none; user-select: none;
}
.corner { position: absolute; width: 34%; height: 34%; pointer-events: none; }
.corner:nth-child(1) { left: 8px; top: 8px; }
.corner:nth-child(2) { right: 8px; top: 8px; }
.corner:nth-child(3) { left: 8px; bottom: 8px; }
.corner:nth-child(4) { right: 8px; bottom: 8px; }
.corner img { width: 100%; height: 100%; object-fit: cover; border-radius: 10px; margin: 0; }
.corner b {
  position: absolute; left: 6px; top: 6px; padding: 1px 8px; border-radius: 99px; font-size: 13px;
  background: var(--ink-surface); color: var(--ink-text);
}
.corner .empty {
  display: grid; place-items: center; height: 100%; border-radius: 10px; font-size: 20px;
  border: 1px dashed var(--ink-edge); color: var(--ink-soft);
}
svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
svg path {
  stroke: var(--ink-line); stroke-width: 1; vector-effect: non-scaling-stroke; fill: none;
}
.puck {
  position: absolute; left: calc(100% * var(--x, 0.5)); top: calc(100% * var(--y, 0.5));
  width: 26px; height: 26px; margin: -13px 0 0 -13px; border-radius: 50%; pointer-events: none;
  background: var(--ink-accent_strong, var(--color-accent)); border: 3px solid #fff;
  box-shadow: 0 1px 6px rgb(0 0 0 / 45%);
}
&:focus-visible .pad { outline: 3px solid var(--color-accent); outline-offset: 2px; }
"""
JS = """
const set = __SETTINGS__;
element.tabIndex = 0;
element.setAttribute("role", "application");
element.setAttribute("aria-label", set.label);
const slider = (axis) => document.querySelector("#" + set.ids[axis] + " input[type='range']");
const show = () => {
  for (const axis of ["x", "y"]) {
    const input = slider(axis);
    if (input) element.style.setProperty("--" + axis, input.value);
  }
};
const write = (axis, value) => {
  const input = slider(axis);
  if (!input) return;
  const before = input.value;
  input.value = Math.min(1, Math.max(0, value));
  if (input.value !== before) input.dispatchEvent(new Event("input", { bubbles: true }));
};
const move = (x, y) => { write("x", x); write("y", y); show(); };
const at = (event) => {
  const box = element.querySelector(".pad").getBoundingClientRect();
  move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
};
let held = false;
element.addEventListener("pointerdown", (event) => {
  if (event.button || !event.target.closest(".pad")) return;
  event.preventDefault();
  element.focus({ preventScroll: true });
  element.setPointerCapture(event.pointerId);
  held = true;
  at(event);
});
element.addEventListener("pointermove", (event) => { if (held) at(event); });
for (const name of ["pointerup", "pointercancel"])
  element.addEventListener(name, () => { held = false; });
const steps = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};
element.addEventListener("keydown", (event) => {
  const step = steps[event.key];
  if (!step && event.key !== "Home") return;
  event.preventDefault();
  const far = event.shiftKey ? 0.1 : 0.02;
  if (!step) move(0.5, 0.5);
  else move(Number(slider("x").value) + far * step[0], Number(slider("y").value) + far * step[1]);
});
document.addEventListener("input", (event) => {
  if (["x", "y"].some((axis) => event.target === slider(axis))) show();
});
const follow = setInterval(() => {  // a recipe sets sliders without an event
  if (!element.isConnected) clearInterval(follow);
  else show();
}, 400);
show();
"""


def build_pad(x_id: str, y_id: str, corners: str) -> gr.HTML:
    """Build the pad.

    Args:
        x_id: element id of the slider from left to right, 0 to 1.
        y_id: element id of the slider from top to bottom, 0 to 1.
        corners: four elements of class ``corner``.

    Returns:
        The element; its value is the corners.
    """
    settings = json.dumps({"ids": {"x": x_id, "y": y_id}, "label": LABEL})
    return gr.HTML(
        corners,
        html_template=TEMPLATE,
        css_template=CSS,
        js_on_load=JS.replace("__SETTINGS__", settings),
        elem_id="expression-pad",
    )

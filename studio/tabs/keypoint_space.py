"""Keypoints in a turnable 3-D view: a small canvas of our own, no library and no request.

In: keypoints. Out: an element, and the JSON text that it draws.
"""

from __future__ import annotations

import json

import gradio as gr
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
NEAREST = 2  # lines from each keypoint to its nearest ones, so that eyes and lips are seen
LONGEST = 0.3  # of such a line, normalised

LABEL = (
    "Keypoints in space. Drag to turn them, or use the arrow keys; Home faces the viewer again, "
    "plus and minus change the size."
)
TEMPLATE = "<canvas role='presentation'></canvas><div class='key'></div>"
CSS = """
margin: -8px -10px; /* Gradio's own padding round HTML */
position: relative; outline: none; aspect-ratio: 1 / 1; border-radius: 12px; overflow: hidden;
background: #17201f; cursor: grab; touch-action: none; border: 1px solid var(--ink-line);
&:active { cursor: grabbing; }
canvas { width: 100%; height: 100%; display: block; }
.key {
  position: absolute; left: 10px; bottom: 8px; color: #d6dedb; font-size: 13px;
  pointer-events: none;
}
&:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
"""
JS = """
element.tabIndex = 0;
element.setAttribute("role", "application");
element.setAttribute("aria-label", __LABEL__);
let yaw = 0.5, pitch = 0.12, zoom = 1.25, held = null;
const read = () => { try { return JSON.parse(props.value || "{}"); } catch (_) { return {}; } };
let data = read();
const draw = () => {
  const canvas = element.querySelector("canvas");
  if (!canvas || !canvas.clientWidth) return;
  const ratio = devicePixelRatio || 1, side = Math.round(canvas.clientWidth * ratio);
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, side, side);
  const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
  const place = ([x, y, z]) => {
    const x1 = cy * x + sy * z, z1 = -sy * x + cy * z;
    const y2 = cp * y - sp * z1, z2 = sp * y + cp * z1;
    const near = 1 / (1 + 0.22 * z2);
    const reach = 0.47 * side * zoom * near;
    return [side / 2 + reach * x1, side / 2 + reach * y2, z2, near];
  };
  pen.lineWidth = ratio;
  pen.strokeStyle = "rgba(214, 222, 219, 0.14)";
  for (const axis of [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) {
    const [a, b] = [place(axis.map((v) => -v)), place(axis)];
    pen.beginPath(); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); pen.stroke();
  }
  for (const cloud of data.clouds || []) {
    const spots = cloud.points.map(place);
    pen.strokeStyle = cloud.faint ? "rgba(214, 222, 219, 0.16)" : "rgba(214, 222, 219, 0.34)";
    for (const [i, j] of cloud.lines || []) {
      pen.beginPath(); pen.moveTo(spots[i][0], spots[i][1]); pen.lineTo(spots[j][0], spots[j][1]);
      pen.stroke();
    }
    const order = spots.map((_, i) => i).sort((i, j) => spots[j][2] - spots[i][2]);
    for (const i of order) {
      const [x, y, z, near] = spots[i];
      pen.globalAlpha = cloud.faint ? 0.5 : Math.max(0.35, Math.min(1, 0.8 - 0.6 * z));
      pen.fillStyle = cloud.faint ? "#8b9794" : cloud.colours[i];
      pen.beginPath();
      pen.arc(x, y, (cloud.faint ? 2.4 : 4.6) * near * near * ratio, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }
  element.querySelector(".key").textContent = data.text || "";
};
element.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  element.focus({ preventScroll: true });
  element.setPointerCapture(event.pointerId);
  held = [event.clientX, event.clientY, yaw, pitch];
});
element.addEventListener("pointermove", (event) => {
  if (!held) return;
  yaw = held[2] - 0.01 * (event.clientX - held[0]);
  pitch = Math.max(-1.5, Math.min(1.5, held[3] + 0.01 * (event.clientY - held[1])));
  draw();
});
for (const name of ["pointerup", "pointercancel"])
  element.addEventListener(name, () => { held = null; });
element.addEventListener("keydown", (event) => {
  const turns = {
    ArrowLeft: () => { yaw += 0.1; }, ArrowRight: () => { yaw -= 0.1; },
    ArrowUp: () => { pitch = Math.max(-1.5, pitch - 0.1); },
    ArrowDown: () => { pitch = Math.min(1.5, pitch + 0.1); },
    Home: () => { yaw = 0; pitch = 0; zoom = 1.25; },
    "+": () => { zoom = Math.min(3, zoom * 1.1); },
    "-": () => { zoom = Math.max(0.5, zoom / 1.1); },
  };
  if (!turns[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  turns[event.key]();
  draw();
});
watch("value", () => { data = read(); draw(); });
new ResizeObserver(draw).observe(element);
draw();
"""


def build_space(value: str | None, elem_id: str) -> gr.HTML:
    """Build the view.

    Args:
        value: of space_json, or None for an empty view.
        elem_id: of the element.

    Returns:
        The element; its value is what it draws.
    """
    return gr.HTML(
        value,
        html_template=TEMPLATE,
        css_template=CSS,
        js_on_load=JS.replace("__LABEL__", json.dumps(LABEL)),
        elem_id=elem_id,
    )


def space_json(
    points: Points, colours: NDArray[np.float32], *, beside: Points | None = None, text: str = ""
) -> str:
    """Write what the view draws.

    Args:
        points: (K, 3), normalised: x right, y down, z away.
        colours: (K, 3), 0 to 255.
        beside: (K, 3), other keypoints that are drawn faintly.
        text: one line below.

    Returns:
        JSON text.
    """
    clouds = []
    if beside is not None:
        clouds.append({"points": _plain(beside), "lines": _lines(beside), "faint": True})
    inks = [f"rgb({r:.0f},{g:.0f},{b:.0f})" for r, g, b in colours]
    clouds.append({"points": _plain(points), "lines": _lines(points), "colours": inks})
    return json.dumps({"clouds": clouds, "text": text})


def _plain(points: Points) -> list[list[float]]:
    rows: list[list[float]] = np.round(points.astype(np.float64), 4).tolist()
    return rows


def _lines(points: Points) -> list[list[int]]:
    """Join each keypoint with its nearest ones."""
    away = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(away, np.inf)
    nearest = np.argsort(away, axis=1)[:, :NEAREST]
    pairs = {
        (min(i, int(j)), max(i, int(j)))
        for i, row in enumerate(nearest)
        for j in row
        if away[i, j] < LONGEST
    }
    return [list(pair) for pair in sorted(pairs)]

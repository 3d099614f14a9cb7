"""The picture that is turned by hand: drag, pinch, wheel and keys move the sliders beside it.

In: ids of sliders. Out: an element to put the picture in. The sliders stay the only values: what
hand, keys and recipes do goes through them, so it is computed by the same event.
"""

from __future__ import annotations

import json

import gradio as gr

DEGREES_A_WIDTH = 60.0  # a drag over the whole picture
WIDTHS = 2.0  # the crop is two half widths wide
KEY_STEP_DEG = 1.0
KEY_STEP = 0.01
WHEEL_SCALE = 0.0004  # a pixel of the wheel
WHEEL_DEG = 0.02

LABEL = (
    "The portrait. Drag it, or use the arrow keys, to turn the head; with Shift to move it. "
    "Plus and minus change its size, comma and full stop tilt it, Home brings it back."
)
HINT = (
    "**Drag the picture** to turn the head, with Shift to move it. Once clicked: wheel for size, "
    "Shift + wheel to tilt, arrow keys to turn. On a touch screen two fingers move, size and tilt."
)

CSS = """
outline: none; border-radius: var(--block-radius);
margin: -8px -10px; /* Gradio's own padding round HTML */
&:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
img { cursor: grab; touch-action: none; user-select: none; -webkit-user-drag: none; }
&.held img { cursor: grabbing; }
.empty { flex-direction: column; gap: 0.6em; }
.empty::after { content: "Give a portrait, or pick an example: it appears here to be turned.";
  padding: 0 2em; text-align: center; color: var(--body-text-color-subdued); }
"""

JS = """
const set = __SETTINGS__;
element.tabIndex = 0;
element.setAttribute("role", "application");
element.setAttribute("aria-label", set.label);

const slider = (name) =>
  document.querySelector("#" + set.ids[name] + " input[type='range']");
const exact = {};  // a slider rounds to its step: what is below it adds up here
const read = (name) => {
  const input = slider(name);
  if (!input) return 0;
  const kept = exact[name];
  return kept && kept.shown === input.value ? kept.value : Number(input.value);
};
const write = (name, value) => {
  const input = slider(name);
  if (!input) return;
  const before = input.value;
  value = Math.min(Number(input.max), Math.max(Number(input.min), value));
  input.value = value;
  exact[name] = { value, shown: input.value };
  if (input.value !== before) input.dispatchEvent(new Event("input", { bubbles: true }));
};
const names = Object.keys(set.ids);
const all = () => Object.fromEntries(names.map((name) => [name, read(name)]));

const down = new Map();
let start = null;
let waiting = false;

const middle = () => {
  const points = [...down.values()];
  const [a, b] = [points[0], points[points.length - 1]];
  return {
    x: (a.x + b.x) / 2, y: (a.y + b.y) / 2,
    far: Math.hypot(b.x - a.x, b.y - a.y), turn: Math.atan2(b.y - a.y, b.x - a.x),
  };
};
const begin = () => { start = down.size ? { at: middle(), values: all() } : null; };
const follow = (shift) => {
  waiting = false;
  if (!start || !down.size) return;
  const box = element.querySelector("img").getBoundingClientRect();
  const now = middle();
  const across = (now.x - start.at.x) / box.width;
  const along = (now.y - start.at.y) / box.height;
  const from = start.values;
  if (down.size > 1 || shift) {
    write("tx", from.tx + set.widths * across);
    write("ty", from.ty + set.widths * along);
  } else {
    write("yaw_deg", from.yaw_deg + set.degrees * across);
    write("pitch_deg", from.pitch_deg - set.degrees * along);
  }
  if (down.size > 1 && start.at.far > 0) {
    write("scale", from.scale * now.far / start.at.far);
    let turn = (now.turn - start.at.turn) * 180 / Math.PI;
    turn -= 360 * Math.round(turn / 360);
    write("roll_deg", from.roll_deg - turn);
  }
};

element.addEventListener("dragstart", (event) => event.preventDefault());
element.addEventListener("pointerdown", (event) => {
  const image = element.querySelector("img");
  if (event.button || !image || event.target.closest("a, .icon-button-wrapper")) return;
  const box = image.getBoundingClientRect();
  if (event.clientX < box.left || event.clientX > box.right) return;
  if (event.clientY < box.top || event.clientY > box.bottom) return;
  event.preventDefault();
  element.focus({ preventScroll: true });
  element.setPointerCapture(event.pointerId);
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  element.classList.add("held");
  begin();
});
element.addEventListener("pointermove", (event) => {
  if (!down.has(event.pointerId)) return;
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (waiting) return;
  waiting = true;
  const shift = event.shiftKey;
  requestAnimationFrame(() => follow(shift));
});
const release = (event) => {
  if (down.has(event.pointerId)) follow(event.shiftKey);
  if (!down.delete(event.pointerId)) return;
  if (!down.size) element.classList.remove("held");
  begin();
};
element.addEventListener("pointerup", release);
element.addEventListener("pointercancel", release);

element.addEventListener("wheel", (event) => {
  if (!element.contains(document.activeElement)) return;  // else the page scrolls
  event.preventDefault();
  const by = event.deltaY || event.deltaX;
  if (event.shiftKey) write("roll_deg", read("roll_deg") - set.wheelDegrees * by);
  else write("scale", read("scale") - set.wheelScale * by);
}, { passive: false });

const turnKeys = {
  ArrowLeft: ["yaw_deg", -1, "tx", -1], ArrowRight: ["yaw_deg", 1, "tx", 1],
  ArrowUp: ["pitch_deg", 1, "ty", -1], ArrowDown: ["pitch_deg", -1, "ty", 1],
};
const otherKeys = {
  "+": ["scale", set.keyStep], "=": ["scale", set.keyStep], "-": ["scale", -set.keyStep],
  ",": ["roll_deg", set.keyDegrees], ".": ["roll_deg", -set.keyDegrees],
};
element.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const turn = turnKeys[event.key], other = otherKeys[event.key];
  if (turn && event.shiftKey) write(turn[2], read(turn[2]) + turn[3] * set.keyStep);
  else if (turn) write(turn[0], read(turn[0]) + turn[1] * set.keyDegrees);
  else if (other) write(other[0], read(other[0]) + other[1]);
  else if (event.key === "Home") document.querySelector("#" + set.reset)?.click();
  else return;
  event.preventDefault();
});
"""


def hand_stage(ids: dict[str, str], reset_id: str) -> gr.HTML:
    """Make the element round the picture; use it in a ``with`` and put the picture inside.

    Args:
        ids: elem_id of the sliders of yaw_deg, pitch_deg, roll_deg, scale, tx and ty.
        reset_id: elem_id of the button that Home presses.

    Returns:
        The element.
    """
    settings = {
        "ids": ids,
        "reset": reset_id,
        "label": LABEL,
        "degrees": DEGREES_A_WIDTH,
        "widths": WIDTHS,
        "keyDegrees": KEY_STEP_DEG,
        "keyStep": KEY_STEP,
        "wheelScale": WHEEL_SCALE,
        "wheelDegrees": WHEEL_DEG,
    }
    return gr.HTML(
        html_template="@children",
        css_template=CSS,
        js_on_load=JS.replace("__SETTINGS__", json.dumps(settings)),
    )

// Keeps a slider, its number box and the picture of one mind, on the whole page. Gradio sends what
// is typed at once, also an empty box or a number beyond the range, which the server refuses; and
// its reset button tells nobody that listens to "input".
() => {
  const BOX = "input[data-testid='number-input']";
  const tell = (box) => box.dispatchEvent(new Event("input", { bubbles: true }));
  const wrong = ({ value, validity }) =>
    value === "" || validity.rangeUnderflow || validity.rangeOverflow;

  // What is wrong on the way stays in the box, and the slider where it was.
  window.addEventListener("input", (event) => {
    if (event.target.matches?.(BOX) && wrong(event.target)) event.stopPropagation();
  }, true);

  // At its end, by Enter or by leaving, it becomes the nearest number, or what the slider says.
  window.addEventListener("change", (event) => {
    const box = event.target;
    if (!box.matches?.(BOX) || !wrong(box)) return;
    const slider = box.closest(".block").querySelector("input[type='range']");
    if (box.validity.rangeUnderflow) box.value = box.min;
    else if (box.validity.rangeOverflow) box.value = box.max;
    else box.value = slider.value;
    tell(box);
  }, true);

  window.addEventListener("click", (event) => {
    const reset = event.target.closest?.("[data-testid='reset-button']");
    if (reset) setTimeout(() => tell(reset.parentElement.querySelector(BOX)));
  });
}

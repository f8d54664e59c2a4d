// A pad to draw on, for models that take small grey pictures: by mouse, finger or pen, or square by square with the keyboard.

import { canvasOf } from "./pictures.js";
import { make } from "./elements.js";

const SIDE = 280;
const INK_PART = 1 / 11;
const STEP = SIDE / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Whether drawing makes sense for pictures of this recipe: grey, and of a size of up to 64 pixels. */
export const isDrawable = ({ color, resize, crop }) =>
  color === "L" && [resize, crop].flat().some(Boolean) && [resize, crop].flat().every((side) => (side ?? 1) <= 64);

/** An element with a pad and its buttons. `onDrawn` is given the pixels, RGBA, after each stroke. */
export function pad({ mean, scale }, onDrawn) {
  const isDark = mean[0] / (255 * scale) < 0.5; // most of what it has learnt from was dark: white ink on black
  const canvas = canvasOf(SIDE, SIDE);
  canvas.className = "try-pad";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.ariaLabel = "A pad to draw on. With the keyboard: arrows move the pen, Shift and arrows draw, Enter answers.";
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const paper = make("input", { type: "checkbox", checked: isDark });
  const pen = { x: SIDE / 2, y: SIDE / 2, isDown: false };

  const clear = () => {
    context.fillStyle = paper.checked ? "#000" : "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(context, {
      strokeStyle: paper.checked ? "#fff" : "#000",
      lineWidth: SIDE * INK_PART,
      lineCap: "round",
      lineJoin: "round",
    });
  };
  const lineTo = (x, y) => {
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    Object.assign(pen, { x, y });
  };
  const answer = () => onDrawn(context.getImageData(0, 0, SIDE, SIDE));
  const placeOf = (event) => [
    (event.offsetX * SIDE) / canvas.clientWidth,
    (event.offsetY * SIDE) / canvas.clientHeight,
  ];

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    [pen.x, pen.y] = placeOf(event);
    pen.isDown = true;
    lineTo(pen.x, pen.y);
  });
  canvas.addEventListener("pointermove", (event) => pen.isDown && lineTo(...placeOf(event)));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (pen.isDown) answer();
      pen.isDown = false;
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter") answer();
    const [right, down] = ARROWS[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault();
    const [x, y] = [pen.x + right * STEP, pen.y + down * STEP].map((one) => Math.min(SIDE, Math.max(0, one)));
    if (event.shiftKey) lineTo(x, y);
    else Object.assign(pen, { x, y });
  });
  paper.addEventListener("change", clear);
  clear();
  const wipe = make("button", { type: "button", textContent: "Clear the pad", onclick: clear });
  return make(
    "div",
    { className: "try-drawing" },
    make("p", {}, "Or draw one:"),
    canvas,
    make("div", {}, wipe, make("label", {}, paper, " White on black")),
  );
}

// An answer as elements of the page.

import { counted, make, short, table } from "./elements.js";
import { colorOf, shown } from "./pictures.js";

const MOST_BARS = 5;
const MOST_NUMBERS = 16;
const COVER = 0.5;
const READABLE = 320;

/** Elements for an answer about what was given: `picture` are its pixels in RGBA, where it is one, else `inputs`. */
export function answerView(answer, { picture, inputs }) {
  return VIEWS[answer.kind](answer, picture, inputs);
}

/** A table of many answers [{name, answer}], a line each; nothing where they are of a kind that needs more room. */
export function answersTable(answers) {
  const cells = answers.map(({ name, answer }) => [name, ...(LINES[answer.kind]?.(answer) ?? [])]);
  return cells[0].length > 1
    ? table("The answers, line by line", ["line", ...HEADS[answers[0].answer.kind](answers[0].answer)], cells)
    : null;
}

const LINES = {
  classes: ({ label, probabilities }) => [label, probabilities[0][1].toFixed(4)],
  flags: ({ labels }) => [labels.join(", ") || "none of them"],
  numbers: ({ values }) => values.slice(0, MOST_NUMBERS).map(([, value]) => short(value, 6)),
};
const HEADS = {
  classes: () => ["label", "probability"],
  flags: () => ["labels"],
  numbers: ({ values }) => values.slice(0, MOST_NUMBERS).map(([name]) => name),
};

const VIEWS = {
  classes: ({ label, probabilities }) => [
    make("p", { className: "try-label" }, label),
    bars(probabilities.slice(0, MOST_BARS)),
  ],
  flags: ({ labels, probabilities }) => [
    make("p", { className: "try-label" }, labels.join(", ") || "none of them"),
    bars(probabilities.slice(0, Math.max(MOST_BARS, labels.length))),
  ],
  numbers: ({ values }) => [
    table(
      "The numbers that it answers",
      ["name", "value"],
      values.slice(0, MOST_NUMBERS).map(([name, value]) => [name, short(value, 6)]),
    ),
    more(values.length - MOST_NUMBERS, "number"),
  ],
  mask: ({ width, height, mask, shares }, picture) => [
    shown(covered({ width, height, mask }, picture)),
    bars(
      shares.map(({ label, share }) => [label, share]),
      shares,
    ),
  ],
  places: ({ mask, shares }, _, inputs) => [
    curve(Object.values(inputs)[0], mask),
    bars(
      shares.map(({ label, share }) => [label, share]),
      shares,
    ),
  ],
  picture: ({ width, height, rgba }) => [shown({ width, height, data: rgba })],
  boxes: ({ detections }, picture) => [boxed(detections, picture), found(detections)],
  arrays: ({ outputs }) => [
    table(
      "The outputs as they are",
      ["output", "shape", "first values"],
      outputs.map(({ name, dims, first }) => [name, dims.join(" x "), first.map((one) => short(one, 4)).join(", ")]),
    ),
  ],
};

const more = (count, word) => (count > 0 ? make("p", {}, `and ${counted(count, word)} more`) : "");

/** A bar for each label; `classes` have the number of each, whose colour it gets. */
function bars(rows, classes) {
  return make(
    "dl",
    { className: "try-bars" },
    ...rows.map(([label, part], row) => {
      const name = make("dt", {}, ...(classes ? [chip(classes[row].number)] : []), label);
      const meter = make("meter", { max: 1, value: part, ariaLabel: label });
      return make("div", {}, name, make("dd", {}, meter, make("span", {}, `${(100 * part).toFixed(1)} %`)));
    }),
  );
}

function chip(number) {
  const made = make("span", { className: "try-chip", ariaHidden: "true" });
  made.style.backgroundColor = number ? `rgb(${colorOf(number).join(" ")})` : "transparent"; // nothing is drawn of the background
  return made;
}

/** A mask half over its picture where that has its size, else alone. */
function covered({ width, height, mask }, picture) {
  const ground = picture && scaled(picture, width, height);
  const data = new Uint8ClampedArray(4 * mask.length);
  mask.forEach((number, place) => {
    colorOf(number).forEach((value, channel) => {
      const under = ground?.[4 * place + channel];
      const cover = number === 0 ? 0 : COVER; // the background stays as it is
      data[4 * place + channel] = under === undefined ? value : cover * value + (1 - cover) * under;
    });
    data[4 * place + 3] = 255;
  });
  return { width, height, data };
}

/** Pixels of another size, for people to look at. */
function scaled(picture, width, height) {
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(shown(picture), 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/** The first channel of a sequence as a curve, on the colours of its classes; the background has none. */
function curve({ data, dims }, mask) {
  const length = dims.at(-1);
  const values = Array.from(data.slice(0, length), Number);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const canvas = make("canvas", {
    width: 1200,
    height: 200,
    className: "try-curve",
    role: "img",
    ariaLabel: "The sequence, coloured by class",
  });
  const context = canvas.getContext("2d");
  const x = (place, count) => (place * canvas.width) / count;
  mask.forEach((number, place) => {
    context.fillStyle = number ? `rgb(${colorOf(number).join(" ")} / 50%)` : "transparent";
    context.fillRect(x(place, mask.length), 0, Math.ceil(x(1, mask.length)), canvas.height);
  });
  Object.assign(context, { strokeStyle: getComputedStyle(document.body).color, lineWidth: 3 });
  values.forEach((value, place) =>
    context.lineTo(x(place + 0.5, length), 10 + (180 * (high - value)) / (high - low || 1)),
  );
  context.stroke();
  return canvas;
}

/** The picture with a box and a label for each thing, in the colour of its class; a small one is enlarged, to be read. */
function boxed(detections, picture) {
  const scale = Math.max(1, Math.round(READABLE / Math.min(picture.width, picture.height)));
  const canvas = make("canvas", {
    width: picture.width * scale,
    height: picture.height * scale,
    className: "try-picture",
  });
  const context = canvas.getContext("2d");
  const text = Math.max(12, Math.max(canvas.width, canvas.height) / 32);
  Object.assign(context, {
    imageSmoothingEnabled: false,
    textBaseline: "top",
    font: `${text}px system-ui`,
    lineWidth: Math.max(2, text / 8),
  });
  context.drawImage(shown(picture), 0, 0, canvas.width, canvas.height);
  for (const { label, number, box } of [...detections].reverse()) {
    const [left, top, right, bottom] = box.map((side) => side * scale);
    const color = colorOf(number + 1);
    context.strokeStyle = context.fillStyle = `rgb(${color.join(" ")})`;
    context.strokeRect(left, top, right - left, bottom - top);
    const y = top < text ? top : top - text;
    context.fillRect(left, y, context.measureText(label).width + 4, text);
    context.fillStyle = 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2] > 128 ? "#000" : "#fff";
    context.fillText(label, left + 2, y);
  }
  return canvas;
}

function found(detections) {
  if (!detections.length) return make("p", { className: "try-label" }, "nothing");
  const rows = detections.map(({ label, probability, box }) => [label, probability.toFixed(4), box.join(", ")]);
  return table("What was found, and where", ["label", "probability", "box: left, top, right, bottom"], rows);
}

// An answer as elements of the page.

import { counted, make, short, table } from "./elements.js";
import { colorOf, shown } from "./pictures.js";

const MOST_BARS = 5;
const MOST_NUMBERS = 16;
const COVER = 0.5;

/** The element for an answer about what was given; `picture` are its pixels in RGBA, where it is one. */
export function answerView(answer, picture) {
  return VIEWS[answer.kind](answer, picture);
}

const VIEWS = {
  classes: ({ label, probabilities }) => [make("p", { className: "try-label" }, label), bars(probabilities.slice(0, MOST_BARS))],
  flags: ({ labels, probabilities }) => [make("p", { className: "try-label" }, labels.join(", ") || "none of them"), bars(probabilities.slice(0, Math.max(MOST_BARS, labels.length)))],
  numbers: ({ values }) => [
    table("The numbers that it answers", ["name", "value"], values.slice(0, MOST_NUMBERS).map(([name, value]) => [name, short(value, 6)])),
    more(values.length - MOST_NUMBERS, "number"),
  ],
  mask: ({ width, height, mask, shares }, picture) => [shown(covered({ width, height, mask }, picture)), bars(shares.map(({ label, share }) => [label, share]), shares)],
  places: ({ mask, shares }) => [strip(mask), bars(shares.map(({ label, share }) => [label, share]), shares)],
  picture: ({ width, height, rgba }) => [shown({ width, height, data: rgba })],
  boxes: ({ detections }, picture) => [boxed(detections, picture), found(detections)],
  arrays: ({ outputs }) => [table("The outputs as they are", ["output", "shape", "first values"], outputs.map(({ name, dims, first }) => [name, dims.join(" x "), first.map((one) => short(one, 4)).join(", ")]))],
};

const more = (count, word) => (count > 0 ? make("p", {}, `and ${counted(count, word)} more`) : "");

/** A bar for each label; `classes` have the number of each, whose colour it gets. */
function bars(rows, classes) {
  return make("dl", { className: "try-bars" }, ...rows.map(([label, part], row) => {
    const name = make("dt", {}, ...(classes ? [chip(classes[row].number)] : []), label);
    const meter = make("meter", { max: 1, value: part, ariaLabel: label });
    return make("div", {}, name, make("dd", {}, meter, make("span", {}, `${(100 * part).toFixed(1)} %`)));
  }));
}

function chip(number) {
  const made = make("span", { className: "try-chip", ariaHidden: "true" });
  made.style.backgroundColor = `rgb(${colorOf(number).join(" ")})`;
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

/** The classes along a sequence, as a strip of colours. */
function strip(mask) {
  const data = Uint8ClampedArray.from({ length: 4 * mask.length }, (_, at) => [...colorOf(mask[at >> 2]), 255][at % 4]);
  const canvas = shown({ width: mask.length, height: 1, data });
  canvas.className = "try-strip";
  return canvas;
}

function boxed(detections, picture) {
  const canvas = shown(picture);
  const context = canvas.getContext("2d");
  context.lineWidth = Math.max(1, Math.max(canvas.width, canvas.height) / 250);
  context.font = `${Math.max(8, Math.max(canvas.width, canvas.height) / 32)}px system-ui`;
  for (const { label, number, box } of [...detections].reverse()) {
    context.strokeStyle = context.fillStyle = `rgb(${colorOf(number + 1).join(" ")})`;
    context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
    context.fillText(label, box[0], Math.max(10, box[1] - 2));
  }
  return canvas;
}

function found(detections) {
  if (!detections.length) return make("p", { className: "try-label" }, "nothing");
  const rows = detections.map(({ label, probability, box }) => [label, probability.toFixed(4), box.join(", ")]);
  return table("What was found, and where", ["label", "probability", "box: left, top, right, bottom"], rows);
}

// What outputs mean, by the task of the file, for one sample: the same answers as zoo predict gives.

import { detections } from "./boxes.js";
import { product } from "./reader/numbers.js";

const CLASSES = /^(image|binary|video|sequence|text|audio|table)-classification$/;
const SHOWN_NUMBERS = 8;

/**
 * The answer in the outputs of one sample: an object whose `kind` is classes, flags, mask, places, numbers, picture,
 * boxes or arrays. An Error says why there is none. `size` is {width, height} of a picture that was given.
 */
export function answerOf({ task, labels = [], task_settings: settings = {}, preprocess }, outputs, size) {
  for (const [name, { type, data }] of Object.entries(outputs)) {
    if (type.startsWith("float") && !data.every(Number.isFinite))
      throw new Error(`the output ${name} is not a finite number`);
  }
  if (CLASSES.test(task)) return classes(labels, chosen(outputs, "logits", "out"));
  if (task === "multilabel-classification") return flags(labels, settings.thresholds, chosen(outputs, "logits"));
  if (/^(semantic|sequence)-segmentation$/.test(task)) return mask(labels, chosen(outputs, "logits", "out"));
  if (/^(sequence-)?regression$/.test(task))
    return numbers(labels, ...named(outputs, "values", "value", "prediction", "out"));
  if (task === "image-to-image") return picture(chosen(outputs, "picture", "image", "out"), clipped);
  if (task === "image-filter") return picture(chosen(outputs, "picture", "image", "out"), strength);
  if (["detection", "instance-segmentation", "keypoints"].includes(task)) {
    return {
      kind: "boxes",
      detections: detections(outputs, { labels, threshold: settings.threshold ?? 0.5, preprocess, size }),
    };
  }
  return arrays(outputs);
}

/** The only output, else the first of `names` that there is, with its name. */
function named(outputs, ...names) {
  const all = Object.entries(outputs);
  const found = all.length === 1 ? all[0] : all.find(([name]) => name === names.find((one) => one in outputs));
  if (!found)
    throw new Error(
      `the outputs are ${Object.keys(outputs).join(", ")}, and none of them is called ${names.join(" or ")}`,
    );
  return found;
}

const chosen = (outputs, ...names) => named(outputs, ...names)[1];
const labelOf = (labels, number) => labels[number] ?? `class ${number}`;

/** Of one logit, the softmax of 0 and it is its sigmoid. */
function classes(labels, { data }) {
  const chances = softmax(data.length === 1 ? [0, data[0]] : Array.from(data));
  const ranked = chances.map((chance, number) => [labelOf(labels, number), chance]).sort(([, p], [, q]) => q - p);
  return { kind: "classes", label: ranked[0][0], probabilities: ranked };
}

function softmax(logits) {
  const most = logits.reduce((one, other) => Math.max(one, other));
  const powers = logits.map((one) => Math.exp(one - most));
  const sum = powers.reduce((total, one) => total + one);
  return powers.map((one) => one / sum);
}

const sigmoid = (logit) => (logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit)));

function flags(labels, thresholds, { data }) {
  const cut = (label) => thresholds?.[label] ?? 0.5;
  const logits = Array.from(data, (logit, number) => [labelOf(labels, number), logit]).sort(([, a], [, b]) => b - a);
  return {
    kind: "flags",
    labels: logits.filter(([label, logit]) => logit > Math.log(cut(label) / (1 - cut(label)))).map(([label]) => label),
    probabilities: logits.map(([label, logit]) => [label, sigmoid(logit)]),
  };
}

/** The class of each place, of logits (1, K, H, W) or (1, K, L); equal logits decide for the class that comes first. */
function mask(labels, { dims: [, columns, ...sizes], data }) {
  const count = product(sizes);
  const found = new Uint8Array(count);
  for (let place = 0; place < count; place++) {
    if (columns === 1) found[place] = Number(data[place] > 0);
    for (let number = 1; number < columns; number++) {
      if (data[number * count + place] > data[found[place] * count + place]) found[place] = number;
    }
  }
  const tally = new Map();
  for (const number of found) tally.set(number, (tally.get(number) ?? 0) + 1);
  const shares = [...tally]
    .sort(([, p], [, q]) => q - p)
    .map(([number, places]) => ({ number, label: labelOf(labels, number), share: places / count }));
  return sizes.length === 2
    ? { kind: "mask", height: sizes[0], width: sizes[1], mask: found, shares }
    : { kind: "places", mask: found, shares };
}

function numbers(labels, output, { data }) {
  const name = (number) => labels[number] ?? (data.length === 1 ? output : `${output}[${number}]`);
  return { kind: "numbers", values: Array.from(data, (value, number) => [name(number), value]) };
}

/** A picture in RGBA of an output (1, 1 or 3, height, width); `brightness` makes numbers from 0 to 1 of all of them. */
function picture({ dims: [, channels, height, width], data, ...rest }, brightness) {
  if (channels !== 1 && channels !== 3)
    return arrays({ picture: { dims: [1, channels, height, width], data, ...rest } });
  const count = height * width;
  const values = brightness(data);
  const rgba = Uint8ClampedArray.from({ length: 4 * count }, (_, at) => {
    const channel = channels === 1 ? 0 : at % 4;
    return at % 4 === 3 ? 255 : 255 * values[channel * count + Math.trunc(at / 4)];
  });
  return { kind: "picture", width, height, rgba };
}

const clipped = (data) => Array.from(data, (one) => Math.min(1, Math.max(0, one)));

/** Values beyond 0 to 1 show how strong they are, whatever their sign. */
function strength(data) {
  if (data.every((one) => one >= 0 && one <= 1 + 1e-4)) return clipped(data);
  const most = data.reduce((largest, one) => Math.max(largest, Math.abs(one)), 0);
  return clipped(Array.from(data, (one) => Math.abs(one) / most));
}

function arrays(outputs) {
  const told = Object.entries(outputs).map(([name, { dims, data }]) => ({
    name,
    dims,
    first: Array.from(data.slice(0, SHOWN_NUMBERS)),
  }));
  return { kind: "arrays", outputs: told };
}

// What a detector has found: boxes of its own choice, or maps, of which the probable ones are kept that overlap no better one.

const LEAST = 0.01;
const MOST = 100;
const CANDIDATES = 400;
const OVERLAP = 0.5;

/** `[{label, probability, box: [x1, y1, x2, y2]}]` in pixels of the picture, the most probable first. */
export function detections(outputs, { labels, threshold, preprocess, size }) {
  const found = outputs.scores ? ofItsChoice(outputs) : ofMaps(outputs);
  return found
    .filter(({ probability }) => probability >= threshold)
    .map(({ number, probability, box }) => {
      return { label: labels[number] ?? `class ${number}`, number, probability, box: inPicture(box, preprocess, size) };
    });
}

function ofItsChoice({ boxes, scores, labels }) {
  const found = Array.from(scores.data, (probability, row) => ({
    probability,
    number: Number(labels.data[row]),
    box: [0, 1, 2, 3].map((i) => boxes.data[4 * row + i]),
  }));
  return found.filter(({ probability }) => probability > 0).sort(byProbability);
}

function ofMaps({ logits, boxes }) {
  if (!logits || !boxes) throw new Error("a detector has the outputs boxes, scores and labels, or boxes and logits");
  const places = boxes.data.length / 4;
  const least = Math.log(LEAST / (1 - LEAST));
  const candidates = [];
  logits.data.forEach((logit, at) => {
    if (logit < least) return;
    const [number, place] = [Math.trunc(at / places), at % places];
    candidates.push({
      probability: 1 / (1 + Math.exp(-logit)),
      logit,
      number,
      box: [0, 1, 2, 3].map((i) => boxes.data[i * places + place]),
    });
  });
  candidates.sort((one, other) => other.logit - one.logit);
  const kept = [];
  for (const each of candidates.slice(0, CANDIDATES)) {
    if (!kept.some((better) => better.number === each.number && overlap(better.box, each.box) > OVERLAP))
      kept.push(each);
  }
  return kept.slice(0, MOST);
}

const byProbability = (one, other) => other.probability - one.probability;

/** Intersection over union. */
function overlap(first, second) {
  const side = (low, high) => Math.max(0, Math.min(first[high], second[high]) - Math.max(first[low], second[low]));
  const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const both = side(0, 2) * side(1, 3);
  const union = area(first) + area(second) - both;
  return union > 0 ? both / union : 0;
}

/** A box of the prepared picture in hundredths of a pixel of the picture itself, and inside it. */
function inPicture(box, preprocess, { width, height }) {
  const { scale, shift } = placeIn(preprocess, width, height);
  return box.map((value, i) => {
    const own = (value + shift[i % 2]) / scale[i % 2];
    return Math.round(100 * Math.min([width, height][i % 2], Math.max(0, own))) / 100;
  });
}

/** Where the points (x, y) of a picture are after its preparation: `point * scale - shift`. */
function placeIn({ resize, crop }, width, height) {
  const side = (length) => (resize ? Math.trunc((resize * length) / Math.min(height, width)) : length);
  const [rows, columns] = Array.isArray(resize) ? resize : [side(height), side(width)];
  const half = (room) => Math.trunc(room / 2) + Number(room % 4 === 3); // rounded to even, as Python does
  const shift = crop ? [half(columns - crop[1]), half(rows - crop[0])] : [0, 0];
  return { scale: [columns / width, rows / height], shift };
}

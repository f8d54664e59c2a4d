// From pixels to the model's input, with the same bits as in Python: docs/preprocessing.md says each step.

const { PI, abs, cos, fround, max, min, sin, trunc } = Math;
const sinc = (x) => (x === 0 ? 1 : sin(x * PI) / (x * PI));
const cubic = (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0);
/** How far each of Pillow's filters reaches, and what weight a pixel has at a distance. */
const FILTERS = {
  box: [0.5, (x) => Number(x > -0.5 && x <= 0.5)],
  bilinear: [1, (x) => max(0, 1 - abs(x))],
  hamming: [1, (x) => (abs(x) < 1 ? sinc(abs(x)) * (fround(0.54) + fround(0.46) * cos(abs(x) * PI)) : 0)],
  bicubic: [2, (x) => cubic(abs(x))],
  lanczos: [3, (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

/** The tensor {type, dims, data} of a picture {width, height, data} in RGBA, as of a canvas; `baked`: of it as it is. */
export function prepare({ width, height, data: rgba }, { resize, crop, interpolation, color, layout, ...recipe }, baked) {
  if (baked) return { type: "uint8", dims: [1, height, width, 3], data: colours(rgba, "RGB") };
  const side = (length) => trunc((resize * length) / min(height, width)); // `resize` is the shorter side
  const [rows, columns] = Array.isArray(resize) ? resize : [height, width].map(resize ? side : Number);
  const [h, w] = crop ?? [rows, columns];
  if (h > rows || w > columns) throw new Error(`${rows} x ${columns} pixels are fewer than the crop of ${h} x ${w}`);
  const [channels, half] = [color === "L" ? 1 : 3, (room) => trunc(room / 2) + Number(room % 4 === 3)]; // to even
  const [top, left] = [half(rows - h), half(columns - w)];
  const across = resample(colours(rgba, color), height, width, channels, columns, interpolation);
  const pixels = resample(across, 1, height, columns * channels, rows, interpolation);
  const data = new Float32Array(channels * h * w);
  for (let at = 0; at < data.length; at++) {
    const [c, place] = layout === "NHWC" ? [at % channels, trunc(at / channels)] : [trunc(at / (h * w)), at % (h * w)];
    const of = (values) => fround(values[c] ?? values[0]);
    const pixel = pixels[((trunc(place / w) + top) * columns + (place % w) + left) * channels + c];
    data[at] = fround(fround(pixel * fround(recipe.scale)) - of(recipe.mean)) / of(recipe.std);
  }
  return { type: "float32", dims: layout === "NHWC" ? [1, h, w, channels] : [1, channels, h, w], data };
}

/** Over white; then grey by ITU-R 601, RGB or BGR. Whole numbers only. */
function colours(rgba, color) {
  const found = new Uint8Array((rgba.length / 4) * (color === "L" ? 1 : 3));
  for (let at = 0, to = 0; at < rgba.length; at += 4) {
    const over = (value) => value * rgba[at + 3] + 255 * (255 - rgba[at + 3]) + 128;
    const rgb = [rgba[at], rgba[at + 1], rgba[at + 2]].map(over).map((sum) => (sum + (sum >> 8)) >> 8);
    if (color === "L") rgb.splice(0, 3, (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
    for (const value of color === "BGR" ? rgb.reverse() : rgb) found[to++] = value;
  }
  return found;
}

/** Pixels (outer, length, inner) as (outer, size, inner), by weights with 22 bits after the point. */
function resample(pixels, outer, length, inner, size, filter) {
  const found = new Uint8ClampedArray(outer * size * inner);
  let nearest = (length / size) * 0.5;
  for (let at = 0; at < size; at++, nearest += length / size) {
    const [first, weights] = filter === "nearest" ? [trunc(nearest), [2 ** 22]] : weightsOf(at, length, size, filter);
    for (let to = 0; to < outer * inner; to++) {
      const [o, i] = [trunc(to / inner), to % inner];
      let sum = 2 ** 21;
      for (let j = 0; j < weights.length; j++) sum += pixels[(o * length + first + j) * inner + i] * weights[j];
      found[(o * size + at) * inner + i] = sum >> 22;
    }
  }
  return found;
}

function weightsOf(at, length, size, filter) {
  const [[reach, weight], scale] = [FILTERS[filter], length / size];
  const [center, spread] = [(at + 0.5) * scale, max(scale, 1)];
  const first = max(0, trunc(center - reach * spread + 0.5));
  const count = min(length, trunc(center + reach * spread + 0.5)) - first;
  const weights = Array.from({ length: count }, (_, j) => weight((j + first - center + 0.5) * (1 / spread)));
  const sum = weights.reduce((total, one) => total + one);
  return [first, weights.map((one) => trunc((one / sum) * 2 ** 22 + (one < 0 ? -0.5 : 0.5)))];
}

// The inputs of a self-test by the name of their generator; those that are whole numbers, or true and false, are here.

import { drawFloats, philox, product } from "./numbers.js";

export const DRAWS = { "philox-uniform-24": drawFloats, "philox-typed": drawTyped };

/** The tensor {type, dims, data} of a draw; the data are plain numbers. */
function drawTyped(one) {
  const { dtype: type, shape: dims, seed, low, high } = one;
  if (type.startsWith("float")) return drawFloats(one);
  const raw = philox(product(dims), seed);
  const row = product(dims.slice(1));
  const data = type === "bool" ? mask(raw, row) : integers(raw, row, Math.ceil(low), Math.ceil(high));
  return { type, dims, data };
}

/** For each row of so many numbers its places, that of the smallest number first. */
function ordered(raw, row) {
  const rows = Array.from({ length: raw.length / row }, (_, r) => Array.from({ length: row }, (_, i) => r * row + i));
  return rows.map((places) => places.sort((i, j) => (raw[i] < raw[j] ? -1 : Number(raw[i] > raw[j]))));
}

/** From `low` to `high` - 1: all of them about equally often, or where there are too many, both ends in every row. */
function integers(raw, row, low, high) {
  const span = high - low;
  const found = Array.from(raw, (one) => low + Number(one % BigInt(span)));
  if (span <= raw.length) {
    ordered(raw, raw.length)[0].forEach((place, rank) => (found[place] = low + (rank % span)));
  } else if (raw.length > 1) {
    const ends = ordered(raw, row > 1 ? row : raw.length);
    for (const [first, second] of ends) [found[first], found[second]] = [low, high - 1];
  }
  return found;
}

/** As Python rounds. */
const roundHalfEven = (number) => (number % 1 === 0.5 ? 2 * Math.round(number / 2) : Math.round(number));

/** True, 1, in a half, most or few of the places of a row, in turn. */
function mask(raw, row) {
  if (row <= 3) return integers(raw, row, 0, 2);
  const found = new Array(raw.length).fill(0);
  ordered(raw, row).forEach((places, number) => {
    const most = Math.max(1, roundHalfEven([0.5, 0.875, 0.125][number % 3] * row));
    for (const place of places.slice(0, Math.min(most, row - 1))) found[place] = 1;
  });
  return found;
}

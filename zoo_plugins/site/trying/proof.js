// The self-test that a file carries, as docs/format.md says: what goes in, what must come out, and how far it may be off.

import { product } from "./reader/numbers.js";
import { DRAWS } from "./reader/draws.js";
import { lostRows } from "./selections.js";
import { rowsOf } from "./tensors.js";

/**
 * What a back-end makes of the self-test: for each case and output {size, output, count, error, bound, isWithin}.
 * `run` takes inputs by name. Throws an Error where the file has no self-test that can be run here.
 */
export async function prove({ self_test: test, inputs: specs }, run) {
  const rows = [];
  for (const each of [test ?? {}, ...(test?.others ?? [])]) {
    if (!DRAWS[each.generator] || !(each.outputs || each.selections)) {
      throw new Error("the file holds no self-test that this page knows");
    }
    const drawn = Object.fromEntries(
      Object.entries(each.inputs).map(([name, one]) => [name, DRAWS[each.generator](one)]),
    );
    const found = await outputsOf(drawn, specs, run);
    const size = Object.values(drawn)
      .map(({ dims }) => dims.join(" x "))
      .join(", ");
    const compared = each.outputs ? comparedValues(each.outputs, found) : lostRows(each.selections, found);
    rows.push(...compared.map((row) => ({ size, ...row })));
  }
  return rows;
}

/** Outputs of all rows together where every input has a free first axis, else of each row alone. */
async function outputsOf(drawn, specs, run) {
  if (Object.values(specs).every(({ axes }) => axes[0] === "N")) return [await run(drawn)];
  const found = [];
  for (let row = 0; row < Object.values(drawn)[0].dims[0]; row++) {
    const part = Object.entries(drawn).map(([name, one]) => [name, rowsOf(one, row, 1)]);
    found.push(await run(Object.fromEntries(part)));
  }
  return found;
}

function comparedValues(outputs, found) {
  return Object.entries(outputs).map(([output, { shape, positions, expected, bound }]) => {
    const values = found.flatMap((one) => Array.from(one[output]?.data ?? []));
    const gaps = positions.map((place, i) => Math.abs(values[place] - expected[i]));
    const isWhole = values.length === product(shape);
    const error = isWhole ? largest(gaps) : NaN;
    return { output, count: positions.length, error, bound, isWithin: error <= bound }; // NaN is not within it
  });
}

/** NaN where one of them is. */
const largest = (gaps) => gaps.reduce((most, gap) => (gap <= most ? most : gap), 0);

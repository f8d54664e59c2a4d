// Tables of numbers as samples of a model whose input is no picture: docs/preprocessing.md says which way a table is taken.

/**
 * The samples in a table {rows, columns, data}, as tensors (1, ...) of an input with these `axes`. `isSequence`: the
 * task has a class for each place. An Error where the table fits in no way.
 */
export function arranged(table, { axes: [, ...own], dtype = "float32" }, { isSequence, name }) {
  for (const { sizes, samples } of ways(table, own, isSequence)) {
    const fits = sizes.length === own.length && own.every((axis, i) => typeof axis !== "number" || axis === sizes[i]);
    if (!fits) continue;
    return samples().map((data) => ({ type: dtype, dims: [1, ...sizes], data: checked(data, dtype, name) }));
  }
  throw new Error(
    `${name} has ${table.rows} rows and ${table.columns} columns, and one sample of the model is ${own.join(" x ")}`,
  );
}

/** Every way to take a table, the likelier first: the sizes of a sample, and the samples. */
function* ways(table, own, isSequence) {
  const { rows, columns, data } = table;
  const isSized = own.every((axis) => typeof axis === "number");
  const whole = { sizes: [rows, columns], samples: () => [data] };
  const turned = { sizes: [columns, rows], samples: () => [transposed(table)] };
  const each = { sizes: [columns], samples: () => rowsOf(table) };
  if (own.length === 1) {
    if (columns === 1) yield { sizes: [rows], samples: () => [data] };
    if (!isSequence || isSized || rows === 1) yield each;
  }
  if (own.length === 2) {
    if (isSequence) yield turned;
    yield* [whole, turned];
    if (own[0] === 1 && isSized) yield { sizes: [1, columns], samples: () => rowsOf(table) };
  }
}

const rowsOf = ({ rows, columns, data }) =>
  Array.from({ length: rows }, (_, row) => data.slice(row * columns, (row + 1) * columns));
const transposed = ({ rows, columns, data }) =>
  data.map((_, at) => data[(at % rows) * columns + Math.trunc(at / rows)]);

/** The numbers, where none of them is changed by the dtype but by rounding. */
function checked(data, dtype, name) {
  const odd = dtype.startsWith("float")
    ? undefined
    : data.find((one) => !Number.isInteger(one) || (dtype === "bool" && one !== 0 && one !== 1));
  if (odd !== undefined) throw new Error(`${name} holds ${odd}, which cannot be ${dtype} without being changed`);
  return data;
}

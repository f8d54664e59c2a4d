// Tensors {type, dims, data}, between plain numbers and what onnxruntime-web takes and gives.

const ODD_ARRAYS = { bool: "Uint8Array", int64: "BigInt64Array" };
const arrays = (type) => globalThis[ODD_ARRAYS[type] ?? `${type[0].toUpperCase()}${type.slice(1)}Array`];

/** A function from inputs by name to outputs by name, as tensors whose data are numbers. */
export function runner(session, ort) {
  return async (inputs) => {
    const given = Object.entries(inputs).map(([name, one]) => [name, tensorOf(one, ort)]);
    const outputs = await session.run(Object.fromEntries(given));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { type, dims, data }]) => [name, { type, dims, data: plain(data) }]),
    );
  };
}

function tensorOf({ type, dims, data }, ort) {
  const kind = arrays(type);
  if (!kind) throw new Error(`this browser has no arrays of ${type}`);
  return new ort.Tensor(type, data instanceof kind ? data : kind.from(data, type === "int64" ? BigInt : Number), dims);
}

const plain = (data) =>
  data instanceof BigInt64Array || data instanceof BigUint64Array ? Float64Array.from(data, Number) : data;

/** Rows from `first` on of a tensor, so many. */
export function rowsOf({ type, dims: [all, ...rest], data }, first, count) {
  const size = data.length / all;
  return { type, dims: [count, ...rest], data: data.slice(first * size, (first + count) * size) };
}

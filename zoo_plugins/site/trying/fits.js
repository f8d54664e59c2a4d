// Whether an input has a size and values that the model takes, before it is run: the file says both.

const AXIS = /^(?:(\d+)\*)?([A-Z]\w*?)([+-]\d+)?$/;

/** Why the tensor {dims, data} is not for the input of that name; empty where it is. */
export function misfit(name, { dims, data, type }, { axes, low, high, hard }, largest = {}) {
  const wanted = axes.join(" x ");
  if (dims.length !== axes.length) return `${name} has the shape ${dims.join(" x ")}, and the model takes ${wanted}`;
  const sizes = {};
  for (const [i, axis] of axes.entries()) {
    const [, factor = 1, symbol, offset = 0] = AXIS.exec(axis) ?? [];
    const count = symbol ? (dims[i] - Number(offset)) / factor : undefined;
    const isFree =
      Number.isInteger(count) &&
      count >= 1 &&
      (sizes[symbol] ??= count) === count &&
      count <= (largest[symbol] ?? Infinity);
    if (symbol ? !isFree : dims[i] !== Number(axis))
      return `${name} has the shape ${dims.join(" x ")}, and the model takes ${wanted}`;
  }
  const isInteger = !type.startsWith("float");
  const isBeyond = (value) =>
    value < (low ?? -Infinity) || (isInteger ? value >= (high ?? Infinity) : value > (high ?? Infinity));
  const value = isInteger || hard ? data.find(isBeyond) : undefined;
  return value === undefined
    ? ""
    : `${name} has the value ${value}, and the model takes those from ${low ?? "-∞"} to ${high ?? "∞"}`;
}

// Numbers as numpy and Python make them: a file says by a seed what its self-test takes in.

const [M0, M1, W0, W1] = [0xd2e7470ee14c6c93n, 0xca5a826395121157n, 0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn];
const low64 = (number) => BigInt.asUintN(64, number);

/** 64-bit integers of Philox4x64-10, as `numpy.random.Philox(key=seed).random_raw(count)` gives them. */
export function philox(count, seed) {
  const raw = new BigUint64Array(Math.ceil(count / 4) * 4);
  for (let at = 0; at < count; at += 4) {
    let [a, b, c, d, k0, k1] = [BigInt(at / 4 + 1), 0n, 0n, 0n, BigInt(seed), 0n];
    for (let round = 0; round < 10; round++) {
      const [x, y] = [M0 * a, M1 * c];
      [a, b, c, d] = [(y >> 64n) ^ b ^ k0, low64(y), (x >> 64n) ^ d ^ k1, low64(x)];
      [k0, k1] = [low64(k0 + W0), low64(k1 + W1)];
    }
    raw.set([a, b, c, d], at);
  }
  return raw.subarray(0, count);
}

/** The tensor {type, dims, data} of the draw "philox-uniform-24"; the data are plain numbers. */
export function drawFloats({ dtype: type, shape: dims, seed, low, high }) {
  const parts = Array.from(philox(product(dims), seed), (raw) => Number(raw >> 40n) * 2 ** -24);
  const data = parts.map((part) => Math.fround(low + (high - low) * part));
  return { type, dims, data: type.startsWith("float") ? data : data.map(type === "bool" ? Boolean : Math.trunc) };
}

export const product = (sizes) => sizes.reduce((total, size) => total * size, 1);

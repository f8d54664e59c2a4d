// WAV files as samples: whole numbers of 8 to 32 bits, and floats.

const [PCM, FLOAT, EXTENSIBLE] = [1, 3, 0xfffe];

/** {rate, channels}, each channel a Float32Array from -1 to 1. An Error says what is wrong with the bytes. */
export function readWav(bytes, name) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (word(0) !== "RIFF" || word(8) !== "WAVE")
    throw new Error(`${name} is no WAV file, and other sounds are not read by this page`);
  let form = null;
  for (let at = 12; at + 8 <= bytes.length;) {
    const [kind, size, start] = [word(at), view.getUint32(at + 4, true), at + 8];
    if (kind === "fmt " && start + 16 <= bytes.length) form = formAt(view, start, size);
    if (kind === "data" && form) return samples(view, start, Math.min(size, bytes.length - start), form, name);
    at = start + size + (size % 2);
  }
  throw new Error(`${name} is a sound that cannot be read: it ends too early`);
}

function formAt(view, at, size) {
  const tag = view.getUint16(at, true);
  const isExtended = tag === EXTENSIBLE && size >= 26 && at + 26 <= view.byteLength;
  return {
    tag: isExtended ? view.getUint16(at + 24, true) : tag,
    count: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    width: Math.trunc((view.getUint16(at + 14, true) + 7) / 8),
  };
}

function samples(view, start, length, { tag, count, rate, width }, name) {
  const read = READERS[`${tag} ${width}`];
  if (!read || !count || !rate)
    throw new Error(
      `${name} is a sound of a kind that this page does not read: whole numbers of 8 to 32 bits, or floats`,
    );
  const frames = Math.trunc(length / (width * count));
  if (!frames) throw new Error(`${name} is a sound without samples`);
  const channels = Array.from({ length: count }, (_, c) => {
    return Float32Array.from({ length: frames }, (_, t) => read(view, start + (t * count + c) * width));
  });
  return { rate, channels };
}

const READERS = {
  [`${PCM} 1`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM} 2`]: (view, at) => view.getInt16(at, true) / 2 ** 15,
  [`${PCM} 3`]: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
  [`${PCM} 4`]: (view, at) => view.getInt32(at, true) / 2 ** 31,
  [`${FLOAT} 4`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT} 8`]: (view, at) => view.getFloat64(at, true),
};

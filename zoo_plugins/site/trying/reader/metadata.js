// What an export says of itself: JSON under the key `zoo` in the bytes of model.onnx, which are a protobuf message.

/** That JSON as text. Throws an Error that says in words why there is none. */
export function metadataText(bytes) {
  const read = (part) => new TextDecoder().decode(part);
  for (const [number, content] of fields(bytes)) {
    // 14 are the metadata_props of ModelProto, each with its key, 1, and its value, 2
    const { 1: key, 2: value } = number === 14 ? Object.fromEntries(fields(content)) : {};
    if (key && read(key) === "zoo") return read(value);
  }
  throw new Error("this ONNX file has no metadata of the zoo; `zoo export` writes files that have them");
}

/** Number and content of each field of a message; of a field that is a number, no content. */
function* fields(bytes) {
  let at = 0;
  const varint = () => (bytes[at] > 127 ? bytes[at++] - 128 + 128 * varint() : bytes[at++]);
  while (at < bytes.length) {
    const tag = varint();
    const size = { 0: () => varint() * 0, 1: () => 8, 2: varint, 5: () => 4 }[tag % 8]?.();
    if (!(at + size <= bytes.length)) throw new Error("this is no ONNX file, or it is cut short");
    yield [Math.floor(tag / 8), bytes.subarray(at, (at += size))];
  }
}

// `node site_modules.mjs FOLDER` calls functions of the modules in FOLDER, as standard input asks, and answers in JSON.
// Typed arrays travel as {"Float32Array": "base64"}; of a tensor's data, plain arrays do as well.

import { pathToFileURL } from "node:url";

const ARRAYS = { Uint8Array, Uint8ClampedArray, Float32Array, Float64Array };

function taken(value) {
  if (Array.isArray(value)) return value.map(taken);
  if (typeof value !== "object" || value === null) return value;
  const [[key, content] = []] = Object.entries(value);
  if (ARRAYS[key]) {
    const bytes = Buffer.from(content, "base64");
    return new ARRAYS[key](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, taken(one)]));
}

const given = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value, String).map(Number) : value);

let asked = "";
for await (const chunk of process.stdin) asked += chunk;
const answers = [];
for (const { module, call, with: values } of JSON.parse(asked)) {
  try {
    const found = await import(pathToFileURL(`${process.argv[2]}/${module}.js`));
    answers.push({ value: await found[call](...values.map(taken)) });
  } catch (error) {
    answers.push({ error: error.message });
  }
}
process.stdout.write(JSON.stringify(answers, given));

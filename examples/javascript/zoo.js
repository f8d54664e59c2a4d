// A reader of the zoo's exports for node and browsers: a file tests itself, and only then takes a picture.

import { metadataText } from "./metadata.js";
import { product } from "./numbers.js";
import { prepare } from "./picture.js";
import { unsealed } from "./seal.js";
import { DRAWS } from "./draws.js";

const ODD_NAMES = { bool: "Uint8Array", int64: "BigInt64Array" };
const arrays = (type) => globalThis[ODD_NAMES[type] ?? `${type[0].toUpperCase()}${type.slice(1)}Array`];

/** The model {about, predict} in the bytes of a model.onnx. `ort` is onnxruntime-web. An Error says what is wrong. */
export async function openModel(bytes, ort) {
  const about = await unsealed(metadataText(bytes));
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const tensor = ({ type, dims, data }) => {
    if (!arrays(type)) throw new Error(`this JavaScript has no arrays of ${type}`);
    return new ort.Tensor(type, arrays(type).from(data, type === "int64" ? BigInt : Number), dims);
  };
  const run = (given) => session.run(Object.fromEntries(given.map(([name, one]) => [name, tensor(one)])));
  await selfTest(about, run);
  return { about, predict: (picture) => predict(about, run, picture) };
}

async function selfTest({ self_test: test, inputs: specs }, run) {
  for (const { generator, inputs, outputs } of [test ?? {}, ...(test?.others ?? [])]) {
    if (!DRAWS[generator] || !outputs) throw new Error("the file holds no self-test that this reader knows");
    const drawn = Object.entries(inputs).map(([name, one]) => [name, DRAWS[generator](one)]);
    const parts = Object.values(specs).every(({ axes }) => axes[0] === "N") ? 1 : drawn[0][1].dims[0]; // or row by row
    const found = [];
    for (let n = 0; n < parts; n++) found.push(await run(drawn.map(([name, one]) => [name, part(one, n, parts)])));
    for (const [name, { shape, positions, expected, bound }] of Object.entries(outputs)) {
      const values = found.flatMap((one) => Array.from(one[name].data, Number));
      const error = Math.max(...positions.map((place, i) => Math.abs(values[place] - expected[i])));
      if (values.length === product(shape) && error <= bound) continue; // NaN is not within it
      throw new Error(`the self-test failed: ${name} is off by ${error}, and ${bound} is allowed`);
    }
  }
}

function part({ type, dims: [rows, ...rest], data }, n, parts) {
  const size = data.length / parts;
  return { type, dims: [rows / parts, ...rest], data: data.slice(n * size, (n + 1) * size) };
}

/** {label, probability, probabilities: [[label, probability], ...]} of a classifier; of others the outputs by name. */
async function predict({ task, preprocess, baked, labels, inputs }, run, picture) {
  if (!preprocess || Object.keys(inputs).length > 1) throw new Error("this model does not take one picture");
  const outputs = await run([[Object.keys(inputs)[0], prepare(picture, preprocess, baked)]]);
  if (!labels.length || !["image-classification", "binary-classification"].includes(task)) return outputs;
  const logits = Array.from(Object.values(outputs)[0].data);
  if (logits.length === 1) logits.unshift(0); // of one logit, the softmax of 0 and it is its sigmoid
  const powers = logits.map((one) => Math.exp(one - Math.max(...logits)));
  const sum = powers.reduce((total, one) => total + one);
  const ranked = labels.map((label, i) => [label, powers[i] / sum]).sort(([, p], [, q]) => q - p);
  return { label: ranked[0][0], probability: ranked[0][1], probabilities: ranked };
}

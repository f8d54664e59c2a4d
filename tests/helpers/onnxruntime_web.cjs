// onnxruntime-web in node: `onnxruntime_web.cjs PACKAGE MODEL CASE...`, otherwise as foreign_child.py.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const [, , folder, file, ...cases] = process.argv;
const ort = require(folder);

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

function readTensors(place) {
  const listed = JSON.parse(fs.readFileSync(path.join(place, "tensors.json"), "utf8"));
  const tensors = listed.map(({ name, dtype, shape }, number) => {
    const { buffer } = new Uint8Array(fs.readFileSync(path.join(place, `${number}.bin`)));
    return [name, new ort.Tensor(dtype, new ARRAYS[dtype](buffer), shape)];
  });
  return Object.fromEntries(tensors);
}

function writeTensors(place, names, tensors) {
  fs.mkdirSync(place);
  const listed = names.map((name, number) => {
    const { data, type, dims } = tensors[name];
    fs.writeFileSync(path.join(place, `${number}.bin`), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, dtype: type, shape: dims };
  });
  fs.writeFileSync(path.join(place, "tensors.json"), JSON.stringify(listed));
}

async function main() {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(fs.readFileSync(file), { executionProviders: ["wasm"] });
  for (const place of cases) {
    const outputs = await session.run(readTensors(path.join(place, "inputs")));
    writeTensors(path.join(place, "outputs"), session.outputNames, outputs);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

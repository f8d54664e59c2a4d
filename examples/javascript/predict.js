// In node: node predict.js MODEL.onnx PICTURE.png...

import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { PNG } from "pngjs";
import { openModel } from "./zoo.js";

const [file, ...pictures] = process.argv.slice(2);
if (!pictures.length) {
  console.error("Usage: node predict.js MODEL.onnx PICTURE.png...");
  process.exit(2);
}
let picture = ""; // what an error is about
try {
  const { about, predict } = await openModel(await readFile(file), ort);
  console.log(`${about.name}: self-test passed`);
  for (const name of pictures) {
    picture = `${name}: `;
    const { label, probability, ...outputs } = await predict(PNG.sync.read(await readFile(name)));
    console.log(name, label === undefined ? outputs : `${label}  ${(100 * probability).toFixed(1)} %`);
  }
  process.exit(0); // onnxruntime-web may have threads that go on
} catch (error) {
  console.error(`Error: ${picture}${error.message}`);
  process.exit(1);
}

// `node javascript_reader.mjs FOLDER` does what standard input asks of the reader in FOLDER, and answers, both in JSON.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const part = (name) => import(pathToFileURL(`${folder}/${name}.js`));

const CALLS = {
  async prepare({ picture, recipe }) {
    const { prepare } = await part("picture");
    const { dims, data } = prepare({ ...picture, data: Buffer.from(picture.data, "base64") }, recipe);
    return { dims, data: Buffer.from(data.buffer).toString("base64") };
  },
  async draw({ generator, draw }) {
    return (await part("draws")).DRAWS[generator](draw).data.map(Number);
  },
  async metadata({ file }) {
    const { unsealed } = await part("seal");
    return unsealed((await part("metadata")).metadataText(await readFile(file)));
  },
  async predict({ file, pictures }) {
    const [ort, { PNG }] = ["onnxruntime-web", "pngjs"].map(createRequire(`${folder}/zoo.js`));
    ort.env.wasm.numThreads = 1;
    const { about, predict } = await (await part("zoo")).openModel(await readFile(file), ort);
    const found = [];
    for (const name of pictures) {
      const pixels = PNG.sync.read(await readFile(name));
      const data = Buffer.from(pixels.data).toString("base64");
      const { dims, data: input } = await CALLS.prepare({ picture: { ...pixels, data }, recipe: about.preprocess });
      found.push({ dims, data: input, ...(await predict(pixels)) });
    }
    return found;
  },
};

let asked = "";
for await (const chunk of process.stdin) asked += chunk;
const answers = [];
for (const { call, ...given } of JSON.parse(asked)) {
  try {
    answers.push({ value: await CALLS[call](given) });
  } catch (error) {
    answers.push({ error: error.message });
  }
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0));

// The back-ends of onnxruntime-web in this browser, in the order in which they are tried.

import { prove } from "./proof.js";
import { runner } from "./tensors.js";

const NAMES = { webgpu: "WebGPU", wasm: "WebAssembly" };

/** Names of the back-ends that this browser and this site have, the quickest first. `runtime` is runtime.json. */
export async function backendsHere(runtime) {
  const hasGpu = runtime.backends.webgpu && (await navigator.gpu?.requestAdapter().catch(() => null));
  return Object.keys(runtime.backends)
    .filter((name) => name !== "webgpu" || hasGpu)
    .sort()
    .reverse();
}

/**
 * What a back-end computes of a file: {name, title, rows, isProven, why, run}. `why` says in words why it is not to be
 * used; `rows` are empty where it does not run the file at all; `run` is there only where it is proven.
 */
export async function tryBackend(name, { bytes, about, runtime, folder }) {
  const tried = { name, title: NAMES[name] ?? name, rows: [], isProven: false, why: "" };
  try {
    const ort = await load(name, runtime.backends[name], folder);
    const session = await ort.InferenceSession.create(bytes, { executionProviders: [name] });
    const run = runner(session, ort);
    tried.rows = await prove(about, run);
    tried.why = whyNot(tried.rows);
    if (!tried.why) Object.assign(tried, { isProven: true, run });
    else await session.release();
  } catch (error) {
    tried.why = `it cannot run the file: ${error.message ?? error}`;
  }
  return tried;
}

async function load(name, { module, program }, folder) {
  const ort = await import(new URL(module, folder));
  ort.env.wasm.proxy = name === "wasm"; // in a worker: a page that computes must still answer its visitor
  ort.env.wasm.numThreads = 1; // more of them need a page that is isolated from others by its host
  ort.env.wasm.wasmPaths = { wasm: new URL(program, folder).href };
  ort.env.logLevel = "error";
  return ort;
}

function whyNot(rows) {
  const off = rows.find((row) => !row.isWithin);
  if (!off) return "";
  const by = Number.isFinite(off.error)
    ? `is off by ${off.error.toPrecision(3)}`
    : "is no number, or of another shape,";
  return `${off.output} ${by} where ${off.bound.toPrecision(3)} is allowed`;
}

// "Try it, proved": the model of the page is compared with its hash, tests itself in this browser, and only then takes something.

import { answersView } from "./asking.js";
import { backendsHere, tryBackend } from "./backends.js";
import { download, noHashes } from "./download.js";
import { counted, make, painted, short, sizeInWords, table } from "./elements.js";
import { provenRecipes } from "./givers.js";
import { metadataText } from "./reader/metadata.js";
import { unsealed } from "./reader/seal.js";

const RUNTIME = new URL("../runtime/", import.meta.url);
const TOO_LARGE = 2e9;

/** Fills the section of the page; what it holds is for readers without JavaScript. */
async function start(section) {
  const style = make("link", { rel: "stylesheet", href: new URL("try.css", import.meta.url).href });
  document.head.append(style);
  const status = make("p", { className: "try-status" });
  status.setAttribute("role", "status");
  const proof = make("div", { className: "try-proof" });
  section.replaceChildren(...section.querySelectorAll("h2"), status, proof);
  const tell = (state, text) => {
    section.dataset.state = state;
    status.textContent = text;
  };
  try {
    const [model, runtime] = await Promise.all([
      json(new URL(section.dataset.model, location)),
      json(new URL("runtime.json", RUNTIME)),
    ]);
    const why = whyNot(model, runtime);
    if (why) return tell("unavailable", why);
    offer(section, { model, runtime, proof, tell });
  } catch (error) {
    tell("unavailable", `This page is not complete: ${error.message}`);
  }
}

/** JSON at an address; null where there is none. */
async function json(address) {
  const response = await fetch(address);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${address.pathname} cannot be loaded: status ${response.status}`);
  return response.json();
}

function whyNot(model, runtime) {
  if (!model) return "This page is not complete: its model.json is not there.";
  if (!runtime)
    return "This gallery was built without the program that runs models in browsers: zoo site --with-runtime adds it.";
  if (model.files.some(({ name }) => name === "model.onnx.data"))
    return "This model has its weights in a second file, which browsers are too small for.";
  if (modelFile(model).bytes > TOO_LARGE) return "This model is too large for a browser.";
  return noHashes();
}

const modelFile = ({ files }) => files.find(({ name }) => name === "model.onnx");

function offer(section, { model, runtime, proof, tell }) {
  const sizes = `${sizeInWords(modelFile(model).bytes)} for the model, ${sizeInWords(runtime.backends.wasm.bytes)} for the program that runs it`;
  const button = make("button", { type: "button", className: "try-start" }, "Test it in this browser");
  tell(
    "idle",
    `The model runs in your browser, and nothing that you give it leaves your computer. It is tested first. To be loaded: ${sizes}.`,
  );
  button.addEventListener("click", async () => {
    button.remove();
    try {
      await testAndAsk(section, { model, runtime, proof, tell });
    } catch (error) {
      tell("refused", `${error.message}. The model takes nothing here.`);
    }
  });
  proof.before(button);
}

async function testAndAsk(section, { model, runtime, proof, tell }) {
  const file = modelFile(model);
  const onPart = (length) =>
    tell("testing", `Loading the model: ${sizeInWords(length)} of ${sizeInWords(file.bytes)}.`);
  const { bytes, isCompared } = await download(
    new URL("model.onnx", new URL(section.dataset.model, location)),
    file,
    onPart,
  );
  const about = await unsealed(metadataText(bytes));
  const tried = await triedBackends({ bytes, about, runtime, proof, tell });
  const proven = tried.find(({ isProven }) => isProven);
  const hash = isCompared
    ? "its SHA-256 is the one that this page says"
    : "this page says no SHA-256 to compare it with";
  if (!proven) {
    const isWrong = tried.some(({ rows }) => rows.length);
    const verdict = isWrong
      ? "This browser computes something else than what was exported: do not trust it"
      : "This browser cannot run the file";
    return tell("failed", `${verdict}. Of the file, ${hash}. The model takes nothing here.`);
  }
  const made = provenRecipes(about);
  const isMadeWell = made.every(({ isWithin }) => isWithin);
  if (made.length)
    proof.append(
      proofView(
        `The inputs that this page makes: ${isMadeWell ? "the same" : "others"}`,
        isMadeWell,
        "Inputs of the examples in the file",
        ["input", "made of"],
        made,
      ),
    );
  if (!isMadeWell) {
    return tell(
      "failed",
      "The model is right here, and this page makes another input of an example than was exported. The model takes nothing here.",
    );
  }
  tell(
    "proven",
    `Proven on ${proven.title} in this browser: the self-test that the file carries has passed, and ${hash}.`,
  );
  section.append(answersView(about, proven));
}

/** What each back-end computes, up to the first that passes the self-test; all of it is shown. */
async function triedBackends({ bytes, about, runtime, proof, tell }) {
  const found = [];
  for (const name of await backendsHere(runtime)) {
    tell("testing", `The model tests itself on ${name} ...`);
    await painted();
    found.push(await tryBackend(name, { bytes, about, runtime, folder: RUNTIME }));
    const { title, rows, isProven, why } = found.at(-1);
    proof.append(
      proofView(
        `${title}: ${isProven ? "passed" : `failed: ${why}`}`,
        isProven,
        `The self-test on ${title}`,
        ["output", "input"],
        rows,
      ),
    );
    if (isProven) break;
  }
  return found;
}

function proofView(verdict, isProven, caption, names, rows) {
  const cells = rows.map(({ size, output, count, error, bound, isWithin }) => [
    output,
    size,
    counted(count, "value"),
    short(error),
    short(bound),
    isWithin ? "within" : "beyond",
  ]);
  const head = [...names, "compared", "largest error here", "bound", "verdict"];
  const shown = rows.length ? [table(caption, head, cells)] : [];
  return make(
    "div",
    { className: isProven ? "try-passed" : "try-failed" },
    make("p", {}, make("strong", {}, verdict)),
    ...shown,
  );
}

for (const section of document.querySelectorAll("#try[data-model]")) start(section);

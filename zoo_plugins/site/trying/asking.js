// Where a proven model is given something: files, by choosing or dropping them, and drawings.

import { answerOf } from "./answers.js";
import { answersTable, answerView } from "./answer_view.js";
import { make, painted } from "./elements.js";
import { misfit } from "./fits.js";
import { giverFor, pictureSample } from "./givers.js";
import { isDrawable, pad } from "./pad.js";
import { shown } from "./pictures.js";

const MOST_CARDS = 6;

/** The part of the page that takes files and shows answers, for a back-end that is proven. */
export function answersView(about, { run }) {
  const giver = giverFor(about);
  if (giver.why) return make("p", { className: "try-not-here" }, giver.why);
  const answers = make("div", { className: "try-answers" });
  answers.setAttribute("aria-live", "polite");
  let queue = Promise.resolve();
  let turn = 0;
  /** Answers what was given, [[name, samplesOf]], one after the other; what was given before is no longer of interest. */
  const ask = (given) => {
    const mine = ++turn;
    answers.replaceChildren();
    for (const [name, samplesOf] of given) {
      queue = queue.then(async () => {
        if (mine !== turn) return;
        const busy = make("p", {}, `Computing ${name} ...`);
        answers.append(busy);
        await painted();
        busy.replaceWith(...(await answered(name, samplesOf, { about, run })));
      });
    }
  };
  const askFiles = (files) => ask(files.map((file) => [file.name, () => giver.samples(file)]));
  const drawn = (pixels) =>
    ask([["drawing", async () => [pictureSample("drawing", pixels, about, Object.keys(about.inputs)[0])]]]);
  const parts = [dropzone(giver, askFiles)];
  if (giver.isPicture && isDrawable(about.preprocess)) parts.push(pad(about.preprocess, drawn));
  return make("div", { className: "try-asking" }, make("div", { className: "try-giving" }, ...parts), answers);
}

function dropzone({ invitation, accept }, askFiles) {
  const input = make("input", { type: "file", accept, multiple: true, className: "try-file" });
  const zone = make("label", { className: "try-drop" }, make("span", {}, invitation), input);
  input.addEventListener("change", () => askFiles([...input.files]));
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("try-over", name === "dragenter" || name === "dragover");
      if (name === "drop") askFiles([...event.dataTransfer.files]);
    });
  }
  // A file that falls beside it would take the place of the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  return zone;
}

/** Elements for the samples in what was given: a line each where they are many; the error where it cannot be read. */
async function answered(name, samplesOf, { about, run }) {
  try {
    const found = [];
    for (const sample of await samplesOf()) found.push({ ...sample, answer: await answerTo(sample, { about, run }) });
    const lines = found.length > MOST_CARDS && answersTable(found);
    return lines ? [card(name, lines)] : found.map((sample) => sampleCard(sample, about));
  } catch (error) {
    return [card(name, make("p", { className: "try-problem" }, error.message))];
  }
}

async function answerTo({ inputs, picture }, { about, run }) {
  for (const [input, tensor] of Object.entries(inputs)) {
    const problem = misfit(input, tensor, about.inputs[input], about.largest);
    if (problem) throw new Error(problem);
  }
  return answerOf(about, await run(inputs), picture);
}

function sampleCard({ name, inputs, picture, answer }, { preprocess }) {
  const isCropped = Boolean(preprocess?.crop) && answer.kind === "mask"; // then it does not lie over the picture
  const given = picture && answer.kind !== "boxes" ? [shown(picture)] : [];
  return card(
    name,
    ...given,
    make("div", {}, ...answerView(answer, { picture: isCropped ? undefined : picture, inputs })),
  );
}

function card(name, ...parts) {
  return make(
    "article",
    { className: "try-answer" },
    make("h3", {}, name),
    make("div", { className: "try-row" }, ...parts),
  );
}

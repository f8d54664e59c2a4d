// What a visitor may give to a model: read from the file's own words, as a list of samples, each with its inputs.

import { prepare } from "./reader/picture.js";
import { pixelsOf } from "./pictures.js";

const NOT_HERE = { text: "Texts", array: "Arrays that are padded" };

/**
 * How the model is given something: {invitation, accept, samples}, where `samples(file)` are [{name, inputs, picture}];
 * or {why} in words where this page cannot do it.
 */
export function giverFor(about) {
  const names = Object.keys(about.inputs);
  const kinds = Object.values(about.recipes ?? {}).map(({ recipe }) => recipe);
  if (about.preprocess && names.length === 1 && !kinds.length) return pictures(about, names[0]);
  const kind = kinds.find((one) => one in NOT_HERE);
  const what = kind ? `${NOT_HERE[kind]} are` : names.length > 1 ? "Several inputs at once are" : `Such an input (${about.task}) is`;
  return { why: `${what} not read by this page. On your own computer zoo predict reads them, and zoo serve in a page.` };
}

function pictures(about, input) {
  return {
    invitation: "Drop pictures here, or choose them",
    accept: "image/png,image/jpeg,image/webp,image/bmp",
    isPicture: true,
    samples: async (file) => [pictureSample(file.name, await pixelsOf(file), about, input)],
  };
}

/** The sample of pixels in RGBA. */
export function pictureSample(name, picture, { preprocess }, input) {
  return { name, inputs: { [input]: prepare(picture, preprocess) }, picture };
}

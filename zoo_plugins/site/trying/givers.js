// What a visitor may give to a model: read from the file's own words, as a list of samples, each with its inputs.

import { readNumbers, readRows } from "./csv.js";
import { counted } from "./elements.js";
import { prepare } from "./reader/picture.js";
import { pixelsOf } from "./pictures.js";
import { arranged } from "./sequences.js";
import { soundInput } from "./sound.js";
import { tableInput } from "./table.js";

/** How an input is made of one source, by the kind of its recipe. */
const MAKERS = { table: tableInput, waveform: soundInput };
const NOT_HERE = { text: "Texts", array: "Arrays of different lengths", picture: "Pictures beside other inputs" };
const MOST_ROWS = 1000;
const TOLERANCE = 1e-5;

/**
 * How the model is given something: {invitation, accept, samples}, where `samples(file)` are [{name, inputs, picture}];
 * or {why} in words where this page cannot do it.
 */
export function giverFor(about) {
  const recipes = about.recipes ?? {};
  const names = Object.keys(about.inputs);
  const odd = Object.values(recipes).find(({ recipe, plugin }) => plugin || !MAKERS[recipe]);
  if (odd) return notHere(NOT_HERE[odd.recipe] ?? `What the recipe ${odd.recipe} reads`, "are");
  if (Object.keys(about.recipe_files ?? {}).length) return notHere("Inputs whose recipe lies in a second file", "are");
  if (Object.keys(recipes).length) return madeByRecipes(recipes, names);
  if (names.length > 1) return notHere("Several inputs at once", "are");
  if (about.preprocess) return pictures(about, names[0]);
  return [2, 3].includes(about.inputs[names[0]].axes.length)
    ? numbers(about, names[0])
    : notHere("Arrays of three axes and more", "are");
}

const notHere = (what, are) => ({
  why: `${what} ${are} not read by this page, for which there is no JavaScript. On your own computer zoo predict reads them, and zoo serve in a page.`,
});

function madeByRecipes(recipes, names) {
  const sources = new Set(names.map((name) => recipes[name]?.source || name));
  if (sources.size > 1 || names.some((name) => !recipes[name])) return notHere("Several inputs at once", "are");
  const isTable = Object.values(recipes)[0].recipe === "table";
  const inputs = (source, name) =>
    Object.fromEntries(names.map((input) => [input, made(recipes[input], source, name)]));
  const samples = async (file) => {
    const bytes = await bytesOf(file);
    if (!isTable) return [{ name: file.name, inputs: inputs(bytes, file.name) }];
    return few(readRows(bytes, file.name), file.name).map((row, n) => ({
      name: `${file.name}[${n}]`,
      inputs: inputs(row, `${file.name}[${n}]`),
    }));
  };
  return isTable
    ? {
        invitation: "Drop tables here, or choose them: CSV, with the names of the columns in the first line",
        accept: ".csv,text/csv",
        samples,
      }
    : { invitation: "Drop sounds here, or choose them: WAV", accept: ".wav,audio/wav", samples };
}

const made = (recipe, source, name) => MAKERS[recipe.recipe](source, recipe, name);
const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

function few(rows, name) {
  if (rows.length > MOST_ROWS)
    throw new Error(`${name} has ${rows.length} rows, and this page takes ${MOST_ROWS}: zoo predict takes them all`);
  return rows;
}

function numbers({ task, inputs }, input) {
  const isSequence = task === "sequence-segmentation";
  const samples = async (file) => {
    const table = readNumbers(await bytesOf(file), file.name);
    const tensors = few(arranged(table, inputs[input], { isSequence, name: file.name }), file.name);
    const nameOf = (n) => (tensors.length > 1 ? `${file.name}[${n}]` : file.name);
    return tensors.map((tensor, n) => ({ name: nameOf(n), inputs: { [input]: tensor } }));
  };
  return { invitation: "Drop numbers here, or choose them: CSV", accept: ".csv,text/csv", samples };
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
export function pictureSample(name, picture, { preprocess, baked }, input) {
  return { name, inputs: { [input]: prepare(picture, preprocess, baked) }, picture };
}

/** Rows of a proof: of the sources in the file this page makes inputs, and they are compared with those of the export. */
export function provenRecipes({ recipes = {}, recipe_files: outside = {}, self_test: test }) {
  const known = Object.entries(test?.recipes ?? {}).filter(
    ([input]) => MAKERS[recipes[input]?.recipe] && !recipes[input].plugin && !outside[input],
  );
  return known.map(([input, { sources, positions, expected, dtype }]) => {
    const values = sources.flatMap((source) =>
      Array.from(made(recipes[input], sourceOf(source), "an example in the file").data),
    );
    const error = Math.max(...positions.map((place, i) => Math.abs(values[place] - expected[i])));
    const bound = dtype.startsWith("float") ? TOLERANCE * Math.max(...expected.map(Math.abs)) : 0;
    return {
      output: input,
      size: counted(sources.length, "example"),
      count: positions.length,
      error,
      bound,
      isWithin: error <= bound,
    };
  });
}

const sourceOf = ({ bytes, row, text }) =>
  bytes === undefined ? (row ?? text) : Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));

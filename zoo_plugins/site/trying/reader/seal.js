// Whether what a file says of itself is what was written at the export: docs/format.md says how it is sealed.

/** The metadata, parsed. Throws an Error where labels, preprocessing or other words were changed. */
export async function unsealed(text) {
  const about = JSON.parse(text);
  const seal = about.self_test?.seal; // files of early versions have none
  if (!seal || seal === (await sealOf(text))) return about;
  throw new Error("labels, preprocessing or other words of the file are not those of the export");
}

async function sealOf(text) {
  if (!globalThis.crypto?.subtle) throw new Error("the seal of a file can be checked on pages of https or localhost");
  // Python tells 1 from 1.0: numbers stay the text that they are, behind a character that the metadata cannot hold.
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  const { self_test: _, ...rest } = JSON.parse(text.replace(tokens, (it) => (it[0] === '"' ? it : `"\\u0000${it}"`)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pythonJson(rest)));
  return Array.from(new Uint8Array(digest), (byte) => hexadecimal(byte, 2)).join("");
}

const hexadecimal = (number, digits) => number.toString(16).padStart(digits, "0");

/** As `json.dumps(value, sort_keys=True)` writes it. */
function pythonJson(value) {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (value?.[0] === "\0") return value.slice(1);
  if (typeof value !== "object" || !value) {
    return JSON.stringify(value).replace(/[\x7f-\uffff]/g, (unit) => `\\u${hexadecimal(unit.charCodeAt(), 4)}`);
  }
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${pythonJson(key)}: ${pythonJson(value[key])}`).join(", ")}}`;
}

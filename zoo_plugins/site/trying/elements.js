// Elements of the page. Everything that comes from a file is put in as text, never as HTML.

/** An element with properties, such as `className`, and children: elements or texts. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A table with a caption, from the texts of its cells; the first cell of a row is its header. */
export function table(caption, head, rows) {
  const cells = ([first, ...rest]) =>
    make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((cell) => make("td", {}, cell)));
  const header = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
  const made = make(
    "table",
    {},
    make("caption", {}, caption),
    make("thead", {}, header),
    make("tbody", {}, ...rows.map(cells)),
  );
  return make("div", { className: "try-wide", tabIndex: 0, role: "region", ariaLabel: caption }, made);
}

const UNITS = ["bytes", "KB", "MB", "GB"];

/** `14.2 MB` */
export function sizeInWords(bytes) {
  const step = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${step ? (bytes / 1000 ** step).toFixed(1) : bytes} ${UNITS[step]}`;
}

/** A number with `digits` that count, as people read it: `0.000012` is `1.2e-5`. */
export function short(number, digits = 3) {
  if (!Number.isFinite(number)) return String(number);
  const shown = Number(number.toPrecision(digits));
  return shown !== 0 && Math.abs(shown) < 1e-3 ? shown.toExponential() : String(shown);
}

export const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** Until what was put into the page can be seen: a model then computes for as long as it takes, and nothing else goes on. */
export const painted = () => new Promise((done) => setTimeout(done, 20));

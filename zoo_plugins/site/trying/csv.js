// CSV as Python's csv module reads it: commas, quotes around cells, lines that end in any way.

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Whether a cell is a finite number. */
export const isNumber = (cell) => NUMBER.test(cell.trim()) && Number.isFinite(Number(cell));

/** The cells of each line that has some; an Error where the bytes are no text. */
export function readCsv(bytes, name) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${name} is no text in UTF-8`);
  }
  const lines = [[""]];
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const [line, character] = [lines.at(-1), text[at]];
    const cell = line.at(-1);
    if (isQuoted && character === '"' && text[at + 1] === '"') line[line.length - 1] = cell + text[++at];
    else if (character === '"' && (isQuoted || cell === "")) isQuoted = !isQuoted;
    else if (isQuoted) line[line.length - 1] = cell + character;
    else if (character === ",") line.push("");
    else if (character === "\n" || character === "\r") lines.push([""]);
    else line[line.length - 1] = cell + character;
  }
  return lines.filter((line) => line.length > 1 || line[0]);
}

/** Rows by the names in the first line: [{column: cell}]. An Error where a row does not fit them. */
export function readRows(bytes, name) {
  const [names, ...lines] = readCsv(bytes, name);
  if (!lines.length) throw new Error(`${name} has no rows below a line with the names of the columns`);
  const columns = names.map((one) => one.trim());
  if (new Set(columns).size < columns.length)
    throw new Error(`${name} has a column twice: each needs a name of its own`);
  if (columns.every(isNumber)) throw new Error(`${name}: its first line has numbers, and no names of columns`);
  return lines.map((cells, row) => {
    if (cells.length === columns.length) return Object.fromEntries(cells.map((cell, i) => [columns[i], cell]));
    throw new Error(`${name}: row ${row} has ${cells.length} cells, and there are ${columns.length} columns`);
  });
}

/** Numbers as {rows, columns, data}; a first line whose first cell is no number is left out. */
export function readNumbers(bytes, name) {
  const lines = readCsv(bytes, name);
  if (lines.length && !isNumber(lines[0][0])) lines.shift();
  if (!lines.length) throw new Error(`${name} has no numbers in it`);
  const columns = lines[0].length;
  const data = lines.flatMap((cells, row) => {
    if (cells.length !== columns)
      throw new Error(`${name}: row ${row} has ${cells.length} columns, those before it ${columns}`);
    const odd = cells.find((cell) => !isNumber(cell));
    if (odd !== undefined)
      throw new Error(`${name}: row ${row} holds ${JSON.stringify(odd.slice(0, 40))}, which is not a number`);
    return cells.map(Number);
  });
  return { rows: lines.length, columns, data };
}

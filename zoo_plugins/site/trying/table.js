// The recipe of tables: the numbers of a row by the mean and the deviation of the training part, or its categories by number.

import { isNumber } from "./csv.js";

const [MISSING, UNKNOWN, FIRST] = [0, 1, 2];
const MEANT_AS_MISSING = new Set(["", "na", "n/a", "nan", "null", "none"]);

/** The tensor of one row {column: cell}. An Error names a column that is not there, or a cell that is no number. */
export function tableInput(row, { fields, learnt }, name) {
  const { columns } = learnt;
  const absent = columns.find((column) => !Object.hasOwn(row, column));
  if (absent !== undefined) {
    throw new Error(
      `${name} has no column ${JSON.stringify(absent)}, with which the model was trained; an empty cell is a missing value`,
    );
  }
  const isCategories = fields?.gives === "categories";
  const value = isCategories ? category : number;
  const data = columns.map((column, i) =>
    value(String(row[column] ?? ""), i, learnt, `${name}: the column ${JSON.stringify(column)}`),
  );
  return {
    type: isCategories ? "int64" : "float32",
    dims: [1, Math.max(1, data.length)],
    data: data.length ? data : [0],
  };
}

const isMissing = (cell) => MEANT_AS_MISSING.has(cell.trim().toLowerCase());

function number(cell, i, { mean, std }, where) {
  if (isMissing(cell)) return 0;
  if (!isNumber(cell)) throw new Error(`${where} has ${JSON.stringify(cell.slice(0, 40))}, which is no number`);
  return Math.fround((Number(cell) - mean[i]) / std[i]);
}

function category(cell, i, { values }) {
  if (isMissing(cell)) return MISSING;
  const place = values[i].indexOf(cell.trim());
  return place < 0 ? UNKNOWN : FIRST + place;
}

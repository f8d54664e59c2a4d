// The self-test of models that choose rows, such as the boxes of a detector: rows that must be among those that come out.

/** For each output a row of the proof. A row that is missing is beyond every bound: its error is that of the nearest one. */
export function lostRows({ columns, rows, bounds }, found) {
  const worst = Object.fromEntries(Object.keys(columns).map((name) => [name, { error: 0, count: 0 }]));
  rows.forEach((wanted, place) => {
    const chosen = Object.fromEntries(
      Object.keys(columns).map((name) => [name, chosenRows(found[place][name], columns[name])]),
    );
    const taken = new Set();
    const count = Object.values(wanted)[0]?.length ?? 0;
    for (let row = 0; row < count; row++) {
      const gaps = nearest(row, wanted, chosen, bounds, taken);
      for (const [name, gap] of Object.entries(gaps)) {
        worst[name].count += 1;
        if (!(gap <= worst[name].error)) worst[name].error = gap;
      }
    }
  });
  return Object.entries(worst).map(([output, { error, count }]) => {
    return { output, count, error, bound: bounds[output], isWithin: error <= bounds[output] };
  });
}

/** The numbers that are compared of each row that came out. */
function chosenRows(tensor, columns) {
  const [count] = tensor?.dims ?? [0];
  const size = count ? tensor.data.length / count : 0;
  return Array.from({ length: count }, (_, row) => columns.map((column) => tensor.data[row * size + column]));
}

/** By output, how far the nearest row that nobody has taken is off; infinite where there is none. It is taken. */
function nearest(row, wanted, chosen, bounds, taken) {
  const names = Object.keys(wanted);
  const count = Math.min(...names.map((name) => chosen[name].length));
  let best = { distance: Infinity, gaps: Object.fromEntries(names.map((name) => [name, Infinity])) };
  for (let other = 0; other < count; other++) {
    if (taken.has(other)) continue;
    const gaps = names.map((name) => [name, furthest(chosen[name][other], wanted[name][row])]);
    const distance = Math.max(...gaps.map(([name, gap]) => (gap === 0 ? 0 : gap / bounds[name])));
    if (distance < best.distance) best = { distance, gaps: Object.fromEntries(gaps), other };
  }
  taken.add(best.other);
  return best.gaps;
}

const furthest = (values, wanted) => Math.max(...wanted.map((one, i) => Math.abs(values[i] - one)));

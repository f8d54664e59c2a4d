"use strict";
// The table of exports: search, filters and order, all of which stand in the address and can be passed on.

(() => {
    const form = document.getElementById("filters");
    const table = document.getElementById("exports");
    const body = table.tBodies[0];
    const count = document.getElementById("count");
    const none = document.getElementById("none");
    const columns = [...table.tHead.rows[0].cells];
    const place = Object.fromEntries(columns.map((cell, number) => [cell.dataset.key, number]));
    const rows = [...body.rows].map((row, number) => ({row, number, points: []}));
    const units = {k: 1e3, m: 1e6, g: 1e9, ms: 1e-3, us: 1e-6, "µs": 1e-6, s: 1, kb: 1e3, mb: 1e6, gb: 1e9, b: 1, "": 1};
    let order = "";

    const cellOf = (row, key) => row.cells.length === columns.length ? row.cells[place[key]] : null;

    const textOf = (row, key) => {
        const cell = cellOf(row, key);
        return cell === null ? (key === "name" ? row.cells[0].textContent : key === "state" ? row.cells[1].textContent : "") : cell.textContent;
    };

    const numberOf = (row, key) => {
        const cell = cellOf(row, key);
        return cell !== null && cell.dataset.v !== undefined ? Number(cell.dataset.v) : null;
    };

    const typedNumber = (text) => {
        const found = /^\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*([a-zµ]*)\s*$/i.exec(text);
        const unit = found === null ? undefined : units[found[2].toLowerCase()];
        return unit === undefined ? null : Number(found[1]) * unit;
    };

    // What each field asks of a row; a field that is empty, or no number, asks nothing.
    const tests = {
        q: (typed) => {
            const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
            return (each) => {
                each.text ??= each.row.textContent.toLowerCase();
                return words.every((word) => each.text.includes(word));
            };
        },
        task: (typed) => ({row}) => textOf(row, "task") === typed,
        state: (typed) => ({row}) => textOf(row, "state") === typed,
        license: (typed) => ({row}) => textOf(row, "license") === typed,
        dataset: (typed) => ({row}) => textOf(row, "dataset").replace(/ ?\(?untrained\)?$/, "") === typed,
        trained: (typed) => ({row}) => textOf(row, "dataset").includes("untrained") === (typed === "no"),
        metric: (typed) => ({row}) => textOf(row, "metric").endsWith(typed),
        parameters: (typed) => atMost("parameters", typed),
        bytes: (typed) => atMost("bytes", typed),
        floors: (typed) => atMost("floors", typed),
        latency: (typed) => atMost("latency", typed),
        value: (typed) => atLeast("metric", typed),
        mutation: (typed) => {
            const least = typedNumber(typed);
            return least === null ? null : ({row}) => (numberOf(row, "mutation") ?? -1) * 100 >= least;
        },
    };

    const atMost = (key, typed) => {
        const most = typedNumber(typed);
        return most === null ? null : ({row}) => (numberOf(row, key) ?? Infinity) <= most;
    };

    const atLeast = (key, typed) => {
        const least = typedNumber(typed);
        return least === null ? null : ({row}) => (numberOf(row, key) ?? -Infinity) >= least;
    };

    const sorted = () => {
        const key = order.replace(/^-/, "");
        if (place[key] === undefined) {
            return rows;
        }
        const sign = order.startsWith("-") ? -1 : 1;
        const values = new Map(rows.map((each) => [each, numberOf(each.row, key) ?? textOf(each.row, key)]));
        const compare = (a, b) => {
            const [mine, theirs] = [values.get(a), values.get(b)];
            if ((mine === "") !== (theirs === "")) {
                return mine === "" ? 1 : -1; // what is not known comes last, in either order
            }
            const apart = typeof mine === "number" && typeof theirs === "number" ? mine - theirs : String(mine).localeCompare(String(theirs), "en");
            return sign * apart || a.number - b.number;
        };
        return [...rows].sort(compare);
    };

    const shown = (number, all) => number === all ? `${all.toLocaleString("en")} export${all === 1 ? "" : "s"}` : `${number.toLocaleString("en")} of ${all.toLocaleString("en")} exports`;

    const apply = () => {
        const asked = [...new FormData(form)].filter(([name, typed]) => typed !== "" && tests[name]);
        const fits = asked.map(([name, typed]) => tests[name](typed)).filter((test) => test !== null);
        let found = 0;
        for (const each of rows) {
            const isFound = fits.every((test) => test(each));
            found += isFound ? 1 : 0;
            if (each.row.hidden === isFound) {
                each.row.hidden = !isFound;
            }
            for (const point of each.points) {
                point.classList.toggle("away", !isFound);
            }
        }
        count.textContent = shown(found, rows.length);
        none.hidden = found > 0;
    };

    const arrange = () => {
        body.append(...sorted().map(({row}) => row));
        for (const cell of columns) {
            const key = cell.dataset.key;
            const way = order === key ? "ascending" : order === `-${key}` ? "descending" : null;
            way === null ? cell.removeAttribute("aria-sort") : cell.setAttribute("aria-sort", way);
        }
    };

    const remember = () => {
        const state = new URLSearchParams([...new FormData(form)].filter(([, typed]) => typed !== ""));
        if (order !== "") {
            state.set("sort", order);
        }
        const query = state.toString();
        try {
            history.replaceState(null, "", query === "" ? location.pathname : `?${query}`);
        } catch {
            // A browser may not let a page from the disk change its address.
        }
    };

    const recall = () => {
        const state = new URLSearchParams(location.search);
        for (const field of form.elements) {
            if (field.name && state.has(field.name)) {
                field.value = state.get(field.name);
                field.closest("details")?.setAttribute("open", "");
            }
        }
        const wanted = state.get("sort") || "";
        order = place[wanted.replace(/^-/, "")] === undefined ? "" : wanted;
    };

    for (const cell of columns) {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...cell.childNodes);
        cell.append(button);
        button.addEventListener("click", () => {
            const key = cell.dataset.key;
            order = order === key ? `-${key}` : order === `-${key}` ? "" : key;
            arrange();
            remember();
        });
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const event of ["input", "change"]) { // a list that is chosen from by a program may send the second alone
        form.addEventListener(event, () => {
            apply();
            remember();
        });
    }
    form.addEventListener("reset", () => setTimeout(() => {
        order = "";
        arrange();
        apply();
        remember();
    }));

    // The points of a picture: where its axes put the metric of a row, and its size or latency.
    const draw = (picture) => {
        const [x0, x1, left, right] = picture.dataset.x.split(" ").map(Number);
        const [y0, y1, bottom, top] = picture.dataset.y.split(" ").map(Number);
        const svg = (tag, attributes) => {
            const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
            Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
            return made;
        };
        for (const each of rows) {
            const [x, y] = [numberOf(each.row, picture.dataset.key), numberOf(each.row, "metric")];
            if (!x || y === null || !textOf(each.row, "metric").endsWith(picture.dataset.metric)) {
                continue;
            }
            const across = left + (right - left) * Math.log(x / x0) / Math.log(x1 / x0);
            const up = bottom + (top - bottom) * (y - y0) / (y1 - y0);
            const point = svg("a", {href: each.row.querySelector("a").getAttribute("href")});
            const told = svg("title", {});
            told.textContent = ["name", "metric", picture.dataset.key].map((key) => textOf(each.row, key)).join(", ");
            point.append(svg("circle", {cx: across.toFixed(1), cy: up.toFixed(1), r: 5}), told);
            point.classList.toggle("away", each.row.hidden);
            each.points.push(point);
            picture.append(point);
        }
    };

    const charts = document.getElementById("charts");
    if (charts !== null) {
        charts.hidden = false;
        addEventListener("load", () => setTimeout(() => charts.querySelectorAll("svg").forEach(draw)));
    }
    form.hidden = false;
    recall();
    if (order !== "") {
        arrange();
    }
    if (location.search.length > 1) {
        apply();
    }
})();

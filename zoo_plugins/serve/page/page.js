"use strict";
// Everything that comes from the server is put in as text, never as HTML.
const at = (id) => document.getElementById(id);
const make = (tag, text, name) => Object.assign(document.createElement(tag), { textContent: text ?? "", className: name ?? "" });
const MOST_BARS = 5;
let token = "";
let place = "";
let asked = 0;

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  const told = await response.json().catch(() => ({ error: `the server answers with status ${response.status}` }));
  at("token").hidden = response.status !== 401;
  if (!response.ok && !Array.isArray(told)) throw new Error(told.error ?? `status ${response.status}`);
  return told;
}

function complain(error) {
  at("problem").textContent = error ? error.message : "";
  at("problem").hidden = !error;
}

async function start() {
  complain();
  const rows = (await ask("/v2/repository/index", { method: "POST" })).filter((row) => row.state === "READY");
  if (!rows.length) throw new Error("no model is ready");
  at("models").replaceChildren(...rows.map((row) => {
    const option = make("option", rows.some((other) => other !== row && other.name === row.name) ? `${row.name}, version ${row.version}` : row.name);
    option.value = `/v2/models/${encodeURIComponent(row.name)}/versions/${encodeURIComponent(row.version)}`;
    return option;
  }));
  at("choice").hidden = rows.length < 2;
  at("main").hidden = false;
  await choose();
}

async function choose() {
  place = at("models").value;
  at("answer").replaceChildren();
  at("shown").hidden = true;
  const card = await ask(`${place}/card`);
  at("title").textContent = card.name;
  document.title = `${card.name} - zoo serve`;
  at("invitation").textContent = card.takes === "pictures" ? "Drop a picture here, or choose one" : "Drop a file here, or choose one";
  at("file").accept = card.takes === "pictures" ? "image/png,image/jpeg,image/webp,image/bmp" : "";
  const passed = card.self_test.every((check) => check.outcome === "passed");
  at("verdict").textContent = passed ? "This file computes here what it says of itself." : "This file has not passed its self-test.";
  at("verdict").className = passed ? "good" : "bad";
  at("count").textContent = `${card.self_test.length} checks, as this server was started`;
  at("checks").replaceChildren(...card.self_test.map((check) => make("li", `${check.rule} ${check.outcome}: ${check.detail}`)));
  const number = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value));
  const metrics = new Map();
  for (const [name, value] of Object.entries(card.metrics)) {
    if (typeof value !== "number") continue;
    const [part, ...rest] = name.split(" ");  // "test accuracy"
    const title = rest.length ? `${part[0].toUpperCase()}${part.slice(1)}` : "Metrics";
    metrics.set(title, [...(metrics.get(title) ?? []), `${rest.join(" ") || name} ${number(value)}`]);
  }
  const lines = [
    ["Task", card.task], ["Model", card.model], ["Dataset", card.dataset],
    ["Labels", card.labels.length > 20 ? `${card.labels.slice(0, 20).join(", ")} and ${card.labels.length - 20} more` : card.labels.join(", ")],
    ["Input", Object.entries(card.inputs).map(([name, shape]) => `${name} ${shape}`).join(", ")],
    ...[...metrics].map(([title, values]) => [title, values.join(", ")]),
    ["License", card.license], ["Source", card.source], ["Weights", card.untrained ? "untrained" : ""], ["Version", card.version],
  ].filter(([, value]) => value);
  at("card").replaceChildren(...lines.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  const upload = card.takes === "pictures" ? "picture.png" : "FILE";
  at("usage").textContent = `curl -F file=@${upload} ${location.origin}${place}/predict`;
}

async function predict(file) {
  complain();
  const mine = ++asked;
  const picture = at("shown");
  if (picture.src) URL.revokeObjectURL(picture.src);
  picture.hidden = !file.type.startsWith("image/");
  if (!picture.hidden) {
    picture.src = URL.createObjectURL(file);
    picture.onload = () => {
      picture.classList.toggle("small", picture.naturalWidth < 128);
      picture.width = picture.naturalWidth < 128 ? picture.naturalWidth * Math.ceil(128 / picture.naturalWidth) : picture.naturalWidth;
    };
  }
  at("invitation").textContent = file.name;
  at("answer").replaceChildren(make("p", "..."));
  const form = new FormData();
  form.append("file", file);
  try {
    const rows = await ask(`${place}/predict?drawn=1`, { method: "POST", body: form });
    if (mine === asked) at("answer").replaceChildren(...rows.map(shown));
  } catch (error) {
    if (mine === asked) at("answer").replaceChildren(make("p", error.message, "bad"));
  }
}

function shown(row) {
  const box = make("div");
  if (row.error) return make("p", row.error, "bad");
  if (row.label !== undefined) box.append(make("div", row.label, "label"));
  if (row.probabilities) {
    const bars = make("div", "", "bars");
    // Names of numbers, as of digits, lose their order in an object of JavaScript.
    const likeliest = Object.entries(row.probabilities).sort(([, a], [, b]) => b - a);
    for (const [label, probability] of likeliest.slice(0, MOST_BARS)) {
      bars.append(make("span", label), Object.assign(make("meter"), { value: probability, max: 1 }), make("span", probability.toFixed(4), "number"));
    }
    box.append(bars);
    return box;
  }
  const seen = row.picture ?? (row.file?.startsWith("data:image/") ? row.file : undefined);
  if (seen) box.append(Object.assign(make("img"), { src: seen, alt: "The answer, drawn" }));
  const { picture, file, input, ...rest } = row;
  if (file) box.append(Object.assign(make("a", "Save the answer as a file"), { href: file, download: "answer" }));
  box.append(make("pre", JSON.stringify(rest, null, 1)));
  return box;
}

at("file").addEventListener("change", (event) => event.target.files[0] && predict(event.target.files[0]));
at("models").addEventListener("change", () => choose().catch(complain));
at("token").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("secret").value;
  start().catch(complain);
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) predict(event.dataTransfer.files[0]);
  });
}
start().catch(complain);

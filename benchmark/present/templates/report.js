"use strict";
// Draws the page from the data in it. Names reach the document as texts, never as markup, and nothing is fetched.
const page = JSON.parse(document.getElementById("page").textContent);
const MISSING = "–";
const KEYS = ["source", "target", "budget", "tuning", "shots", "steps", "support"];
const NAMES = { shots: "K", auc: "AUC", gain: "gain", macro_auc: "macro AUC", ap: "AP", eer: "EER", paper_auc: "paper AUC",
  fps: "frames/s", train_seconds: "training, s", adapt_seconds: "adapting, s" };
const COLUMNS = ["method", "auc", "gain", "tuning", "shots", "steps", "source", "target", "macro_auc", "ap", "eer", "paper_auc",
  "fps", "adapt_seconds", "train_seconds", "parameters", "seeds"];
const WORDS = ["method", "tuning", "source", "target"];
const COUNTS = ["shots", "steps", "seeds"];
const FALLING = ["eer", "delay", "adapt_seconds", "train_seconds", "parameters"]; // lower is better: sorted upwards at first
const PANELS = 24, BARS = 30;
const state = { sort: "auc", down: true, text: "", chosen: {} };

const named = key => NAMES[key] || key.replaceAll("_", " ");
const fixed = (value, digits = 1) => value === null || value === undefined ? MISSING : value.toFixed(digits);
const signed = value => (value > 0 ? "+" : "") + fixed(value);
const spelled = (key, value) => key === "shots" ? `K = ${value}` : key === "steps" ? `${value} step${value === 1 ? "" : "s"}` : String(value);

/** An element with attributes and children; a string is a text, whatever it holds. */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "path", "rect", "line", "circle", "text", "title", "g"].includes(tag);
  const element = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const way = entry => [entry.method, ...(entry.shots ? [...(entry.tuning === "none" ? [] : [entry.tuning]), spelled("shots", entry.shots), spelled("steps", entry.steps)] :
  entry.tuning === "none" ? [] : [entry.tuning])].join(", ");
const pair = entry => `${entry.source} → ${entry.target}`;

// ---- filters ----------------------------------------------------------------------------------------------------------
function filters() {
  const form = document.getElementById("filters");
  form.append(make("label", {}, "method contains", make("input", { type: "search", id: "f-text", placeholder: "apn, memae, …",
    oninput: event => { state.text = event.target.value.toLowerCase(); draw(); } })));
  for (const key of KEYS) {
    const values = [...new Set(page.entries.map(entry => entry[key]))].sort((a, b) => typeof a === "number" ? a - b : a < b ? -1 : 1);
    if (values.length < 2) continue;
    const count = value => page.entries.filter(entry => entry[key] === value).length;
    const most = values.reduce((best, value) => count(value) > count(best) ? value : best);
    // Budgets are never mixed: a row that trained longer would win by that.
    const options = [...(key === "budget" ? [] : [make("option", { value: "" }, "all")]),
      ...values.map((value, number) => make("option", { value: number, selected: key === "budget" && value === most }, String(value)))];
    if (key === "budget") state.chosen.budget = most;
    form.append(make("label", {}, named(key), make("select", { id: `f-${key}`, onchange: event => {
      if (event.target.value === "") delete state.chosen[key]; else state.chosen[key] = values[event.target.value];
      draw();
    } }, ...options)));
  }
  form.addEventListener("submit", event => event.preventDefault());
}

const words = () => state.text.split(",").map(word => word.trim()).filter(Boolean);
function kept() {
  const wanted = words();
  return page.entries.filter(entry => (!wanted.length || wanted.some(word => entry.method.toLowerCase().includes(word)))
    // At K = 0 there is no tuning, step or support set: such a row belongs to every choice of them.
    && Object.entries(state.chosen).every(([key, value]) => entry[key] === value
      || (["tuning", "steps", "support"].includes(key) && entry.shots === 0 && entry.tuning === "none")));
}

// ---- leaderboard ------------------------------------------------------------------------------------------------------
function ordered(entries) {
  const rank = (a, b) => a === b ? 0 : a === null ? 1 : b === null ? -1 : (a < b ? -1 : 1) * (state.down ? -1 : 1);
  return [...entries].sort((a, b) => rank(a[state.sort], b[state.sort]));
}

function value(entry, key) {
  if (key === "method") return [make("a", { href: `#cell/${entry.cells[0]}`, title: entry.method }, entry.method)];
  if (key === "auc") {
    const spread = entry.spread !== null ? `± ${fixed(entry.spread)}` : entry.auc_low !== null ? `[${fixed(entry.auc_low)}, ${fixed(entry.auc_high)}]` : "";
    return [fixed(entry.auc) + (entry.reverted > 0 ? "†" : "") + " ", make("small", {}, entry.auc === null ? entry.status : spread)];
  }
  if (key === "gain") return entry.gain === null ? [MISSING] : [signed(entry.gain) + " ", make("small", {}, `[${signed(entry.gain_low)}, ${signed(entry.gain_high)}]`)];
  if (key === "parameters" && entry[key] !== null) return [entry[key].toLocaleString("en")];
  if (typeof entry[key] === "number") return [COUNTS.includes(key) ? String(entry[key]) : fixed(entry[key], key === "adapt_seconds" ? 2 : 1)];
  return [entry[key] === null ? MISSING : String(entry[key])];
}

function board(entries) {
  const table = document.getElementById("board");
  table.tHead.replaceChildren(make("tr", {}, ...COLUMNS.map(key => make("th", { scope: "col", class: WORDS.includes(key) ? "text" : "",
    "aria-sort": state.sort === key ? (state.down ? "descending" : "ascending") : "none" },
  make("button", { type: "button", "data-key": key, onclick: () => {
    state.down = state.sort === key ? !state.down : !(WORDS.includes(key) || FALLING.includes(key));
    state.sort = key;
    draw();
    table.tHead.querySelector(`[data-key="${key}"]`).focus();
  } }, named(key) + (state.sort === key ? (state.down ? " ▾" : " ▴") : ""))))));
  table.tBodies[0].replaceChildren(...ordered(entries).map(entry => make("tr", {},
    ...COLUMNS.map(key => make("td", { class: WORDS.includes(key) ? "text" : "" }, ...value(entry, key))))));
  const reverted = entries.some(entry => entry.reverted > 0) ? " †: some adaptation raised its own support loss, and was taken back." : "";
  document.getElementById("count").textContent = `${entries.length} of ${page.entries.length} rows; a method's name opens its scores. `
    + "±: standard deviation over seeds; brackets: 95 % intervals." + reverted;
}

// ---- matrix -----------------------------------------------------------------------------------------------------------
const STOPS = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]]; // cividis
function heat(auc) {
  const place = Math.min(0.999, Math.max(0, (auc - 50) / 50)) * (STOPS.length - 1), low = Math.floor(place), part = place - low;
  const colour = STOPS[low].map((start, channel) => Math.round(start + part * (STOPS[low + 1][channel] - start)));
  return `background: rgb(${colour}); color: ${place > 2.6 ? "#000" : "#fff"}`;
}

function matrix(entries) {
  const shown = entries.filter(entry => !page.controls.includes(entry.method));
  const sources = [...new Set(shown.map(entry => entry.source))], targets = [...new Set(shown.map(entry => entry.target))];
  const panels = new Map();
  for (const entry of shown) panels.set(way(entry), [...(panels.get(way(entry)) || []), entry]);
  const best = list => Math.max(...list.map(entry => entry.auc ?? 0));
  const first = [...panels].sort((a, b) => best(b[1]) - best(a[1]));
  document.getElementById("matrix").replaceChildren(...first.slice(0, PANELS).map(([name, list]) => make("div", {}, make("h3", {}, name), make("table", {},
    make("thead", {}, make("tr", {}, make("td"), ...targets.map(target => make("th", { scope: "col" }, target)))),
    make("tbody", {}, ...sources.map(source => make("tr", {}, make("th", { scope: "row" }, source), ...targets.map(target => {
      const found = list.filter(entry => entry.source === source && entry.target === target), entry = found[0];
      // Where the filters leave several supports for one square, none stands for them.
      if (found.length !== 1 || entry.auc === null) return make("td", { class: "heat" }, found.length > 1 ? "…" : MISSING);
      return make("td", { class: "heat", style: heat(entry.auc) }, make("a", { href: `#cell/${entry.cells[0]}`, style: "color: inherit" },
        fixed(entry.auc) + (source === target ? " *" : "")));
    }))))))),
  ...(first.length > PANELS ? [make("p", { class: "note" }, `The best ${PANELS} of ${first.length} panels; filter for others.`)] : []));
}

// ---- gains ------------------------------------------------------------------------------------------------------------
function gain(entries) {
  const shown = entries.filter(entry => entry.gain !== null).sort((a, b) => b.gain - a.gain);
  const box = document.getElementById("gain");
  if (!shown.length) { box.replaceChildren(make("p", { class: "note" }, "Nothing adapted among these rows.")); return; }
  const some = shown.slice(0, BARS), low = Math.min(0, ...some.map(entry => entry.gain_low)), high = Math.max(0, ...some.map(entry => entry.gain_high));
  const x = points => 10 + 380 * (points - low) / (high - low || 1);
  box.replaceChildren(make("div", { class: "bars" }, ...some.flatMap(entry => [
    make("span", {}, make("a", { href: `#cell/${entry.cells[0]}`, title: `${way(entry)}: ${pair(entry)}` }, `${way(entry)}: ${pair(entry)}`)),
    make("svg", { viewBox: "0 0 400 16", "aria-hidden": "true", preserveAspectRatio: "none", height: 16 },
      make("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: 16 }),
      make("line", { class: "whisker", x1: x(entry.gain_low), x2: x(entry.gain_high), y1: 8, y2: 8 }),
      make("circle", { class: "mark", cx: x(entry.gain), cy: 8, r: 4 })),
    make("span", {}, signed(entry.gain) + " ", make("small", {}, `[${signed(entry.gain_low)}, ${signed(entry.gain_high)}]`))])),
  ...(shown.length > BARS ? [make("p", { class: "note" }, `The ${BARS} largest of ${shown.length} gains; sort the leaderboard by gain for all.`)] : []));
}

// ---- efficiency -------------------------------------------------------------------------------------------------------
function speed(entries) {
  const shown = entries.filter(entry => entry.auc !== null && entry.fps > 0 && !page.controls.includes(entry.method));
  const box = document.getElementById("speed");
  if (!shown.length) { box.replaceChildren(make("p", { class: "note" }, "No timings among these rows.")); return; }
  const logs = shown.map(entry => Math.log10(entry.fps)), from = Math.floor(Math.min(...logs)), to = Math.max(from + 1, Math.ceil(Math.max(...logs)));
  const x = fps => 40 + 740 * (Math.log10(fps) - from) / (to - from);
  const least = Math.min(50, ...shown.map(entry => Math.floor(entry.auc / 10) * 10)), y = auc => 250 - 235 * (auc - least) / (100 - least);
  const grid = [];
  for (let power = from; power <= to; power++) grid.push(make("line", { class: "axis", x1: x(10 ** power), x2: x(10 ** power), y1: 15, y2: 250 }),
    make("text", { x: x(10 ** power), y: 268, "text-anchor": "middle" }, String(10 ** power)));
  for (let auc = least; auc <= 100; auc += 10) grid.push(make("line", { class: "axis", x1: 40, x2: 780, y1: y(auc), y2: y(auc) }),
    make("text", { x: 34, y: y(auc) + 4, "text-anchor": "end" }, String(auc)));
  const chart = make("svg", { viewBox: "0 -12 820 306", role: "img", "aria-label": "AUC against frames scored a second" }, ...grid,
    make("text", { x: 410, y: 285, "text-anchor": "middle" }, "frames a second"), make("text", { x: 4, y: 0 }, "AUC in %"));
  for (const entry of shown) {
    const dot = make("circle", { class: "mark", cx: x(entry.fps), cy: y(entry.auc), r: 4, "fill-opacity": 0.6, style: "cursor: pointer",
      onclick: () => { location.hash = `cell/${entry.cells[0]}`; } }, make("title", {}, `${way(entry)}: ${pair(entry)}, ${fixed(entry.auc)} %, ${fixed(entry.fps, 0)} frames/s`));
    chart.append(dot);
  }
  box.replaceChildren(chart);
}

// ---- a cell -----------------------------------------------------------------------------------------------------------
/** A picture of a video at the nearest frame of which there is one, and that frame's number. */
function still(video) {
  if (!video.stills) return null;
  const { step, width, height, across, count, src } = video.stills;
  const box = make("div", { class: "still", role: "img", style: `width: ${width}px; height: ${height}px; background-image: url(${src})` });
  box.show = frame => {
    const place = Math.min(count - 1, Math.round(frame / step));
    box.style.backgroundPosition = `${-(place % across) * width}px ${-Math.floor(place / across) * height}px`;
    box.setAttribute("aria-label", `${video.name}, frame ${place * step}`);
    return place * step;
  };
  return box;
}

/** Ranks of each video's frames that count, in %: they begin at frame `first`. */
function ranks(cell, videos) {
  const bytes = Uint8Array.from(atob(cell.ranks), letter => letter.charCodeAt(0));
  let start = 0;
  return videos.map((video, number) => {
    const own = bytes.subarray(start, start + cell.counts[number]);
    start += cell.counts[number];
    return Array.from(own, level => level / 2.55);
  });
}

function timeline(video, scores, first) {
  const abnormal = frame => video.spans.some(([begin, end]) => frame >= begin && frame < end);
  const x = frame => 1000 * frame / video.length, y = score => 96 - 0.92 * score;
  const line = scores.map((score, number) => `${number ? "L" : "M"}${x(first + number + 0.5).toFixed(1)} ${y(score).toFixed(1)}`).join("");
  const here = make("line", { class: "here", y1: 0, y2: 100 });
  const caption = make("figcaption", {}), picture = still(video);
  const chart = make("div", { class: "chart", tabindex: 0, role: "slider", "aria-label": `Frames of ${video.name}`, "aria-valuemin": first,
    "aria-valuemax": video.length - 1 }, make("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    ...video.spans.map(([begin, end]) => make("rect", { class: "abnormal", x: x(begin), width: x(end) - x(begin), y: 0, height: 100 })),
    make("path", { class: "curve", d: line }), here));
  let at = first + Math.max(0, scores.indexOf(Math.max(...scores)));
  const go = frame => {
    at = Math.min(video.length - 1, Math.max(first, frame));
    const shown = picture && picture.show(at), score = scores[at - first];
    here.setAttribute("x1", x(at + 0.5)); here.setAttribute("x2", x(at + 0.5));
    const text = `frame ${at}, ${abnormal(at) ? "abnormal" : "normal"}, rank ${score === undefined ? MISSING : fixed(score, 0)} %`;
    chart.setAttribute("aria-valuenow", at); chart.setAttribute("aria-valuetext", text);
    caption.textContent = `${video.name}: ${text}` + (picture && shown !== at ? ` (picture: frame ${shown})` : "");
  };
  chart.addEventListener("pointermove", event => { const box = chart.getBoundingClientRect(); go(Math.floor(video.length * (event.clientX - box.left) / box.width)); });
  chart.addEventListener("keydown", event => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, PageDown: at - 10, PageUp: at + 10, Home: first, End: video.length - 1 };
    if (event.key in moves) { event.preventDefault(); go(moves[event.key]); }
  });
  go(at);
  return make("div", { class: "timeline" }, make("figure", {}, chart, caption), ...(picture ? [picture] : []));
}

function moments(title, note, list, videos) {
  return [make("h2", {}, title), make("p", { class: "note" }, note), list.length ? make("div", { class: "moments" }, ...list.map(([name, frame, rank]) => {
    const picture = still(videos.find(video => video.name === name)), shown = picture && picture.show(frame);
    return make("figure", {}, ...(picture ? [picture] : []), make("figcaption", {}, `${name}, frame ${frame}: rank ${fixed(rank)} %`
      + (picture && shown !== frame ? ` (picture: frame ${shown})` : "")));
  })) : make("p", {}, "None.")];
}

function open(key) {
  const cell = page.cells[key], entry = page.entries.find(each => each.cells.includes(key)), box = document.getElementById("cell");
  if (!cell) { location.hash = ""; return; }
  const videos = page.targets[entry.target] || [], scores = cell.ranks ? ranks(cell, videos) : [];
  const facts = [...KEYS.filter(name => name !== "source" && name !== "target").map(name => [named(name), String(entry[name])]), ["seed", String(cell.seed)],
    ["AUC in %", cell.auc === null ? MISSING : fixed(cell.auc) + (cell.auc_low === null ? "" : ` [${fixed(cell.auc_low)}, ${fixed(cell.auc_high)}]`)],
    ...["macro_auc", "ap", "prevalence", "eer", "paper_auc", "delay", "contamination", "fps", "adapt_seconds", "train_seconds", "parameters"]
      .filter(name => cell[name] !== null).map(name => [named(name), name === "parameters" ? cell[name].toLocaleString("en") : fixed(cell[name], name === "adapt_seconds" ? 2 : 1)])];
  if (entry.gain !== null) facts.push(["gain over K = 0, all seeds", `${signed(entry.gain)} [${signed(entry.gain_low)}, ${signed(entry.gain_high)}]`]);
  const others = entry.cells.filter(other => other !== key).map(other => make("a", { href: `#cell/${other}` }, `seed ${page.cells[other].seed}`));
  box.replaceChildren(make("p", {}, make("a", { href: "#" }, "← All cells"), ...others.flatMap(link => [" · ", link])),
    make("h2", { tabindex: -1 }, `${way(entry)}: ${pair(entry)}`),
    make("dl", { class: "facts" }, ...facts.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text)))),
    ...(cell.status === "done" ? [] : [make("p", { class: "error" }, `This cell is ${cell.status}.`), make("pre", {}, cell.reason)]),
    ...(cell.ranks ? [...moments("Worst false alarms", "Normal frames that rank highest among all counted frames of the test set.", cell.alarms, videos),
      ...moments("Worst misses", "Abnormal frames that rank lowest.", cell.misses, videos),
      make("h2", {}, "Scores over time"), make("p", { class: "note" }, "A frame's score as its rank among all counted frames of the test set, 100 %: most abnormal; "
        + "shaded: labelled abnormal. Point at a curve, or use the arrow keys on it, to see the frame."),
      ...videos.map((video, number) => timeline(video, scores[number], cell.first))] : []),
    make("h2", {}, "Configuration and provenance"), make("pre", {}, JSON.stringify({ cell: key, ...cell.made }, null, 1)));
  box.querySelector("h2").focus({ preventScroll: true });
  scrollTo(0, 0);
}

// ---- the whole --------------------------------------------------------------------------------------------------------
function draw() {
  const entries = kept();
  document.getElementById("caption").textContent = page.captions[state.chosen.budget || page.entries[0].budget];
  board(entries); matrix(entries); gain(entries); speed(entries);
}

let left = 0; // where the overview was scrolled to when a cell was opened
function route() {
  const key = location.hash.startsWith("#cell/") ? location.hash.slice(6) : "", overview = document.getElementById("overview");
  if (key && !overview.hidden) left = scrollY;
  const back = !key && overview.hidden;
  overview.hidden = Boolean(key);
  document.getElementById("cell").hidden = !key;
  if (key) open(key);
  else if (back) scrollTo(0, left);
}

filters();
draw();
if (page.problems.length) {
  const box = document.getElementById("problems");
  box.hidden = false;
  box.querySelector("ul").append(...page.problems.map(each => make("li", { class: each.severity === "error" ? "error" : "" }, `${each.severity}: ${each.where}: ${each.problem}; ${each.fix}`)));
}
addEventListener("hashchange", route);
route();

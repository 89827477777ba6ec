"use strict";
// Draws the page from the data in it. Names reach the document as texts, never as markup, and nothing is fetched.
const page = JSON.parse(document.getElementById("page").textContent);
const MISSING = "–",
  MINUS = "−";
const NAMES = {
  shots: "K",
  auc: "AUC",
  macro_auc: "macro AUC",
  ap: "AP",
  eer: "EER",
  paper_auc: "paper AUC",
  fps: "frames/s",
  train_seconds: "train,\u00a0s",
  adapt_seconds: "adapt,\u00a0s",
};
const DRAWN = ["svg", "path", "rect", "line", "circle", "text", "title", "g"];

const named = key => NAMES[key] || key.replaceAll("_", " ");
const absent = value => value === null || value === undefined;
const fixed = (value, digits = 1) => (absent(value) ? MISSING : value.toFixed(digits).replace("-", MINUS));
const signed = value => (value > 0 ? "+" : "") + fixed(value);
const range = (low, high, write) => (absent(low) ? "" : `[${write(low)}, ${write(high)}]`);
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const grouped = value => Math.round(value).toLocaleString("en");
const numbered = (key, value) =>
  key === "parameters" || (key === "fps" && value >= 100)
    ? grouped(value)
    : key === "train_seconds"
      ? fixed(value, 0)
      : fixed(value, key === "adapt_seconds" ? 2 : 1);

/** Marks of what a caption explains of a row: an adaptation was taken back, a cue says nothing, … */
const marks = entry => entry.marks ?? "";

/** An element with attributes and children; a string is a text, whatever it holds. */
function make(tag, attributes = {}, ...children) {
  const element = DRAWN.includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && !absent(value)) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// ---- names: short in a first line, all else in a second -------------------------------------------------------------
const short = name => (Object.hasOwn(page.labels, name) ? page.labels[name][0] : name);
const details = name => (Object.hasOwn(page.labels, name) ? page.labels[name][1] : []);
const pairName = entry => `${entry.source} → ${entry.target}`;

/** What a row was adapted by: words of a first line and of a second. */
function adaptation(entry) {
  const tuned = entry.tuning !== "none",
    shots = `K\u00a0=\u00a0${entry.shots}`;
  if (!entry.shots && !tuned) return ["unadapted", []];
  const steps = tuned && entry.shots ? [count(entry.steps, "step").replace(" ", "\u00a0")] : [],
    support = entry.shots ? [entry.support] : [];
  return [tuned ? `${short(entry.tuning)}, ${shots}` : shots, [...steps, ...support, ...details(entry.tuning)]];
}

/** All of a row but its source and target, in a line. */
function rowName(entry) {
  const [how, more] = adaptation(entry),
    options = details(entry.method);
  return short(entry.method) + (options.length ? ` (${options.join(", ")})` : "") + `, ${[how, ...more].join(", ")}`;
}

/** A second line: its words break apart from one another, and never within. */
const secondLine = words =>
  words.length
    ? [make("small", {}, ...words.flatMap((word, number) => [...(number ? [", "] : []), make("span", {}, word)]))]
    : [];

// ---- giving away ----------------------------------------------------------------------------------------------------
/** A button that copies a text, and says so. */
function copier(label, title, text) {
  const button = make(
    "button",
    {
      type: "button",
      title,
      "aria-label": title,
      onclick: async () => {
        button.textContent = (await copied(text())) ? "Copied" : "Not copied";
        setTimeout(() => {
          button.textContent = label;
        }, 1500);
      },
    },
    label,
  );
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // a browser that keeps its clipboard from files
    const box = make("textarea", {});
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

const CSV = [
  "method",
  "source",
  "target",
  "tuning",
  "support",
  "shots",
  "steps",
  "budget",
  "seeds",
  "status",
  "auc",
  "spread",
  "auc_low",
  "auc_high",
  "gain",
  "gain_low",
  "gain_high",
  "macro_auc",
  "ap",
  "prevalence",
  "eer",
  "delay",
  "paper_auc",
  "contamination",
  "reverted",
  "fps",
  "adapt_seconds",
  "train_seconds",
  "parameters",
  "command",
];

/** Rows as CSV (RFC 4180), numbers as they are. */
function csv(entries) {
  const quoted = value =>
    absent(value) ? "" : /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return [CSV, ...entries.map(entry => CSV.map(key => entry[key]))]
    .map(row => row.map(quoted).join(",") + "\r\n")
    .join("");
}

function download(name, entries) {
  const address = URL.createObjectURL(new Blob([csv(entries)], { type: "text/csv" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

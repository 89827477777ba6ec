// The columns of a board: how each is named, sorted, and written. `falls`: its best values are the lowest.
const REACH = 20; // points of AUC that the scale of gains goes to either side
const metric = (key, falls = false, name = named(key), value = entry => entry[key]) => ({
  name,
  falls,
  value,
  cell: entry => [absent(value(entry)) ? MISSING : numbered(key, value(entry))],
});
const COLUMNS = {
  method: {
    name: "method",
    falls: true,
    value: entry => entry.method,
    cell: entry => [
      make("a", { href: `#cell/${entry.cells[0]}` }, short(entry.method)),
      ...secondLine(details(entry.method)),
    ],
  },
  adaptation: {
    name: "adaptation",
    falls: true,
    value: entry =>
      [entry.tuning, entry.support, ...[entry.shots, entry.steps].map(each => String(each).padStart(6, "0"))].join(),
    cell: entry => {
      const [first, more] = adaptation(entry);
      return [first, ...secondLine(more)];
    },
  },
  auc: {
    name: "AUC",
    value: entry => entry.auc,
    cell: (entry, shown) => {
      const text = fixed(entry.auc) + marks(entry),
        bold = shown.bold.includes(entry);
      const spread = absent(entry.auc)
        ? entry.status
        : absent(entry.spread)
          ? range(entry.auc_low, entry.auc_high, fixed)
          : `± ${fixed(entry.spread)}, ${count(entry.seeds, "seed")}`;
      return [
        bold ? make("b", {}, text, make("span", { class: "unseen" }, " may be the best")) : text,
        make("small", {}, spread),
      ];
    },
  },
  behind: {
    name: "behind the highest",
    cell: (entry, shown) => {
      if (entry === shown.top) return ["highest"];
      if (!shown.top || absent(entry.auc) || absent(entry.place) || !shown.board.apart) return [MISSING];
      const gap = entry.auc - shown.top.auc,
        { reach } = pair(shown.board, entry, shown.top);
      return [signed(gap), make("small", {}, range(Math.max(gap - reach, -100), Math.min(gap + reach, 100), signed))];
    },
  },
  gain: {
    name: "gain over K = 0",
    value: entry => entry.gain,
    cell: (entry, shown) =>
      absent(entry.gain)
        ? [MISSING]
        : [signed(entry.gain), make("small", {}, range(entry.gain_low, entry.gain_high, signed)), whisker(entry)],
  },
  macro_auc: metric("macro_auc"),
  ap: metric("ap"),
  eer: metric("eer", true),
  delay: metric("delay", true),
  paper_auc: metric("paper_auc"),
  fps: metric("fps"),
  adapt_seconds: metric("adapt_seconds", true, named("adapt_seconds"), entry =>
    entry.shots ? entry.adapt_seconds : null,
  ),
  train_seconds: metric("train_seconds", true),
  parameters: metric("parameters", true, "params"),
};

/** A gain with its interval, on one scale for all boards; what is farther out ends at its edge. */
function whisker(entry) {
  const x = points => 50 + 46 * Math.max(-1, Math.min(1, points / REACH));
  return make(
    "svg",
    { viewBox: "0 0 100 8", "aria-hidden": "true" },
    make("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: 8 }),
    make("line", { class: "whisker", x1: x(entry.gain_low), x2: x(entry.gain_high), y1: 4, y2: 4 }),
    make("circle", { class: "mark", cx: x(entry.gain), cy: 4, r: 2.6 }),
  );
}

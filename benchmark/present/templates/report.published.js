// What papers print of a board's target: a line below the board, and every figure with its protocol on demand.
const FIGURE = {
  method: "method",
  auc: "AUC",
  source: "trained on",
  shots: "K",
  variant: "variant",
  protocol: "protocol",
  kind: "said by",
  read_in: "read in",
  note: "note",
};
const STATED = ["source", "shots", "protocol"]; // where there is none, that says something
const KINDS = ["paper", "quoted", "reproduction"]; // a method is told by the first of these

function published(board) {
  const figures = page.published[board.target] || [];
  if (!figures.length) return [];
  const target = board.target.split("[")[0],
    groups = new Map();
  for (const figure of figures) groups.set(figure.source, [...(groups.get(figure.source) || []), figure]);
  const spoken = [...groups].map(([source, group]) => `trained on ${trainedOn(source, target)}: ${summary(group)}`);
  const head = make(
    "thead",
    {},
    make("tr", {}, ...Object.values(FIGURE).map(name => make("th", { scope: "col" }, name))),
  );
  const label = { class: "scroll", tabindex: 0, role: "region", "aria-label": `Published on ${target}` };
  return [
    make(
      "details",
      { class: "note published" },
      make(
        "summary",
        {},
        make("strong", {}, `Published on ${target}`),
        `, each by its own paper's protocol and at full size, so no contest with these rows: ${spoken.join("; ")}.`,
      ),
      make("div", label, make("table", {}, head, make("tbody", {}, ...figures.map(figureLine)))),
    ),
  ];
}

const trainedOn = (source, target) =>
  absent(source) ? "what is not stated" : source === target ? `${source} itself` : source;

/** From where to where figures go, and those of methods that boards have. */
function summary(figures) {
  const all = figures.map(figure => figure.auc),
    told = new Map();
  const before = (one, other) =>
    KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || (other.shots ?? 0) - (one.shots ?? 0) || other.auc - one.auc;
  for (const figure of figures.filter(each => each.ours).sort(before))
    if (!told.has(figure.ours)) told.set(figure.ours, figure);
  const ours = [...told.values()]
    .sort((a, b) => b.auc - a.auc)
    .map(figure =>
      [
        figure.ours,
        fixed(figure.auc),
        ...(figure.shots ? [`at K = ${figure.shots}`] : []),
        ...(figure.kind === "paper" ? [] : [figure.kind]),
      ].join(" "),
    );
  const ends = [...new Set([Math.min(...all), Math.max(...all)])].map(auc => fixed(auc)).join(" to ");
  return ends + (ours.length ? ` (${ours.join(", ")})` : "");
}

function figureLine(figure) {
  const text = key => {
    if (absent(figure[key])) return STATED.includes(key) ? "not stated" : "";
    return Number.isInteger(figure[key]) && key === "auc" ? fixed(figure.auc) : String(figure[key]);
  };
  const cell = key => make("td", { class: key === "auc" || key === "shots" ? "number" : "" }, text(key));
  return make("tr", {}, ...Object.keys(FIGURE).map(cell));
}

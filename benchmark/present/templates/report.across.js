// Rows that were run on several pairs of source and target: their AUC on each, and the mean of their ranks.
const ACROSS = "several pairs";
const STOPS = [
  [0, 34, 78],
  [53, 69, 108],
  [102, 105, 112],
  [148, 142, 119],
  [200, 184, 102],
  [254, 232, 56],
]; // cividis
function heat(auc) {
  const at = Math.min(0.999, Math.max(0, (auc - 50) / 50)) * (STOPS.length - 1),
    low = Math.floor(at);
  const colour = STOPS[low].map((start, channel) => Math.round(start + (at - low) * (STOPS[low + 1][channel] - start)));
  return `background: rgb(${colour}); color: ${at > 2.6 ? "#000" : "#fff"}`;
}

/** Rows by what they are but for source and target: a Map to Maps from the number of a board to its row. */
function ways(entries) {
  // A target without training video has its first test video for a support set: the same way, where no pair has both.
  const head = support => (["train-head", "scene-head"].includes(support) ? "scene's head" : support);
  for (const support of [head, each => each]) {
    const found = new Map();
    let twice = false;
    for (const entry of entries) {
      const key = JSON.stringify([entry.method, entry.tuning, entry.shots, entry.steps, support(entry.support)]);
      if (!found.has(key)) found.set(key, new Map());
      twice ||= found.get(key).has(entry.board);
      found.get(key).set(entry.board, entry);
    }
    if (!twice) return [...found.values()];
  }
}

/**
 * The pairs to rank over: those that hold the largest block of ways and pairs with every way on every pair, and of equal
 * ones the most pairs; of ways on several targets.
 */
function block(rows) {
  const sets = new Map(
    rows
      .filter(way => byTarget([...way.keys()]).length > 1)
      .map(way => [[...way.keys()].sort((a, b) => a - b).join(), [...way.keys()]]),
  );
  let best = { boards: [], rows: [] };
  for (const boards of [...sets.values()].sort((a, b) => b.length - a.length)) {
    const whole = rows.filter(way => boards.every(board => way.has(board)));
    if (whole.length > 1 && whole.length * boards.length > best.rows.length * best.boards.length)
      best = { boards, rows: whole };
  }
  return best;
}

/** Boards by target, which is one data set whatever the sources: [[board, …], …]. */
function byTarget(boards) {
  const found = new Map();
  for (const board of boards) {
    const { target } = page.boards[board];
    found.set(target, [...(found.get(target) ?? []), board]);
  }
  return [...found.values()];
}

/** The mean rank of each way over targets, by the mean AUC on each, 1: best; ways that tie share the mean of their ranks. */
function meanRanks(rows, targets) {
  const mean = numbers => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const ranks = targets.map(boards => {
    const aucs = rows.map(way => mean(boards.map(board => way.get(board).auc)));
    return aucs.map(own => aucs.filter(auc => auc > own).length + (aucs.filter(auc => auc === own).length + 1) / 2);
  });
  return new Map(rows.map((way, number) => [way, mean(ranks.map(each => each[number]))]));
}

function across(entries) {
  const rows = ways(entries).filter(way => way.size > 1),
    numbers = [...new Set(rows.flatMap(way => [...way.keys()]))].sort((a, b) => a - b);
  const box = document.getElementById("across");
  box.hidden = rows.length < 2;
  if (box.hidden) return;
  const ranked = block(rows.filter(way => [...way.values()].every(contends))),
    targets = byTarget(ranked.boards),
    ranks = meanRanks(ranked.rows, targets);
  const { bold, text } = critical(ranks, targets.length);
  const columns = [["rank", "mean rank"], ...numbers.map(number => [number, page.boards[number]])];
  const best = new Map(
    numbers.map(number => [
      number,
      verdict(
        page.boards[number],
        entries.filter(entry => entry.board === number),
      ).bold,
    ]),
  );
  const value = way =>
    state.across === "rank"
      ? -(ranks.get(way) ?? Infinity)
      : (way.get(numbers.find(number => pairName(page.boards[number]) === state.across))?.auc ?? -Infinity);
  const mean = way => [...way.values()].reduce((sum, entry) => sum + (entry.auc ?? 0), 0) / way.size;
  const order = [...rows].sort((a, b) => (value(a) === value(b) ? mean(b) - mean(a) : value(b) - value(a)));
  const table = make(
    "table",
    { role: "table", "aria-labelledby": "h-across" },
    make(
      "thead",
      { role: "rowgroup" },
      make(
        "tr",
        { role: "row" },
        ...["method", "adaptation"].map(name => make("th", { scope: "col", role: "columnheader", class: name }, name)),
        ...columns.map(([key, what]) => {
          const name = key === "rank" ? key : pairName(what),
            on = state.across === name;
          return make(
            "th",
            {
              scope: "col",
              role: "columnheader",
              class: key === "rank" ? "rank" : "heat",
              "aria-sort": on ? (key === "rank" ? "ascending" : "descending") : null,
            },
            make(
              "button",
              {
                type: "button",
                "data-key": name,
                onclick: () => {
                  change({ across: name });
                  [...box.querySelectorAll("th button")].find(each => each.dataset.key === name).focus();
                },
              },
              ...(key === "rank" ? [what] : [make("small", {}, `${short(what.source)} →`), " ", short(what.target)]),
              on ? (key === "rank" ? " ▴" : " ▾") : "",
            ),
          );
        }),
      ),
    ),
    make(
      "tbody",
      { role: "rowgroup" },
      ...order.slice(0, state.whole.has(ACROSS) ? order.length : FIRST).map(way => {
        const [entry] = way.values(),
          supports = new Set([...way.values()].map(each => each.support));
        const [first, words] = adaptation(entry),
          shown = ranks.has(way) ? ranks.get(way).toFixed(2) : MISSING;
        return make(
          "tr",
          { role: "row" },
          make(
            "th",
            { scope: "row", role: "rowheader", class: "method" },
            short(entry.method),
            ...secondLine(details(entry.method)),
          ),
          make(
            "td",
            { role: "cell", class: "adaptation" },
            first,
            ...secondLine([
              ...words.filter(word => word !== entry.support),
              ...(entry.shots ? [...supports].sort().reverse() : []),
            ]),
          ),
          make(
            "td",
            { role: "cell", class: ranks.has(way) ? "rank" : "rank none", "data-name": "mean rank" },
            bold.includes(way) ? make("b", {}, shown) : shown,
          ),
          ...numbers.map(number => heatCell(way.get(number), best.get(number), page.boards[number])),
        );
      }),
    ),
  );
  box
    .querySelector(".table")
    .replaceChildren(
      make("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "h-across" }, table),
      ...more(ACROSS, order.length, FIRST),
    );
  const left = numbers.filter(number => !ranked.boards.includes(number)).map(number => pairName(page.boards[number]));
  box.querySelector(".verdict").textContent =
    ranked.rows.length < 2
      ? "No mean ranks: no two detectors were run on the same pairs of several targets."
      : `Mean ranks: of the ${ranked.rows.length} rows that ${count(ranked.boards.length, "pair")} share, over ` +
        `${count(targets.length, "target")}, on each by the mean over its sources, 1: best; ${page.controls.join(" and ")} have none` +
        (left.length
          ? `; ${left.join(", ")} ${left.length === 1 ? "is" : "are"} not counted, as fewer rows were run there`
          : "") +
        `. ${text}`;
}

function heatCell(entry, best, board) {
  const name = { role: "cell", class: "heat", "data-name": pairName(board) };
  if (!entry || absent(entry.auc)) return make("td", { ...name, class: "heat none" }, MISSING);
  const text = fixed(entry.auc) + marks(entry);
  return make(
    "td",
    name,
    make(
      "a",
      { href: `#cell/${entry.cells[0]}`, style: heat(entry.auc) },
      best.includes(entry) ? make("b", {}, text) : text,
    ),
  );
}

/** What bold type says of mean ranks, and which are set in it: those that Nemenyi's test cannot tell from the best. */
function critical(ranks, targets) {
  const rows = ranks.size,
    all = [...ranks.values()];
  if (rows < 2) return { bold: [], text: "" };
  const unit = page.critical[rows - 2];
  if (unit === undefined) return { bold: [], text: "Nothing in bold: these are too many rows to test." };
  const least = Math.min(...all),
    difference = unit / Math.sqrt(targets),
    bold = [...ranks].filter(([, rank]) => rank - least <= difference).map(([way]) => way);
  const test = `by Nemenyi's test (critical difference ${fixed(difference)})`;
  if (bold.length === rows)
    return { bold: [], text: `No mean rank in bold: over ${targets} targets none differs from the best ${test}.` };
  return { bold, text: `Mean ranks in bold do not differ from the best ${test}.` };
}

// A board of each source and target: rows of different pairs are never ranked in one list.
const REACH = 20; // points of AUC that the scale of gains goes to either side
const FIRST = 8; // rows of a board that show at first
const metric = (key, falls = false, name = named(key)) => ({ name, falls, value: entry => entry[key], cell: entry => [absent(entry[key]) ? MISSING : numbered(key, entry[key])] });
const COLUMNS = {
  method: { name: "method", falls: true, value: entry => entry.method, cell: entry =>
    [make("a", { href: `#cell/${entry.cells[0]}` }, short(entry.method)), ...secondLine(details(entry.method))] },
  adaptation: { name: "adaptation", falls: true, value: entry => [entry.tuning, entry.support, ...[entry.shots, entry.steps].map(each => String(each).padStart(6, "0"))].join(),
    cell: entry => { const [first, more] = adaptation(entry); return [first, ...secondLine(more)]; } },
  auc: { name: "AUC", value: entry => entry.auc, cell: (entry, shown) => {
    const text = fixed(entry.auc) + (entry.reverted > 0 ? "†" : ""), bold = shown.bold.includes(entry);
    const spread = absent(entry.auc) ? entry.status : absent(entry.spread) ? range(entry.auc_low, entry.auc_high, fixed) : `± ${fixed(entry.spread)}, ${count(entry.seeds, "seed")}`;
    return [bold ? make("b", {}, text, make("span", { class: "unseen" }, " may be the best")) : text, make("small", {}, spread)];
  } },
  behind: { name: "behind the highest", cell: (entry, shown) => {
    if (entry === shown.top) return ["highest"];
    if (!shown.top || absent(entry.auc) || absent(entry.place) || !shown.board.apart) return [MISSING];
    const gap = entry.auc - shown.top.auc, { reach } = pair(shown.board, entry, shown.top);
    return [signed(gap), make("small", {}, range(gap - reach, gap + reach, signed))];
  } },
  gain: { name: "gain over K = 0", value: entry => entry.gain, cell: (entry, shown) => absent(entry.gain) ? [MISSING] :
    [signed(entry.gain), make("small", {}, range(entry.gain_low, entry.gain_high, signed)), whisker(entry)] },
  macro_auc: metric("macro_auc"), ap: metric("ap"), eer: metric("eer", true), delay: metric("delay", true), paper_auc: metric("paper_auc"),
  fps: metric("fps"), adapt_seconds: metric("adapt_seconds", true), train_seconds: metric("train_seconds", true), parameters: metric("parameters", true, "params"),
};

/** A gain with its interval, on one scale for all boards; what is farther out ends at its edge. */
function whisker(entry) {
  const x = points => 50 + 46 * Math.max(-1, Math.min(1, points / REACH));
  return make("svg", { viewBox: "0 0 100 8", "aria-hidden": "true" }, make("line", { class: "zero", x1: x(0), x2: x(0), y1: 0, y2: 8 }),
    make("line", { class: "whisker", x1: x(entry.gain_low), x2: x(entry.gain_high), y1: 4, y2: 4 }), make("circle", { class: "mark", cx: x(entry.gain), cy: 4, r: 2.6 }));
}

function head() {
  return make("tr", { role: "row" }, ...Object.entries(COLUMNS).map(([key, column]) => make("th", { scope: "col", role: "columnheader", class: key,
    "aria-sort": state.sort !== key ? null : state.order === "down" ? "descending" : "ascending" },
  column.value ? make("button", { type: "button", "data-key": key, onclick: event => {
    const board = event.target.closest("section").id;
    sortBy(key);
    document.querySelector(`#${board} [data-key="${key}"]`).focus();
  } }, column.name + (state.sort === key ? (state.order === "down" ? " ▾" : " ▴") : "")) : column.name)),
  make("th", { scope: "col", role: "columnheader", class: "command" }, "run"));
}

function line(entry, shown) {
  return make("tr", { role: "row" }, ...Object.entries(COLUMNS).map(([key, column]) => key === "method"
    ? make("th", { scope: "row", role: "rowheader", class: key }, ...column.cell(entry, shown))
    : make("td", { role: "cell", class: column.value && absent(column.value(entry)) ? `${key} none` : key, "data-name": column.name }, ...column.cell(entry, shown))),
  make("td", { role: "cell", class: "command" }, copier("Copy", `Copy the command that makes this row: ${entry.command}`, () => entry.command)));
}

/** A table of these rows, the first of them or all; columns of which no row has anything are left out. */
function tableOf(board, entries, shown) {
  const rows = ordered(entries), name = pairName(board), whole = state.whole.has(name);
  const table = make("table", { role: "table", "aria-label": name }, make("thead", { role: "rowgroup" }, head()),
    make("tbody", { role: "rowgroup" }, ...rows.slice(0, whole ? rows.length : FIRST).map(entry => line(entry, shown))));
  for (const key of Object.keys(COLUMNS))
    if (COLUMNS[key].value && entries.every(entry => absent(COLUMNS[key].value(entry)))) table.querySelectorAll(`.${key}`).forEach(cell => cell.remove());
  return [make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name }, table), ...more(name, rows.length, FIRST)];
}

/** A button that shows all rows of a table, or its first alone. */
function more(name, rows, first) {
  if (rows <= first) return [];
  const whole = state.whole.has(name);
  const button = make("button", { type: "button", class: "more", "data-of": name, onclick: () => {
    if (whole) state.whole.delete(name); else state.whole.add(name);
    change();
    [...document.querySelectorAll(".more")].find(each => each.dataset.of === name)?.focus();
  } }, whole ? `The first ${first} rows` : `All ${rows} rows`);
  return [button];
}

/** A link to a part of the page: the address is taken by what is shown. */
function jump(id, text) {
  return make("a", { href: `#${written(state)}`, onclick: event => {
    event.preventDefault();
    const heading = document.querySelector(`#${id} h2`);
    heading.tabIndex = -1;
    heading.focus();
    heading.scrollIntoView();
  } }, text);
}

function boards(entries) {
  const shown = page.boards.map((board, number) => [board, number, entries.filter(entry => ["budget", "source", "target"].every(key => entry[key] === board[key]))])
    .filter(([, , rows]) => rows.length);
  document.getElementById("contents").replaceChildren(...(shown.length < 2 ? [] : [
    ...shown.map(([board, number, rows]) => make("li", {}, jump(`board-${number}`, pairName(board)), ` ${rows.length}`)),
    make("li", {}, jump("across", "mean ranks")), make("li", {}, jump("speeds", "speed"))]));
  document.getElementById("boards").replaceChildren(...shown.map(([board, number, rows]) => section(board, number, rows)));
}

function section(board, number, rows) {
  const { bold, text } = verdict(board, rows), contenders = rows.filter(contends);
  const shown = { board, bold, top: contenders.length > 1 ? highest(contenders) : null };
  return make("section", { class: "board", id: `board-${number}`, "aria-labelledby": `h-board-${number}` },
    make("h2", { id: `h-board-${number}` }, make("span", {}, short(board.source), ...secondLine(details(board.source))), " → ",
      make("span", {}, short(board.target), ...secondLine(details(board.target))), ...(board.source === board.target ? [make("small", {}, "the same camera")] : [])),
    make("p", { class: "note verdict" }, text), ...tableOf(board, rows, shown), make("p", { class: "note caption" }, board.caption), ...published(board));
}

// ---- published figures --------------------------------------------------------------------------------------------------
function published(board) {
  const figures = page.published[board.target] || [];
  if (!figures.length) return [];
  const groups = new Map();
  for (const figure of figures) groups.set(figure.source, [...(groups.get(figure.source) || []), figure]);
  const spoken = [...groups].map(([source, group]) => {
    const all = group.map(figure => figure.auc), ends = [...new Set([Math.min(...all), Math.max(...all)])].map(auc => fixed(auc)).join(" to ");
    const best = new Map();
    for (const figure of group.filter(each => each.ours)) if (!(best.get(figure.ours)?.auc >= figure.auc)) best.set(figure.ours, figure);
    const ours = [...best.values()].map(figure => `${figure.ours} ${fixed(figure.auc)}${figure.shots ? ` at K = ${figure.shots}` : ""}`);
    return `trained on ${absent(source) ? "what is not stated" : source === board.target.split("[")[0] ? `${source} itself` : source}: ${ends}${ours.length ? ` (${ours.join(", ")})` : ""}`;
  });
  const columns = { method: "method", auc: "AUC", source: "trained on", shots: "K", variant: "variant", protocol: "protocol", kind: "said by", read_in: "read in", note: "note" };
  return [make("details", { class: "note published" },
    make("summary", {}, make("strong", {}, `Published on ${board.target.split("[")[0]}`), `, each by its own paper's protocol and at full size, so no contest with these rows: ${spoken.join("; ")}.`),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Published on ${board.target}` }, make("table", {},
      make("thead", {}, make("tr", {}, ...Object.values(columns).map(name => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...figures.map(figure => make("tr", {}, ...Object.keys(columns).map(key =>
        make("td", { class: key === "auc" || key === "shots" ? "number" : "" }, !absent(figure[key]) ? String(figure[key]) : ["source", "shots", "protocol"].includes(key) ? "not stated" : ""))))))))];
}

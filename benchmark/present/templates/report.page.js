// The page as a whole: all boards, or one cell, as the address says.
for (const entry of page.entries)
  entry.board = page.boards.findIndex(board => ["budget", "source", "target"].every(key => entry[key] === board[key]));

function draw() {
  const entries = kept(),
    others = valuesOf("budget").filter(name => !state.chosen.budget.includes(name)),
    budget = others.length ? `, of budget ${state.chosen.budget}; others: ${others.join(", ")}` : "";
  document.getElementById("count").textContent =
    `${entries.length} of ${page.entries.length} rows${budget}. ±: standard deviation over seeds; brackets: 95 % intervals, of ` +
    `differences paired by video; bars of gains: ${MINUS}${REACH} to +${REACH} points.`;
  syncForm();
  boards(entries);
  across(entries);
  speed(entries);
}

let left = 0; // where the boards were scrolled to when a cell was opened
function route() {
  const text = location.hash.slice(1),
    key = text.startsWith("cell/") ? text.slice(5) : "",
    overview = document.getElementById("overview");
  const gone = key && !Object.hasOwn(page.cells, key),
    single = Boolean(key) && !gone,
    back = !single && overview.hidden;
  if (single && !overview.hidden) left = scrollY;
  overview.hidden = single;
  document.getElementById("cell").hidden = !single;
  if (single) {
    open(key);
    return;
  }
  const [found, unknown] = key ? [state, [`cell ${key}`]] : read(text);
  state = found;
  const lost = document.getElementById("lost");
  lost.hidden = !unknown.length;
  lost.textContent = `The address asks for what is not in this report: ${unknown.join(", ")}.`;
  draw();
  if (back) scrollTo(0, left);
}

const syncForm = form();
if (page.problems.length) {
  const box = document.getElementById("problems");
  box.hidden = false;
  box
    .querySelector("ul")
    .append(
      ...page.problems.map(each =>
        make(
          "li",
          { class: each.severity === "error" ? "error" : "" },
          `${each.severity}: ${each.where}: ${each.problem}; ${each.fix}`,
        ),
      ),
    );
}
addEventListener("hashchange", route);
route();

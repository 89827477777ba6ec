// A board of each source and target: rows of different pairs are never ranked in one list.
const FIRST = 8; // rows of a board that show at first

function head() {
  return make(
    "tr",
    { role: "row" },
    ...Object.entries(COLUMNS).map(([key, column]) =>
      make(
        "th",
        {
          scope: "col",
          role: "columnheader",
          class: key,
          "aria-sort": state.sort !== key ? null : state.order === "down" ? "descending" : "ascending",
        },
        column.value
          ? make(
              "button",
              {
                type: "button",
                "data-key": key,
                onclick: event => {
                  const board = event.target.closest("section").id;
                  sortBy(key);
                  document.querySelector(`#${board} [data-key="${key}"]`).focus();
                },
              },
              column.name + (state.sort === key ? (state.order === "down" ? " ▾" : " ▴") : ""),
            )
          : column.name,
      ),
    ),
    make("th", { scope: "col", role: "columnheader", class: "command" }, "run"),
  );
}

function line(entry, shown) {
  return make(
    "tr",
    { role: "row" },
    ...Object.entries(COLUMNS).map(([key, column]) =>
      key === "method"
        ? make("th", { scope: "row", role: "rowheader", class: key }, ...column.cell(entry, shown))
        : make(
            "td",
            {
              role: "cell",
              class: column.value && absent(column.value(entry)) ? `${key} none` : key,
              "data-name": column.name,
            },
            ...column.cell(entry, shown),
          ),
    ),
    make(
      "td",
      { role: "cell", class: "command" },
      copier("Copy", `Copy the command that makes this row: ${entry.command}`, () => entry.command),
    ),
  );
}

/** A table of these rows, the first of them or all; columns of which no row has anything are left out. */
function tableOf(board, entries, shown) {
  const rows = ordered(entries),
    name = pairName(board),
    whole = state.whole.has(name);
  const table = make(
    "table",
    { role: "table", "aria-label": name },
    make("thead", { role: "rowgroup" }, head()),
    make("tbody", { role: "rowgroup" }, ...rows.slice(0, whole ? rows.length : FIRST).map(entry => line(entry, shown))),
  );
  for (const key of Object.keys(COLUMNS))
    if (COLUMNS[key].value && entries.every(entry => absent(COLUMNS[key].value(entry))))
      table.querySelectorAll(`.${key}`).forEach(cell => cell.remove());
  return [
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name }, table),
    ...more(name, rows.length, FIRST),
  ];
}

/** A button that shows all rows of a table, or its first alone. */
function more(name, rows, first) {
  if (rows <= first) return [];
  const whole = state.whole.has(name);
  const button = make(
    "button",
    {
      type: "button",
      class: "more",
      "data-of": name,
      onclick: () => {
        if (whole) state.whole.delete(name);
        else state.whole.add(name);
        change();
        [...document.querySelectorAll(".more")].find(each => each.dataset.of === name)?.focus();
      },
    },
    whole ? `The first ${first} rows` : `All ${rows} rows`,
  );
  return [button];
}

/** A link to a part of the page: the address is taken by what is shown. */
function jump(id, text) {
  return make(
    "a",
    {
      href: `#${written(state)}`,
      onclick: event => {
        event.preventDefault();
        const heading = document.querySelector(`#${id} h2`);
        heading.tabIndex = -1;
        heading.focus();
        heading.scrollIntoView();
      },
    },
    text,
  );
}

function boards(entries) {
  const shown = page.boards
    .map((board, number) => [
      board,
      number,
      entries.filter(entry => ["budget", "source", "target"].every(key => entry[key] === board[key])),
    ])
    .filter(([, , rows]) => rows.length);
  document
    .getElementById("contents")
    .replaceChildren(
      ...(shown.length < 2
        ? []
        : [
            ...shown.map(([board, number, rows]) =>
              make("li", {}, jump(`board-${number}`, pairName(board)), ` ${rows.length}`),
            ),
            make("li", {}, jump("across", "mean ranks")),
            make("li", {}, jump("speeds", "speed")),
          ]),
    );
  document
    .getElementById("boards")
    .replaceChildren(...shown.map(([board, number, rows]) => section(board, number, rows)));
}

function section(board, number, rows) {
  const { bold, text } = verdict(board, rows),
    contenders = rows.filter(contends);
  const shown = { board, bold, top: contenders.length > 1 ? highest(contenders) : null };
  return make(
    "section",
    { class: "board", id: `board-${number}`, "aria-labelledby": `h-board-${number}` },
    make(
      "h2",
      { id: `h-board-${number}` },
      make("span", {}, short(board.source), ...secondLine(details(board.source))),
      " → ",
      make("span", {}, short(board.target), ...secondLine(details(board.target))),
      ...(board.source === board.target ? [make("small", {}, "the same camera")] : []),
    ),
    make("p", { class: "note verdict" }, text),
    ...tableOf(board, rows, shown),
    make("p", { class: "note caption" }, board.caption),
    ...published(board),
  );
}

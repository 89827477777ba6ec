// What is shown, and how it is sorted: chosen in the form, and kept in the address, so that a link shows the same again.
const KEYS = ["budget", "source", "target", "tuning", "shots", "steps", "support"];
const most = values => [...new Set(values)].reduce((best, value) =>
  values.filter(each => each === value).length > values.filter(each => each === best).length ? value : best);
const DEFAULTS = { method: "", sort: "auc", order: "down", across: "rank" };
const USUAL = most(page.entries.map(entry => entry.budget)); // budgets are never mixed: a row that trained longer would win by that
let state = fresh();

function fresh() {
  return { ...DEFAULTS, chosen: { ...Object.fromEntries(KEYS.map(key => [key, []])), budget: [USUAL] }, whole: new Set() };
}

const valuesOf = key => [...new Set(page.entries.map(entry => entry[key]))].sort((a, b) => typeof a === "number" ? a - b : a < b ? -1 : 1);

/** The state as an address has it after #; nothing where it is as at first. */
function written(of) {
  const words = new URLSearchParams();
  for (const key of KEYS) for (const value of of.chosen[key]) if (key !== "budget" || valuesOf(key).length > 1) words.append(key, value);
  for (const [key, usual] of Object.entries(DEFAULTS)) if (of[key] !== usual) words.append(key, of[key]);
  for (const name of of.whole) words.append("all", name);
  return words.toString() === written.usual ? "" : words.toString();
}
written.usual = new URLSearchParams(valuesOf("budget").length > 1 ? { budget: USUAL } : {}).toString();

/** The state that an address asks for, and what in it is of no row here. */
function read(text) {
  const words = new URLSearchParams(text), found = fresh(), unknown = [];
  for (const [key, value] of words) {
    if (KEYS.includes(key)) {
      const known = valuesOf(key).find(each => String(each) === value);
      if (known === undefined) unknown.push(`${named(key)} ${value}`);
      else if (key === "budget") found.chosen.budget = [known];
      else found.chosen[key].push(known);
    } else if (key === "all") found.whole.add(value);
    else if (key in DEFAULTS) found[key] = value;
    else unknown.push(key);
  }
  if (!(found.sort in COLUMNS)) found.sort = DEFAULTS.sort;
  return [found, unknown];
}

/** Take up a change: into the address, without a step of the browser's history, and onto the page. */
function change(changes = {}) {
  Object.assign(state, changes);
  history.replaceState(null, "", `#${written(state)}`);
  draw();
}

// ---- rows ---------------------------------------------------------------------------------------------------------------
/** Names between commas; those inside brackets belong to options. */
const listed = text => text.split(/,(?![^[]*\])/).map(word => word.trim().toLowerCase()).filter(Boolean);

function kept() {
  const wanted = listed(state.method);
  return page.entries.filter(entry => (!wanted.length || wanted.some(word => entry.method.toLowerCase().includes(word)))
    // At K = 0 there is no tuning, step or support set: such a row belongs to every choice of them.
    && KEYS.every(key => !state.chosen[key].length || state.chosen[key].includes(entry[key])
      || (["tuning", "steps", "support"].includes(key) && entry.shots === 0 && entry.tuning === "none")));
}

function ordered(entries) {
  const { value } = COLUMNS[state.sort], up = state.order === "up" ? 1 : -1;
  const rank = (a, b) => a === b ? 0 : absent(a) ? 1 : absent(b) ? -1 : (a < b ? -1 : 1) * up;
  return [...entries].sort((a, b) => rank(value(a), value(b)));
}

function sortBy(key) {
  const { falls } = COLUMNS[key], turned = state.order === "up" ? "down" : "up";
  change({ sort: key, order: state.sort === key ? turned : falls ? "up" : "down" });
}

// ---- the form -----------------------------------------------------------------------------------------------------------
/** A menu of the values of a key: boxes to tick, or one of several for a key that is never mixed. */
function menu(key) {
  const values = valuesOf(key), one = key === "budget";
  if (values.length < 2) return [];
  const summary = make("summary", {}), box = make("details", { class: "menu", "data-key": key, name: "menus" }, summary);
  const inputs = values.map(value => make("input", { type: one ? "radio" : "checkbox", name: `f-${key}`, onchange: () => {
    state.chosen[key] = values.filter((_, number) => inputs[number].checked);
    change();
  } }));
  box.append(make("div", { role: "group", "aria-label": named(key) }, ...values.map((value, number) =>
    make("label", {}, inputs[number], make("span", {}, short(value) === value ? String(value) : short(value), ...secondLine(details(value)))))));
  box.addEventListener("keydown", event => { if (event.key === "Escape") { box.open = false; summary.focus(); } });
  box.sync = () => {
    const chosen = state.chosen[key];
    inputs.forEach((input, number) => { input.checked = chosen.includes(values[number]); });
    summary.replaceChildren(make("small", {}, named(key)), chosen.length ? chosen.map(short).join(", ") : "all");
  };
  return [box];
}

function form() {
  const text = make("input", { type: "search", id: "f-method", placeholder: "apn, memae, …", oninput: () => change({ method: text.value }) });
  const sort = make("select", { id: "f-sort", onchange: () => { state.sort = ""; sortBy(sort.value); } },
    ...Object.entries(COLUMNS).filter(([, column]) => column.value).map(([key, column]) => make("option", { value: key }, column.name)));
  const turn = make("button", { type: "button", id: "f-order", onclick: () => sortBy(state.sort) });
  const menus = KEYS.flatMap(menu), box = document.getElementById("filters");
  box.append(make("label", {}, "method contains", text), ...menus, make("label", {}, "sorted by", sort), turn,
    make("span", { class: "buttons" }, make("button", { type: "button", onclick: () => { state = fresh(); change(); } }, "Reset"),
      copier("Copy link", "Copy a link to this view", () => location.href),
      make("button", { type: "button", id: "csv", onclick: () => download("crossvad.csv", ordered(kept())) }, "Download CSV")));
  box.addEventListener("submit", event => event.preventDefault());
  document.addEventListener("pointerdown", event => { for (const each of menus) if (!each.contains(event.target)) each.open = false; });
  form.sync = () => {
    if (text.value !== state.method) text.value = state.method;
    sort.value = state.sort;
    turn.textContent = state.order === "up" ? "▴ lowest first" : "▾ highest first";
    for (const each of menus) each.sync();
  };
}

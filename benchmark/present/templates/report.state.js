// What is shown, and how it is sorted: chosen in the form and kept in the address, so that a link shows it again.
const KEYS = ["budget", "source", "target", "tuning", "shots", "steps", "support"];
const most = values =>
  [...new Set(values)].reduce((best, value) =>
    values.filter(each => each === value).length > values.filter(each => each === best).length ? value : best,
  );
const DEFAULTS = { method: "", sort: "auc", order: "down", across: "rank" };
// Budgets are never mixed: a row that trained longer would win by that. At first it is the one that was run last here.
const USUAL = page.entries.some(entry => entry.budget === page.budget)
  ? page.budget
  : most(page.entries.map(entry => entry.budget));
let state = fresh();

function fresh() {
  return {
    ...DEFAULTS,
    chosen: { ...Object.fromEntries(KEYS.map(key => [key, []])), budget: [USUAL] },
    whole: new Set(),
  };
}

const sortable = () => Object.keys(COLUMNS).filter(key => COLUMNS[key].value);
const valuesOf = key =>
  [...new Set(page.entries.map(entry => entry[key]))].sort((a, b) => (typeof a === "number" ? a - b : a < b ? -1 : 1));

/** The state as an address has it after #; nothing where it is as at first. */
function written(of) {
  const words = new URLSearchParams();
  for (const key of KEYS) for (const value of of.chosen[key]) words.append(key, value);
  for (const [key, usual] of Object.entries(DEFAULTS)) if (of[key] !== usual) words.append(key, of[key]);
  for (const name of of.whole) words.append("all", name);
  return words.toString() === `budget=${encodeURIComponent(USUAL)}` ? "" : words.toString();
}

/** The state that an address asks for, and what in it is of no row here. */
function read(text) {
  const words = new URLSearchParams(text),
    found = fresh(),
    unknown = [];
  for (const [key, value] of words) {
    if (KEYS.includes(key)) {
      const known = valuesOf(key).find(each => String(each) === value);
      if (known === undefined) unknown.push(`${named(key)} ${value}`);
      else if (key === "budget") found.chosen.budget = [known];
      else found.chosen[key].push(known);
    } else if (key === "all") found.whole.add(value);
    else if (!Object.hasOwn(DEFAULTS, key)) unknown.push(key);
    else if (key === "sort" && !sortable().includes(value)) unknown.push(`${key} ${value}`);
    else found[key] = value;
  }
  return [found, unknown];
}

/** Take up a change: into the address, without a step of the browser's history, and onto the page. */
function change(changes = {}) {
  Object.assign(state, changes);
  history.replaceState(null, "", `#${written(state)}`);
  draw();
}

// ---- rows -----------------------------------------------------------------------------------------------------------
/** Names between commas; those inside brackets belong to options. */
const listed = text =>
  text
    .split(/,(?![^[]*\])/)
    .map(word => word.trim().toLowerCase())
    .filter(Boolean);

function kept() {
  const wanted = listed(state.method);
  return page.entries.filter(
    entry =>
      (!wanted.length || wanted.some(word => entry.method.toLowerCase().includes(word))) &&
      // At K = 0 there is no tuning, step or support set: such a row belongs to every choice of them.
      KEYS.every(
        key =>
          !state.chosen[key].length ||
          state.chosen[key].includes(entry[key]) ||
          (["tuning", "steps", "support"].includes(key) && entry.shots === 0 && entry.tuning === "none"),
      ),
  );
}

function ordered(entries) {
  const { value } = COLUMNS[state.sort],
    up = state.order === "up" ? 1 : -1;
  const rank = (a, b) => (a === b ? 0 : absent(a) ? 1 : absent(b) ? -1 : (a < b ? -1 : 1) * up);
  return [...entries].sort((a, b) => rank(value(a), value(b)));
}

function sortBy(key) {
  const { falls } = COLUMNS[key],
    turned = state.order === "up" ? "down" : "up";
  change({ sort: key, order: state.sort === key ? turned : falls ? "up" : "down" });
}

// The form: what is shown and how it is sorted, by mouse and keyboard.
/** A menu of the values of a key: boxes to tick, or one of several for a key that is never mixed. */
function menu(key) {
  const values = valuesOf(key),
    one = key === "budget";
  if (values.length < 2) return [];
  const summary = make("summary", {}),
    box = make("details", { class: "menu", "data-key": key, name: "menus" }, summary);
  const inputs = values.map(value =>
    make("input", {
      type: one ? "radio" : "checkbox",
      name: `f-${key}`,
      onchange: () => {
        state.chosen[key] = values.filter((_, number) => inputs[number].checked);
        change();
      },
    }),
  );
  box.append(
    make(
      "div",
      { role: "group", "aria-label": named(key) },
      ...values.map((value, number) =>
        make(
          "label",
          {},
          inputs[number],
          make("span", {}, short(value) === value ? String(value) : short(value), ...secondLine(details(value))),
        ),
      ),
    ),
  );
  box.addEventListener("keydown", event => {
    if (event.key === "Escape") {
      box.open = false;
      summary.focus();
    }
  });
  box.sync = () => {
    const chosen = state.chosen[key];
    inputs.forEach((input, number) => {
      input.checked = chosen.includes(values[number]);
    });
    summary.replaceChildren(make("small", {}, named(key)), chosen.length ? chosen.map(short).join(", ") : "all");
  };
  return [box];
}

/** Fill the form; returns what brings it up to the state. */
function form() {
  const text = make("input", {
    type: "search",
    id: "f-method",
    placeholder: "apn, memae, …",
    oninput: () => change({ method: text.value }),
  });
  const sort = make(
    "select",
    {
      id: "f-sort",
      onchange: () => {
        state.sort = "";
        sortBy(sort.value);
      },
    },
    ...sortable().map(key => make("option", { value: key }, COLUMNS[key].name)),
  );
  const turn = make("button", { type: "button", id: "f-order", onclick: () => sortBy(state.sort) });
  const menus = KEYS.flatMap(menu),
    box = document.getElementById("filters");
  box.append(
    make("label", {}, "method contains", text),
    ...menus,
    make("label", {}, "sorted by", sort),
    turn,
    make(
      "span",
      { class: "buttons" },
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            state = fresh();
            change();
          },
        },
        "Reset",
      ),
      copier("Copy link", "Copy a link to this view", () => location.href),
      make(
        "button",
        { type: "button", id: "csv", onclick: () => download("crossvad.csv", ordered(kept())) },
        "Download CSV",
      ),
    ),
  );
  box.addEventListener("submit", event => event.preventDefault());
  document.addEventListener("pointerdown", event => {
    for (const each of menus) if (!each.contains(event.target)) each.open = false;
  });
  return () => {
    if (text.value !== state.method) text.value = state.method;
    sort.value = state.sort;
    turn.textContent = state.order === "up" ? "▴ lowest first" : "▾ highest first";
    for (const each of menus) each.sync();
  };
}

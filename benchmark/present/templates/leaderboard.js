// Sorts tables by a click, or Enter, on their heads, and finds rows by a word. The page is whole without it.
"use strict";

/** Order two texts of numbers, or of words; what has no value comes last whichever way. */
function compared(one, other, sign) {
  if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
  const numbers = [Number(one), Number(other)];
  return sign * (numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1]);
}

function sort(table, number) {
  const head = table.tHead.rows[0].cells[number],
    down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") !== "descending" : head.dataset.descending === "1";
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = row => row.cells[number].dataset.value;
  const rows = [...table.tBodies[0].rows].sort((a, b) => compared(value(a), value(b), down ? -1 : 1));
  table.tBodies[0].append(...rows);
}

function headButtons(table) {
  [...table.tHead.rows[0].cells].forEach((head, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(table, number));
    head.replaceChildren(button);
  });
}

function finder(table) {
  const label = document.createElement("label"),
    box = document.createElement("input"),
    told = document.createElement("span");
  label.className = "finder";
  box.type = "search";
  told.className = "note";
  told.setAttribute("role", "status");
  label.append("Rows with ", box, told);
  box.addEventListener("input", () => {
    const rows = [...table.tBodies[0].rows],
      word = box.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(word);
    told.textContent = word ? `${rows.filter(row => !row.hidden).length} of ${rows.length}` : "";
  });
  table.closest(".scroll").before(label);
}

for (const table of document.querySelectorAll("table.sortable")) {
  headButtons(table);
  if (table.tBodies[0].rows.length > 8) finder(table);
}

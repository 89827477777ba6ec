// AUC against frames scored a second: a panel per source and target, its points named where there is room.
const PANEL = { width: 560, height: 300, left: 34, right: 12, top: 22, bottom: 34 };

function speed(entries) {
  const timed = entries.filter(entry => !absent(entry.auc) && entry.fps > 0 && !page.controls.includes(entry.method));
  const box = document.getElementById("speed");
  if (!timed.length) {
    box.replaceChildren(make("p", { class: "note" }, "No timings among these rows."));
    return;
  }
  const logs = timed.map(entry => Math.log10(entry.fps)),
    scale = { from: Math.floor(Math.min(...logs)), to: Math.ceil(Math.max(...logs)) };
  scale.to = Math.max(scale.to, scale.from + 1);
  scale.least = Math.min(50, ...timed.map(entry => Math.floor(entry.auc / 10) * 10));
  box.replaceChildren(
    ...page.boards
      .map((board, number) => [board, timed.filter(entry => entry.board === number)])
      .filter(([, rows]) => rows.length)
      .map(([board, rows]) => panel(board, rows, scale)),
  );
}

function panel(board, rows, { from, to, least }) {
  const { width, height, left, right, top, bottom } = PANEL;
  const x = fps => left + ((width - left - right) * (Math.log10(fps) - from)) / (to - from),
    y = auc => height - bottom - ((height - top - bottom) * (auc - least)) / (100 - least);
  const grid = [];
  for (let power = from; power <= to; power++)
    grid.push(
      make("line", { class: "axis", x1: x(10 ** power), x2: x(10 ** power), y1: top, y2: height - bottom }),
      make(
        "text",
        { x: x(10 ** power), y: height - bottom + 14, "text-anchor": power === to ? "end" : "middle" },
        (10 ** power).toLocaleString("en"),
      ),
    );
  for (let auc = least; auc <= 100; auc += 10)
    grid.push(
      make("line", { class: "axis", x1: left, x2: width - right, y1: y(auc), y2: y(auc) }),
      make("text", { x: left - 6, y: y(auc) + 4, "text-anchor": "end" }, String(auc)),
    );
  const said = entry =>
    `${rowName(entry)}: ${fixed(entry.auc)} % at ${Math.round(entry.fps).toLocaleString("en")} frames/s`;
  const caption = make("figcaption", { "aria-live": "polite" }),
    chart = make(
      "svg",
      { viewBox: `0 0 ${width} ${height}` },
      ...grid,
      make("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "frames a second"),
      make("text", { x: 2, y: 10 }, "AUC in %"),
    );
  const best = [...rows].sort((a, b) => b.auc - a.auc);
  for (const entry of [...best].reverse()) {
    const link = make("a", { href: `#cell/${entry.cells[0]}`, "aria-label": said(entry), class: "point" });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "a");
    for (const { name, value } of link.attributes) svg.setAttribute(name, value);
    svg.append(
      make("circle", { class: entry.shots ? "mark adapted" : "mark", cx: x(entry.fps), cy: y(entry.auc), r: 4.5 }),
    );
    for (const event of ["pointerenter", "focus"])
      svg.addEventListener(event, () => {
        caption.textContent = said(entry);
      });
    for (const event of ["pointerleave", "blur"])
      svg.addEventListener(event, () => {
        caption.textContent = "";
      });
    chart.append(svg);
  }
  chart.append(...names(best, entry => [x(entry.fps), y(entry.auc)]));
  return make("figure", {}, make("h3", {}, pairName(board)), chart, caption);
}

/** Names beside points as there is room, one for the highest of each method; first those that nothing beats in both. */
function names(best, place) {
  const leading = best.filter(entry => !best.some(other => other.auc > entry.auc && other.fps > entry.fps));
  const taken = best.map(entry => {
      const [x, y] = place(entry);
      return [x - 4, y - 4, x + 4, y + 4];
    }),
    done = new Set(),
    texts = [];
  for (const entry of [...leading, ...best]) {
    if (done.has(entry.method)) continue;
    const [x, y] = place(entry),
      options = details(entry.method)
        .map(word => word.replace(/^[^=]*=(?=[a-z])/, ""))
        .join(", ");
    const words = [...(options ? [`${short(entry.method)} ${options}`] : []), short(entry.method)];
    const spots = words.flatMap(text =>
      [
        [text, x + 8, "start"],
        [text, x - 8, "end"],
      ].flatMap(([word, at, anchor]) => [0, -11, 11].map(down => [word, at, y + 4 + down, anchor])),
    );
    const free = spots
      .map(([text, at, line, anchor]) => {
        const wide = 5.7 * text.length,
          start = anchor === "start" ? at : at - wide;
        return { text, at, line, anchor, box: [start, line - 9, start + wide, line + 2] };
      })
      .find(
        ({ box: [x1, y1, x2, y2] }) =>
          x1 > PANEL.left &&
          x2 < PANEL.width &&
          y1 > 12 &&
          y2 < PANEL.height - PANEL.bottom &&
          taken.every(([left, top, right, bottom]) => x2 < left || x1 > right || y2 < top || y1 > bottom),
      );
    done.add(entry.method);
    if (!free) continue;
    taken.push(free.box);
    texts.push(
      make(
        "text",
        { class: "name", x: free.at, y: free.line, "text-anchor": free.anchor, "aria-hidden": "true" },
        free.text,
      ),
    );
  }
  return texts;
}

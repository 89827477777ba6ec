// The page of one cell: its numbers, its worst moments, its scores over time, and what made it.
const SHOWN = 24; // videos whose scores show at first
const FACTS = [
  "macro_auc",
  "ap",
  "prevalence",
  "eer",
  "paper_auc",
  "delay",
  "contamination",
  "fps",
  "adapt_seconds",
  "train_seconds",
  "parameters",
];

/** A picture of a video at the nearest frame of which there is one, and that frame's number. */
function still(video) {
  if (!video.stills) return null;
  const { step, width, height, across, count, src } = video.stills;
  const box = make("div", {
    class: "still",
    role: "img",
    style: `width: ${width}px; height: ${height}px; background-image: url(${src})`,
  });
  box.show = frame => {
    const place = Math.min(count - 1, Math.round(frame / step));
    box.style.backgroundPosition = `${-(place % across) * width}px ${-Math.floor(place / across) * height}px`;
    box.setAttribute("aria-label", `${video.name}, frame ${place * step}`);
    return place * step;
  };
  return box;
}

/** Ranks of each video's frames that count, in %: `counts` of them a video, from frame `first` on. */
function ranks(cell, videos) {
  const levels = bytes(cell.ranks);
  let start = 0;
  return videos.map((video, number) => {
    const own = levels.subarray(start, start + cell.counts[number]);
    start += cell.counts[number];
    return Array.from(own, level => level / 2.55);
  });
}

/** A video's scores, small; pointing at them or moving along them with the keys shows the frame in the viewer. */
function timeline(video, scores, first, viewer) {
  const abnormal = frame => video.spans.some(([begin, end]) => frame >= begin && frame < end);
  const x = frame => (1000 * frame) / video.length,
    y = score => 96 - 0.92 * score;
  const curve = scores
    .map((score, number) => `${number ? "L" : "M"}${x(first + number + 0.5).toFixed(1)} ${y(score).toFixed(1)}`)
    .join("");
  const here = make("line", { class: "here", y1: 0, y2: 100 }),
    picture = still(video),
    last = Math.max(first, first + scores.length - 1);
  const chart = make(
    "div",
    {
      class: "chart",
      tabindex: 0,
      role: "slider",
      "aria-label": `Frames of ${video.name}`,
      "aria-valuemin": first,
      "aria-valuemax": last,
    },
    make(
      "svg",
      { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" },
      ...video.spans.map(([begin, end]) =>
        make("rect", { class: "abnormal", x: x(begin), width: x(end) - x(begin), y: 0, height: 100 }),
      ),
      make("path", { class: "curve", d: curve }),
      here,
    ),
  );
  let at = first + Math.max(0, scores.indexOf(Math.max(...scores)));
  const go = frame => {
    at = Math.min(last, Math.max(first, frame));
    here.setAttribute("x1", x(at + 0.5));
    here.setAttribute("x2", x(at + 0.5));
    const score = scores[at - first],
      text = `frame ${at}, ${abnormal(at) ? "abnormal" : "normal"}, rank ${fixed(score, 0)} %`;
    chart.setAttribute("aria-valuenow", at);
    chart.setAttribute("aria-valuetext", text);
    return text;
  };
  const show = frame => {
    const text = go(frame),
      shown = picture && picture.show(at);
    viewer.replaceChildren(
      ...(picture ? [picture] : []),
      make(
        "p",
        {},
        make("strong", {}, video.name),
        make("br"),
        text,
        ...(picture && shown !== at ? [make("br"), `picture: frame ${shown}`] : []),
      ),
    );
  };
  chart.addEventListener("focus", () => show(at));
  chart.addEventListener("pointermove", event => {
    const box = chart.getBoundingClientRect();
    show(Math.floor((video.length * (event.clientX - box.left)) / box.width));
  });
  chart.addEventListener("keydown", event => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, PageDown: at - 10, PageUp: at + 10, Home: first, End: last };
    if (event.key in moves) {
      event.preventDefault();
      show(moves[event.key]);
    }
  });
  go(at);
  const figure = make("figure", { class: "timeline" }, chart, make("figcaption", {}, video.name));
  figure.show = () => show(at);
  return figure;
}

function timelines(cell, videos) {
  const scores = ranks(cell, videos),
    viewer = make("div", { class: "viewer" }),
    grid = make("div", { class: "timelines" });
  const draw = videos => grid.append(...videos.map(([video, own]) => timeline(video, own, cell.first, viewer)));
  const all = videos.map((video, number) => [video, scores[number]]);
  draw(all.slice(0, SHOWN));
  grid.firstChild?.show();
  const rest = make(
    "button",
    {
      type: "button",
      class: "more",
      onclick: () => {
        draw(all.slice(SHOWN));
        grid.children[SHOWN].firstChild.focus();
        rest.remove();
      },
    },
    `All ${videos.length} videos`,
  );
  return [
    make("h2", {}, "Scores over time"),
    make(
      "p",
      { class: "note" },
      "A frame's score as its rank among all counted frames of the test set, top: most abnormal; " +
        "shaded: labelled abnormal. Point at a curve, or use the arrow keys on it, to see the frame.",
    ),
    viewer,
    grid,
    ...(all.length > SHOWN ? [rest] : []),
  ];
}

function moments(title, note, list, videos) {
  return [
    make("h2", {}, title),
    make("p", { class: "note" }, note),
    list.length
      ? make(
          "div",
          { class: "moments" },
          ...list.map(([name, frame, rank]) => {
            const picture = still(videos.find(video => video.name === name)),
              shown = picture && picture.show(frame);
            return make(
              "figure",
              {},
              ...(picture ? [picture] : []),
              make(
                "figcaption",
                {},
                `${name}, frame ${frame}: rank ${fixed(rank)} %` +
                  (picture && shown !== frame ? ` (picture: frame ${shown})` : ""),
              ),
            );
          }),
        )
      : make("p", {}, "None."),
  ];
}

function open(key) {
  const cell = page.cells[key],
    entry = page.entries.find(each => each.cells.includes(key)),
    box = document.getElementById("cell");
  const videos = page.targets[entry.target] || [],
    board = page.boards[entry.board],
    [how, more] = adaptation(entry);
  const facts = [
    ["seed", String(cell.seed)],
    ["budget", entry.budget],
    ["AUC in %", absent(cell.auc) ? MISSING : `${fixed(cell.auc)} ${range(cell.auc_low, cell.auc_high, fixed)}`],
    ...FACTS.filter(name => !absent(cell[name])).map(name => [named(name), numbered(name, cell[name])]),
  ];
  if (!absent(entry.gain))
    facts.push([
      "gain over K = 0, all seeds",
      `${signed(entry.gain)} ${range(entry.gain_low, entry.gain_high, signed)}`,
    ]);
  const others = entry.cells
    .filter(other => other !== key)
    .flatMap(other => [" · ", make("a", { href: `#cell/${other}` }, `seed ${page.cells[other].seed}`)]);
  box.replaceChildren(
    make("p", {}, make("a", { href: `#${written(state)}` }, "← All boards"), ...others),
    make(
      "h2",
      { tabindex: -1 },
      make("span", {}, short(entry.method), ...secondLine(details(entry.method))),
      make("span", {}, how, ...secondLine(more)),
    ),
    make("p", {}, pairName(entry)),
    make(
      "dl",
      { class: "facts" },
      ...facts.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))),
    ),
    ...(cell.status === "done"
      ? []
      : [make("p", { class: "error" }, `This cell is ${cell.status}.`), make("pre", {}, cell.reason)]),
    make(
      "div",
      { class: "run" },
      make("code", {}, cell.command),
      copier("Copy", "Copy the command that makes this cell", () => cell.command),
    ),
    ...(cell.ranks
      ? [
          ...moments(
            "Worst false alarms",
            "Normal frames that rank highest among all counted frames of the test set.",
            cell.alarms,
            videos,
          ),
          ...moments("Worst misses", "Abnormal frames that rank lowest.", cell.misses, videos),
          ...timelines(cell, videos),
        ]
      : []),
    make("h2", {}, "Configuration and provenance"),
    make("p", { class: "note caption" }, `Its board: ${board.caption}`),
    make("pre", {}, JSON.stringify({ cell: key, ...cell.made }, null, 1)),
  );
  box.querySelector("h2").focus({ preventScroll: true });
  scrollTo(0, 0);
}

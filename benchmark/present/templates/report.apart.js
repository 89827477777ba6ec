// Which rows of a board differ by more than chance: differences of every two, on the same resamples of the same videos.
const FINE = 100; // steps of a point of AUC, and of a decimal logarithm of p
const LEVEL = 0.05;

const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
function pairsOf(board) {
  // unpacked once
  board.unpacked ??= Object.fromEntries(["reach", "p"].map(name => [name, bytes(board.apart[name])]));
  return board.unpacked;
}

/** How far the 95 % interval of the difference of two rows goes to either side, in points; and its two-sided p. */
function pair(board, one, other) {
  const [low, high] = [one.place, other.place].sort((a, b) => a - b),
    rows = board.apart.rows;
  const at = 2 * (low * rows - (low * (low + 1)) / 2 + high - low - 1);
  const [reach, p] = ["reach", "p"].map(name => (pairsOf(board)[name][at] + 256 * pairsOf(board)[name][at + 1]) / FINE);
  return { reach, p: 10 ** -p };
}

const contends = entry => !absent(entry.auc) && !page.controls.includes(entry.method);
const highest = entries => entries.reduce((best, entry) => (entry.auc > best.auc ? entry : best));

/**
 * The rows that no other of these beats by more than chance. The best of all such test sets is one of them 95 times
 * in 100 or more: to be left out it must look worse than some other row, one-sided at level 0.05 / (n - 1), and there
 * are n - 1 of these.
 */
function unbeaten(board, entries) {
  const rows = entries.filter(contends);
  if (!board.apart) return [];
  return rows.filter(
    row => !rows.some(other => other.auc > row.auc && (pair(board, row, other).p / 2) * (rows.length - 1) < LEVEL),
  );
}

/** What bold type says on a board, and the rows that are set in it: none where it would be all of them. */
function verdict(board, entries) {
  const rows = entries.filter(contends),
    best = unbeaten(board, entries);
  if (rows.length < 2) return { bold: [], text: "" };
  if (board.why) return { bold: [], text: `Nothing in bold: ${board.why}.` };
  if (best.length === rows.length)
    return { bold: [], text: `Nothing in bold: no row here beats another by more than chance, among ${rows.length}.` };
  const whole = best.length === 1 ? "the one row" : `the ${best.length} of ${rows.length} rows`;
  return {
    bold: best,
    text: `Bold: ${whole} that no other here beats by more than chance; the best is among them, with 95 % confidence.`,
  };
}

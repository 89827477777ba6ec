"""Tables: tidy rows turned so that a reader sees what they came for. A missing cell prints as –, never as a mean."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

import pandas as pd
from rich.console import Console, OverflowMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from crossvad.datasets.base import InputError, Problem
from crossvad.evaluation.metrics import FALSE_ALARMS
from crossvad.evaluation.rows import KEYS, LOCATED, METRICS, mixtures
from crossvad.protocol import protocol

MISSING = "–"
CONTROLS = ("random", "ramp")  # what a test set gives away: no detectors, so neither drawn nor ranked
REVERTED = "†"  # marks a cell in which some adaptation was taken back
REVERTED_NOTE = f"{REVERTED}: some adaptation raised its own support loss, and was taken back"
BETTER, WORSE = "↑", "↓"  # than a named rival, by more than chance
RANK = "mean rank"
LOWER_IS_BETTER = ("eer", "delay", RANK)
VALUE = re.compile(r"-?\d+(?:\.\d+)?")  # a cell begins with its value, as printed: what reads alike ranks alike
WORDS = ("kind", "read_in", "note")  # columns of words, beside those of numbers
NUMBERS = {"shots": "K", "steps": "steps", "seed": "seed"}  # keys that are numbers, and their short names
# What tells two rows of a table apart, beyond what the user put in rows and columns. Seeds are averaged over, openly.
DISTINGUISHING = [key for key in KEYS if key not in ("protocol", "seed")]


def pivot(rows: pd.DataFrame, index: list[str], columns: list[str], metric: str = "auc") -> pd.DataFrame:
    """Tidy rows as a table of text: `index` down, `columns` across, `metric` in percent in the cells.

    A key that varies within a cell of the table, other than the seed, becomes one more index level, so that no two
    things are ever mixed. Over seeds a cell is the mean ± standard deviation; for one seed it is the value with its
    bootstrap interval, where the metric is `auc`. Rows may have a column `sign`: 1 or -1 where their entry is better or
    worse than a rival by more than chance, which a mark then shows.

    Raises:
        InputError: an unknown metric or key.
    """
    for name, known in [(metric, METRICS), *((key, KEYS) for key in [*index, *columns])]:
        if name not in known:
            raise InputError(name, "is no such column", f"choose from {', '.join(known)}")
    rows = spread_unadapted(rows) if "shots" in columns and "tuning" in index else rows
    across = [key for key in columns if key not in index]
    extra = [
        key
        for key in DISTINGUISHING
        if key not in [*index, *across] and (rows.groupby([*index, *across], dropna=False)[key].nunique() > 1).any()
    ]
    keys = [*index, *extra, *across]
    rows = rows if "sign" in rows else rows.assign(sign=0)
    groups = rows.groupby(keys, dropna=False, sort=False)[[metric, "auc_low", "auc_high", "reverted", "sign"]]
    cells = groups.apply(lambda group: _cell(group, metric) + _marks(group))
    if not across:
        return cells.to_frame(metric)
    order = [sorted(set(rows[key])) if key in NUMBERS else list(dict.fromkeys(rows[key])) for key in across]
    table = cells.unstack(across, fill_value=MISSING)
    table = table.reindex(columns=pd.MultiIndex.from_product(order, names=across) if len(across) > 1 else order[0])
    return table.fillna(MISSING)


def side_by_side(rows: pd.DataFrame, index: list[str], columns: list[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Several metrics in one table: a `pivot` of each, one beside the other."""
    tables = {metric: pivot(rows, index, columns, metric) for metric in metrics}
    if len(tables) == 1 or not columns:
        return pd.concat(tables.values(), axis=1)
    return pd.concat(tables, axis=1, names=["metric"])


def spread_unadapted(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every tuning's line begin with what it starts from.

    At 0 shots a method is the same under all tunings that learn nothing beforehand, and is run and stored once, as
    tuning `none`. Here that row is repeated for each tuning of the method that has rows with shots but none without.
    """
    others = [key for key in KEYS if key not in ("support", "tuning", "shots", "steps")]
    bare = rows[(rows["tuning"] == "none") & (rows["shots"] == 0)]
    tuned = rows[rows["tuning"] != "none"]
    starts = tuned[tuned["shots"] == 0]
    lacking = tuned[~tuned.set_index([*others, "tuning"]).index.isin(starts.set_index([*others, "tuning"]).index)]
    lacking = lacking[[*others, "tuning"]].drop_duplicates()
    copies = bare.drop(columns="tuning").merge(lacking, on=others)
    spread = bare.set_index(others).index.isin(lacking.set_index(others).index)
    kept = rows.drop(index=bare.index[spread])
    spread_rows = pd.concat([kept, copies[rows.columns]], ignore_index=True)
    place = {method: number for number, method in enumerate(dict.fromkeys(rows["method"]))}
    order = pd.DataFrame({"method": spread_rows["method"].map(place), "shots": spread_rows["shots"]})
    return spread_rows.loc[order.sort_values(["method", "shots"], kind="stable").index].reset_index(drop=True)


def matrix(rows: pd.DataFrame, metric: str = "auc") -> pd.DataFrame:
    """Source x target, one block a method, the diagonal (same data set) marked with *."""
    table = pivot(rows, ["method", "source"], ["target"], metric)
    sources = table.index.get_level_values("source")
    for target in table.columns:
        same = (sources == target) & (table[target] != MISSING).to_numpy()
        table.loc[same, target] = table.loc[same, target] + " *"
    return table


def with_ranks(table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """A pivoted table of one metric with a last column, the mean rank over its columns, 1: best; ties share a rank.

    Columns in which a row has no value do not count, so that every rank is among the same rows; `CONTROLS` have none.

    Returns:
        The table, its column levels joined into one, and what a caption says of the ranks.

    Raises:
        InputError: in no column has every row a value.
    """
    ranked = rankable(table).to_numpy()
    values = pd.DataFrame({place: printed_values(table.iloc[:, place]) for place in range(table.shape[1])})[ranked]
    whole = values.dropna(axis=1)
    if whole.empty:
        problem = "cannot rank: in every column some row has no value"
        raise InputError("--ranks", problem, "narrow the rows or columns with --where")
    ranks = whole.rank(ascending=metric in LOWER_IS_BETTER).mean(axis=1)
    means = [f"{ranks[place]:.2f}" if place in ranks.index else MISSING for place in range(len(table))]
    shown = table.set_axis(flat_table(table).columns[table.index.nlevels :], axis=1).assign(**{RANK: means})
    counted = f"{whole.shape[1]} of {table.shape[1]} columns, those in which no row lacks a value"
    return shown, f"; {RANK}: over {counted}, 1: best; {' and '.join(CONTROLS)} are not ranked"


def rankable(table: pd.DataFrame) -> pd.Series:
    """Which rows of a pivoted table may be ranked, numbered from 0: all but those of `CONTROLS`."""
    shown = table.index.to_frame(index=False)
    return ~shown["method"].isin(CONTROLS) if "method" in shown else pd.Series(True, shown.index)


def printed_values(texts: pd.Series) -> pd.Series:
    """The values that cells begin with, numbered from 0; NaN where there is none."""
    found = [VALUE.match(text) for text in texts.astype(str)]
    return pd.Series([float(match[0]) if match else float("nan") for match in found])


def caption(rows: pd.DataFrame, *metrics: str, intervals: bool = True) -> str:
    """What a reader must know to read the table: metrics, protocol, budget, support, seeds, device, scored frames.

    Without `intervals` it shows means over seeds alone.
    """
    metrics = metrics or ("auc",)
    done = rows[rows["status"] == "done"]
    facts = [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if (mixed := mixtures(rows)) else []
    if percent := [metric for metric in metrics if metric != "delay"]:
        facts.append(f"{', '.join(percent)} in %")
    for name in ("protocol", "budget", "device", "version"):
        facts.append(f"{name} {', '.join(map(str, done[name].dropna().unique())) or MISSING}")
    supports = [support for support in done["support"].unique() if support != "none"]
    facts.append(f"support {', '.join(supports) or 'none'}")
    contaminated = done["contamination"].dropna()
    if contaminated.max() > 0:
        facts.append(f"up to {contaminated.max():.0f} % of the support frames are abnormal")
    facts.append(f"seeds {', '.join(map(str, sorted(done['seed'].unique())))}")
    if "paper_auc" in metrics:  # its own frames count, from 4 + K on
        which = "paper_auc: " if len(metrics) > 1 else ""
        facts.append(f"{which}the same raw scores read by the rules of protocol paper")
    if {*metrics} != {"paper_auc"}:
        scored = done.groupby("target")[["frames", "videos"]].max()
        facts += [f"{target}: {int(f)} frames of {int(v)} videos" for target, (f, v) in scored.iterrows()]
    if "auc" in metrics and len(done["protocol"].unique()) == 1:
        chosen = protocol(done["protocol"].iloc[0])
        spread = "brackets: 95 % bootstrap over videos; ±: standard deviation over seeds"
        facts.append(spread if intervals else "means over seeds")
        facts.append(
            f"first {chosen.first_frame(0)}{'' if chosen.common_mask else ' + K'} frames of a test video not scored"
        )
    if "macro_auc" in metrics:
        facts.append(f"macro_auc: of videos with both classes, {_per_target(done, 'macro_videos', '{:.0f}')}")
    if "ap" in metrics:
        facts.append(f"ap: to be compared at equal shares of abnormal frames only, {_per_target(done, 'prevalence')} %")
    if {*metrics} & {*LOCATED}:
        facts.append(
            "rbdc, tbdc: regions and tracks found, area up to one false region per frame (Ramachandra and Jones 2020); "
            "tracks as annotated, or derived from pixel masks"
        )
    if "delay" in metrics:
        facts.append(
            f"delay: mean frames from an anomaly's onset to the alarm, with {100 * FALSE_ALARMS:.0f} % false alarms "
            f"among normal frames; anomalies whose onset is seen: {_per_target(done, 'delay_events', '{:.0f}')}"
        )
    if (done["source"] == done["target"]).any():
        facts.append("source = target (* in a matrix): trained on the same camera's training video")
    if (done["reverted"] > 0).any():
        facts.append(REVERTED_NOTE)
    missing = rows[rows["status"] != "done"]
    if len(missing):
        facts.append(f"{len(missing)} of {len(rows)} cells missing ({', '.join(sorted(missing['status'].unique()))})")
    return "; ".join(facts)


def console() -> Console:
    """Where tables are printed: the terminal, or a page wide enough for one where nothing tells the width."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else 150, emoji=False)  # a folder called camera is no picture of one


def give(style: str, command: str, *parts: tuple[pd.DataFrame, str], title: str = "") -> None:
    """Print tables with captions: as Markdown (`md`), below the command that makes them again, or on a terminal."""
    if style == "md":
        print(f"<!-- {command} -->\n\n" + "\n".join(markdown(*part) for part in parts), end="")
    else:
        for number, part in enumerate(parts):
            show(*part, title="" if number else title)


def show(table: pd.DataFrame, note: str, title: str = "") -> None:
    """Print a pivoted table on the terminal, with its title above and its caption below."""
    where = console()
    if title:
        where.print(f"\n{title}", style="bold", highlight=False, markup=False)
    where.print(rich_table(table))
    where.print(note, highlight=False, markup=False, soft_wrap=True)


def rich_table(table: pd.DataFrame) -> Table:
    """A pivoted table for the terminal."""
    flat = flat_table(table)
    shown = Table()
    for number, name in enumerate(flat.columns):
        left = number < table.index.nlevels or name in WORDS
        overflow: OverflowMethod = "fold" if name in WORDS else "ellipsis"
        shown.add_column(escape(str(name)), justify="left" if left else "right", overflow=overflow)
    lines = flat.astype(str).to_numpy().tolist()
    grouped = len({line[0] for line in lines}) < len(lines)
    for number, line in enumerate(lines):
        last = number + 1 == len(lines) or lines[number + 1][0] != line[0]
        shown.add_row(*map(escape, line), end_section=grouped and last)
    return shown


def markdown(table: pd.DataFrame, note: str) -> str:
    """A pivoted table in Markdown, with its caption below."""
    flat = flat_table(table)
    return f"{flat.to_markdown(index=False, disable_numparse=True)}\n\n{note}\n"


def _cell(group: pd.DataFrame, metric: str) -> str:
    values = group[metric].dropna()
    if not len(values) or len(values) < len(group):
        return MISSING
    if len(values) > 1:
        return f"{values.mean():.1f} ± {values.std():.1f}"
    if metric != "auc":
        return f"{values.iloc[0]:.1f}"
    if group["auc_low"].isna().iloc[0]:  # of a single video there is no interval
        return f"{values.iloc[0]:.1f}"
    return f"{values.iloc[0]:.1f} [{group['auc_low'].iloc[0]:.1f}, {group['auc_high'].iloc[0]:.1f}]"


def _marks(group: pd.DataFrame) -> str:
    marks = {1: BETTER, -1: WORSE}.get(group["sign"].iloc[0], "")
    return (REVERTED if (group["reverted"] > 0).any() else "") + (f" {marks}" if marks else "")


def _per_target(done: pd.DataFrame, column: str, form: str = "{:.1f}") -> str:
    """A column's value for each target; its range where rows differ."""
    texts = []
    for target, values in done.groupby("target")[column]:
        ends = [form.format(end) for end in (values.min(), values.max())]
        texts.append(f"{target}: {' to '.join(dict.fromkeys(ends))}")
    return ", ".join(texts)


def mean_and_spread(mean: float, spread: float, digits: int) -> str:
    """`mean ± spread`, the mean alone where there is no spread, or – where there is no mean."""
    if pd.isna(mean):
        return MISSING
    return f"{mean:.{digits}f}" + ("" if pd.isna(spread) else f" ± {spread:.{digits}f}")


def named(key: object, value: object) -> str:
    """A key's value as a reader meets it: K = 5, finetune."""
    return f"{NUMBERS[str(key)]} = {value}" if key in NUMBERS else str(value)


def told(key: object, value: object) -> str:
    """As `named`, and nothing where an unadapted method has none of it."""
    return "" if value == "none" or (key == "steps" and value == 0) else named(key, value)


def flat_table(table: pd.DataFrame) -> pd.DataFrame:
    """Index levels as columns; column levels joined into one name each."""
    flat = table.copy()
    names = table.columns.names
    heads = [head if isinstance(head, tuple) else (head,) for head in table.columns]
    texts = [", ".join(map(named, names, head)) for head in heads]
    flat.columns = pd.Index(texts, dtype=object)
    return flat.reset_index()


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", lines: bool = False) -> Table:
    """A table of texts as they are, whatever brackets names may hold; with `lines` between the rows."""
    table = Table(title=Text(title) if title else None, show_lines=lines)
    for column in columns:
        table.add_column(Text(column), overflow="fold")  # a path that is cut short is of no use
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def show_problems(name: str, problems: Sequence[Problem], directory: str = "") -> None:
    """Print every problem once, errors first; places below `directory` as seen from there."""
    if not problems:
        console().print(f"{name}: no problems", highlight=False, markup=False)
        return
    prefix = directory + os.sep if directory else ""
    rows = [
        [problem.severity, problem.where.removeprefix(prefix), problem.problem, problem.fix]
        for problem in sorted(dict.fromkeys(problems), key=lambda problem: problem.severity)
    ]
    title = f"{name}, in {directory}" if directory else name
    console().print(plain_table(["", "where", "problem", "what to do"], rows, title=title, lines=True))

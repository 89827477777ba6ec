"""`bench choose`: options by planted anomalies, and whether these rank methods as targets do."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.planting.kind_names import ALL_KINDS, KIND_NAMES, SQUARE
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of
from crossvad.evaluation import tidy
from crossvad.evaluation.meanings import current
from crossvad.execution.progress import Reporter
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.protocol import FAIR
from crossvad.present import captions, tables
from crossvad.present.formats import Tables
from crossvad.store.opening import open_store
from crossvad.studies.agreement import FEWEST, FEWEST_METHODS, OVER_PAIRS, PROXIES, Agreement, agreement, entries
from crossvad.studies.choice import MEAN, TOLD, against_best, of_one_way, summary, told_kinds
from crossvad.studies.planted_rows import NOBODY

TIED = "≈"
LED_BY = "to the best"


def of_file(
    rows: pd.DataFrame,
    name: str,
    methods: Sequence[str],
    sources: Sequence[str],
    asked: Mapping[str, Any],
    results: str | Path | None = None,
    targets: Sequence[str] = (),
) -> Tables:
    """Set out rows that were kept, or how they agree with the cells of a results folder.

    Args:
        rows: of planted anomalies.
        name: of their file.
        methods: labels; none: all.
        sources: names; none: all.
        asked: budget, shots, steps, tuning and seeds, as far as they were said: else those that are kept.
        results: the folder, or the URL.
        targets: of whose cells they may agree with; none: all.

    Raises:
        InputError: there is no such row, or rows of several budgets or ways to adapt.
    """
    kept = rows
    for key, wanted in (("source", sources), ("budget", [asked[key] for key in ["budget"] if key in asked])):
        kept = kept[kept[key].isin(wanted)] if wanted else kept
    kept = kept[kept["method"].isin([*methods, NOBODY])] if methods else kept
    kept = kept[kept["seed"].isin(asked["seeds"]) | (kept["method"] == NOBODY)] if "seeds" in asked else kept
    seen = kept[kept["method"] != NOBODY]
    if seen.empty:
        known = {key: sorted(rows[key][rows["method"] != NOBODY].unique()) for key in ("source", "method", "budget")}
        fix = "; ".join(f"{key}: {captions.listed(values)}" for key, values in known.items())
        raise InputError(name, "holds no such row", f"it has {fix}")
    shots, steps, tuning = _way(seen, name, asked)
    if (budgets := seen["budget"].unique()).size > 1:
        fix = "say one: " + option("budget", budgets[0])
        raise InputError(name, f"has rows of budgets {captions.listed(budgets)}", fix)
    way = of_one_way(kept, tuning, shots, steps)
    return tabulate(way, tuning, shots, steps) if results is None else _of_cells(way, results, targets)


def _way(seen: pd.DataFrame, name: str, asked: Mapping[str, Any]) -> tuple[int, int, str]:
    """Shots, steps and tuning of the adapted rows that are meant.

    Raises:
        InputError: there is none, or there are several.
    """
    shots = asked.get("shots", int(seen["shots"].max()))
    if not shots:
        return 0, 0, NO_TUNING
    adapted = seen[(seen["shots"] == shots) & (seen["tuning"] != NO_TUNING)]
    adapted = adapted if len(adapted) else seen[seen["shots"] == shots]
    found: list[Any] = []
    for key in ("steps", "tuning"):
        values = sorted(adapted[key].unique())
        if key not in asked and len(values) > 1:
            fix = "say one: " + option(key, values[-1])
            raise InputError(name, f"has rows of {key} {captions.listed(values)}", fix)
        found.append(asked.get(key, values[0] if values else None))
        adapted = adapted[adapted[key] == found[-1]]
    if adapted.empty:
        said = ", ".join(f"{key} {asked[key]}" for key in ("shots", "steps", "tuning") if key in asked)
        raise InputError(name, f"holds no row of {said}", "leave that out, or run it: bench choose --out")
    return int(shots), int(found[0]), str(found[1])


def _of_cells(rows: pd.DataFrame, results: str | Path, targets: Sequence[str]) -> Tables:
    """How rows agree with the cells of a results folder, by protocol fair."""
    store = open_store(results, teller=Reporter())
    store.refuse_missing()
    sources = {*rows["source"]}
    records = [
        record
        for record in store.records()
        if record.cell.source in sources and (not targets or record.cell.target in targets)
    ]
    joined = entries(rows, tidy.table(store, current(records), FAIR))
    if joined.empty:
        problem = "holds no cell of these methods, sources, targets, shots and steps"
        raise InputError(results, problem, "run them on a target: bench run")
    return tabulate_agreement({proxy: agreement(joined, proxy) for proxy in PROXIES}, joined)


def tabulate(rows: pd.DataFrame, tuning: str, shots: int, steps: int) -> Tables:
    """Set out what every entry tells apart, the best of each source first, and name the command that runs the best.

    Args:
        rows: of planted anomalies, at K = 0 and, unless that is 0, at one number of shots: see `choice.of_one_way`.
        tuning: by which methods adapted.
        shots: how many clips they adapted on.
        steps: how many steps they took.
    """
    by_shots = {at: summary(rows, at) for at in dict.fromkeys((0, shots))}
    gaps = against_best(rows, shots)
    texts = pd.DataFrame(index=gaps.index)
    for kind in ALL_KINDS:
        texts[kind] = [_arrow([table.loc[entry, kind] for table in by_shots.values()], _auc) for entry in gaps.index]
    texts[MEAN] = [_arrow([table.loc[entry] for table in by_shots.values()], _mean) for entry in gaps.index]
    texts[LED_BY] = [_gap(line) for line in gaps.to_dict("records")]
    texts = texts[[*(name for name in texts if name != SQUARE), SQUARE]]
    numbers = pd.concat(
        [table.loc[gaps.index].add_suffix(f", K = {at}") for at, table in by_shots.items()]
        + [gaps[["difference", "low", "high"]]],
        axis=1,
    )
    if len(gaps.index.unique("source")) == 1:
        texts = texts.droplevel("source")
    commands = _commands(rows, gaps, tuning, shots, steps)
    note = "; ".join([*_facts(rows, tuning, shots, steps), *commands])
    return Tables([(texts, note)], numbers=numbers, rows=rows.reset_index(drop=True), digits="%.2f")


def _arrow(values: Sequence[Any], write: Callable[[Any], str]) -> str:
    """What a method reads at K = 0 and after it adapted: once, where it is the same."""
    return " → ".join(dict.fromkeys(write(value) for value in values))


def _auc(value: float) -> str:
    return f"{value:.1f}"


def _mean(line: pd.Series) -> str:
    return tables.mean_and_spread(line[MEAN], line["error"], 1)


def _gap(line: Mapping[Any, Any]) -> str:
    if line["best"]:
        return "best"
    text = tables.difference_and_interval(line["difference"], line["low"], line["high"])
    return text if line["low"] > 0 or line["high"] < 0 else f"{text} {TIED}"


def _facts(rows: pd.DataFrame, tuning: str, shots: int, steps: int) -> list[str]:
    """What a reader must know to read the table."""
    seen, facts = rows[rows["method"] != NOBODY], []
    how = f"K = 0 → K = {shots}, {tuning} in {number_of(steps, 'step')}" if shots else "K = 0"
    over_seeds = " and spread over seeds" if seen["seed"].nunique() > 1 else " (one seed: of these fits alone)"
    facts += [
        f"AUC in % of telling clips with a planted anomaly from the same clips with the same walker as it was; {how}",
        f"{MEAN}: of {captions.listed(told_kinds(rows))}",
        *_untold(rows),
        f"{SQUARE}: a part of the frame plays faster, for comparison alone",
        "±: standard error over scenes",
        f"{LED_BY}: difference of means at K = {shots}, paired bootstrap over scenes{over_seeds}; brackets: to either "
        f"side at level 0.05 over the number of other rows, as the best was picked from them; {TIED}: not told apart",
        "baselines are no choice",
        captions.values(seen, "budget"),
        captions.seed_numbers(seen["seed"]),
    ]
    for source, of_source in seen.groupby("source", sort=False):
        drawn = len(of_source[["seed", "number"]].drop_duplicates())
        cameras = of_source["scene"].nunique()
        facts.append(f"{source}: {number_of(drawn, 'scene')}, held-out views of {number_of(cameras, 'camera')}")
        nobody = rows.loc[(rows["source"] == source) & (rows["method"] == NOBODY), "scene"].unique()
        if len(nobody):
            facts.append(f"{len(nobody)} left out, with nobody to cut out: {captions.listed(sorted(nobody))}")
    return facts


def _untold(rows: pd.DataFrame) -> list[str]:
    """Which kinds do not count, as no method tells them."""
    untold = [kind for kind in KIND_NAMES if kind not in told_kinds(rows)]
    return [f"not of {captions.listed(untold)}, which no row tells (below {TOLD:g})"] if untold else []


def _commands(rows: pd.DataFrame, gaps: pd.DataFrame, tuning: str, shots: int, steps: int) -> list[str]:
    """The commands that run the best of each source on a target."""
    found = []
    for source, method in gaps.index[gaps["best"]]:
        seen = rows[(rows["source"] == source) & (rows["method"] == method)]
        seeds = ",".join(map(str, sorted(seen["seed"].unique())))
        words = ["bench", "run", "--source", source, "--target", "TARGET", "--method", method]
        words += ["--budget", seen["budget"].iloc[0], "--seed", seeds]
        words += ["--shots", str(shots)] + (["--steps", str(steps), "--tuning", tuning] if shots else [])
        found.append(f"chosen on {source}: {shlex.join(words)}")
    return found


def tabulate_agreement(found: Mapping[str, Mapping[tuple[str, str], Agreement]], joined: pd.DataFrame) -> Tables:
    """Set out how each kind of planted anomaly, their mean, and the square rank entries as targets do.

    Args:
        found: by proxy, what `agreement.agreement` gives.
        joined: the entries.
    """
    pairs = list(found[MEAN])
    heads = {pair: pair[0] if pair[0] == OVER_PAIRS else f"{pair[0]} → {pair[1]}" for pair in pairs}
    order = [*(name for name in PROXIES if name != SQUARE), SQUARE]
    texts = pd.DataFrame(
        {heads[pair]: [_correlation(found[proxy][pair]) for proxy in order] for pair in pairs},
        index=pd.Index(order, name="proxy"),
    )
    numbers = pd.DataFrame(
        [
            {"proxy": proxy, "pair": heads[pair], **vars(one)}
            for proxy, by_pair in found.items()
            for pair, one in by_pair.items()
        ]
    )
    sizes = [
        f"{heads[pair]}: {one.entries} entries of {number_of(one.methods, 'method')}"
        for pair, one in found[MEAN].items()
        if pair[0] != OVER_PAIRS
    ]
    facts = [
        "Spearman's correlation of the AUC on planted anomalies of the source with that on the target, means over "
        "seeds, protocol fair",
        "brackets: 95 % bootstrap over methods, each with its entries at K = 0 and after it adapted",
        *sizes,
        *_too_few(found[MEAN]),
        captions.values(joined, "budget"),
        f"K = {captions.listed(sorted(joined['shots'].unique()))}",
        "methods: " + captions.listed(dict.fromkeys(joined["method"])),
    ]
    return Tables([(texts, "; ".join(facts))], numbers=numbers.set_index(["proxy", "pair"]), rows=joined)


def _too_few(by_pair: Mapping[tuple[str, str], Agreement]) -> list[str]:
    """Say which pairs do not count in the mean, and where there is no interval, as there is too little of them."""
    pairs = [one for pair, one in by_pair.items() if pair[0] != OVER_PAIRS]
    counted = [one for one in pairs if one.entries >= FEWEST]
    facts = []
    if len(counted) < len(pairs):
        facts.append(f"{OVER_PAIRS}: {len(counted)} of {len(pairs)}, those of {FEWEST} entries or more")
    if any(one.methods < FEWEST_METHODS for one in counted):
        why = "as resamples of so few hold the truth too seldom"
        facts.append(f"no brackets of less than {FEWEST_METHODS} methods, {why}")
    return facts


def _correlation(one: Agreement) -> str:
    if pd.isna(one.correlation):
        return tables.MISSING
    interval = "" if pd.isna(one.low) else f" [{one.low:+.2f}, {one.high:+.2f}]"
    return f"{one.correlation:+.2f}{interval}"

"""`bench table --paper`: the tables of APN's paper in its own layout, with ours beside."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pandas as pd

from crossvad.execution.progress import Update
from crossvad.planning.budgets import BUDGETS
from crossvad.present import captions
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING, marks, mean_and_spread
from crossvad.store.store import Record, Store
from crossvad.studies.paper_tables import FPS, PARAMETERS, Ours, PaperTable, Wanted, paper_table

PAPER = "Hu et al., arXiv 2108.11055"
COUNTING = 3  # the table whose methods are built at full size, for their parameters to be counted: 10 seconds and more
ANY = "ped2"  # what to run for a figure that any data set gives


def unheard(done: int, of: int, note: str) -> None:
    """Tell nobody."""


def tabulate(
    number: int,
    store: Store,
    records: Sequence[Record],
    rows: pd.DataFrame,
    update: Update = unheard,
) -> Tables:
    """Set out a table of the paper, each of its figures beside ours.

    Args:
        number: of the table, 1 to 7.
        store: where the cells lie.
        records: of the cells that may stand beside.
        rows: theirs, tidy.
        update: told which of its methods is built, to be counted.
    """
    table, ours = paper_table(number), Ours(store, records, rows)
    texts: dict[tuple[str, str], dict[tuple[str, ...], str]] = {}
    missing: list[Wanted] = []
    for done, place in enumerate(table.places):
        update(done, len(table.places), place.ours.method if place.ours else "")
        figures = pd.Series(dtype=float) if place.ours is None else ours.figures(place.ours)
        if place.ours and figures.empty:
            missing.append(place.ours)
        digits = 2 if place.column == PARAMETERS else 1
        texts.setdefault((place.column, "published"), {})[place.row] = place.printed
        texts.setdefault((place.column, "ours"), {})[place.row] = mean_and_spread(figures.mean(), figures.std(), digits)
        if place.ours and place.column not in (PARAMETERS, FPS) and len(figures):
            texts[place.column, "ours"][place.row] += marks(ours.rows_of(place.ours)[["transductive"]])
    shown = pd.DataFrame(texts).reindex(list(dict.fromkeys(place.row for place in table.places))).fillna(MISSING)
    if not table.places:
        empty = (MISSING,) * len(table.index)
        shown = pd.DataFrame({("figure", side): [MISSING] for side in ("published", "ours")}, index=[empty])
    shown.index = pd.MultiIndex.from_tuples(shown.index, names=table.index)
    title = f"Table {number} of {PAPER}: {table.title}"
    return Tables([(shown, _caption(table, ours, missing))], title)


def _caption(table: PaperTable, ours: Ours, missing: Sequence[Wanted]) -> str:
    """Say what stands on either side, how they differ, and what would fill a gap."""
    if not table.places:
        return (
            f"Table {table.number} of the paper is not in hand, neither its layout nor a figure, and none is made up; "
            "lines of that table in benchmark/studies/ablations.csv would show here"
        )
    wanted = [place.ours for place in table.places if place.ours]
    facts = [f"published: as Table {table.number} of {PAPER} prints it, at full size and by the papers' own protocols"]
    facts += table.remarks
    if any(each.figure == PARAMETERS for each in wanted):
        facts.append("ours: parameters counted at budget paper")
    if any(each.figure == FPS for each in wanted):
        return "; ".join([*facts, *_speeds(ours, missing)])
    used = pd.concat([ours.rows_of(each) for each in wanted])
    seeds = sorted(used["seed"].unique())
    if len(used):
        facts.append(f"ours: {_how(wanted)}; budget {ours.budget}{_size(ours.budget)}")
        facts += [captions.values(used, "device"), captions.values(used, "version")]
        facts.append(f"seeds {captions.listed(seeds)}{' (±: standard deviation)' if len(seeds) > 1 else ''}")
        facts += [*captions.transductive(used), *captions.incomparable(used)]
    return "; ".join([*facts, *_gaps(missing, ours.budget, seeds)])


def _speeds(ours: Ours, missing: Sequence[Wanted]) -> list[str]:
    """Say how our speeds were measured, and how to measure those that are missing."""
    facts = [f"{MISSING}: none of our methods, or not measured yet"]
    if ours.speeds:
        first = ours.speeds[0]
        colour = "gray" if first.channels == 1 else "colour"
        built = f"{first.size} pixels, {colour}, width {first.width}; {first.machine}, torch {first.torch}"
        facts.insert(0, f"ours: clips scored a second, at the fastest batch, without decoding, untrained; {built}")
    if names := ",".join(dict.fromkeys(each.method for each in missing if each.figure == FPS)):
        words = ["bench", "profile", names]
        if ours.speeds:  # as those were measured, to be comparable
            words += ["--budget", first.budget, "--size", str(first.size), "--device", first.device]
            words += ["--target", first.video.partition("/")[0]]
        facts[-1] += ": " + shlex.join(words)
    return facts


def _how(measured: Sequence[Wanted]) -> str:
    """Say how figures of ours came about."""
    sources = dict.fromkeys(
        "the target's own" if each.source == each.target else f"{each.source}'s" for each in measured
    )
    return (
        f"AUC in % by the rules of protocol paper on raw scores, trained on {' or '.join(sources)} training video, the "
        "last checkpoint, not adapted (K = 0)"
    )


def _size(budget: str) -> str:
    """Say how large frames are at a budget, if it is one of the named ones."""
    if budget not in BUDGETS:
        return ""
    return f" ({BUDGETS[budget].size} pixels, {'gray' if BUDGETS[budget].channels == 1 else 'colour'})"


def _gaps(missing: Sequence[Wanted], budget: str, seeds: Sequence[int]) -> list[str]:
    """Say why a place is empty, and which commands would fill the empty ones that are ours to fill."""
    methods: dict[tuple[str, str], list[str]] = {}
    for each in missing:
        methods.setdefault((each.source or ANY, each.target or ANY), []).append(each.method)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for pair, names in methods.items():
        pairs.setdefault(",".join(dict.fromkeys(names)), []).append(pair)
    commands = []
    for method, ((source, target), *others) in pairs.items():
        words = ["--source", source, "--target", target, "--method", method, "--shots", "0"]
        words += ["--budget", budget] if budget else []
        words += ["--seed", ",".join(map(str, seeds))] if len(seeds) > 1 else []
        likewise = f", and likewise {captions.listed(other for _, other in others)}" if others else ""
        commands.append(shlex.join(["bench", "run", *words]) + likewise)
    gap = f"{MISSING}: not printed, or none of our methods"
    return [gap, *(["or not run yet: " + "; ".join(commands)] if commands else [])]

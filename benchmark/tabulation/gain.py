"""`bench gain`: what adaptation is worth, and how far its steps went."""

from __future__ import annotations

import pandas as pd

from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.comparison import ITSELF, differences
from crossvad.evaluation.rows import varying_keys
from crossvad.present import captions, gain_table, tables
from crossvad.present.formats import Tables

ENTRY = ["method", "source", "tuning", "shots", "steps"]  # what one search of a rate is of; its seeds are averaged over


def tabulate(cells: pd.DataFrame, among: pd.DataFrame, protocol: str) -> Tables:
    """Set out what adapting gains over the same method at K = 0.

    Args:
        cells: the cells of interest, as `comparison.counted` gives them.
        among: these cells and those that they start from.
        protocol: name of the one by which they were read.

    Raises:
        InputError: no cell has such a start, or one counts other frames than it.
    """
    gains = differences(cells, ITSELF, among)
    return Tables([(gain_table.gains(gains), gain_table.note(gains, protocol))], numbers=gains)


def tabulate_rates(searches: pd.DataFrame) -> Tables:
    """Set out searches of a rate, as `tidy.rates` gives them: texts, the mean over seeds.

    Raises:
        InputError: they mix budgets.
    """
    refuse_mixtures(Alike(searches, "budget"), what="this table")
    keys = varying_keys(searches, ENTRY, always=["method"])
    left = searches.pivot_table(index=keys, columns="rate", values="left", aggfunc="mean")
    texts = left.map(lambda value: tables.MISSING if pd.isna(value) else f"{value:.3f}")
    texts.columns = pd.Index([f"{rate:g}" for rate in texts.columns], dtype=object)
    chosen = searches[searches["chosen"]].groupby(keys)["rate"]
    table = texts.assign(chosen=chosen.agg(lambda rates: ", ".join(f"{rate:g}" for rate in sorted(set(rates)))))
    facts = [
        "query loss after adapting over that before (< 1: better), geometric mean over scenes made of held-out source "
        "video, mean over seeds",
        "chosen: the least, by seed",
        *(f"{key} {searches[key].iloc[0]}" for key in ENTRY if key not in keys),
        captions.seed_numbers(searches["seed"]),
    ]
    return Tables([(table, "; ".join(facts))], numbers=searches, digits="%.6g")

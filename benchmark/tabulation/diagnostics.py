"""`bench diagnostics`: what methods watched as they trained."""

from __future__ import annotations

import pandas as pd

from crossvad.evaluation.columns import KEYS
from crossvad.present import captions, tables
from crossvad.present.formats import Tables

FIT = ["method", "source", "budget"]  # what one line is of; its seeds are averaged over


def tabulate(diagnostics: pd.DataFrame) -> Tables:
    """Set out what fits watched, as `tidy.diagnostics` gives it: mean ± standard deviation over seeds.

    A fit that was scored on several targets counts once.
    """
    keys = [key for key in KEYS if key in diagnostics and key != "target"]
    most = diagnostics.groupby(FIT, sort=False)["stuck"].max()
    fits = diagnostics.drop(columns=["target", "stuck"]).drop_duplicates(keys).dropna(axis=1, how="all")
    groups = fits.groupby(FIT, sort=False)[[name for name in fits if name not in (*FIT, "seed")]]
    mean, spread = groups.mean(), groups.std()
    table = mean.apply(
        lambda column: [tables.mean_and_spread(*pair, 3) for pair in zip(column, spread[column.name], strict=True)]
    )
    marks = {method: f"{method} {tables.STUCK}" for method, *_ in most[most > 0].index}
    table = table.rename(index=marks, level="method")
    note = f"on training clips, at the end of training; {captions.seed_numbers(fits['seed'])}"
    return Tables([(table, "; ".join([note, *captions.stuck(diagnostics)]))], numbers=fits)

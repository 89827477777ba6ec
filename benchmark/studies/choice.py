"""From rows of planted anomalies to a choice: means over scenes and kinds, and which of them cannot be told apart.

A kind that no method tells says nothing of which is better. What is more, a method that looks at motion reads less of
it where somebody stands still, so that the blindest would come first. Such kinds are shown, and count in no mean.

What is resampled is drawn scenes, the same for all methods, so that what is hard in a scene for all of them cancels.
Scenes of one seed share a fit, so that the spread over seeds is added, where there are several. The best of many rows
is ahead by luck as well, so that intervals of differences to it are wider the more rows there are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crossvad.datasets.planting.kind_names import ALL_KINDS, KIND_NAMES
from crossvad.evaluation.frames import Values
from crossvad.evaluation.statistics import (
    ahead_level,
    draws,
    gap_without_spread,
    of_seeds,
    possible,
    standard_error,
    variance,
)
from crossvad.planning.catalogue import BASELINES, NO_TUNING
from crossvad.planning.names import split_options
from crossvad.studies.planted_rows import NOBODY

MEAN = "mean"  # of the kinds that people are put in by, and that some method tells: not of the square
TOLD = 55.0  # AUC in %, mean over scenes, from which a method counts as telling a kind
SCENE = ["seed", "number"]  # what a drawn scene of a source is known by
ENTRY = ["source", "method"]


def by_entry(rows: pd.DataFrame, shots: int) -> pd.DataFrame:
    """AUCs by entry and scene at a number of shots: index `ENTRY` and `SCENE`, columns `ALL_KINDS` and `MEAN`.

    A method that does not adapt is at any number of shots what it is at none.
    """
    seen = rows[rows["method"] != NOBODY].set_index(ENTRY)
    adapted = seen[seen["shots"] == shots]
    still = seen[(seen["shots"] == 0) & ~seen.index.isin(adapted.index)]
    chosen = pd.concat([adapted, still]).set_index(SCENE, append=True)[[*ALL_KINDS]]
    return chosen.assign(**{MEAN: chosen[told_kinds(rows)].mean(axis=1)})


def told_kinds(rows: pd.DataFrame) -> list[str]:
    """The kinds that `MEAN` is of: those that some method tells on some source, adapted or not; all, if none does."""
    seen = rows[rows["method"] != NOBODY]
    best = seen.groupby([*ENTRY, "tuning", "shots", "steps"], sort=False)[[*KIND_NAMES]].mean().max()
    return [kind for kind in KIND_NAMES if best[kind] >= TOLD] or [*KIND_NAMES]


def summary(rows: pd.DataFrame, shots: int) -> pd.DataFrame:
    """Mean over scenes of every entry at a number of shots: `ALL_KINDS`, `MEAN`, and `error`, the latter's.

    The standard error is that of resamples of scenes.
    """
    table = by_entry(rows, shots)
    means = table.groupby(ENTRY, sort=False).mean()
    errors = table[MEAN].groupby(ENTRY, sort=False).apply(lambda scenes: _spread(scenes.to_numpy()))
    return means.assign(error=errors)


def against_best(rows: pd.DataFrame, shots: int) -> pd.DataFrame:
    """Set the mean of each entry against its source's best: `difference`, `low`, `high`, `best`, `baseline`.

    The best is one that is trained, if any is: `BASELINES` are there to compare with. Intervals are of the scenes that
    both were shown, and end to either side at `statistics.ahead_level`: one that no row is better than in truth lies
    below zero in 5 of 100 cases at most.
    """
    lines = {}
    for source, means in by_entry(rows, shots)[MEAN].groupby("source", sort=False):
        scenes = means.droplevel("source").unstack("method")
        order = list(scenes.mean().sort_values(ascending=False, kind="stable").index)
        best = next((name for name in order if not is_baseline(name)), order[0])
        for name in order:
            gaps = (scenes[name] - scenes[best]).dropna()
            mean, reach = float(gaps.mean()), _reach(gaps, ahead_level(len(order)))
            low, high = possible(mean - reach, mean + reach, most=100)
            lines[source, name] = (mean, low, high, name == best, is_baseline(name))
    index = pd.MultiIndex.from_tuples(lines, names=ENTRY)
    return pd.DataFrame([*lines.values()], index, ["difference", "low", "high", "best", "baseline"])


def is_baseline(method: str) -> bool:
    """Whether a method is one of those that no table goes without, and that nobody would choose options for."""
    return split_options(method)[0] in BASELINES


def _reach(gaps: pd.Series, level: float) -> float:
    """How far the interval of a mean difference goes to either side, from those of scenes, by `SCENE`; NaN of one.

    `level` is of each side.
    """
    from scipy.stats import t  # here, as tables of what is cached go without

    if len(gaps) < 2:
        return float("nan")
    by_seed = gaps.groupby("seed").mean().to_numpy()
    error, freedom = standard_error([(_spread(gaps.to_numpy()) ** 2, len(gaps) - 1), *of_seeds(by_seed)])
    if error == 0:
        return float(gap_without_spread(gaps.mean(), len(gaps), 1 - 2 * level)[0])
    return float(t.ppf(1 - level, freedom)) * error


def _spread(values: Values) -> float:
    """Standard deviation of the mean of some scenes over resamples of them; NaN of a single one."""
    if len(values) < 2:
        return float("nan")
    return float(np.sqrt(variance(draws(len(values)) @ values / len(values))))


def of_one_way(rows: pd.DataFrame, tuning: str, shots: int, steps: int) -> pd.DataFrame:
    """Those of some rows that are at K = 0, or at `shots` after `steps` of a tuning.

    A method that a tuning prepared is at K = 0 what that made of it. Methods without steps adapt in a way of their own.
    """
    here = rows["shots"] == 0
    prepared = rows[here & (rows["tuning"] == tuning)].set_index(ENTRY).index
    by_tuning = rows["tuning"] == tuning
    unprepared = (rows["tuning"] == NO_TUNING) & ~rows.set_index(ENTRY).index.isin(prepared)
    start = here & (by_tuning | unprepared | (rows["method"] == NOBODY))
    own_way = (rows["tuning"] == NO_TUNING) & (rows["steps"] == 1)
    end = (rows["shots"] == shots) & ~here & ((by_tuning & (rows["steps"] == steps)) | own_way)
    return rows[start | end]

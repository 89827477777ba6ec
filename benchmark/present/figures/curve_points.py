"""The points of curves: AUC against the number of shots, or of adaptation steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.rows import spread_unadapted
from crossvad.planning.catalogue import NO_TUNING
from crossvad.present.figures.layout import SCENES
from crossvad.present.words import controls

LEVELS = ("framediff", "extrapolate")  # learn nothing and adapt to nothing: a level to be beaten, no curve


@dataclass(frozen=True)
class Along:
    """What the curves of a figure run along."""

    key: str
    line: tuple[str, ...]  # keys that tell the curves of a panel apart
    label: str


SHOTS = Along("shots", ("method", "tuning"), "shots K")
STEPS = Along("steps", ("method", "tuning", "shots"), "adaptation steps")


def adapted_scenes(tidy: pd.DataFrame) -> pd.DataFrame:
    """Keep the tidy rows of those sources and targets on which something adapted; all, if nothing did.

    A curve of one point would take a panel from those that show something.
    """
    adapts = tidy.groupby(SCENES)["shots"].transform("max") > 0
    return tidy[adapts] if adapts.any() else tidy


def detectors(tidy: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows of `CONTROLS`, which are no detectors."""
    return tidy[~controls(tidy["method"])]


def stepless(tidy: pd.DataFrame) -> list[str]:
    """Name the untrained methods that adapt in a way of their own, which takes no steps, sorted."""
    return sorted(tidy.loc[(tidy["tuning"] == NO_TUNING) & (tidy["shots"] > 0), "method"].unique())


def points(tidy: pd.DataFrame, along: Along) -> pd.DataFrame:
    """Turn tidy rows into the points of curves, a row each, those of a curve in a row.

    Columns: source, target, the keys of `along.line`, and `along.key`; `auc`, mean over seeds, and its interval from
    `low` to `high`, all in %; `seeds`, a tuple; `reverted`, as in the tidy rows, mean over seeds, NaN where unknown;
    `level`, whether it is no point of a curve but one of `LEVELS`. The interval is the bootstrap's for one seed, and
    the lowest and highest of several. Where a seed is missing there is no `auc`, but NaN.

    Every curve begins at 0 with the row it starts from, of the same seeds. A method that was not adapted is a curve of
    that point alone. `repeated` are starts, along shots, that another tuning of the same method has, too.

    Raises:
        InputError: the rows mix budgets, supports of one panel or, along shots, numbers of steps.
    """
    rows = detectors(tidy)
    _refuse_mixtures(rows, along)
    rows = rows.assign(reverted=rows["reverted"].astype(float) if "reverted" in rows else np.nan)
    level = _base_names(rows).isin(LEVELS)
    curves = _start_each_tuning(_start_of_only_curve(rows[~level]))
    curves = _start_each_shots(curves) if along is STEPS else curves
    keys = [*SCENES, *along.line, *([] if along.key in along.line else [along.key]), "level"]
    both = pd.concat([curves.assign(level=False), rows[level].assign(level=True)])
    lines = [dict(zip(keys, values, strict=True)) | _point(group) for values, group in both.groupby(keys, sort=False)]
    columns = [*keys[:-1], "auc", "low", "high", "seeds", "reverted", "level"]
    drawn = pd.DataFrame(lines, columns=columns).sort_values(keys, ignore_index=True)
    same = [*SCENES, "method", "shots", "auc", "low", "high", "seeds"]
    drawn["repeated"] = (drawn["shots"] == 0) & drawn.duplicated(same) if along is SHOTS else False
    scored = drawn.groupby([key for key in keys if key != along.key], dropna=False)["auc"].transform("count") > 0
    return drawn[scored].reset_index(drop=True) if scored.any() else drawn  # no curve of what failed throughout


def _base_names(rows: pd.DataFrame) -> pd.Series:
    """Name methods without their options."""
    return rows["method"].str.split("[").str[0]


def _refuse_mixtures(rows: pd.DataFrame, along: Along) -> None:
    adapted = rows[rows["shots"] > 0]
    taught = adapted[adapted["tuning"] != NO_TUNING]
    steps = [Alike(taught, "steps")] if along is SHOTS else []
    support = Alike(adapted, "support", SCENES)  # one scene may lack what another has
    refuse_mixtures(Alike(rows, "budget"), *steps, support)


def _start_of_only_curve(rows: pd.DataFrame) -> pd.DataFrame:
    """Let the start of a method go by the one tuning that it has, also where it was not adapted: one curve, one name.

    Not where the tuning learned beforehand, and so starts from elsewhere.
    """
    tuned = rows[rows["tuning"] != NO_TUNING].groupby("method")
    only = {method: of["tuning"].iloc[0] for method, of in tuned if of["tuning"].nunique() == 1 and of["shots"].all()}
    start = (rows["tuning"] == NO_TUNING) & (rows["shots"] == 0)
    return rows.assign(tuning=rows["method"].map(only).where(start).fillna(rows["tuning"]))


def _start_each_tuning(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every tuning's curve begin with what it starts from, and with nothing else.

    Left out are starts of seeds that were not adapted where others were, and a method's plain start where its tunings
    have learned their own.
    """
    spread = spread_unadapted(rows)
    unadapted, untuned = spread["shots"] == 0, spread["tuning"] == NO_TUNING
    of = [*SCENES, "method"]
    plain = untuned & _among(spread, spread[~untuned], of)
    of.append("tuning")
    other_seed = _among(spread, spread[~unadapted], of) & ~_among(spread, spread[~unadapted], [*of, "seed"])
    return spread[~(unadapted & (plain | other_seed))]


def _start_each_shots(rows: pd.DataFrame) -> pd.DataFrame:
    """Let the curve of every K begin with what the tuning starts from, as if that were its 0 steps.

    Without untrained methods that adapt in a way of their own, which takes no steps.
    """
    rows = rows[~rows["method"].isin(stepless(rows))]
    adapted, starts = rows[rows["shots"] > 0], rows[rows["shots"] == 0]
    of = [*SCENES, "method", "tuning"]
    curves = adapted[[*of, "seed", "shots"]].drop_duplicates()
    copies = starts.drop(columns="shots").merge(curves, on=[*of, "seed"])
    return pd.concat([starts[~_among(starts, adapted, of)], copies[rows.columns], adapted])


def _among(rows: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Tell for each row whether one of the others has the same keys."""
    return pd.Series(rows.set_index(keys).index.isin(others.set_index(keys).index), rows.index)


def _point(group: pd.DataFrame) -> dict[str, Any]:
    """Make one point of its seeds."""
    if group["auc"].isna().any():
        auc = low = high = float("nan")
    elif len(group) > 1:
        auc, low, high = group["auc"].mean(), group["auc"].min(), group["auc"].max()
    else:
        auc, low, high = group[["auc", "auc_low", "auc_high"]].iloc[0]
    seeds = tuple(sorted(group["seed"]))
    return {"auc": auc, "low": low, "high": high, "seeds": seeds, "reverted": group["reverted"].mean()}

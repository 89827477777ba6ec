"""Ablations of the APN of the paper: what each part of it is worth, beside what its paper prints (Tables 4, 6 and 7).

`collapse` is not the paper's: it shows what becomes of the prototypes with its own settings, and with ours. Variants
are trained on a source and scored on a target without adaptation. The paper's numbers follow its own protocol, so they
stand beside `paper AUC`. Its tables contradict one another: for one model, FR on Ped2 is 95.6, 94.69 and 90.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import pandas as pd

from crossvad.evaluation.cell_evaluation import evaluate
from crossvad.evaluation.postprocessing import only
from crossvad.evaluation.scored_cell import scored_cell
from crossvad.evaluation.selection import current
from crossvad.planning import registry
from crossvad.planning.protocol import Protocol
from crossvad.planning.request import unadapted_cell
from crossvad.store.store import Record, Store

CUES = {"FP": ("prediction",), "FR": ("feature",), "FP & FR": ("prediction", "feature")}
DIAGNOSTICS = ("prototype cosine", "prototype rank")
AUCS = ("fair AUC", "paper AUC")
MEASURED = (*AUCS, *DIAGNOSTICS)


@dataclass(frozen=True)
class Ablation:
    """Variants of one method, by the name that a table gives them."""

    title: str
    variants: dict[str, str]  # name in the table -> method


ABLATIONS = {
    "components": Ablation(
        "What the parts of APN are worth (Table 4; CAU as its Section 4 varies it)",
        {
            "AE": "apn[paper,prototypes=0,cycles=0]",
            "AE with APU, no CAU": "apn[paper,cycles=0]",
            "AE with APU, CAU R = 1": "apn[paper,cycles=1]",
            "AE with APU, CAU R = 2": "apn[paper]",
        },
    ),
    "resolution": Ablation(
        "Where APN's prototypes stand (Table 6)",
        {f"APU at {scale}": f"apn[paper,resolution={scale}]" for scale in ("1/1", "1/2", "1/4")},
    ),
    "prototypes": Ablation(
        "How many prototypes APN has (Table 7)",
        {f"M = {count}": f"apn[paper,prototypes={count}]" for count in (1, 5, 10, 20, 40)},
    ),
    "collapse": Ablation(
        "Whether APN's prototypes differ: the paper's setting, and what mends it",
        {
            "paper: temperature 1": "apn[paper,temperature=1]",
            "temperature 1, lambda 2 = 1": "apn[paper,temperature=1,diversity=1]",
            "temperature 0.1": "apn[paper,temperature=0.1]",
            "temperature 0.05 (default)": "apn[paper]",
            "temperature 0.02": "apn[paper,temperature=0.02]",
        },
    ),
}


def stored_variants(
    name: str, store: Store, source: str, target: str, budget: str, seeds: Collection[int]
) -> list[Record]:
    """Take the stored cells of an ablation's variants: of these names and seeds, as trained, without adaptation."""
    labels = labels_of(name)
    records = [record for record in store.records() if unadapted_cell(record.cell, labels, source, target, budget)]
    return [record for record in current(records) if record.cell.seed in seeds]


def labels_of(name: str) -> list[str]:
    """List the methods that are an ablation's variants, as tables call them."""
    return [registry.get_method(text).label for text in ABLATIONS[name].variants.values()]


def measured(name: str, store: Store, records: Iterable[Record], protocol: Protocol) -> pd.DataFrame:
    """Evaluate an ablation's finished cells: one row per variant, score and seed.

    Columns: variant, score (FP, FR or both), seed, fair AUC and paper AUC in percent, prototype cosine and rank on the
    last training clips looked at (NaN without prototypes), stuck (the share of frames about which a cue of the score
    says nothing, in percent).
    """
    variants = {registry.get_method(text).label: variant for variant, text in ABLATIONS[name].variants.items()}
    rows: list[dict[str, Any]] = []
    for record in records:
        if record.status != "done" or record.cell.method not in variants:
            continue
        cell, diagnostics = scored_cell(store, record), record.facts["diagnostics"]
        for score, cues in CUES.items():
            if set(cues) <= set(cell.scores.cues):
                figures = evaluate(replace(cell, scores=only(cell.scores, cues)), protocol)
                row = {"variant": variants[record.cell.method], "score": score, "seed": record.cell.seed}
                row |= {"fair AUC": figures["auc"], "paper AUC": figures["paper_auc"], "stuck": figures["stuck"]}
                rows.append(row | {name: diagnostics.get(name, float("nan")) for name in DIAGNOSTICS})
    return pd.DataFrame(rows, columns=["variant", "score", "seed", *MEASURED, "stuck"])


def summary(name: str, rows: pd.DataFrame, target: str) -> pd.DataFrame:
    """Average over seeds, with standard deviations, beside the published figure of the target, where there is one.

    Indexed by variant and score, in the ablation's order; a variant without a finished cell has a row of NaN. Columns:
    the measured ones, each with its `… ±`, `stuck`, the most of any seed, and `published`.
    """
    groups = rows.groupby(["variant", "score"])[list(MEASURED)]
    stuck = rows.groupby(["variant", "score"])["stuck"].max()
    spread = groups.std().add_suffix(" ±")
    published = pd.read_csv(str(files("crossvad.studies") / "ablations.csv"))
    published = published[(published["ablation"] == name) & (published["target"] == target)]
    beside = published.set_index(["variant", "score"])["auc"].rename("published")
    order = []
    for variant in ABLATIONS[name].variants:
        scores = [score for score in CUES if (variant, score) in groups.mean().index]
        order += [(variant, score) for score in scores or [next(reversed(CUES))]]
    table = pd.concat([groups.mean(), spread, stuck, beside], axis=1)
    return table.reindex(pd.MultiIndex.from_tuples(order, names=["variant", "score"]))

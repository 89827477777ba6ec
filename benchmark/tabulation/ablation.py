"""`bench ablate`: what each part of a method is worth, beside what its paper prints."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crossvad.planning.archives import published_videos
from crossvad.planning.protocol import FAIR
from crossvad.present import captions, tables
from crossvad.present.formats import Tables
from crossvad.store.store import Record, Store
from crossvad.studies.ablation import ABLATIONS, AUCS, DIAGNOSTICS, MEASURED, measured, summary
from crossvad.tabulation.failed_cells import failures


def tabulate(
    what: str, store: Store, records: Sequence[Record], source: str, target: str, budget: str, seeds: Sequence[int]
) -> Tables:
    """Set out the variants of an ablation, from their stored cells.

    Args:
        what: name of the ablation.
        store: where the cells lie.
        records: of the cells of the variants.
        source: what they were trained on, by name.
        target: what they were scored on, by name.
        budget: name of theirs.
        seeds: theirs.
    """
    numbers = summary(what, measured(what, store, records, FAIR), target)
    some = [len(store.scores(record.cell).videos) for record in records if record.status == "done"][:1]
    scored = pd.DataFrame({"target": target, "videos": some, "of_videos": published_videos(target)})
    note = (
        f"trained on {source}, scored on {target} without adaptation; budget {budget}; "
        f"{captions.seed_numbers(seeds)}{' (mean ± standard deviation)' if len(seeds) > 1 else ''}; AUC in %; "
        "published: the paper's, at its full size, by a protocol like that of paper AUC; prototype cosine (1: all "
        "alike) and effective rank (1: all alike, M: all different): on training clips"
        + "".join(f"; {fact}" for fact in captions.partial(scored))
    )
    note = "; ".join([note, *captions.stuck(numbers)])
    return Tables([(texts(numbers), note)], ABLATIONS[what].title, numbers=numbers, failures=failures(store, records))


def texts(numbers: pd.DataFrame) -> pd.DataFrame:
    """The summary as text: mean ± standard deviation where there are seeds to take one of, – where there is nothing."""
    shown = pd.DataFrame(index=numbers.index)
    marks = [tables.STUCK * (share > 0) for share in numbers["stuck"]]
    for name in (*MEASURED, "published"):
        digits = 3 if name in DIAGNOSTICS else 1
        spread = numbers[f"{name} ±"] if f"{name} ±" in numbers else numbers[name] * float("nan")
        shown[name] = [tables.mean_and_spread(*pair, digits) for pair in zip(numbers[name], spread, strict=True)]
        if name in AUCS:
            shown[name] += marks
    return shown

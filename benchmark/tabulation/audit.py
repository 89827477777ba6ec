"""`bench audit`: what is wrong with how the field measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from crossvad.datasets.words import number_of
from crossvad.evaluation.columns import KEYS
from crossvad.evaluation.label_audit import Findings
from crossvad.evaluation.postprocessing import READINGS
from crossvad.evaluation.rows import varying_keys
from crossvad.present import captions, tables
from crossvad.present.figures import audit as figure
from crossvad.present.formats import Tables
from crossvad.studies.checkpoint_selection import gains

ENTRY = [key for key in KEYS if key not in ("seed", "protocol")]  # what one line is of; its seeds are averaged over


def tabulate_protocol(
    labels: Mapping[str, Findings], untrained: pd.DataFrame, rivals: Mapping[str, pd.Series]
) -> Tables:
    """Set out what labels give away and, where any were scored, untrained detectors beside published figures."""
    parts = [(figure.labels_table(labels), figure.LABELS_NOTE)]
    if len(untrained):
        parts.append((figure.untrained_table(untrained, rivals), figure.UNTRAINED_NOTE))
    return Tables(parts)


def tabulate_scores(readings: pd.DataFrame) -> Tables:
    """Set out the AUC of every method by each of the field's ways, best raw scores first.

    Args:
        readings: a row per cell and way, as `studies.audit.readings` gives them.
    """
    keys = varying_keys(readings, ENTRY, always=["method"])
    groups = readings.groupby([*keys, "reading"], sort=False)["auc"]
    mean = groups.mean().unstack("reading").sort_values("raw", ascending=False)
    spread = groups.std().unstack("reading").loc[mean.index]
    texts = pd.DataFrame(index=mean.index)
    for name in READINGS:
        texts[name] = [tables.mean_and_spread(*pair, 1) for pair in zip(mean[name], spread[name], strict=True)]
    same = [f"{key} {readings[key].iloc[0]}" for key in ENTRY if key not in keys]
    facts = "; ".join([", ".join(same), *captions.partial(readings), *captions.transductive(readings)])
    note = (
        "micro AUC in % of the same raw scores, frames of protocol fair, cues fused after normalising; ± over seeds; "
        f"{facts}; global min-max of a single cue changes no order, so no AUC"
    )
    return Tables([(texts, note)], numbers=mean[list(READINGS)])


def tabulate_checkpoints(curves: Sequence[pd.DataFrame], count: int) -> Tables:
    """Set out what choosing the best of `count` checkpoints on the test set adds to the last one's AUC.

    Args:
        curves: of each training a row per checkpoint, as `checkpoint_selection.judge` gives them.
        count: checkpoints of a training.
    """
    rows = pd.concat(curves)
    texts = gains(rows).map(lambda value: f"{value:.1f}")
    facts = [
        f"AUC in %; of {number_of(count, 'checkpoint')}, evenly spread over the training",
        "best: chosen on the test set itself",
        *captions.partial(rows),
    ]
    return Tables([(texts, "; ".join(facts))], rows=rows.reset_index(drop=True))

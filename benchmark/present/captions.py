"""What a reader must know to read a table or figure"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.selection import mixtures
from crossvad.planning.protocol import get_protocol
from crossvad.present.tables import MISSING, REVERTED


def table_title(tidy: pd.DataFrame, metrics: list[str]) -> str:
    """Sources, targets and metrics of a table, in a line."""
    return f"{', '.join(tidy['source'].unique())} -> {', '.join(tidy['target'].unique())}: {', '.join(metrics)}"


REVERTED_NOTE = f"{REVERTED}: some adaptation raised its own support loss, and was taken back"


def caption(rows: pd.DataFrame, *metrics: str, intervals: bool = True) -> str:
    """What a reader must know to read the table: metrics, protocol, budget, support, seeds, device, scored frames.

    Without `intervals` it shows means over seeds alone.
    """
    shown = [METRICS[name] for name in metrics or ("auc",)]
    done = rows[rows["status"] == "done"]
    facts = [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if (mixed := mixtures(rows)) else []
    if percent := [metric.name for metric in shown if metric.unit == "%"]:
        facts.append(f"{', '.join(percent)} in %")
    for name in ("protocol", "budget", "device", "version"):
        facts.append(f"{name} {', '.join(map(str, done[name].dropna().unique())) or MISSING}")
    supports = [support for support in done["support"].unique() if support != "none"]
    facts.append(f"support {', '.join(supports) or 'none'}")
    contaminated = done["contamination"].dropna()
    if contaminated.max() > 0:
        facts.append(f"up to {contaminated.max():.0f} % of the support frames are abnormal")
    facts.append(f"seeds {', '.join(map(str, sorted(done['seed'].unique())))}")
    for metric in shown:
        if metric.rules:  # its own frames count
            which = f"{metric.name}: " if len(shown) > 1 else ""
            facts.append(f"{which}the same raw scores read by the rules of protocol {metric.rules.name}")
    if not all(metric.rules for metric in shown):
        scored = done.groupby("target")[["frames", "videos"]].max()
        facts += [f"{target}: {int(f)} frames of {int(v)} videos" for target, (f, v) in scored.iterrows()]
    if any(metric.interval for metric in shown) and len(done["protocol"].unique()) == 1:
        chosen = get_protocol(done["protocol"].iloc[0])
        spread = "brackets: 95 % bootstrap over videos; ±: standard deviation over seeds"
        facts.append(spread if intervals else "means over seeds")
        facts.append(
            f"first {chosen.first_frame(0)}{'' if chosen.common_mask else ' + K'} frames of a test video not scored"
        )
    notes = [
        _filled(metric.note, done, metric.beside) for metric in METRICS.values() if metric in shown and metric.note
    ]
    facts += dict.fromkeys(notes)
    if (done["source"] == done["target"]).any():
        facts.append("source = target (* in a matrix): trained on the same camera's training video")
    if (done["reverted"] > 0).any():
        facts.append(REVERTED_NOTE)
    missing = rows[rows["status"] != "done"]
    if len(missing):
        facts.append(f"{len(missing)} of {len(rows)} cells missing ({', '.join(sorted(missing['status'].unique()))})")
    return "; ".join(facts)


def _filled(note: str, done: pd.DataFrame, columns: Sequence[str]) -> str:
    """Fill a metric's note in: each {column:form} becomes the column's values by target."""
    return note.format(**{column: _PerTarget(done, column) for column in columns})


@dataclass(frozen=True)
class _PerTarget:
    """A column's value for each target, or its range where rows differ, to be formatted."""

    done: pd.DataFrame
    column: str

    def __format__(self, form: str) -> str:
        texts = []
        for target, values in self.done.groupby("target")[self.column]:
            ends = [format(end, form) for end in (values.min(), values.max())]
            texts.append(f"{target}: {' to '.join(dict.fromkeys(ends))}")
        return ", ".join(texts)

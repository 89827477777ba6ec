"""What a reader must know to read a table or figure: the facts that captions are made of, and the caption of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from crossvad.evaluation.metrics import FALSE_ALARMS
from crossvad.evaluation.selection import mixtures, varying_keys
from crossvad.evaluation.tidy import LOCATED
from crossvad.planning.protocol import get_protocol
from crossvad.present.tables import MISSING, REVERTED

REVERTED_NOTE = f"{REVERTED}: some adaptation raised its own support loss, and was taken back"


def table_title(tidy: pd.DataFrame, metrics: list[str]) -> str:
    """Name sources, targets and metrics of a table, in a line."""
    return f"{', '.join(tidy['source'].unique())} -> {', '.join(tidy['target'].unique())}: {', '.join(metrics)}"


def caption(rows: pd.DataFrame, *metrics: str, intervals: bool = True) -> str:
    """Say what a reader must know to read a table: metrics, protocol, budget, support, seeds, device, scored frames.

    Without `intervals` it shows means over seeds alone.
    """
    metrics = metrics or ("auc",)
    done = rows[rows["status"] == "done"]
    percent = [metric for metric in metrics if metric != "delay"]
    facts = [
        *incomparable(rows),
        *([f"{', '.join(percent)} in %"] if percent else []),
        *(values(done, key) for key in ("protocol", "budget", "device", "version")),
        support(done["support"]),
        *contamination(done),
        f"seeds {listed(sorted(done['seed'].unique()))}",
        *_frames(done, metrics),
        *_metrics(done, metrics, intervals),
    ]
    if (done["source"] == done["target"]).any():
        facts.append("source = target (* in a matrix): trained on the same camera's training video")
    return "; ".join([*facts, *reverted(done), *missing(rows)])


def _frames(done: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Say which frames were scored. `paper_auc` counts its own, from 4 + K on."""
    facts = []
    if "paper_auc" in metrics:
        which = "paper_auc: " if len(metrics) > 1 else ""
        facts.append(f"{which}the same raw scores read by the rules of protocol paper")
    if {*metrics} != {"paper_auc"}:
        scored = done.groupby("target")[["frames", "videos"]].max()
        facts += [f"{target}: {int(f)} frames of {int(v)} videos" for target, (f, v) in scored.iterrows()]
    return facts


def _metrics(done: pd.DataFrame, metrics: Sequence[str], intervals: bool) -> list[str]:
    """Say what there is to know of each metric."""
    facts = []
    if "auc" in metrics and len(done["protocol"].unique()) == 1:
        chosen = get_protocol(done["protocol"].iloc[0])
        spread = "brackets: 95 % bootstrap over videos; ±: standard deviation over seeds"
        facts.append(spread if intervals else "means over seeds")
        facts.append(
            f"first {chosen.first_frame(0)}{'' if chosen.common_mask else ' + K'} frames of a test video not scored"
        )
    if "macro_auc" in metrics:
        facts.append(f"macro_auc: of videos with both classes, {_per_target(done, 'macro_videos', '{:.0f}')}")
    if "ap" in metrics:
        facts.append(f"ap: to be compared at equal shares of abnormal frames only, {_per_target(done, 'prevalence')} %")
    if {*metrics} & {*LOCATED}:
        facts.append(
            "rbdc, tbdc: regions and tracks found, area up to one false region per frame (Ramachandra and Jones 2020); "
            "tracks as annotated, or derived from pixel masks"
        )
    if "delay" in metrics:
        facts.append(
            f"delay: mean frames from an anomaly's onset to the alarm, with {100 * FALSE_ALARMS:.0f} % false alarms "
            f"among normal frames; anomalies whose onset is seen: {_per_target(done, 'delay_events', '{:.0f}')}"
        )
    return facts


def _per_target(done: pd.DataFrame, column: str, form: str = "{:.1f}") -> str:
    """A column's value for each target; its range where rows differ."""
    return ", ".join(f"{target}: {span(group, form)}" for target, group in done.groupby("target")[column])


# ---- facts: one each, or a list that is empty where there is nothing to say ------------------------------------------


def listed(names: Iterable[object]) -> str:
    """Name things in a row."""
    return ", ".join(map(str, names))


def span(numbers: pd.Series, form: str = "{}") -> str:
    """Say from where to where numbers go: 1 to 3, or 3 where they are all the same."""
    return " to ".join(dict.fromkeys(form.format(end) for end in (numbers.min(), numbers.max())))


def values(rows: pd.DataFrame, key: str) -> str:
    """Say which values of a key the rows have: budget quick."""
    return f"{key} {listed(rows[key].dropna().unique()) or MISSING}"


def fixed(rows: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Say of each key that has one value in all rows which it is."""
    varying = varying_keys(rows, keys)
    return [f"{key} {rows[key].iloc[0]}" for key in keys if key not in varying]


def support(names: pd.Series) -> str:
    """Say where support sets came from; rows that were not adapted have `none`."""
    return f"support {listed(name for name in names.unique() if name != 'none') or 'none'}"


def incomparable(rows: pd.DataFrame) -> list[str]:
    """Warn of rows that do not compare with one another."""
    mixed = mixtures(rows)
    return [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if mixed else []


def contamination(done: pd.DataFrame) -> list[str]:
    """Say how many frames of the support sets were abnormal, if any."""
    most = done["contamination"].max()
    return [f"up to {most:.0f} % of the support frames are abnormal"] if most > 0 else []


def reverted(rows: pd.DataFrame) -> list[str]:
    """Explain the mark of what was taken back, if anything was."""
    return [REVERTED_NOTE] if (rows["reverted"] > 0).any() else []


def missing(rows: pd.DataFrame) -> list[str]:
    """Say how many cells are missing, and why, if any."""
    absent = rows[rows["status"] != "done"]
    kinds = listed(sorted(absent["status"].unique()))
    return [f"{len(absent)} of {len(rows)} cells missing ({kinds})"] if len(absent) else []

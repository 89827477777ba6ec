"""What a reader must know to read a table or figure"""

from __future__ import annotations

import pandas as pd

from crossvad.evaluation.metrics import FALSE_ALARMS
from crossvad.evaluation.selection import mixtures
from crossvad.evaluation.tidy import LOCATED
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
    metrics = metrics or ("auc",)
    done = rows[rows["status"] == "done"]
    facts = [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if (mixed := mixtures(rows)) else []
    if percent := [metric for metric in metrics if metric != "delay"]:
        facts.append(f"{', '.join(percent)} in %")
    for name in ("protocol", "budget", "device", "version"):
        facts.append(f"{name} {', '.join(map(str, done[name].dropna().unique())) or MISSING}")
    supports = [support for support in done["support"].unique() if support != "none"]
    facts.append(f"support {', '.join(supports) or 'none'}")
    contaminated = done["contamination"].dropna()
    if contaminated.max() > 0:
        facts.append(f"up to {contaminated.max():.0f} % of the support frames are abnormal")
    facts.append(f"seeds {', '.join(map(str, sorted(done['seed'].unique())))}")
    if "paper_auc" in metrics:  # its own frames count, from 4 + K on
        which = "paper_auc: " if len(metrics) > 1 else ""
        facts.append(f"{which}the same raw scores read by the rules of protocol paper")
    if {*metrics} != {"paper_auc"}:
        scored = done.groupby("target")[["frames", "videos"]].max()
        facts += [f"{target}: {int(f)} frames of {int(v)} videos" for target, (f, v) in scored.iterrows()]
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
    if (done["source"] == done["target"]).any():
        facts.append("source = target (* in a matrix): trained on the same camera's training video")
    if (done["reverted"] > 0).any():
        facts.append(REVERTED_NOTE)
    missing = rows[rows["status"] != "done"]
    if len(missing):
        facts.append(f"{len(missing)} of {len(rows)} cells missing ({', '.join(sorted(missing['status'].unique()))})")
    return "; ".join(facts)


def _per_target(done: pd.DataFrame, column: str, form: str = "{:.1f}") -> str:
    """A column's value for each target; its range where rows differ."""
    texts = []
    for target, values in done.groupby("target")[column]:
        ends = [form.format(end) for end in (values.min(), values.max())]
        texts.append(f"{target}: {' to '.join(dict.fromkeys(ends))}")
    return ", ".join(texts)

"""What a reader must know to read a table or figure: the facts that captions are made of, and the caption of tables."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from crossvad.datasets.wording import condition, sentence
from crossvad.datasets.words import number_of
from crossvad.evaluation import stuck_cues
from crossvad.evaluation.metrics import METRICS, Metric
from crossvad.evaluation.rows import committed_among_own, mixtures, varying_keys
from crossvad.evaluation.selection import KEYS
from crossvad.evaluation.statistics import HELD, LEVEL, TRUSTED
from crossvad.planning.names import split_options
from crossvad.planning.protocol import get_protocol
from crossvad.present.tables import COMMITTED, MISSING, REVERTED, STUCK, TRANSDUCTIVE
from crossvad.present.words import CONTROLS

REVERTED_NOTE = f"{REVERTED}: some adaptation raised its own support loss, and was taken back"
COMMITTED_NOTE = f"{COMMITTED}: committed in reference/, not run here (" + condition("place=runs") + " leaves it out)"
TRANSDUCTIVE_NOTE = f"{TRANSDUCTIVE} (%s): transductive, ranks frames by the whole test video or scene"
STUCK_NOTE = (
    f"{STUCK}: a cue says nothing about more than {100 * stuck_cues.STUCK:.0f} % of the frames, which share its lowest "
    "or highest value"
)


def table_title(tidy: pd.DataFrame, metrics: list[str]) -> str:
    """Name sources, targets and metrics of a table, in a line."""
    shown = listed(METRICS[name].title if name in METRICS else name for name in metrics)
    return f"{listed(tidy['source'].unique())} → {listed(tidy['target'].unique())}: {shown}"


def caption(rows: pd.DataFrame, *metrics: str, intervals: bool = True) -> str:
    """Say what a reader must know to read a table: metrics, protocol, budget, support, seeds, device, scored frames.

    Without `intervals` it shows means over seeds alone.
    """
    shown = [METRICS[name] for name in metrics or ("auc",)]
    done = rows[rows["status"] == "done"]
    if not len(done):  # no score, so no frames, seeds or devices of any
        return sentence(["none of these cells is finished", values(rows, "budget"), *committed(rows), *missing(rows)])
    percent = [metric.title for metric in shown if metric.unit == "%"]
    facts = [
        *incomparable(rows),
        *([f"{', '.join(percent)} in %"] if percent else []),
        protocols(done),
        *(values(done, key) for key in ("budget", "device", "version")),
        support(done["support"]),
        *contamination(done),
        seed_numbers(done["seed"]),
        *_frames(done, shown),
        *_metrics(done, shown, intervals),
    ]
    if (done["source"] == done["target"]).any():
        facts.append("source = target (* in a matrix): trained on the same camera's training video")
    return sentence([*facts, *reverted(done), *stuck(done), *transductive(done), *committed(rows), *missing(rows)])


def _frames(done: pd.DataFrame, shown: Sequence[Metric]) -> list[str]:
    """Say which frames were scored. A metric with rules of its own counts its own."""
    facts = []
    for metric in shown:
        if metric.rules:
            which = f"{metric.title}: " if len(shown) > 1 else ""
            facts.append(f"{which}the same raw scores read by the rules of {protocols(done, metric.rules.name)}")
    if all(metric.rules for metric in shown):
        facts += partial(done)
    else:
        most, videos = done.groupby("target")["frames"].max(), _coverage(done)
        facts += [f"{target}: {int(frames)} frames of {videos[target]}" for target, frames in most.items()]
    return [*facts, *one_class(done)]


def _metrics(done: pd.DataFrame, shown: Sequence[Metric], intervals: bool) -> list[str]:
    """Say what there is to know of each metric."""
    facts = []
    several = done["seed"].nunique() > 1
    if several and intervals and not any(metric.interval for metric in shown):
        facts.append("±: standard deviation over seeds")
    if any(metric.interval for metric in shown) and len(done["protocol"].unique()) == 1:
        chosen = get_protocol(done["protocol"].iloc[0])
        if intervals:
            facts += ["brackets: 95 % bootstrap over videos"] if done["auc_low"].notna().any() else []
            facts += ["±: standard deviation over seeds"] if several else []
            facts += [*_no_interval(done[done["auc"].notna() & done["auc_low"].isna()]), *_too_narrow(done)]
        elif several:
            facts.append("means over seeds")
        if chosen.common_mask:
            facts.append(f"first {chosen.first_frame(0)} frames of a test video not scored")
    notes = [
        _filled(metric.note, done, metric.beside) for metric in METRICS.values() if metric in shown and metric.note
    ]
    return [*facts, *dict.fromkeys(notes)]


def _too_narrow(done: pd.DataFrame) -> list[str]:
    """Warn of intervals so near to certainty that they hold the truth less often than they say, if any is shown."""
    alone = ~done.duplicated([key for key in KEYS if key != "seed"], keep=False)  # one seed: shown with an interval
    far = (done["auc"] - 50).abs() > 100 * TRUSTED - 50
    if not (alone & far & done["auc_low"].notna()).any():
        return []
    return [f"brackets of an AUC above {100 * TRUSTED:.0f} hold the truth {HELD} times in 100, not {100 * LEVEL:.0f}"]


def _filled(note: str, done: pd.DataFrame, columns: Sequence[str]) -> str:
    """Fill a metric's note in: each {column:form} becomes the column's values by target."""
    return note.format(**{column: _PerTarget(done, column) for column in columns})


@dataclass(frozen=True)
class _PerTarget:
    """A column's value for each target, or its range where rows differ, to be formatted."""

    done: pd.DataFrame
    column: str

    def __format__(self, form: str) -> str:
        groups = self.done.groupby("target")[self.column]
        return ", ".join(f"{target}: {span(group, f'{{:{form}}}')}" for target, group in groups)


def _coverage(rows: pd.DataFrame) -> dict[Hashable, str]:
    """Say how many videos of each target were scored, and of how many if some are missing: 17 of 36 videos."""
    most: pd.DataFrame = rows.groupby("target")[["videos", "of_videos"]].max()
    return {
        target: f"{int(scored)} of {number_of(int(published), 'video')}"
        if scored < published
        else number_of(int(scored), "video")
        for target, scored, published in most.itertuples(name=None)
    }


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


def protocols(rows: pd.DataFrame, name: str = "") -> str:
    """Say which protocol read the rows, and where it follows their methods' authors, what these do with scores.

    Args:
        rows: of cells, with their `postprocessing`.
        name: of the protocol; empty: the rows say it.
    """
    names = [name] if name else list(rows["protocol"].dropna().unique())
    said = f"protocol {listed(names) or MISSING}"
    if not any(get_protocol(each).smooth == "published" for each in names):
        return said
    methods = rows.assign(method=[split_options(method)[0] for method in rows["method"]])
    ways = [f"{listed(of['method'].unique())}: {way}" for way, of in methods.groupby("postprocessing", sort=False)]
    return f"{said}, each method as its authors evaluate it ({'; '.join(ways)})"


def fixed(rows: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """Say of each key that has one value in all rows which it is."""
    varying = varying_keys(rows, keys)
    return [f"{key} {rows[key].iloc[0]}" for key in keys if key not in varying]


def support(names: pd.Series) -> str:
    """Say where support sets came from; rows that were not adapted have `none`."""
    return f"support {listed(name for name in names.unique() if name != 'none') or 'none'}"


def supports(adapted: pd.DataFrame) -> list[str]:
    """Say where support sets of adapted rows came from, on which targets where that differs."""
    of = adapted.groupby("target")["support"].first()
    if of.nunique() < 2:
        return [support(of)] if len(of) else []
    return ["support " + " | ".join(f"{name} on {listed(targets.index)}" for name, targets in of.groupby(of))]


def incomparable(rows: pd.DataFrame) -> list[str]:
    """Warn of rows that do not compare with one another."""
    mixed = mixtures(rows)
    return [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if mixed else []


def contamination(done: pd.DataFrame) -> list[str]:
    """Say how many frames of the support sets were abnormal, if any."""
    most = done["contamination"].max()
    return [f"up to {most:.0f} % of the support frames are abnormal"] if most > 0 else []


def partial(rows: pd.DataFrame) -> list[str]:
    """Say of each target whose published test videos were not all scored how many were."""
    lacking = rows[rows["videos"] < rows["of_videos"]]
    return [f"{target}: {videos}" for target, videos in _coverage(lacking).items()]


def one_class(done: pd.DataFrame) -> list[str]:
    """Say on which targets finished cells have no AUC, if there are any."""
    targets = listed(done.loc[done["auc"].isna(), "target"].unique())
    return [f"no AUC on {targets}: all counted frames are of one class"] if targets else []


def undrawn(methods: Iterable[str]) -> list[str]:
    """Say which of some methods no figure draws, as they are no detectors."""
    there = {method.partition("[")[0] for method in methods}
    names = [name for name in CONTROLS if name in there]
    return [f"not drawn, as no detectors: {listed(names)}"] if names else []


def reverted(rows: pd.DataFrame) -> list[str]:
    """Explain the mark of what was taken back, if anything was."""
    return [REVERTED_NOTE] if (rows["reverted"] > 0).any() else []


def stuck(rows: pd.DataFrame) -> list[str]:
    """Explain the mark of cues that say nothing, if any does."""
    return [f"{STUCK_NOTE} (up to {rows['stuck'].max():.0f} %)"] if (rows["stuck"] > 0).any() else []


def transductive(rows: pd.DataFrame) -> list[str]:
    """Explain the mark of what is transductive, if anything is, and name it."""
    ahead = rows.loc[rows["transductive"] > 0, "method"].unique()
    return [TRANSDUCTIVE_NOTE % listed(ahead)] if len(ahead) else []


def seed_numbers(seeds: Iterable[int]) -> str:
    """Name seeds: seed 0; seeds 0, 1, 2; no seed."""
    numbers = sorted(set(seeds))
    if not numbers:
        return "no seed"
    return f"seed{'' if len(numbers) == 1 else 's'} {listed(numbers)}"


def seed_counts(counts: pd.Series) -> str:
    """Say of how many seeds each of some things is: 3 seeds, 1 to 3 seeds, 1 seed."""
    return f"{span(counts)} seed{'' if counts.max() == 1 else 's'}"


def paired_intervals(differences: pd.DataFrame, what: str) -> list[str]:
    """Say what the intervals of differences are, and where there is none."""
    facts = []
    if differences["fewer"].any():
        facts.append("gains over the same method: of the seeds that are there adapted and not, – where there are none")
    if (known := differences["low"].notna()).any():
        several = differences["seeds"].max() > 1
        over = "videos and spread over seeds" if several else "videos alone (one seed)"
        facts += [f"brackets: {what}, paired bootstrap over {over}", *one_fit(differences)]
        if (differences["low"] <= -100).any() or (differences["high"] >= 100).any():
            facts.append("brackets end at ±100, as no two AUCs differ by more: too few videos or seeds to say")
    return facts + _no_interval(differences[~known & differences["difference"].notna()])


def one_fit(rows: pd.DataFrame) -> list[str]:
    """Name the methods, among rows of more seeds, of which one training was seen: its spread is in no interval."""
    sources: dict[str, set[str]] = {}  # from which each was trained once
    for text, source in rows[["one_fit", "source"]].dropna().drop_duplicates().to_numpy():
        for name in text.split(", "):
            sources.setdefault(name, set()).add(source)
    if not sources or rows["seeds"].max() == 1:
        return []
    every = {*rows["source"]}
    names = [name if own == every else f"{name} ({listed(sorted(own))})" for name, own in sources.items()]
    return [f"one seed of {listed(names)}: of these fits alone"]


def _no_interval(rows: pd.DataFrame) -> list[str]:
    targets = listed(rows["target"].unique())
    return [f"no interval on {targets}: abnormal or normal frames in less than two videos"] if targets else []


def committed(rows: pd.DataFrame) -> list[str]:
    """Explain the mark of committed cells, if some are among one's own."""
    return [COMMITTED_NOTE] if committed_among_own(rows).any() else []


def missing(rows: pd.DataFrame) -> list[str]:
    """Say how many cells are missing, and why, if any."""
    absent = rows[rows["status"] != "done"]
    kinds = listed(sorted(absent["status"].unique()))
    return [f"{len(absent)} of {len(rows)} cells missing ({kinds})"] if len(absent) else []

"""What a reader must know of means over cameras"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from crossvad.datasets.wording import sentence
from crossvad.datasets.words import number_of
from crossvad.evaluation.camera_statistics import POWER
from crossvad.evaluation.cameras import ENTRY, CameraComparison
from crossvad.evaluation.comparison import rival
from crossvad.evaluation.statistics import LEVEL
from crossvad.planning.catalogue import NO_TUNING
from crossvad.present import captions

ONE_POPULATION = "cameras of different data sets are drawn together, as if of one population"


def of_means(compared: CameraComparison, against: Sequence[str], protocol: str) -> str:
    """Say what a reader must know to read a table of means over cameras, but for what is left out."""
    entries, cells = compared.entries, compared.cells
    tested = int(entries["p"].notna().sum())
    several = " and ".join(rival(name) for name in against)
    return sentence([
        f"AUC of each camera in %, mean over {cameras(compared)}",
        *([f"difference in points to {several}, paired by camera"] if against else []),
        captions.protocols(cells, protocol),
        *captions.fixed(entries, [key for key in ENTRY if key not in ("method", "tuning", "shots", "steps")]),
        *steps(entries),
        *captions.supports(cells[cells["shots"] > 0]),
        *captions.partial(cells),
        captions.seed_counts(entries["seeds"]),
        *intervals(compared),
        *(_tests(tested) if tested else []),
        *captions.reverted(entries),
        *captions.transductive(entries),
        *captions.committed(entries),
    ])  # fmt: skip


def of_each(compared: CameraComparison) -> str:
    """Say what a reader must know to read a table of the AUC on each camera."""
    return "; ".join([f"AUC in %, mean over seeds: {cameras(compared)}", *captions.transductive(compared.entries)])


def cameras(compared: CameraComparison, together: bool = False) -> str:
    """Count the cameras, those of each target, and their videos; by source where they differ, `together` if alike."""
    counts = {str(source): _counted(cells) for source, cells in compared.cells.groupby("source")}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    return by_source(counts) if together else ", ".join(f"{count} from {source}" for source, count in counts.items())


def by_source(told: Mapping[str, str]) -> str:
    """Say something of each source, once of those of which it is the same: 3 cameras from a, b | 1 camera from c."""
    sources: dict[str, list[str]] = {}
    for source, what in told.items():
        sources.setdefault(what, []).append(source)
    return " | ".join(f"{what} from {', '.join(names)}" for what, names in sources.items())


def _counted(cells: pd.DataFrame) -> str:
    counted = cells.drop_duplicates("camera")
    targets = [f"{target} {count}" for target, count in counted["target"].value_counts(sort=False).sort_index().items()]
    videos = sum(len(wins.abnormal) for wins in counted["wins"])
    return f"{number_of(len(counted), 'camera')} ({', '.join(targets)}; {number_of(videos, 'video')} in all)"


def short(compared: CameraComparison, camera: str) -> str:
    """Name a camera, without its target where no other camera is called so."""
    names = [each.rpartition("/")[2] for each in compared.each.columns]
    name = camera.rpartition("/")[2]
    return name if names.count(name) == 1 else camera


def steps(entries: pd.DataFrame) -> list[str]:
    """Say by how many steps entries adapted, where that is the same for all that took some."""
    taken = entries.loc[(entries["shots"] > 0) & (entries["tuning"] != NO_TUNING), "steps"].unique()
    return [f"steps {taken[0]}"] if len(taken) == 1 else []


def intervals(compared: CameraComparison, drawn: str = "brackets") -> list[str]:
    """Say what the intervals are, which are `drawn` so, and what they take for granted."""
    entries = compared.entries
    if entries["low"].isna().all():
        return ["no interval: of one camera nothing can be told of others"]
    spread = " and spread over seeds" if entries["seeds"].max() > 1 else " (one seed: of these fits alone)"
    facts = [f"{drawn}: {100 * LEVEL:.0f} %, bootstrap over cameras and their videos{spread}"]
    facts += captions.one_fit(entries)
    together = compared.cells.groupby("source")["target"].nunique().max() > 1
    return [*facts, ONE_POPULATION] if together else facts


def _tests(tested: int) -> list[str]:
    adjusted = [f"Holm: two-sided p adjusted over these {tested} differences"] if tested > 1 else ["p: two-sided"]
    detectable = (
        f"detectable: the least true difference in points that such a comparison would find in {100 * POWER:.0f} of "
        f"100 cases, at p < {1 - LEVEL:.2f} unadjusted"
    )
    return [*adjusted, "ahead: on how many cameras", detectable]

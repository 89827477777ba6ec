"""Which method is better on cameras that it has never seen: each entry's mean over them, from stored scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import condition, option
from crossvad.evaluation import comparison
from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.camera_cells import base_name, beside, some, usable
from crossvad.evaluation.camera_statistics import (
    CameraAucs,
    camera_aucs,
    camera_difference,
    camera_draws,
    mean_interval,
)
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.comparison import no_rival, of_one_fit, starts
from crossvad.evaluation.frames import Values
from crossvad.evaluation.statistics import PairCounts, holm

# What has a mean over cameras: seeds are averaged over, and each target has the support that it can have.
ENTRY = ["source", *(key for key in comparison.ENTRY if key not in ("source", "target", "support"))]
WHAT = "this mean over cameras"
ANY = "any"  # the source where nothing learned from one
METHOD = ENTRY.index("method")
Key = tuple[Any, ...]


@dataclass(frozen=True)
class CameraComparison:
    """Entries on the cameras that all of them and their rivals were scored on."""

    entries: pd.DataFrame  # a row per entry and rival: see `compare_cameras`
    each: pd.DataFrame  # AUC in %, mean over seeds: a row per entry, by `ENTRY`, and a column per camera
    cells: pd.DataFrame  # rows of `counted_by_camera` that were counted of the entries
    left_out: Sequence[str] = ()  # facts: what was not counted, and why
    fits: Mapping[Key, tuple[CameraAucs, list[int]]] = field(default_factory=dict)  # of each entry: its AUCs, its seeds

    def p_values(self, source: str) -> tuple[list[Key], Values]:
        """Compare every two entries of a source: their keys, best first, and p of no difference, two-sided, (n, n).

        NaN of a single camera.
        """
        keys = sorted(
            (key for key in self.fits if key[0] == source), key=lambda key: -self.fits[key][0].measured.mean()
        )
        p = np.ones((len(keys), len(keys)))
        for one, other in combinations(range(len(keys)), 2):
            (first, seeds), (second, others) = self.fits[keys[one]], self.fits[keys[other]]
            same = keys[one][METHOD] == keys[other][METHOD] and seeds == others
            p[one, other] = p[other, one] = camera_difference(first, second, same).p
        return keys, p


def of_one_kind(cells: pd.DataFrame) -> list[Alike]:
    """What cells must agree in to be averaged over cameras."""
    told = cells.assign(adapted=cells["shots"] > 0)  # what is not has no support, which a choice must keep
    return [Alike(cells, "budget"), Alike(told, "support", ["target", "adapted"])]


def compare_cameras(
    cells: pd.DataFrame, against: Sequence[str] = (), among: pd.DataFrame | None = None
) -> CameraComparison:
    """Each entry's mean over cameras, and its difference to rivals, paired by camera.

    Of a source, those cameras are counted on which all its entries and their rivals have an AUC. What learns nothing
    from a source counts beside every one. Not counted is a target that the method was trained on.

    Args:
        cells: rows of `counted_by_camera`.
        against: rivals: methods at K = 0, by name, and `itself`, the entry's own method at K = 0.
        among: more rows, among which rivals are looked for; None: the same.

    Returns:
        In `entries`: `ENTRY`, seeds, one_fit, reverted, place, cameras, videos; auc, low and high, the mean over
        cameras and its interval, in %; worst_camera and worst, its AUC; against, difference, difference_low,
        difference_high and detectable, in points; p, and p_holm, adjusted over all rows (Holm); and ahead, on how many
        cameras. NaN where an entry has no such rival, or of a single camera. Best first.

    Raises:
        InputError: there is no such rival, no camera or seed that all have, a camera that would count twice, two
            budgets, two supports on one target, or entries that count different frames.
    """
    refuse_mixtures(*of_one_kind(cells), what=WHAT)
    counting, left_out = usable(cells)
    if counting.empty:
        fix = "choose other cells with " + option("where") + f" ({'; '.join(left_out)})"
        raise InputError(WHAT, "has no camera that counts", fix)
    pool, _ = usable(cells if among is None else among)
    learned = counting.loc[~counting["untrained"].astype(bool), "source"].unique()
    sources = sorted(learned) or [ANY]
    parts = [_Part(source, beside(counting, source), beside(pool, source), against) for source in sources]
    for rival in sorted({*against}.difference(*({name for _, name in part.rivals} for part in parts))):
        raise no_rival(rival, cells if among is None else among)
    found = [part.compared() for part in parts]
    entries = pd.concat([each.entries for each in found], ignore_index=True).assign(p_holm=np.nan)
    tested = entries["p"].notna()
    entries.loc[tested, "p_holm"] = holm(entries.loc[tested, "p"].to_numpy(float))
    facts = [f"{part.source}: {fact}" if len(parts) > 1 else fact for part in parts for fact in part.left_out]
    return CameraComparison(
        entries,
        pd.concat([each.each for each in found]),
        pd.concat([each.cells for each in found]),
        left_out + facts,
        {key: fit for each in found for key, fit in each.fits.items()},
    )


def entry_name(key: Key) -> str:
    """Name an entry in a message."""
    entry = dict(zip(ENTRY, key, strict=True))
    tuned = [entry["tuning"]] if entry["tuning"] != "none" else []
    steps = [f"steps = {entry['steps']}"] if entry["steps"] > 1 else []
    details = ", ".join([*tuned, f"K = {entry['shots']}", *steps])
    return f"{entry['method']} ({details})"


@dataclass
class _Part:
    """The entries of one source, beside those that have none."""

    source: str
    cells: pd.DataFrame
    pool: pd.DataFrame  # where rivals are
    against: Sequence[str]
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.groups = {key: group for key, group in self.cells.groupby(ENTRY, sort=False)}
        candidates = {key: group for key, group in self.pool.groupby(ENTRY, sort=False)}
        self.rivals: dict[tuple[Key, str], Key] = {}  # of which entry, as what, which one
        for key in self.groups:
            for against in self.against:
                entry = dict(zip(ENTRY, key, strict=True)) | {"support": "", "target": ""}
                keys = [tuple(start[name] for name in ENTRY) for start in starts(entry, against)]
                rival = next((each for each in keys if each in candidates), None)
                if rival is not None:
                    self.rivals[key, against] = rival
        self.compared_groups = {rival: candidates[rival] for rival in self.rivals.values()} | self.groups

    def compared(self) -> CameraComparison:
        """Compare them; see `compare_cameras`."""
        cameras = self._common_cameras()
        counted = self.cells[self.cells["camera"].isin(cameras)]
        self._refuse_other_frames(cameras)
        seeds = {key: self._common_seeds(key, group, cameras) for key, group in self.compared_groups.items()}
        fits = {key: self._fits(key, seeds[key], cameras) for key in seeds}
        first = next(iter(fits.values()))[0]
        draws, videos = camera_draws(first), sum(len(each.abnormal) for each in first)
        aucs = {key: camera_aucs(each, draws) for key, each in fits.items()}
        rows = []
        for key in sorted(self.groups, key=lambda key: -aucs[key].measured.mean()):
            group = self.groups[key]
            used = group[group["camera"].isin(cameras) & group["seed"].isin(seeds[key])]
            entry = dict(zip(ENTRY, key, strict=True)) | _mean(aucs[key], cameras)
            entry |= {"seeds": len(seeds[key]), "videos": videos, "reverted": 100 * used["reverted"].mean()}
            entry |= {"transductive": bool(used["transductive"].any())}
            entry |= {PLACE: ", ".join(sorted(used[PLACE].unique()))}
            for against in self.against or [""]:
                rival = self.rivals.get((key, against))
                sides = {each: seeds[each] for each in (key, rival) if each is not None}
                same = bool(rival and rival[METHOD] == entry["method"] and not group["untrained"].all())
                if rival is not None and same and seeds[rival] != seeds[key]:
                    # Adapted or not: what a fit has of its seed is no gain.
                    sides = dict.fromkeys(sides, self._shared_seeds(key, rival, seeds))
                one_fit = of_one_fit(*(self._of_seeds(each, of) for each, of in sides.items() if of))
                rows.append(entry | {"against": against, "one_fit": one_fit})
                if rival is not None and rival != key and all(sides.values()):
                    ours, theirs = (
                        aucs[each] if of == seeds[each] else camera_aucs(self._fits(each, of, cameras), draws)
                        for each, of in sides.items()
                    )
                    rows[-1] |= _difference(ours, theirs, same)
        columns = [
            *ENTRY, "seeds", "one_fit", "reverted", "transductive", PLACE, "cameras", "videos", "auc", "low", "high",
            "worst_camera", "worst", "against", "difference", "difference_low", "difference_high", "detectable", "p",
            "ahead",
        ]  # fmt: skip
        entries = pd.DataFrame(rows, columns=columns)
        keys = list(dict.fromkeys(entries[ENTRY].itertuples(index=False, name=None)))
        index = pd.MultiIndex.from_tuples(keys, names=ENTRY)
        each = pd.DataFrame([100 * aucs[key].by_camera for key in keys], index, columns=cameras)
        return CameraComparison(entries, each, counted, fits={key: (aucs[key], seeds[key]) for key in keys})

    def _common_cameras(self) -> list[str]:
        """The cameras that all that is compared has, and none twice; those that an entry lacks are told of."""
        have = {key: set(group["camera"]) for key, group in self.compared_groups.items()}
        common = set.intersection(*have.values()) if have else set()
        asked = set().union(*(have[key] for key in self.groups))
        lacking: dict[tuple[str, ...], list[str]] = {}
        for camera in sorted(asked - common):
            lacking.setdefault(tuple(entry_name(key) for key in have if camera not in have[key]), []).append(camera)
        self.left_out += [f"left out: {some(names)} (not of {some(who)})" for who, names in lacking.items()]
        if not common:
            least = min(have, key=lambda key: len(have[key])) if have else None
            fix = f"{entry_name(least)} is on {some(sorted(have[least]))} alone: " if least else ""
            told = "; ".join(self.left_out)
            fix = fix + "narrow with " + option("where") + f" ({told})"
            raise InputError(WHAT, "has no camera that all of its entries have", fix)
        targets: dict[str, set[str]] = {}
        for target in self.cells.loc[self.cells["camera"].isin(common), "target"].unique():
            targets.setdefault(base_name(target), set()).add(target)
        for twins in targets.values():
            if len(twins) > 1:
                fix = "add " + condition("target=" + ",".join(sorted(map(min, targets.values()))))
                raise InputError(WHAT, f"would count the cameras of {' and '.join(sorted(twins))} twice", fix)
        return sorted(common)

    def _fits(self, key: Key, seeds: Sequence[int], cameras: Sequence[str]) -> list[list[PairCounts]]:
        """What an entry's AUCs are made of, by seed and camera."""
        group = self.compared_groups[key]
        wins = dict(zip(zip(group["seed"], group["camera"], strict=True), group["wins"], strict=True))
        return [[wins[seed, camera] for camera in cameras] for seed in seeds]

    def _shared_seeds(self, key: Key, rival: Key, seeds: Mapping[Key, Sequence[int]]) -> list[int]:
        """The seeds that both of two entries of one method have: those of the same fits. They are told."""
        shared = sorted({*seeds[key]} & {*seeds[rival]})
        which = f"of seed{'' if len(shared) == 1 else 's'} {', '.join(map(str, shared))}, which both have"
        told = which if shared else "no seed that both have"
        self.left_out.append(f"{entry_name(key)} less {entry_name(rival)}: {told}")
        return shared

    def _of_seeds(self, key: Key, seeds: Sequence[int]) -> pd.DataFrame:
        group = self.compared_groups[key]
        return group[group["seed"].isin(seeds)]

    def _refuse_other_frames(self, cameras: Sequence[str]) -> None:
        """Refuse to compare entries that count different frames."""
        first = next(iter(self.compared_groups))
        reference = self.compared_groups[first].groupby("target")["frames"].first()
        for key, group in self.compared_groups.items():
            for target, frames in group.loc[group["camera"].isin(cameras), ["target", "frames"]].to_numpy():
                if frames != reference[target]:
                    what = f"and {entry_name(first)} on {target} count different frames"
                    raise InputError(entry_name(key), what, "compare by a protocol with one mask: fair")

    def _common_seeds(self, key: Key, group: pd.DataFrame, cameras: Sequence[str]) -> list[int]:
        """The seeds of an entry that it has on every camera: a fit is shared by all of them."""
        seeds = group[group["camera"].isin(cameras)].groupby("camera")["seed"].agg(set)
        common = set.intersection(*seeds)
        if not common:
            raise InputError(entry_name(key), "has no seed that was run on all of these cameras", "run one on all")
        if lacking := sorted(set.union(*seeds) - common):
            which = f"seed{'' if len(lacking) == 1 else 's'} {', '.join(map(str, lacking))}"
            self.left_out.append(f"left out: {which} of {entry_name(key)} (not on all cameras)")
        return sorted(common)


def _mean(aucs: CameraAucs, cameras: Sequence[str]) -> dict[str, Any]:
    low, high = mean_interval(aucs)
    worst = int(np.argmin(aucs.by_camera))
    row = {"auc": aucs.measured.mean(), "low": low, "high": high, "worst": aucs.by_camera[worst]}
    return {name: 100 * float(value) for name, value in row.items()} | {
        "cameras": len(cameras),
        "worst_camera": cameras[worst],
    }


def _difference(first: CameraAucs, second: CameraAucs, same_fits: bool) -> dict[str, Any]:
    gap = camera_difference(first, second, same_fits)
    points = {"difference": gap.mean, "difference_low": gap.low, "difference_high": gap.high}
    points |= {"detectable": gap.detectable}
    ahead = int((first.by_camera > second.by_camera).sum())
    return {name: 100 * value for name, value in points.items()} | {"p": gap.p, "ahead": ahead}

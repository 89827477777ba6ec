"""How often the intervals of `evaluation/camera_statistics.py` hold the truth, on made-up cameras of which it is known.

    python tests/intervals/camera_coverage.py                                   # some minutes
    python tests/intervals/camera_coverage.py --cameras 10x6,shanghaitech --auc 0.75,0.9 --seeds 1,3 --sets 1000

Two equally good detectors of several seeds each see the same videos of the same cameras. A score is noise as in
`made_up_sets.py` plus a shift where the frame is abnormal: the detector's own, plus what a camera, a detector on a
camera, a seed, and a seed on a camera change of it, drawn with the standard deviations that --spreads gives in this
order. What is found with one seed is said of that fit alone, so seeds then change nothing. Cameras: 10x6, ten of six
videos each; or shanghaitech, twelve of 1 to 34.

A line says how often the interval of a difference holds the zero, how often that of a mean holds what means over ever
more such cameras read, and how wide it is; then the same of the difference where seeds are drawn with replacement, too,
and of the percentile interval of that bootstrap; and how often a true difference as large as that called detectable is
found. All in %; ± the error of a share by chance.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass

import numpy as np
from made_up_sets import Setting, TestSets
from scipy.stats import norm, t

from crossvad.datasets.published import manifest
from crossvad.evaluation.camera_statistics import camera_aucs, camera_difference, camera_draws, mean_interval
from crossvad.evaluation.statistics import PairCounts, pair_counts

SHARED, OWN, OF_SEED = 0.7, 0.2, 0.1  # of the noise: of both detectors, of one, of one fit
COLUMNS = ("cameras", "AUC", "spreads", "seeds", "difference", "mean", "width", "drawn", "percentile", "power")
LABELS = "shanghaitech"


@dataclass(frozen=True)
class World:
    """One kind of cameras and detectors."""

    videos: list[int]  # of each camera
    auc: float  # on a camera like the mean
    spreads: tuple[float, float, float, float]  # of the shift: camera, detector on camera, seed, seed on camera
    seeds: int


def cameras_of(text: str) -> list[int]:
    if text == LABELS:
        names = [name.partition("_")[0] for name in manifest.load(LABELS, "frames").test]
        return [names.count(camera) for camera in sorted(set(names))]
    cameras, videos = map(int, text.split("x"))
    return [videos] * cameras


def drawn(world: World, sets: TestSets, raised: float = 0.0) -> list[list[list[PairCounts]]]:
    """Two detectors' seeds on cameras: [detector][seed][camera]; the first one's shift is `raised`."""
    random, (camera, own, seed, both) = sets.random, world.spreads
    shift = np.sqrt(2) * norm.ppf(world.auc)
    of_seeds = seed * random.normal(size=(2, world.seeds))
    found: list[list[list[PairCounts]]] = [[[] for _ in range(world.seeds)] for _ in range(2)]
    for videos in world.videos:
        labels, joined, owners = sets.of_both_classes(videos)
        shared, here = sets.noise(labels), camera * random.normal()
        for detector in range(2):
            noise = np.sqrt(SHARED) * shared + np.sqrt(OWN) * sets.noise(labels)
            mine = shift + here + own * random.normal() + (raised if detector == 0 else 0)
            for number in range(world.seeds):
                rise = mine + of_seeds[detector, number] + both * random.normal()
                scores = rise * joined + noise + np.sqrt(OF_SEED) * sets.noise(labels)
                found[detector][number].append(pair_counts(joined, scores, owners))
    return found


def mean_auc(detector: list[list[PairCounts]]) -> float:
    return float(np.mean([[wins.auc for wins in cameras] for cameras in detector]))


def looked_at(world: World, sets: TestSets, count: int, resamples: int) -> tuple[np.ndarray, float]:
    """A row per set of cameras: what holds, and how wide; and the mean detectable difference."""
    alone = World(world.videos, world.auc, world.spreads, 1)
    truth = float(np.mean([mean_auc(detector) for _ in range(count) for detector in drawn(alone, sets)]))
    rows, detectable = [], []
    for _ in range(count):
        seeds = drawn(world, sets)
        draws = camera_draws(seeds[0][0], resamples)
        first, second = (camera_aucs(detector, draws) for detector in seeds)
        gap, (low, high) = camera_difference(first, second), mean_interval(first)
        # With seeds drawn, too: each resample's mean is of seeds that are drawn for it, the same on all cameras.
        each = [[camera_aucs([cameras], draws).resampled for cameras in detector] for detector in seeds]
        times = sets.random.multinomial(world.seeds, np.full(world.seeds, 1 / world.seeds), (2, resamples))
        sides = [np.einsum("rs,sr->r", n, np.array(own)) / world.seeds for n, own in zip(times, each, strict=True)]
        reach = t.ppf(0.975, len(world.videos) - 1) * np.std(sides[0] - sides[1], ddof=1)
        usual = np.quantile(sides[0] - sides[1], [0.025, 0.975])
        detectable.append(gap.detectable)
        row = (gap.low <= 0 <= gap.high, low <= truth <= high, high - low, abs(gap.mean) <= reach)
        rows.append((*row, usual[0] <= 0 <= usual[1]))
    return np.array(rows, float), float(np.median(detectable))


def power(world: World, sets: TestSets, count: int, resamples: int, detectable: float) -> float:
    """How often a true difference of this size is found."""
    total = np.sqrt(2 + np.square(world.spreads).sum())
    start = norm.cdf(np.sqrt(2) * norm.ppf(world.auc) / total)
    raised = total * norm.ppf(min(start + detectable, 0.999)) - np.sqrt(2) * norm.ppf(world.auc)
    found = 0
    for _ in range(count):
        seeds = drawn(world, sets, raised)
        draws = camera_draws(seeds[0][0], resamples)
        found += camera_difference(*(camera_aucs(detector, draws) for detector in seeds)).p < 0.05
    return found / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cameras", default="10x6,15x6,shanghaitech")
    parser.add_argument("--auc", default="0.75,0.9")
    parser.add_argument("--spreads", default="0:0.05:0.05:0.05,0.4:0.3:0.15:0.15,0.4:0.3:0.6:0.15")
    parser.add_argument("--seeds", default="1,3")
    parser.add_argument("--sets", type=int, default=300, help="simulated sets of cameras per line")
    parser.add_argument("--resamples", type=int, default=400)
    asked = parser.parse_args()
    print(("{:>13}" * len(COLUMNS)).format(*COLUMNS))
    grid = (getattr(asked, name).split(",") for name in ("cameras", "auc", "spreads", "seeds"))
    for cameras, auc, spreads, seeds in itertools.product(*grid):
        camera, own, seed, both = map(float, spreads.split(":"))
        seed = seed if int(seeds) > 1 else 0.0
        world = World(cameras_of(cameras), float(auc), (camera, own, seed, both), int(seeds))
        sets = TestSets(Setting(LABELS, float(auc)))
        rows, detectable = looked_at(world, sets, asked.sets, asked.resamples)
        mean = 100 * rows.mean(0)
        error = 100 * np.sqrt(mean[0] / 100 * (1 - mean[0] / 100) / asked.sets)
        shares = [f"{mean[0]:.1f} ± {error:.1f}", *(f"{each:.1f}" for each in mean[1:])]
        shares.append(f"{100 * power(world, sets, asked.sets // 2, asked.resamples, detectable):.0f}")
        print(
            ("{!s:>13}" * len(COLUMNS)).format(cameras, auc, f"{camera:g} {own:g} {seed:g}", seeds, *shares), flush=True
        )


if __name__ == "__main__":
    main()

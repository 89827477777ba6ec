"""How often the intervals of `evaluation/statistics.py` hold the truth, on made-up test sets of which it is known.

    python tests/intervals/coverage.py                                          # a minute for every four lines
    python tests/intervals/coverage.py --datasets avenue,ped1 --auc 0.93,0.98 --tails 3 --steps 0,0.5 --sets 1000

Test sets are made as `made_up_sets.py` says: as many videos as the data set has, their labels drawn from its own. A
line says, of one kind of them, how often the interval of the AUC holds the truth, how often the truth is below it and
above it, how wide it is, and how often the usual percentile interval of the same bootstrap holds it; then how often the
interval of a paired difference of two equally good detectors holds the zero. All in %; after ± the error of a share by
chance, as only so many sets were made.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from made_up_sets import Setting, TestSets

from crossvad.evaluation.statistics import bootstrap_interval, draws, paired_difference

ALIKE = 0.8  # share of the noise of two detectors, whose difference is looked at, that they have in common
COLUMNS = ("dataset", "videos", "AUC", "tails", "step", "holds", "below", "above", "width", "percentile", "difference")


def numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def looked_at(sets: TestSets, count: int, resamples: int) -> np.ndarray:
    """A row per test set: whether the interval holds the truth, the truth is below or above; width; other intervals."""
    rows, videos = [], len(sets.pool)
    counts = draws(videos, resamples)
    for _ in range(count):
        first, second = sets.draw(videos, 2, ALIKE)
        low, high = bootstrap_interval(first, resamples)
        usual = np.nanquantile(first.resampled(counts), [0.025, 0.975])
        gap = paired_difference([first], [second], resamples)
        truth = sets.truth
        row = (low <= truth <= high, truth < low, truth > high, high - low, usual[0] <= truth <= usual[1])
        rows.append((*row, gap.low <= 0 <= gap.high))
    return np.array(rows, float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--datasets", default="ped2,avenue,ped1,shanghaitech")
    parser.add_argument("--auc", type=numbers, default=[0.65, 0.8, 0.93, 0.98])
    parser.add_argument("--tails", type=numbers, default=[np.inf, 3.0], help="degrees of freedom of Student's t")
    parser.add_argument(
        "--steps", type=numbers, default=[0.0, 0.5], help="of rounding, in standard deviations; 0: no ties"
    )
    parser.add_argument("--sets", type=int, default=300, help="simulated test sets per line")
    parser.add_argument("--resamples", type=int, default=1000)
    asked = parser.parse_args()
    print(("{:>13}" * len(COLUMNS)).format(*COLUMNS))
    for dataset, tails, step, auc in itertools.product(asked.datasets.split(","), asked.tails, asked.steps, asked.auc):
        sets = TestSets(Setting(dataset, auc, tails, step))
        mean = 100 * looked_at(sets, asked.sets, asked.resamples).mean(0)
        error = 100 * np.sqrt(mean[0] / 100 * (1 - mean[0] / 100) / asked.sets)
        shares = [f"{mean[0]:.1f} ± {error:.1f}", *(f"{each:.1f}" for each in mean[1:])]
        words = [dataset, len(sets.pool), f"{100 * sets.truth:.1f}", tails, step, *shares]
        print(("{!s:>13}" * len(words)).format(*words), flush=True)


if __name__ == "__main__":
    main()

"""1000 resamples of ShanghaiTech's 40 791 test frames: the bootstrap of `evaluation/statistics.py` by the plain one.

The plain one puts the frames of the drawn videos end to end and asks scikit-learn, once per resample; it is timed on
a few and scaled up. Both read the same draws; the largest difference of their AUCs is printed.

    OMP_NUM_THREADS=1 python tests/speed/bootstrap.py
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from measuring import medians
from sklearn.metrics import roc_auc_score

from crossvad.datasets.published import manifest
from crossvad.evaluation.label_audit import made_up
from crossvad.evaluation.statistics import RESAMPLES, bootstrap_auc, draws, pair_counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="shanghaitech")
    parser.add_argument("--few", type=int, default=20, help="resamples that the plain bootstrap is timed on")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    parts = manifest.load(asked.dataset, "frames").all_labels()
    labels, owners = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    scores = made_up(parts, 0.85, np.random.default_rng(0))[0]
    frames = [np.flatnonzero(owners == video) for video in range(len(parts))]
    counts = draws(len(parts), asked.few)

    def plain() -> list[float]:
        drawn = [np.concatenate([np.tile(own, int(n)) for own, n in zip(frames, row, strict=True)]) for row in counts]
        return [roc_auc_score(labels[chosen], scores[chosen]) for chosen in drawn]

    works = {"plain": plain, "ours": lambda: bootstrap_auc(labels, scores, owners)}
    seconds = medians(works, asked.rounds, torch.device("cpu"))
    difference = np.abs(np.array(plain()) - pair_counts(labels, scores, owners).resampled(counts)).max()
    scaled = seconds["plain"] * RESAMPLES / asked.few
    print(
        f"{asked.dataset}: {len(labels)} frames of {len(parts)} videos, {RESAMPLES} resamples, median of {asked.rounds}"
    )
    print(
        f"plain {scaled:.1f} s (from {asked.few}), ours {seconds['ours']:.3f} s: {scaled / seconds['ours']:.0f} times"
    )
    print(f"largest difference of an AUC: {difference:.1e}")


if __name__ == "__main__":
    main()

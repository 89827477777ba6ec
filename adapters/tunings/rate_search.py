"""Choose how far an adaptation steps, on the source alone: by what it does for scenes that no training saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning

EPISODES, QUERY = 3, 8  # scenes to choose on, and query clips of each


@dataclass(frozen=True)
class RateSearch:
    """The rates that were tried, and what each did to the query loss."""

    option: str  # of the tuning, which the rate is
    rates: list[float]
    losses: list[float]  # geometric mean, over scenes, of the query loss after adapting over that before: < 1 is better
    chosen: float


def search_rate(
    adapter: Adapter,
    tuning: Tuning,
    episodes: Iterable[tuple[Tensor, Tensor]],
    counts: Sequence[int],
    update: Callable[[int, int, str], None] = lambda done, of, note: None,
) -> dict[int, RateSearch]:
    """Try every rate of an undecided tuning on support and query clips of some scenes.

    Args:
        adapter: a fitted method; it stays as it is.
        tuning: with `RATES` to choose from.
        episodes: support (K, T, C, H, W) and query clips (Q, T, C, H, W) of each scene.
        counts: numbers of steps >= 1, ascending; each gets a choice of its own.
        update: told how many of `EPISODES` times all rates have been tried.
    """
    logs: dict[int, dict[float, list[float]]] = {count: {rate: [] for rate in tuning.RATES} for count in counts}
    tried = 0
    for support, query in episodes:
        with torch.no_grad():
            support_features, query_features = adapter.frozen_features(support), adapter.frozen_features(query)
            before = float(adapter.adaptation_loss(query_features))
        for rate in tuning.RATES:
            for count, adapted in zip(
                counts, tuning.with_rate(rate).adapted(adapter, support_features, counts), strict=True
            ):
                with torch.no_grad():
                    logs[count][rate].append(_log_ratio(float(adapted.adaptation_loss(query_features)), before))
            tried += 1
            update(tried, EPISODES * len(tuning.RATES), "")
    return {count: _choose(tuning, tried_rates) for count, tried_rates in logs.items()}


def _choose(tuning: Tuning, logs: dict[float, list[float]]) -> RateSearch:
    means = {rate: sum(values) / len(values) for rate, values in logs.items()}
    losses = torch.tensor(list(means.values()), dtype=torch.float64).exp().tolist()  # 0 or inf where it is past floats
    return RateSearch(tuning.rate, list(means), losses, min(means, key=lambda rate: means[rate]))


def _log_ratio(after: float, before: float) -> float:
    """Log of how the loss changed; losses of some methods may be zero or below, where only the change can count."""
    return math.log(after / before) if after > 0 < before else after - before

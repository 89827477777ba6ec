"""`bench profile`: what methods cost, a line each, and what adapting to so many shots in so many steps costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from crossvad.datasets.words import number_of
from crossvad.present import captions
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING
from crossvad.store.profiles import Profile

MEGA, GIGA = 1e6, 1e9
COLUMNS: dict[str, Callable[[Profile], str]] = {  # -> what stands there
    "parameters, M": lambda p: _number(p.parameters / MEGA, 2),
    "GMAC": lambda p: _number(p.multiply_adds / GIGA, 2),
    "latency, ms (p95)": lambda p: _latency(p),
    "clips/s": lambda p: _number(p.throughput, 1),
    "at batch": lambda p: str(p.batch),
    "from disk, frames/s": lambda p: _number(p.end_to_end, 1),
    "training steps/s": lambda p: _number(p.training_steps, 2),
    "of clips": lambda p: str(p.training_batch) if p.training_batch else MISSING,
    "scoring, MB": lambda p: _number(p.scoring_bytes / MEGA, 0),
    "training, MB": lambda p: _number(p.training_bytes / MEGA, 0) if p.training_bytes else MISSING,
}
ALIKE = ("budget", "size", "width", "channels", "machine", "device", "torch", "video")  # else a column tells them apart


def tabulate(profiles: Sequence[Profile]) -> Tables:
    """Set out what methods cost; of several measurements of the same the last.

    Args:
        profiles: at least one.
    """
    kind = ("method", *ALIKE)  # and no version: of a method that was changed, the last counts
    latest = list({tuple(getattr(each, name) for name in kind): each for each in profiles}.values())
    varying = [name for name in ALIKE if len({getattr(profile, name) for profile in latest}) > 1]
    index = pd.MultiIndex.from_tuples(
        [(profile.method, *(str(getattr(profile, name)) for name in varying)) for profile in latest],
        names=["method", *varying],
    )
    costs = pd.DataFrame({name: [text(p) for p in latest] for name, text in COLUMNS.items()}, index=index)
    parts = [(costs, _caption(latest, varying))]
    adapting = {
        key: {
            f"K = {cost.shots}, {number_of(cost.steps, 'step')}": _number(cost.seconds, 3)
            for cost in profile.adaptation
        }
        for key, profile in zip(index, latest, strict=True)
        if profile.adaptation
    }
    if adapting:
        table = pd.DataFrame.from_dict(adapting, orient="index").fillna(MISSING)
        table.index = pd.MultiIndex.from_tuples(list(adapting), names=index.names)
        note = "seconds from the support clips to a method that is ready to score, the median; one that adapts in "
        parts.append((table, f"adapting: {note}closed form takes no steps"))
    return Tables(parts, title="what methods cost", rows=_rows(latest))


def _caption(profiles: Sequence[Profile], varying: Sequence[str]) -> str:
    """Say what was measured, and where."""
    first, facts = profiles[0], []
    if not {"size", "width", "channels", "budget"} & {*varying}:
        colour = "gray" if first.channels == 1 else "colour"
        facts.append(f"budget {first.budget}: {first.size} pixels, {colour}, width {first.width}")
    facts += [
        f"{name} {getattr(first, name)}" for name in ("machine", "device", "torch", "video") if name not in varying
    ]
    return "; ".join([
        *facts,
        "GMAC: multiply-adds of convolutions and matrix products for one clip, in 10^9",
        "latency: one clip to its score, the median (95th percentile); clips/s: the model alone, at the fastest batch",
        "from disk: the video decoded, scaled down and scored",
        "MB: the most that tensors held while one clip was scored, or in one training step, above what was held before "
        "(weights, and what optimisers keep)",
        *(["methods that score whole videos have no latency"] if any(math.isnan(p.latency) for p in profiles) else []),
        f"measured {captions.listed(sorted({p.finished[:10] for p in profiles}))}",
    ])  # fmt: skip


def _rows(profiles: Sequence[Profile]) -> pd.DataFrame:
    """A row a profile, as it is kept; of adapting a column for each number of shots and steps."""
    rows = []
    for profile in profiles:
        row = {name: value for name, value in vars(profile).items() if name != "adaptation"}
        row |= {f"adapt_{cost.shots}x{cost.steps}_seconds": cost.seconds for cost in profile.adaptation}
        rows.append(row)
    return pd.DataFrame(rows)


def _latency(profile: Profile) -> str:
    if math.isnan(profile.latency):
        return MISSING
    return f"{_number(1000 * profile.latency, 1)} ({_number(1000 * profile.latency_95, 1)})"


def _number(value: float, digits: int) -> str:
    return MISSING if math.isnan(value) else f"{value:,.{digits}f}"

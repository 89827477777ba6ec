"""What methods cost on a machine, as it was measured there, kept beside cells: runs/profiles/<key>/profile.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from crossvad.adapters.options import Budget
from crossvad.datasets.readers.file_identity import small_text
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import digest_of
from crossvad.store.store import Store
from crossvad.store.typed import misfits

KIND, FILE = "profiles", "profile.json"


@dataclass(frozen=True)
class AdaptationCost:
    """Adapting once to a support set."""

    shots: int
    steps: int
    seconds: float  # from clips to a method that is ready to score: the median


@dataclass(frozen=True)
class Profile:
    """What one method costs. A clip is what gives one frame its score."""

    method: str  # label
    method_version: str
    budget: str
    size: int  # pixels
    width: int
    channels: int
    machine: str  # as `execution.device.machine` says it
    device: str
    torch: str
    parameters: int
    multiply_adds: int  # of a clip's score, as torch counts those of convolutions and matrix products
    latency: float  # seconds from one clip to its score, the median; NaN: it scores whole videos
    latency_95: float  # its 95th percentile
    batch: int  # clips at once, of those tried the fastest
    throughput: float  # clips a second at that batch: the model alone, on frames that lie ready
    end_to_end: float  # frames a second, from the video on disk: decoded, scaled down and scored
    video: str  # which
    training_steps: float  # a second; NaN: it has none
    training_batch: int  # clips
    adaptation: tuple[AdaptationCost, ...]
    scoring_bytes: int  # the most that tensors held while a clip was scored, above what was held before
    training_bytes: int  # the same of a training step; 0: it has none
    finished: str  # UTC, ISO 8601

    @property
    def key(self) -> str:
        """By which it is kept: another measurement of the same takes its place."""
        names = ("method", "method_version", "budget", "size", "width", "channels", "machine", "torch", "video")
        return digest_of({name: getattr(self, name) for name in names})


def keep(store: Store, profile: Profile) -> None:
    """Store a profile."""
    with store.writing(KIND, profile.key) as draft:
        (draft / FILE).write_text(json.dumps(asdict(profile), indent=1))


def stored(store: Store) -> Sequence[Profile]:
    """All profiles of a store that can be read, in the order in which they were made."""
    found = []
    for path in store.place(KIND, "").glob(f"[!.]*/{FILE}"):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            told = json.loads(small_text(path))
            adaptation = told.pop("adaptation")
            if misfits(Profile, told) or any(misfits(AdaptationCost, cost) for cost in adaptation):
                continue
            found.append(Profile(**told, adaptation=tuple(AdaptationCost(**cost) for cost in adaptation)))
    return sorted(found, key=lambda profile: profile.finished)


def comparable(found: Sequence[Profile]) -> list[Profile]:
    """The last profile of each method among those of the size and the machine that were measured last."""
    kind = ("size", "width", "channels", "machine", "device", "torch", "video")
    alike = [each for each in found if all(getattr(each, name) == getattr(found[-1], name) for name in kind)]
    return list({each.method: each for each in alike}.values())


def speeds(store: Store) -> dict[tuple[str, ...], float]:
    """Clips a second by method, version, budget and device, on the machine that was measured last.

    None for a store of committed cells alone: their machine is not known.
    """
    found = [] if store.only == "reference" else stored(store)
    whole = [
        each for each in found if (budget := BUDGETS.get(each.budget)) and _at(each) == _at(budget)
    ]  # as cells are
    last = {(each.budget, each.device): (each.machine, each.torch) for each in whole}
    return {
        (each.method, each.method_version, each.budget, each.device): each.throughput
        for each in whole
        if (each.machine, each.torch) == last[each.budget, each.device]
    }


def _at(made: Profile | Budget) -> tuple[int, int, int]:
    return made.size, made.width, made.channels

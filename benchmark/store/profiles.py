"""What methods cost on a machine, as it was measured there, kept beside cells: runs/profiles/<key>/profile.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from crossvad.planning.cell import digest_of
from crossvad.store.store import Store

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
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            told = json.loads(path.read_text())
            costs = tuple(AdaptationCost(**cost) for cost in told.pop("adaptation"))
            found.append(Profile(**told, adaptation=costs))
    return sorted(found, key=lambda profile: profile.finished)

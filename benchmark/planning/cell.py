"""A cell: the atom of the benchmark. One run, one directory, one line of the tidy table."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from operator import attrgetter

from crossvad import __version__
from crossvad.datasets.words import number_of
from crossvad.planning.names import paired
from crossvad.planning.protocol import SupportPolicy
from crossvad.planning.versions import HARNESS

Meanings = dict[tuple[str, ...], str]  # of names, each told by what it is of


@dataclass(frozen=True)
class Cell:
    """Everything that decides a cell's raw scores, and nothing else.

    The protocol is not part of it, only the support policy it asks for: two protocols that read the same scores
    differently share them. Fields are in the order tables show them.
    """

    method: str
    source: str
    target: str
    tuning: str
    support: str  # value of a `SupportPolicy`: none at 0 shots
    shots: int
    steps: int
    seed: int
    budget: str
    budget_digest: str
    method_version: str
    tuning_version: str
    source_digest: str
    target_digest: str
    harness_version: int = HARNESS
    fit_digest: str = field(default="", compare=False)  # of the part of the method that training depends on
    version: str = field(default=__version__, compare=False)  # of the package that ran it

    @property
    def policy(self) -> SupportPolicy:
        """Where its support set came from."""
        return SupportPolicy(self.support)

    @property
    def pair(self) -> str:
        """Its source and target, as one name."""
        return paired(self.source, self.target)

    @cached_property
    def key(self) -> str:
        """Name of the cell's directory: 16 hex digits of everything above that decides its scores."""
        return digest_of({name: getattr(self, name) for name in DECISIVE})

    @cached_property
    def meanings(self) -> Meanings:
        """What each name in it stood for; among them a target's training video where that is its support set.

        Cells whose names stood for the same share one, which is therefore not to be changed.
        """
        return _meanings(*NAMED(self))

    @cached_property
    def fit_key(self) -> str:
        """Name of the fit that this cell shares with those that differ only in target, adaptation or way of scoring."""
        names = ("source", "seed", "budget", "budget_digest", "fit_digest", "source_digest", "harness_version")
        return digest_of({name: getattr(self, name) for name in names})

    @cached_property
    def prepared_key(self) -> str:
        """Name of the tuning's preparation on the source, on top of the fit."""
        names = ("fit_key", "method", "method_version", "tuning", "tuning_version")
        return digest_of({name: getattr(self, name) for name in names})

    @property
    def search_key(self) -> str:
        """Name of the search for this cell's rate of adaptation, which is the same for all targets."""
        return digest_of({"prepared": self.prepared_key, "shots": self.shots, "steps": self.steps})

    @property
    def group(self) -> tuple[str, ...]:
        """What is the same in cells that differ in shots and steps alone, which are run together."""
        return (self.prepared_key, self.target, self.target_digest, self.support)

    @property
    def group_key(self) -> str:
        """Name of the cells that are run together with this one, whichever of them are asked for."""
        return digest_of({"group": list(self.group)})

    def __str__(self) -> str:
        """One readable line, for progress and errors."""
        how = [self.tuning, number_of(self.shots, "shot")]
        how[1] += f" x {number_of(self.steps, 'step')}" if self.shots else ""
        return f"{self.method}: {self.source} → {self.target} ({', '.join(how)}, seed {self.seed})"


NAMED = attrgetter(
    "harness_version", "method", "method_version", "tuning", "tuning_version", "budget", "budget_digest", "source",
    "source_digest", "target", "target_digest",
)  # fmt: skip
DECISIVE = [each.name for each in fields(Cell) if each.compare]  # fields that decide a cell's scores


@cache
def _meanings(
    harness: int, method: str, method_version: str, tuning: str, tuning_version: str, budget: str, budget_digest: str,
    source: str, source_digest: str, target: str, target_digest: str,
) -> Meanings:  # fmt: skip
    train, _, test = target_digest.rpartition("+")
    return {
        ("harness",): str(harness),
        ("method", method): method_version,
        ("tuning", tuning): tuning_version,
        ("budget", budget): budget_digest,
        ("source", source): source_digest,
        **({("support", target): train} if train else {}),
        ("target", target): test,
    }


def digest_of(facts: dict[str, object]) -> str:
    """16 hex digits of some facts that JSON can hold, whatever their order."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

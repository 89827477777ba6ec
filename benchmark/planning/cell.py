"""A cell: the atom of the benchmark, one run, one directory, one line of the tidy table"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from crossvad import __version__


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
    support: str  # "none" at 0 shots
    shots: int
    steps: int
    seed: int
    budget: str
    budget_digest: str
    method_digest: str
    tuning_digest: str
    source_digest: str
    target_digest: str
    version: str = __version__
    fit_digest: str = field(default="", compare=False)  # the part of the method's that training depends on

    @property
    def key(self) -> str:
        """Name of the cell's directory: 16 hex digits of everything above but the fit's digest, which adds nothing."""
        return digest_of({name: value for name, value in asdict(self).items() if name != "fit_digest"})

    @property
    def fit_key(self) -> str:
        """Name of the fit that this cell shares with those that differ only in target, adaptation or way of scoring."""
        names = ("source", "seed", "budget", "budget_digest", "fit_digest", "source_digest", "version")
        return digest_of({name: getattr(self, name) for name in names})

    @property
    def prepared_key(self) -> str:
        """Name of the tuning's preparation on the source, on top of the fit."""
        names = ("fit_key", "method_digest", "tuning", "tuning_digest")
        return digest_of({name: getattr(self, name) for name in names})

    @property
    def search_key(self) -> str:
        """Name of the search for this cell's rate of adaptation, which is the same for all targets."""
        return digest_of({"prepared": self.prepared_key, "shots": self.shots, "steps": self.steps})

    @property
    def group(self) -> tuple[str, ...]:
        """What is the same in cells that differ in shots and steps alone, which are run together."""
        return (self.prepared_key, self.target, self.target_digest, self.support)

    def __str__(self) -> str:
        """One readable line, for progress and errors."""
        how = f"{self.tuning}, {self.shots} shots x {self.steps} steps" if self.shots else f"{self.tuning}, 0 shots"
        return f"{self.method}: {self.source} -> {self.target} ({how}, seed {self.seed})"


def digest_of(facts: dict[str, object]) -> str:
    """16 hex digits of some facts that JSON can hold, whatever their order."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

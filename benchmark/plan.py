"""From a grid to cells. A cell is the atom of the benchmark: one run, one directory, one line of the tidy table."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from crossvad import __version__
from crossvad.adapters.base import Budget
from crossvad.datasets.base import SPLITS, Dataset, InputError, Split
from crossvad.protocol import Protocol
from crossvad.registry import Method, TuningChoice


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
        return _key({name: value for name, value in asdict(self).items() if name != "fit_digest"})

    @property
    def fit_key(self) -> str:
        """Name of the fit that this cell shares with those that differ only in target, adaptation or way of scoring."""
        names = ("source", "seed", "budget", "budget_digest", "fit_digest", "source_digest", "version")
        return _key({name: getattr(self, name) for name in names})

    @property
    def prepared_key(self) -> str:
        """Name of the tuning's preparation on the source, on top of the fit."""
        names = ("fit_key", "method_digest", "tuning", "tuning_digest")
        return _key({name: getattr(self, name) for name in names})

    @property
    def search_key(self) -> str:
        """Name of the search for this cell's rate of adaptation, which is the same for all targets."""
        return _key({"prepared": self.prepared_key, "shots": self.shots, "steps": self.steps})

    @property
    def group(self) -> tuple[str, ...]:
        """What is the same in cells that differ in shots and steps alone, which are run together."""
        return (self.prepared_key, self.target, self.target_digest, self.support)

    def __str__(self) -> str:
        """One readable line, for progress and errors."""
        how = f"{self.tuning}, {self.shots} shots x {self.steps} steps" if self.shots else f"{self.tuning}, 0 shots"
        return f"{self.method}: {self.source} -> {self.target} ({how}, seed {self.seed})"


def _key(facts: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Grid:
    """What to run: the product of all of these."""

    methods: Sequence[Method]
    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    tunings: Sequence[TuningChoice]
    shots: Sequence[int]
    steps: Sequence[int]
    seeds: Sequence[int]
    budget: Budget
    protocol: Protocol
    support: str  # where support sets come from

    def __post_init__(self) -> None:
        """Refuse what could never run.

        Raises:
            InputError: more shots than the protocol allows, a negative number, or one name for two data sets.
        """
        if max(self.shots) > self.protocol.max_shots and self.protocol.common_mask:
            raise InputError(
                f"--shots {max(self.shots)}",
                f"is more than the {self.protocol.max_shots} that protocol {self.protocol.name} leaves room for",
                f"choose --protocol fair@{max(self.shots)}, which keeps out more for every row",
            )
        named: dict[str, Dataset] = {}
        for dataset in (*self.sources, *self.targets):
            twin = named.setdefault(dataset.name, dataset)
            if twin is not dataset and any(twin.digest(split) != dataset.digest(split) for split in SPLITS):
                raise InputError(dataset.name, "is the name of two different data sets", "rename one of the folders")
        for name in ("shots", "steps", "seeds"):
            if min(getattr(self, name)) < (1 if name == "steps" else 0):
                raise InputError(f"--{name}", f"{min(getattr(self, name))} is too small", "correct it")

    def cells(self) -> list[Cell]:
        """All cells, without repeats, those of one fit together.

        What cannot make a difference is written one way, so that it is run once: without shots there is no support and
        no step, and fine-tuning from 0 shots is no tuning; a method that learns nothing adapts to nothing, unless in a
        way of its own, to which tuning and steps mean nothing.
        """
        used: list[tuple[Dataset, Split]] = [(source, "train") for source in self.sources]
        used += [(target, split) for target in self.targets for split in SPLITS]
        digests = {(dataset.name, split): dataset.digest(split) for dataset, split in used}
        cells = [
            self._cell(*choice, digests)
            for choice in itertools.product(
                self.sources, self.methods, self.seeds, self.tunings, self.targets, self.shots, self.steps
            )
        ]
        return list(dict.fromkeys(cells))

    def _cell(
        self,
        source: Dataset,
        method: Method,
        seed: int,
        tuning: TuningChoice,
        target: Dataset,
        shots: int,
        steps: int,
        digests: dict[tuple[str, Split], str],
    ) -> Cell:
        trainable = method.cls.trainable
        if not method.cls.adapts() or tuning.label == "none":
            shots = 0
        idle = not trainable or (shots == 0 and not tuning.cls.learns)
        # Where the support set is training video, that video is part of what decides the scores.
        seen = SPLITS if shots and self.support == "train-head" else SPLITS[-1:]
        return Cell(
            method=method.label,
            source=source.name,
            target=target.name,
            tuning="none" if idle else tuning.label,
            support=self.support if shots else "none",
            shots=shots,
            steps=(steps if trainable else 1) if shots else 0,
            seed=seed if trainable else 0,
            budget=self.budget.name,
            budget_digest=_key(asdict(self.budget)),
            method_digest=method.digest,
            tuning_digest="" if idle else tuning.digest,
            source_digest=digests[source.name, "train"],
            target_digest="+".join(digests[target.name, split] for split in seen),
            fit_digest=method.fit_digest,
        )

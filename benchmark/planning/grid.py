"""From a grid to cells. A cell is the atom of the benchmark: one run, one directory, one line of the tidy table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from crossvad.adapters.options import Budget
from crossvad.datasets.base import SPLITS, Dataset, Split
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.cell import Cell, digest_of
from crossvad.planning.protocol import Protocol, SupportPolicy
from crossvad.planning.specs import MethodSpec, TuningSpec


class _Digests(NamedTuple):
    """What the names in a grid's cells stand for: found out once, as cells may be many."""

    datasets: dict[tuple[str, Split], str]
    methods: dict[str, tuple[str, str]]  # by label: version, and digest of what a fit depends on
    tunings: dict[str, str]  # by label
    budget: str


@dataclass(frozen=True)
class Grid:
    """What to run: the product of all of these."""

    methods: Sequence[MethodSpec]
    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    tunings: Sequence[TuningSpec]
    shots: Sequence[int]
    steps: Sequence[int]
    seeds: Sequence[int]
    budget: Budget
    protocol: Protocol
    support: SupportPolicy  # where support sets come from

    def __post_init__(self) -> None:
        """Refuse what could never run.

        Raises:
            InputError: more shots than the protocol allows, a negative number, or one name for two data sets.
        """
        object.__setattr__(self, "support", SupportPolicy(self.support))  # said by its name or by itself
        if max(self.shots) > self.protocol.max_shots and self.protocol.common_mask:
            raise InputError(
                option("shots", max(self.shots)),
                f"is more than the {self.protocol.max_shots} that protocol {self.protocol.name} leaves room for",
                "choose " + option("protocol", f"fair@{max(self.shots)}") + ", which keeps out more for every row",
            )
        named: dict[str, Dataset] = {}
        parts = [part for source in self.sources for part in source.parts]
        for dataset in (*self.sources, *parts, *self.targets):
            twin = named.setdefault(dataset.name, dataset)
            if twin is not dataset and any(twin.digest(split) != dataset.digest(split) for split in SPLITS):
                raise InputError(dataset.name, "is the name of two different data sets", "rename one of the folders")
        for name in ("shots", "steps", "seeds"):
            if min(getattr(self, name)) < (1 if name == "steps" else 0):
                flag = name.removesuffix("s") if name == "seeds" else name
                raise InputError(noun(flag), f"{min(getattr(self, name))} is too small", "correct it")

    def cells(self) -> list[Cell]:
        """All cells, without repeats, those of one fit together.

        What cannot make a difference is written one way, so that it is run once: without shots there is no support and
        no step, and fine-tuning from 0 shots is no tuning; to a method that adapts in closed form or not at all,
        tuning and steps mean nothing, and to one that does not draw at random the seed.
        """
        used: list[tuple[Dataset, Split]] = [(source, "train") for source in self.sources]
        used += [(target, split) for target in self.targets for split in SPLITS]
        digests = _Digests(
            {(dataset.name, split): dataset.digest(split) for dataset, split in used},
            {method.label: (method.version, method.fit_digest) for method in self.methods},
            {tuning.label: tuning.version for tuning in self.tunings},
            digest_of(asdict(self.budget)),
        )
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
        method: MethodSpec,
        seed: int,
        tuning: TuningSpec,
        target: Dataset,
        shots: int,
        steps: int,
        digests: _Digests,
    ) -> Cell:
        cls = method.cls
        if not cls.adapts or tuning.label == NO_TUNING:
            shots = 0
        takes_steps = cls.adapts and cls.tunable
        idle = not takes_steps or (shots == 0 and not tuning.cls.learns)
        # Where the support set is training video, that video is part of what decides the scores.
        seen = SPLITS if shots and self.support == SupportPolicy.TRAIN_HEAD else SPLITS[-1:]
        method_version, fit_digest = digests.methods[method.label]
        return Cell(
            method=method.label,
            source=source.name,
            target=target.name,
            tuning=NO_TUNING if idle else tuning.label,
            support=(self.support if shots else SupportPolicy.NONE).value,
            shots=shots,
            steps=(steps if takes_steps else 1) if shots else 0,
            seed=seed if cls.stochastic else 0,
            budget=self.budget.name,
            budget_digest=digests.budget,
            method_version=method_version,
            tuning_version="" if idle else digests.tunings[tuning.label],
            source_digest=digests.datasets[source.name, "train"],
            target_digest="+".join(digests.datasets[target.name, split] for split in seen),
            fit_digest=fit_digest,
        )

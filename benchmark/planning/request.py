"""What a user asks to be run, in words or as objects."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.names import did_you_mean, joined, split_options
from crossvad.planning.protocol import FAIR, SUPPORTS, Protocol, SupportPolicy, get_protocol
from crossvad.planning.specs import MethodSpec

Plugin = TypeVar("Plugin", bound="str | type")


@dataclass(frozen=True)
class Request:
    """A grid in a user's words, or of their own objects: a folder, a `Dataset`, a class of a method or tuning."""

    sources: Sequence[str | Path | Dataset]
    targets: Sequence[str | Path | Dataset]
    methods: Sequence[str | type[Adapter]] = catalogue.DEFAULT_METHODS
    tuning: Sequence[str | type[Tuning]] = ("finetune",)
    shots: Sequence[int] = (0, 1, 5, 10)
    steps: Sequence[int] = (1,)
    seeds: Sequence[int] = (0,)
    budget: str | Budget = "quick"
    protocol: str | Protocol = "fair"
    support: str | None = None  # None: the protocol's
    precision: Sequence[str] = ("float32",)  # that methods score in: each method in each
    training_precision: Sequence[str] = ("float32",)  # that those train in which train by steps

    def grid(self, root: Path) -> Grid:
        """Look every name up. The rows that no table goes without (trivial ones, K = 0) are always part of it.

        Raises:
            InputError: an unknown name, or data that is not there.
        """
        grid = replace(self, shots=list(dict.fromkeys([0, *self.shots]))).bare_grid(root)
        baselines = [registry.get_method(method) for method in catalogue.BASELINES]
        return replace(grid, methods=_distinct([*grid.methods, *baselines]))

    def bare_grid(self, root: Path) -> Grid:
        """Look every name up, and add nothing to what was asked for.

        Raises:
            InputError: nothing of a kind was asked for, an unknown name, or data that is not there.
        """
        for kind in ("sources", "targets", "tuning", "shots", "steps", "seeds", "precision", "training_precision"):
            if not getattr(self, kind):
                raise InputError(kind, "is empty", "name at least one")
        methods = [registry.get_method(_in_a_file(method)) for method in self.methods]
        methods = [
            method.computing(precision=precision, training_precision=training if method.trains_by_steps else "float32")
            if split_options(method.label)[0] not in catalogue.BASELINES  # which are what others are held against
            else method
            for method in methods
            for training in self.training_precision
            for precision in self.precision
        ]
        protocol = get_protocol(self.protocol) if isinstance(self.protocol, str) else self.protocol
        return Grid(
            methods=_distinct(methods),
            sources=[get_dataset(source, root) for source in self.sources],
            targets=[get_dataset(target, root) for target in self.targets],
            tunings=[registry.get_tuning(_in_a_file(tuning)) for tuning in self.tuning],
            shots=self.shots,
            steps=self.steps,
            seeds=self.seeds,
            budget=get_budget(self.budget),
            protocol=protocol,
            support=SupportPolicy(_one_of("support", self.support or protocol.support, SUPPORTS)),
        )


def _distinct(methods: Sequence[MethodSpec]) -> list[MethodSpec]:
    return list({method.label: method for method in methods}.values())


def get_dataset(dataset: str | Path | Dataset, root: Path) -> Dataset:
    """Return the data set that a user means by a name, by a folder of their own, or by itself.

    Raises:
        InputError: unknown name, or data that is not there.
    """
    if isinstance(dataset, Path):
        return OwnFolder(dataset)
    return registry.get_dataset(dataset, root) if isinstance(dataset, str) else dataset


def get_budget(budget: str | Budget) -> Budget:
    """Return the budget that a user means by its name, or by itself.

    Raises:
        InputError: unknown name.
    """
    return BUDGETS[_one_of("budget", budget, BUDGETS)] if isinstance(budget, str) else budget


def _in_a_file(given: Plugin) -> Plugin:
    """Refuse a class that was typed into a session: stored scores are told apart by the code of its file."""
    if isinstance(given, type):
        try:
            inspect.getsourcefile(given)
        except (OSError, TypeError) as error:
            fix = "write it to a file of its own, and import it or name it as file.py:Class"
            raise InputError(given.__qualname__, "is in no file that tells its versions apart", fix) from error
    return given


def _one_of(kind: str, name: str, choices: Collection[str]) -> str:
    if name not in choices:
        fix = f"{did_you_mean(name, choices)}choose from {', '.join(choices)}"
        raise InputError(f"{kind} {name!r}", "is unknown", fix)
    return name


def unadapted(methods: list[str], source: Dataset, target: Dataset, budget: Budget, seeds: list[int]) -> Grid:
    """Methods as they are trained, scored by protocol fair without adaptation, and nothing beside them.

    Raises:
        InputError: an unknown method.
    """
    return Grid(
        methods=[registry.get_method(text) for text in methods],
        sources=[source],
        targets=[target],
        tunings=[registry.get_tuning(catalogue.NO_TUNING)],
        shots=[0],
        steps=[1],
        seeds=seeds,
        budget=budget,
        protocol=FAIR,
        support=FAIR.support,
    )


def unadapted_cell(cell: Cell, methods: list[str], source: str, target: str, budget: str) -> bool:
    """Whether a cell is one of those that `unadapted` asks for, by its names."""
    named = cell.source in (source, joined(source)) and (cell.target, cell.budget) == (target, budget)
    return named and cell.method in methods and cell.tuning == catalogue.NO_TUNING and cell.shots == 0

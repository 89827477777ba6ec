"""What all of it asks for: a request for cells, of what callers give, and a store that is ready for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossvad.datasets.errors import InputError
from crossvad.planning.arguments import checked
from crossvad.planning.protocol import FAIR, Protocol, SupportPolicy
from crossvad.store.store import Store

if TYPE_CHECKING:
    from crossvad.adapters.base import Adapter
    from crossvad.adapters.options import Budget
    from crossvad.adapters.tunings.base import Tuning
    from crossvad.datasets.base import Dataset
    from crossvad.execution.progress import Reporter
    from crossvad.planning.request import Request

    AnyDataset = str | Path | Dataset  # by name, a folder of one's own, or an object
    AnyMethod = str | type[Adapter]  # name, name[option=value], file.py:Class, or a class
    AnyTuning = str | type[Tuning]


@checked
def request_for(
    *,
    source: AnyDataset | Sequence[AnyDataset],
    target: AnyDataset | Sequence[AnyDataset],
    methods: AnyMethod | Sequence[AnyMethod],
    shots: int | Sequence[int],
    steps: int | Sequence[int],
    tuning: AnyTuning | Sequence[AnyTuning],
    seeds: int | Sequence[int],
    budget: str | Budget,
    protocol: str | Protocol,
    support: str | None,
    precision: str | Sequence[str],
    training_precision: str | Sequence[str],
) -> Request:
    """What is to be run, as `run` takes it, which has the defaults.

    Raises:
        InputError: an argument is of another type or too small, or no method is named.
    """
    from crossvad.planning.request import Request

    if not several(methods):
        raise InputError("methods", "is empty", "name one, or leave it out for those that tables have")
    return Request(
        sources=several(source),
        targets=several(target),
        methods=several(methods),
        tuning=several(tuning),
        shots=several(shots),
        steps=several(steps),
        seeds=several(seeds),
        budget=budget,
        protocol=protocol,
        support=support,
        precision=several(precision),
        training_precision=several(training_precision),
    )


def request_of_own(
    target: Dataset,
    source: AnyDataset,
    method: AnyMethod,
    shots: int,
    steps: int,
    tuning: AnyTuning,
    seed: int,
    budget: str | Budget,
) -> Request:
    """Ask for the one cell by which video of a user's own is scored, adapted to the first clips of each."""
    from crossvad.planning.request import Request

    return Request(
        sources=[source],
        targets=[target],
        methods=[method],
        tuning=[tuning],
        shots=[shots],
        steps=[steps],
        seeds=[seed],
        budget=budget,
        protocol=replace(FAIR, name=f"fair@{shots}", max_shots=shots),  # judges nothing, so leaves room for any number
        support=SupportPolicy.TEST_HEAD,
    )


def prepare_store(store: Store, reporter: Reporter) -> None:
    """Make sure that a store can be written, and clear it."""
    store.check_writable()
    sweep(store, reporter)


def sweep(store: Store, reporter: Reporter) -> None:
    """Clear a store of what killed runs left half-written."""
    for name in store.sweep():
        reporter.say(f"removed {name}: left half-written by a run that was killed")


def several(one_or_more: Any) -> list[Any]:
    """A list of what may be one thing or several; a data set can be gone through without being several."""
    return list(one_or_more) if isinstance(one_or_more, list | tuple | set | range) else [one_or_more]

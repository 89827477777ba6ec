"""`profile` and `profiles`: what methods cost on a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from crossvad.calls.asking import prepare_store, several
from crossvad.datasets.errors import InputError
from crossvad.planning.arguments import checked
from crossvad.planning.catalogue import DEFAULT_METHODS
from crossvad.planning.data_root import data_root
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Store
from crossvad.store.urls import local_folder

if TYPE_CHECKING:
    from crossvad.adapters.options import Budget
    from crossvad.calls.asking import AnyDataset
    from crossvad.present.formats import Tables


@checked
def profile(
    methods: str | Sequence[str],
    *,
    budget: str | Budget = "quick",
    size: int | None = None,
    shots: Sequence[int] = (1, 5, 10),
    steps: Sequence[int] = (1, 10),
    source: AnyDataset = "synthetic-street",
    target: AnyDataset = "synthetic-plaza",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
) -> Tables:
    """Measure what methods cost on this machine, as `bench profile` does, and keep it.

    Args:
        methods: a method or several: a name, `name[option=value]` or `file.py:Class`; none: those that tables have.
        budget: how large they are, and their batches.
        size: pixels of a frame, in place of the budget's.
        shots: support clips to adapt on.
        steps: gradient steps on them.
        source: what clips to train on are of.
        target: whose first test video is scored.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder that keeps what was measured.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.

    Returns:
        The table; its `rows` have all that was measured.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution import preflight
    from crossvad.execution.decoding import Decoder, stop_at
    from crossvad.execution.device import get_device
    from crossvad.execution.freed_memory import keep_freed_memory
    from crossvad.execution.profiling import profile as measure
    from crossvad.execution.progress import Reporter
    from crossvad.planning.request import Request, get_budget
    from crossvad.store import profiles
    from crossvad.tabulation.profiles import tabulate

    chosen = get_budget(budget)
    request = Request(
        sources=[source],
        targets=[target],
        methods=several(methods) or DEFAULT_METHODS,
        tuning=["finetune[learning_rate=1e-4]"],
        shots=shots,
        steps=steps,
        seeds=[0],
        budget=chosen if size is None else replace(chosen, size=size),
        protocol=replace(FAIR, max_shots=max([FAIR.max_shots, *shots])),  # no score is read
        support=None,
    )
    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    grid = request.bare_grid(data_root(data))
    store, decoder = Store(local_folder(results, "what a method costs")), Decoder(FrameCache(), grid.budget)
    prepare_store(store, reporter)
    preflight.check_files(grid, reporter)
    stop_at(decoder.fill(preflight.needed_videos(grid), reporter))
    keep_freed_memory()  # as the command line does
    measured = []
    for method in grid.methods:
        adapting = [(count, each) for count in grid.shots if count for each in grid.steps]
        tuning = grid.tunings[0].build()
        measured.append(
            measure(
                method, grid.budget, grid.sources[0], grid.targets[0], tuning, adapting, decoder, torch_device, reporter
            )
        )
        profiles.keep(store, measured[-1])
    return tabulate(measured)


@checked
def profiles(
    results: str | Path = "results",
    methods: str | Sequence[str] = (),
    budget: str | None = None,
    size: int | None = None,
    target: str | None = None,
) -> Tables:
    """Show what methods cost, as it was measured before: all that is stored, or some methods'.

    Args:
        results: folder that keeps what was measured.
        methods: labels; none: all.
        budget: at which it was measured; None: any.
        size: pixels of a frame; None: any.
        target: whose video was scored, which need not be at hand; None: any.

    Raises:
        InputError: nothing is stored of them, or a name cannot be read.
    """
    from crossvad.planning import registry
    from crossvad.store.profiles import stored
    from crossvad.tabulation.profiles import tabulate

    labels = [registry.get_method(method).label for method in several(methods)]
    store = Store(local_folder(results, "what a method costs"))
    label = None if target is None else registry.dataset_label(target)
    wanted = {"budget": budget, "size": size, "target": label}
    asked = {name: value for name, value in wanted.items() if value is not None}
    found = [
        each
        for each in stored(store)
        if (not labels or each.method in labels)
        and asked.items() <= {"budget": each.budget, "size": each.size, "target": each.video.partition("/")[0]}.items()
    ]
    if not found:
        names = ", ".join([", ".join(labels) or "any method", *(f"{name} {value}" for name, value in asked.items())])
        raise InputError(str(results), f"holds no profile of {names}", "measure one: bench profile METHOD")
    return tabulate(found)

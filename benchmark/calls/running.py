"""`run`, what a run would cost, and how far one is."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crossvad.calls.asking import prepare_store, request_for
from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.wording import noun, option
from crossvad.planning.arguments import checked
from crossvad.planning.catalogue import DEFAULT_METHODS
from crossvad.planning.data_root import data_root
from crossvad.planning.names import did_you_mean
from crossvad.results import Results
from crossvad.store.opening import open_store
from crossvad.store.store import Store
from crossvad.store.urls import is_url, local_folder

if TYPE_CHECKING:
    from crossvad.adapters.options import Budget
    from crossvad.calls.asking import AnyDataset, AnyMethod, AnyTuning
    from crossvad.planning.protocol import Protocol
    from crossvad.present.formats import Tables


@checked
def run(
    *,
    source: AnyDataset | Sequence[AnyDataset],
    target: AnyDataset | Sequence[AnyDataset],
    methods: AnyMethod | Sequence[AnyMethod] = DEFAULT_METHODS,
    shots: int | Sequence[int] = (0, 1, 5, 10),
    steps: int | Sequence[int] = 1,
    tuning: AnyTuning | Sequence[AnyTuning] = "finetune",
    seeds: int | Sequence[int] = 0,
    budget: str | Budget = "quick",
    protocol: str | Protocol = "fair",
    support: str | None = None,
    precision: str | Sequence[str] = "float32",
    training_precision: str | Sequence[str] = "float32",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
    maps: bool = False,
    skip_bad: bool = False,
    leave_out: bool = False,
    devices: int = 1,
    jobs: int = 1,
    launcher: str = "processes",
    retry: Literal["failed", "interrupted"] = "failed",
    max_failures: int | None = None,
    time_limit: float | None = None,
) -> Results:
    """Train on sources, adapt to targets, score every test frame, as `bench run` and `bench matrix` do.

    What the results folder already holds is read, not run. A run that is stopped (KeyboardInterrupt) keeps its finished
    cells, and the same call goes on from there.

    Args:
        source: a data set or several: a name, `name[option=value]`, the folder of a camera, or a `Dataset`.
        target: likewise.
        methods: a method or several: a name, `name[option=value]`, `file.py:Class`, or a subclass of `Adapter`.
        shots: support clips, K; 0 is always run too.
        steps: gradient steps on the support set.
        tuning: how to adapt, or several ways: a name, `name[option=value]`, or a subclass of `Tuning`.
        seeds: at least three for a claim.
        budget: how much training: smoke, demo, quick, standard, paper, or a `Budget`.
        protocol: fair, paper, fair@N for up to N shots, or a `Protocol`.
        support: where support sets come from; None: the protocol's choice.
        precision: float32, bf16 or fp16, that methods score in, or several of these; they adapt in float32.
        training_precision: float32 or bf16, or both, for methods that train by steps.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder that keeps the runs, or a URL that machines share.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.
        maps: keep scores per pixel, for RBDC and TBDC.
        skip_bad: leave out training videos that cannot be read.
        leave_out: skip pairs that cannot be, with the reason, in place of an error.
        devices: GPUs that share each batch of a training, or processes where `device` is the CPU: one training at a
            time, as on one device up to rounding. They are started anew, as those of `jobs` are.
        jobs: processes at a time, each with its share of the cores. They are started anew, so that a script asks for
            several below `if __name__ == "__main__"`.
        launcher: where these are: processes (of this machine), ray, slurm, `name[option=value]`, `file.py:Class`; or
            local, for none beside this one.
        retry: which cells of an earlier run are run again: those that failed, too, or those alone that were stopped.
        max_failures: end the run when so many cells have failed; None: never.
        time_limit: seconds after which the run is stopped, by a `KeyboardInterrupt`; in the main thread alone.

    Returns:
        The cells that were asked for, and no others; of a run that ended early, those that were got to.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.device import get_device, get_devices
    from crossvad.execution.launchers.base import Shared
    from crossvad.execution.progress import Reporter
    from crossvad.execution.ranks.team import DeviceTeam
    from crossvad.execution.reporting import KeepingReporter
    from crossvad.execution.runner import Runner
    from crossvad.execution.scheduler import Scheduler
    from crossvad.execution.skip_bad import without_bad
    from crossvad.execution.stopping import limited_to
    from crossvad.execution.workers import Workplace
    from crossvad.planning.catalogue import LOCAL
    from crossvad.planning.registry import get_launcher
    from crossvad.store.standing import kept

    request = request_for(
        source=source, target=target, methods=methods, shots=shots, steps=steps, tuning=tuning, seeds=seeds,
        budget=budget, protocol=protocol, support=support, precision=precision, training_precision=training_precision,
    )  # fmt: skip
    if devices > 1 and (jobs > 1 or launcher not in (LOCAL, "processes")):
        others = "no " + noun("jobs") + " and no " + noun("launcher")
        problem = "is one training at a time on this machine, and goes with " + others
        raise InputError(option("devices", devices), problem, "leave one of them out")
    torch_device, chosen = get_device(device), get_devices(device, devices) if devices > 1 else []
    store = open_store(results, "runs", all_cells=False)  # a run is of its own cells
    with limited_to(time_limit), ExitStack() as stack:
        grid = request.grid(data_root(data))
        prepare_store(store, Reporter(quiet=quiet))
        reporter = KeepingReporter(stack.enter_context(kept(store, _called())), quiet)
        if skip_bad:
            grid = without_bad(grid, reporter)
        workplace = partial(Workplace, request, data_root(data), results, maps, skip_bad)
        launch, team = None, DeviceTeam(chosen, workplace()) if len(chosen) > 1 else None
        if launcher != LOCAL and (launcher != "processes" or jobs > 1):
            if is_url(results) and launcher != "processes":
                fix = "start the same command on each machine: each takes what no other is at"
                problem = "is read by one machine, and " + option("launcher", launcher) + " may use several"
                raise InputError(masked(str(results)), problem, fix)
            (cls, options), place = get_launcher(launcher), workplace()
            launch = Scheduler(jobs, lambda count: cls(options, Shared(place, device, count)))
        runner = Runner(store, FrameCache(), torch_device, reporter, maps, launch, retry, max_failures, team)
        records = runner.run(grid, leave_out)
    return Results(store, records, grid.protocol, methods=[method.label for method in grid.methods])


@checked
def status(results: str | Path = "results") -> Tables:
    """Say how far the runs are that are going on in a results folder, as `bench status` does.

    Args:
        results: folder that keeps the runs.

    Raises:
        InputError: there is no such folder.
    """
    from crossvad.store.standing import standings
    from crossvad.tabulation.standing import tabulate

    store = Store(local_folder(results, "how far runs are"), only="runs")
    store.refuse_missing()
    return tabulate(standings(store), store.records())


@checked
def estimate(
    *,
    data: str | Path | None = None,
    results: str | Path = "results",
    quiet: bool = False,
    maps: bool = False,
    skip_bad: bool = False,
    leave_out: bool = False,
    **asked: Any,
) -> Tables:
    """Say what a run is going to cost, as `bench run --dry-run` does: cells, trainings, hours. Nothing is run.

    Args:
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that would keep the runs, and whose cells tell how long methods take.
        quiet: no progress.
        maps: as `run` takes it: cells without them are to be run again.
        skip_bad: likewise; video is decoded, as only that tells which can be read.
        leave_out: likewise.
        asked: what `run` takes to say which cells.

    Raises:
        InputError: an input is unknown or unsuitable, or a video cannot be opened.
    """
    import torch

    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.execution.skip_bad import without_bad
    from crossvad.tabulation.estimate import tabulate

    of_run, known = inspect.signature(run).parameters, inspect.signature(request_for).parameters
    if odd := sorted(asked.keys() - known.keys()):
        meant = did_you_mean(odd[0], known).rstrip()
        told = f"estimate() takes what says which cells `run` makes, and no {', '.join(odd)}"
        raise TypeError(f"{told}; {meant}" if meant else told)
    if lacking := [name for name in ("source", "target") if name not in asked]:
        raise TypeError(f"estimate() is to be told {' and '.join(f'{name}=…' for name in lacking)}, as run() is")
    usual = {name: of_run[name].default for name in known if of_run[name].default is not inspect.Parameter.empty}
    grid, reporter = request_for(**usual | asked).grid(data_root(data)), Reporter(quiet=quiet)
    if skip_bad:
        grid = without_bad(grid, reporter)
    store = open_store(results, "runs", all_cells=False)
    runner = Runner(store, FrameCache(), torch.device("cpu"), reporter, maps)
    cells = runner.take(grid)
    done = {cell for cell, record in runner.stored(cells).items() if record and runner.complete(record)}
    return tabulate(grid, cells, done, store, open_store(results, teller=reporter).records(), leave_out)


def _called() -> str:
    """How this process was called, where it is `bench`."""
    return masked(shlex.join(["bench", *sys.argv[1:]])) if Path(sys.argv[0]).name == "bench" else "crossvad.run"

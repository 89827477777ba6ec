"""crossvad from Python: what the command line does, with objects in and objects out.

>>> import crossvad
>>> results = crossvad.run(
...     source="synthetic-street", target="synthetic-plaza", methods="framediff", shots=0, budget="smoke",
...     quiet=True, results=tmp_path,
... )
>>> results
<Results: 6 cells in ... (6 done), protocol fair: ...; synthetic-street → synthetic-plaza>
>>> results.table(rows="method", columns="target", metric="auc")
| method       | synthetic-plaza   |
|:-------------|:------------------|
...
>>> frame = results.to_frame()
>>> sorted(frame["method"])
['extrapolate', 'framediff', 'ramp', 'random', 'speed', 'support-mean']
>>> bool(frame["auc"].between(0, 100).all())
True

Stored cells are asked in the same way, and nothing is run:

>>> stored = crossvad.load_results(tmp_path, where={"method": ["framediff", "ramp"]})
>>> len(stored)
2
>>> gaps = stored.compare(against="random").frame
>>> gaps["method"].tolist()
['framediff', 'ramp']
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crossvad.datasets.errors import InputError, masked
from crossvad.evaluation import selection
from crossvad.evaluation.conditions import by_place
from crossvad.planning.arguments import checked
from crossvad.planning.catalogue import DEFAULT_METHODS
from crossvad.planning.data_root import data_root
from crossvad.planning.protocol import FAIR, Protocol, SupportPolicy, get_protocol
from crossvad.results import Results, Where, conditions
from crossvad.store.opening import open_store, open_stores
from crossvad.store.several import SeveralStores
from crossvad.store.store import Store
from crossvad.store.urls import is_url, local_folder
from crossvad.tabulation.left_out import not_shown, shares

if TYPE_CHECKING:
    from crossvad.adapters.base import Adapter
    from crossvad.adapters.options import Budget
    from crossvad.adapters.tunings.base import Tuning
    from crossvad.datasets.base import Dataset
    from crossvad.execution.progress import Reporter
    from crossvad.footage.footage_scorer import ScoredVideo
    from crossvad.live.watcher import Watcher
    from crossvad.planning.request import Request
    from crossvad.present.formats import Tables

    AnyDataset = str | Path | Dataset  # by name, a folder of one's own, or an object
    AnyMethod = str | type[Adapter]  # name, name[option=value], file.py:Class, or a class
    AnyTuning = str | type[Tuning]

UNLESS_NAMED = "results"  # folder that keeps the runs


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
    from crossvad.execution.decoding import Decoder
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

    request = _request(
        source=source, target=target, methods=methods, shots=shots, steps=steps, tuning=tuning, seeds=seeds,
        budget=budget, protocol=protocol, support=support, precision=precision, training_precision=training_precision,
    )  # fmt: skip
    if devices > 1 and (jobs > 1 or launcher not in (LOCAL, "processes")):
        problem = "is one training at a time on this machine, and goes with no --jobs and no --launcher"
        raise InputError(f"--devices {devices}", problem, "leave one of them out")
    torch_device, chosen = get_device(device), get_devices(device, devices) if devices > 1 else []
    store, cache = open_store(results, "runs", all_cells=False), FrameCache()  # a run is of its own cells
    with limited_to(time_limit), ExitStack() as stack:
        grid = request.grid(data_root(data))
        _prepare(store, Reporter(quiet=quiet))
        reporter = KeepingReporter(stack.enter_context(kept(store, _called())), quiet)
        if skip_bad:
            grid = without_bad(grid, Decoder(cache, grid.budget), reporter)
        several = partial(Workplace, request, data_root(data), results, maps, skip_bad)
        launch, team = None, DeviceTeam(chosen, several()) if len(chosen) > 1 else None
        if launcher != LOCAL and (launcher != "processes" or jobs > 1):
            if is_url(results) and launcher != "processes":
                fix = "start the same command on each machine: each takes what no other is at"
                raise InputError(
                    masked(str(results)), f"is read by one machine, and --launcher {launcher} may use several", fix
                )
            (cls, options), place = get_launcher(launcher), several()
            launch = Scheduler(jobs, lambda count: cls(options, Shared(place, device, count)))
        runner = Runner(store, cache, torch_device, reporter, maps, launch, retry, max_failures, team)
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
    from crossvad.execution.decoding import Decoder
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.execution.skip_bad import without_bad
    from crossvad.tabulation.estimate import tabulate

    grid, reporter, cache = _request(**asked).grid(data_root(data)), Reporter(quiet=quiet), FrameCache()
    if skip_bad:
        grid = without_bad(grid, Decoder(cache, grid.budget), reporter)
    store = open_store(results, "runs", all_cells=False)
    runner = Runner(store, cache, torch.device("cpu"), reporter, maps)
    cells = runner.take(grid)
    store.take_in("cells", [cell.key for cell in cells])
    done = {cell for cell in cells if (record := store.record(cell)) and runner.complete(record)}
    return tabulate(grid, cells, done, store, open_store(results, teller=reporter).records(), leave_out)


@checked
def _request(
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
) -> Request:
    """What is to be run, as `run` takes it."""
    from crossvad.planning.request import Request

    return Request(
        sources=_several(source),
        targets=_several(target),
        methods=_several(methods),
        tuning=_several(tuning),
        shots=_several(shots),
        steps=_several(steps),
        seeds=_several(seeds),
        budget=budget,
        protocol=protocol,
        support=support,
        precision=_several(precision),
        training_precision=_several(training_precision),
    )


@checked
def choose(
    methods: str | Sequence[str],
    *,
    source: AnyDataset | Sequence[AnyDataset],
    options: Sequence[str] = (),
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seeds: int | Sequence[int] = 0,
    budget: str | Budget = "quick",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
    out: str | Path | None = None,
) -> Tables:
    """Compare options of methods on sources alone, by anomalies planted in their held-out video: `bench choose`.

    No label is read, and no target.

    Args:
        methods: a method or several: a name, `name[option=value]` or `file.py:Class`.
        source: a data set or several: a name, the folder of a camera, or a `Dataset`.
        options: `name=value,value` each; every combination of those that a method has is compared.
        shots: support clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seeds: of trainings, and of what is planted.
        budget: how much training.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.
        out: CSV file in which rows are kept, beside what it holds.

    Returns:
        The table; its `rows` are one a scene, its caption names the command that runs the best of each source.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable, or a source shows nobody to cut out.
    """
    import pandas as pd

    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.decoding import Decoder
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.planning.request import Request
    from crossvad.planning.variants import variants
    from crossvad.studies import planted, planted_rows
    from crossvad.studies.choice import of_one_way
    from crossvad.tabulation.choose import tabulate

    if not (chosen := variants(_several(methods), options)):
        raise InputError("methods", "is empty", "name at least one")
    request = Request(
        sources=_several(source),
        targets=[planted.NoTarget()],
        methods=chosen,
        tuning=[tuning],
        shots=[shots],
        steps=[steps],
        seeds=_several(seeds),
        budget=budget,
        protocol=FAIR if shots <= FAIR.max_shots else replace(FAIR, name=f"fair@{shots}", max_shots=shots),
        support=None,
    )
    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    grid = request.bare_grid(data_root(data))
    store = open_store(results, teller=reporter)
    _prepare(store, reporter)
    parts = []
    for rows in planted.planted_rows(grid, store, Decoder(FrameCache(), grid.budget), torch_device, reporter):
        parts.append(rows)
        if out is not None:  # what is there is there, whenever this is stopped
            planted_rows.keep(Path(out), rows)
    rows = planted_rows.merged(parts[0][:0], pd.concat(parts))
    return tabulate(of_one_way(rows, grid.tunings[0].label, shots, steps), grid.tunings[0].label, shots, steps)


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
        methods=_several(methods) or DEFAULT_METHODS,
        tuning=["finetune[learning_rate=1e-4]"],
        shots=shots,
        steps=steps,
        seeds=[0],
        budget=chosen if size is None else replace(chosen, size=size),
        protocol=replace(FAIR, max_shots=max(FAIR.max_shots, *shots)),  # no score is read
        support=None,
    )
    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    grid = request.bare_grid(data_root(data))
    store, decoder = Store(local_folder(results, "what a method costs")), Decoder(FrameCache(), grid.budget)
    _prepare(store, reporter)
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
def profiles(results: str | Path = "results", methods: str | Sequence[str] = ()) -> Tables:
    """Show what methods cost, as it was measured before: all that is stored, or some methods'.

    Raises:
        InputError: nothing is stored of them.
    """
    from crossvad.planning import registry
    from crossvad.store.profiles import stored
    from crossvad.tabulation.profiles import tabulate

    labels = [registry.get_method(method).label for method in _several(methods)]
    store = Store(local_folder(results, "what a method costs"))
    found = [each for each in stored(store) if not labels or each.method in labels]
    if not found:
        names = ", ".join(labels) or "any method"
        raise InputError(str(results), f"holds no profile of {names}", "measure one: bench profile METHOD")
    return tabulate(found)


@checked
def load_results(
    results: str | Path | Sequence[str | Path] = "results",
    where: Where = (),
    protocol: str | Protocol = "fair",
    starts: bool = False,
    untrained: bool = False,
    quiet: bool = False,
) -> Results:
    """Take stored cells, as `bench table` does: those whose names still mean what they meant when they were run.

    Args:
        results: folder that keeps the runs, or a URL, whose cells are fetched; of several, cells are read as of one.
            The one that nobody named need not be there: nothing has been run yet.
        where: conditions on their keys: {"method": ["apn", "lmn"], "shots": 10}, or method=apn,lmn, or several such.
            {"place": "runs"} takes one's own alone, {"target_digest": …} an older copy of a target.
        protocol: by which their scores are read: fair, paper, fair@N, or a `Protocol`.
        starts: take the cells that they start from at K = 0, too, as curves do.
        untrained: spare methods that learn nothing from a source conditions on how others adapt.
        quiet: no progress where cells are fetched.

    Raises:
        InputError: a named folder is not there, a condition or a URL cannot be read, there is no such protocol, or two
            folders hold other scores of one cell.
    """
    from crossvad.execution.progress import Reporter

    only, wanted = by_place(conditions(where))
    places = [results] if isinstance(results, str | Path) else results
    store = open_stores(places, only, Reporter(quiet=quiet))
    if any(not is_url(place) and str(place) != UNLESS_NAMED for place in places):
        store.refuse_missing()
    protocol = get_protocol(protocol) if isinstance(protocol, str) else protocol
    stored = store.records()
    also: selection.Also = "starts" if starts else "untrained" if untrained else ""
    chosen = selection.choose(stored, wanted, also, protocol.name)
    rivals, older = chosen.rivals, chosen.superseded
    if isinstance(store, SeveralStores):
        store.refuse_disputed(chosen.records)
        rivals = store.undisputed(rivals)
    return Results(
        store,
        chosen.records,
        protocol,
        rivals=rivals,
        older=[record for records in older.values() for record in records],
        left_out=[*shares(store, chosen.records), *not_shown(stored, chosen.records, older, wanted, protocol)],
    )


@checked
def score_video(path: str | Path, **settings: Any) -> ScoredVideo:
    """Score footage of your own: find out when it is suspicious, as `bench score` does.

    Args:
        path: a video file, or a folder of numbered frames.
        settings: as of `score_videos`.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    (scored,) = score_videos([path], **settings)
    return scored


@checked
def score_videos(
    paths: Iterable[str | Path],
    *,
    source: AnyDataset,
    method: AnyMethod = "apn",
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seed: int = 0,
    budget: str | Budget = "quick",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
    top: int = 5,
    out: str | Path | None = None,
    overlay: bool = False,
) -> list[ScoredVideo]:
    """Score footage of your own with one training; adapts to the first clips of each video.

    Args:
        paths: video files, and folders of numbered frames.
        source: trained on this, unless the results folder holds that training.
        method: a name, `name[option=value]`, `file.py:Class`, or a subclass of `Adapter`.
        shots: clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seed: of the training.
        budget: how much training.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.
        top: moments to find, at most.
        out: folder to write scores, timeline and stills to, one per video in it; None: nothing is written.
        overlay: write overlay.mp4 too, which needs PyAV.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.footage.footage_scorer import FootageScorer
    from crossvad.footage.own_footage import OwnFootage

    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    places = [Path(path) for path in paths]
    footage = OwnFootage(places)
    request = _request_of_own(footage, source, method, shots, steps, tuning, seed, budget)
    grid = request.bare_grid(data_root(data))
    store = open_store(results, teller=reporter)
    store.check_usable()
    _sweep(store, reporter)
    scorer = FootageScorer(footage, places, grid, store, torch_device, reporter)
    return scorer.score(top, None if out is None else Path(out), overlay)


@checked
def watch(
    cameras: str | Sequence[str] | Mapping[str, str],
    *,
    source: AnyDataset,
    method: AnyMethod = "apn",
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seed: int = 0,
    budget: str | Budget = "quick",
    look: float = 60.0,
    false_alarms: float | None = None,
    reconnect: int | None = None,
    save_alarms: str | Path | None = None,
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
) -> Watcher:
    """Watch running cameras, as `bench watch` does: one training, adapted to the first clips of each camera.

    Trains at once; cameras are opened when one begins to go through what this returns. That ends when all cameras
    have ended, or by its `stop`.

    Args:
        cameras: addresses, each alone or as NAME=ADDRESS, or a dictionary of them by name. An address is a URL
            (rtsp://…, http://…), a device (/dev/video0), a video file, or - for what is piped in.
        source: trained on this, unless the results folder holds that training.
        method: a name, `name[option=value]`, `file.py:Class`, or a subclass of `Adapter`.
        shots: clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seed: of the training.
        budget: how much training.
        look: seconds after that, taken for normal, on which the alarm line is set.
        false_alarms: an hour that the line may allow; None: as few as `look` can tell of, 3600 / (look + 1).
        reconnect: tries in a row to open a stream again; None: for ever.
        save_alarms: folder for a film of each alarm; None: none are kept.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress, and no board.

    Returns:
        What gives an `Alarm` whenever one begins and whenever one ends.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable, or no camera answers.
    """
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.live.camera_watch import Rules
    from crossvad.live.cameras import OwnCameras, from_pairs, named
    from crossvad.live.preparing import prepare

    words = [cameras] if isinstance(cameras, str) else cameras
    chosen = from_pairs([*words.items()]) if isinstance(words, Mapping) else named(words)
    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    request = _request_of_own(OwnCameras(), source, method, shots, steps, tuning, seed, budget)
    rules = Rules(int(look), false_alarms, reconnect, None if save_alarms is None else Path(save_alarms))
    grid, store = request.bare_grid(data_root(data)), open_store(results, teller=reporter)
    store.check_usable()
    _sweep(store, reporter)
    return prepare(chosen, rules, grid, store, torch_device, reporter)


def _request_of_own(
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


def _called() -> str:
    """How this process was called, where it is `bench`."""
    return masked(shlex.join(["bench", *sys.argv[1:]])) if Path(sys.argv[0]).name == "bench" else "crossvad.run"


def _prepare(store: Store, reporter: Reporter) -> None:
    """Make sure that a store can be written, and clear it."""
    store.check_writable()
    _sweep(store, reporter)


def _sweep(store: Store, reporter: Reporter) -> None:
    """Clear a store of what killed runs left half-written."""
    for name in store.sweep():
        reporter.say(f"removed {name}: left half-written by a run that was killed")


def _several(one_or_more: Any) -> list[Any]:
    """A list of what may be one thing or several; a data set can be gone through without being several."""
    return list(one_or_more) if isinstance(one_or_more, list | tuple | set | range) else [one_or_more]

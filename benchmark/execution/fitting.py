"""Trained methods: from memory, from the store, or trained now. Cells that differ only later on share a fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import torch

from crossvad.adapters.base import Adapter, Frozen
from crossvad.adapters.options import Budget, Precision
from crossvad.adapters.training_state import Checkpointer
from crossvad.adapters.tunings.base import NoTuning, Tuning
from crossvad.adapters.tunings.rate_search import EPISODES, QUERY, RateSearch, search_rate
from crossvad.datasets.base import Dataset, Video
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import CannotKeep
from crossvad.datasets.readers.excerpts import origin
from crossvad.datasets.readers.file_identity import parsing, small_text
from crossvad.datasets.words import number_of
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.checkpoints import Checkpoints, Watched, forget
from crossvad.execution.decoding import Decoder, training_videos
from crossvad.execution.device import now
from crossvad.execution.mean_over_clips import refuse_coupled
from crossvad.execution.memory_layouts import lay_out, probed_with, usual
from crossvad.execution.model_state import ANEW, save_model, save_tensors
from crossvad.execution.precision import computing_in
from crossvad.execution.progress import Reporter, Update
from crossvad.execution.scoring import Fitted
from crossvad.execution.tensorboard import curve_writer
from crossvad.execution.training import (
    TUNING,
    Diverged,
    arrange_learning,
    check_saved,
    heldout_scores,
    load_fitted,
    logging_to,
    train,
)
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.specs import MethodSpec
from crossvad.store.store import Store

WAITING = "another process is at it, and is waited for"
FACTS = "fit.json"  # in the folder of a fit or a preparation, beside the model's files


@dataclass(frozen=True)
class Stage:
    """A step on a method's way to a target that is kept: its training or, given a tuning, what that prepares."""

    kind: str  # of place in the store
    key: str  # of it there
    title: str
    cell: Cell  # one of those that need it
    tuning: Tuning | None
    make: Callable[[], Adapter]  # builds the method, which has learned nothing yet
    fresh: Callable[[], ClipSource]  # what it learns from, with draws from their start
    precision: Precision = "float32"  # that it trains in


class Team(Protocol):
    """Processes that train a method together, each on a device of its own."""

    count: int

    def __call__(self, cell: Cell, draft: Path, say: Callable[[str], None], update: Update) -> None:
        """Train a cell's method and write it to a folder, as `Fitter.make` does; tells how far it is."""


Sharing = Callable[[Adapter, Checkpointer], AbstractContextManager[None]]  # in which a method trains with others


class Fitter:
    """Fits the methods of one grid. Keeps the last fit at hand, as consecutive cells mostly share it."""

    def __init__(
        self,
        grid: Grid,
        store: Store,
        decoder: Decoder,
        device: torch.device,
        reporter: Reporter,
        team: Team | None = None,
    ) -> None:
        """Say what is fitted, of what and where.

        Args:
            grid: whose methods, sources and tunings these are.
            store: keeps them.
            decoder: gives the sources' frames.
            device: that methods run on.
            reporter: told how far it is.
            team: trains methods; None: this process does.
        """
        self.grid, self.store, self.decoder, self.device, self.reporter = grid, store, decoder, device, reporter
        self.team = team
        self.tunings = {tuning.label: tuning for tuning in grid.tunings}
        self.trained: Callable[[str], None] = lambda key: None  # told of each training and preparation that is made
        self._last: Fitted | None = None
        # Key of a stage -> why it failed, which need not be tried again, and its traceback as it was then.
        self._broken: dict[str, tuple[Exception, TracebackType | None]] = {}

    def fitted(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        """The cell's method, trained on its source and prepared by its tuning."""
        if self._last is None or self._last.key != cell.prepared_key:
            self._last = None  # let go of the old one before the new one is built
            self._last = self._fit(cell, method, source)
        return self._last

    def _fit(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        fit, adapter = self.training(cell, method, source)
        facts: dict[str, Any] = {"parameters": adapter.parameter_count()}
        tuning = self.tunings[cell.tuning].build() if cell.tuning in self.tunings else NoTuning()
        if not adapter.needs_source:
            return Fitted(cell.prepared_key, adapter, tuning, {}, facts, precision=method.arithmetic.precision)
        fresh, arithmetic = fit.fresh, method.arithmetic
        adapter, stored = self._taken(fit, adapter)
        facts["train_seconds"] = stored["seconds"]
        facts |= {"training_devices": stored["devices"]} if "devices" in stored else {}
        facts["diagnostics"] = {name: curve[-1][1] for name, curve in stored["curves"].items() if name != "loss"}
        if tuning.learns:
            torch.manual_seed(cell.seed)
            title = f"Prepare {method.label} for {cell.tuning}"
            if len(fresh().scenes) == 1:
                title += f" (one scene in {cell.source}: episodes are of different times of it)"
            stage = replace(
                fit, kind="prepared", key=cell.prepared_key, title=title, tuning=tuning, precision="float32"
            )
            adapter, stored = self._taken(stage, adapter)
            facts["prepare_seconds"] = stored["seconds"]
            for name, (least, median, most) in (described := tuning.described()).items():
                self.reporter.say(f"  step sizes of {name}: {least:.3g} to {most:.3g}, median {median:.3g}")
            facts |= {"step_sizes": described} if described else {}
        with computing_in(arithmetic.precision, self.device):
            heldout = heldout_scores(adapter, fresh(), self.grid.budget)
        return Fitted(cell.prepared_key, adapter, tuning, heldout, facts, fresh, arithmetic.precision)

    def training(self, cell: Cell, method: MethodSpec, source: Dataset) -> tuple[Stage, Adapter]:
        """The training of a cell's method, which has learned nothing yet, and that method."""
        make = partial(build, method, self.grid.budget, cell.seed, self.device)
        adapter = make()
        # Each stage draws from the start of the seed, whether the one before was stored or not.
        fresh = partial(source_clips, source, adapter, self.decoder, self.device, cell.seed)
        title = f"Train {method.label} on {cell.source}"
        fit = Stage("fits", cell.fit_key, title, cell, None, make, fresh, method.arithmetic.training_precision)
        return fit, adapter

    def lacking(self, cell: Cell, method: MethodSpec) -> list[str]:
        """Keys of the training and of the preparation that a cell needs, as far as this machine's store lacks them."""
        if not method.cls.needs_source:
            return []
        tuning = self.tunings.get(cell.tuning)
        needed = {"fits": cell.fit_key} | ({"prepared": cell.prepared_key} if tuning and tuning.cls.learns else {})
        return [key for kind, key in needed.items() if not (self.store.place(kind, key) / FACTS).is_file()]

    def is_trained(self, cell: Cell) -> bool:
        """Whether the training that a cell needs is stored."""
        self.store.take_in("fits", [cell.fit_key])
        return (self.store.place("fits", cell.fit_key) / FACTS).is_file()

    def decided(self, cells: Sequence[Cell], fitted: Fitted) -> dict[Cell, tuple[Tuning, RateSearch | None]]:
        """The tuning of each of some cells of one fit, with the search that chose its rate, where it was open."""
        tunings: dict[Cell, tuple[Tuning, RateSearch | None]] = {cell: (fitted.tuning, None) for cell in cells}
        if not fitted.tuning.rate_is_open or fitted.source is None:
            return tunings
        for shots in sorted({cell.shots for cell in cells if cell.shots}):
            alike = [cell for cell in cells if cell.shots == shots]
            self.store.take_in("searches", {cell.search_key for cell in alike})
            self._search([cell for cell in alike if not self._search_folder(cell).is_dir()], fitted)
            for cell in alike:
                path = self._search_folder(cell) / "search.json"
                with parsing(path, "holds no search", ANEW):
                    search = RateSearch(**json.loads(small_text(path)))
                tunings[cell] = (fitted.tuning.with_rate(search.chosen), search)
        return tunings

    def _search(self, cells: Sequence[Cell], fitted: Fitted) -> None:
        """Choose the rate for each of some cells of equal shots, and store it."""
        if not cells or fitted.source is None:
            return
        tuning, first = fitted.tuning, cells[0]
        title = f"Choose {tuning.rate} of {first.tuning} on {first.source}, {number_of(first.shots, 'shot')}"
        with torch.no_grad():
            features = fitted.adapter.frozen_features(fitted.source().batch(probed_with(self.device)))
        any_rate = tuning.with_rate(tuning.RATES[0])
        moving, _ = ready_to_adapt(fitted.adapter, features, any_rate, self.grid.budget, self.device)
        with self.reporter.task(title) as update:
            episodes = fitted.source().unseen(EPISODES, first.shots, QUERY)
            counts = sorted({cell.steps for cell in cells})
            torch.manual_seed(first.seed)  # some losses draw, and what was searched before is not to matter
            searches = search_rate(moving, tuning, episodes, counts, update)
        for cell in cells:
            with self.store.writing("searches", cell.search_key) as draft:
                (draft / "search.json").write_text(json.dumps(asdict(searches[cell.steps])))

    def _search_folder(self, cell: Cell) -> Path:
        return self.store.place("searches", cell.search_key)

    def _taken(self, stage: Stage, adapter: Adapter) -> tuple[Adapter, dict[str, Any]]:
        """Take a stage of a method from the store, made and put there first unless it is there.

        What comes is always what the store holds, in a fresh method: no score can rest on what is not saved.
        """
        if stage.key in self._broken:
            error, origin = self._broken[stage.key]
            raise error.with_traceback(origin)
        folder = self.store.place(stage.kind, stage.key)
        if not (folder / FACTS).is_file():
            with self.store.claim(stage.kind, stage.key, lambda: self.reporter.say(f"  {stage.title}: {WAITING}")):
                self.store.take_in(stage.kind, [stage.key])
                if not (folder / FACTS).is_file():
                    try:
                        self._write(stage, adapter)
                    except CannotKeep:
                        raise
                    except Exception as error:
                        self._broken[stage.key] = error, error.__traceback__
                        raise
                    self.trained(stage.key)
        forget(self.store, stage.key)  # of another process that trained the same, and was killed
        loaded = stage.make()
        load_fitted(loaded, stage.tuning, folder, self.device)
        with parsing(folder / FACTS, "holds no facts of a training", ANEW):
            stored: dict[str, Any] = json.loads(small_text(folder / FACTS))
        return loaded, stored

    def _write(self, stage: Stage, adapter: Adapter) -> None:
        """Make a stage of a method, in place or by the team, and store it."""
        with self.reporter.task(stage.title) as update, self.store.writing(stage.kind, stage.key) as draft:
            if self.team and stage.tuning is None:
                refuse_coupled(adapter, stage.fresh())
                self.team(stage.cell, draft, self.reporter.say, update)
            else:
                self.make(stage, adapter, draft, update)

    def arithmetic(self, stage: Stage) -> Callable[[], AbstractContextManager[object]]:
        """What the steps of a training are taken in, as `Adapter.arithmetic`."""
        return partial(computing_in, stage.precision, self.device, steps=True)

    def make(
        self,
        stage: Stage,
        adapter: Adapter,
        draft: Path,
        update: Update,
        sharing: Sharing | None = None,
        devices: int = 1,
    ) -> None:
        """Make a stage of a method, in place, and write it to a folder.

        Args:
            stage: which.
            adapter: as `stage.make` builds it; of a later stage, as the one before left it.
            draft: the folder.
            update: told how far it is.
            sharing: in which it trains, where it does so together with other processes.
            devices: that it trains on.
        """
        watched = Watched()
        checkpoints = Checkpoints(self.store, stage.key, watched, self.reporter.say)
        with curve_writer(self.store.place("curves", stage.key)) as write:
            layout = usual(adapter)
            if stage.tuning is None:
                layout = arrange_learning(adapter, stage.fresh(), self.grid.budget, stage.precision)
            started, log = now(self.device), logging_to(update, watched, write)
            if stage.tuning is None:
                adapter.checkpoints = checkpoints
                adapter.arithmetic = self.arithmetic(stage)
            try:
                with sharing(adapter, checkpoints) if sharing else nullcontext():
                    state = train(adapter, stage.fresh(), self.grid.budget, log, stage.tuning)
            except Diverged:
                checkpoints.remove()
                raise
            finally:
                checkpoints.release()
                for name in ("checkpoints", "arithmetic", "shared_loss"):
                    vars(adapter).pop(name, None)  # no part of the method
            facts = {"seconds": checkpoints.seconds + now(self.device) - started, "curves": watched.curves}
            facts |= {"layout": layout} | ({"devices": devices} if devices > 1 else {})
            save_model(adapter, draft)
            if stage.tuning is not None:
                save_tensors(state, draft / TUNING)
            loaded = stage.make()
            load_fitted(loaded, stage.tuning, draft, self.device)
            check_saved(adapter, loaded, stage.fresh(), self.grid.budget)
            if len(watched.curves) > 1:
                ends = [f"{name} {curve[-1][1]:.3g}" for name, curve in watched.curves.items()]
                self.reporter.say(f"  {', '.join(ends)}")
            (draft / FACTS).write_text(json.dumps(facts))


def build(method: MethodSpec, budget: Budget, seed: int, device: torch.device) -> Adapter:
    """A fresh method, drawn from the start of a seed, that has learned nothing yet; in eval mode.

    Raises:
        InputError: it cannot be built at this budget.
    """
    torch.manual_seed(seed)
    adapter = method.build(budget).to(device)
    for held in [part.network for part in adapter.modules() if isinstance(part, Frozen)]:
        lay_out(held, usual(held))  # copies of the method share it
    return lay_out(adapter, usual(adapter)).eval()


def source_clips(source: Dataset, adapter: Adapter, decoder: Decoder, device: torch.device, seed: int) -> ClipSource:
    """What a method may learn from at the decoder's budget, with draws from the start of the seed."""
    videos = training_videos(source, decoder.budget)
    owners = scene_numbers(source, videos)
    footage = [decoder.frames(video, adapter.extra_inputs) for video in videos]
    return ClipSource(footage, adapter.clip, device, seed, owners)


def scene_numbers(source: Dataset, videos: Sequence[Video]) -> list[int]:
    """Number of the training scene that each of some training videos, or excerpts of them, is of."""
    scenes = enumerate(source.scenes("train"))
    owner = {video.source.identity: number for number, scene in scenes for video in scene.videos}
    return [owner[origin(video.source).identity] for video in videos]


def fitted_folder(store: Store, cell: Cell, tuning: Tuning) -> Path:
    """Where the store keeps a cell's method as it was before it met the target."""
    return store.place("prepared", cell.prepared_key) if tuning.learns else store.place("fits", cell.fit_key)

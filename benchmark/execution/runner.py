"""One cell after the other: fit (cached) -> support set -> adapt -> score -> store. No metric is computed here."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.wording import noun
from crossvad.datasets.words import number_of
from crossvad.evaluation.stuck_cues import stuck_cues
from crossvad.execution import preflight, support
from crossvad.execution.anomaly_maps import locatable
from crossvad.execution.decoding import Decoder, count_frames, stop_at
from crossvad.execution.fitting import WAITING, Fitter, Team
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import CellRun, Fitted, score_cells
from crossvad.execution.tally import Tally
from crossvad.planning.catalogue import BASELINES
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.specs import MethodSpec
from crossvad.store.facts import to_be_read_again
from crossvad.store.records import Record, Status
from crossvad.store.scores import Scores, same_labels
from crossvad.store.store import Store, now_in_words

Retry = Literal["failed", "interrupted"]
INTERRUPTED: tuple[Status, str] = ("interrupted", "stopped")


class LeftOut(NamedTuple):
    """Why a cell is not run: its method cannot do it, or its source or target cannot play its part."""

    status: Literal["refused", "skipped"]
    error: InputError

    @property
    def text(self) -> str:
        """One line: where, what, and what to do."""
        return str(self.error)


class Runner:
    """Runs grids against one store."""

    def __init__(
        self,
        store: Store,
        cache: FrameCache,
        device: torch.device,
        reporter: Reporter,
        keep_maps: bool = False,
        launch: Launch | None = None,
        retry: Retry = "failed",
        max_failures: int | None = None,
        team: Team | None = None,
    ) -> None:
        """Say where cells are run and how.

        Args:
            store: keeps them.
            cache: of decoded frames.
            device: that methods run on.
            reporter: told how far it is.
            keep_maps: of methods that have them and targets that can judge them; a cell without is scored again.
            launch: how cells are got through; unless told otherwise, here and one group after the other.
            retry: which cells are run again: those that failed, too, or those alone that were stopped.
            max_failures: cells that may fail before a run ends early; None: all.
            team: trains methods; None: this process does, or those that are launched.
        """
        self.store, self.cache, self.device, self.reporter, self.keep_maps = store, cache, device, reporter, keep_maps
        self.launch, self.retry, self.max_failures, self.team = launch or here, retry, max_failures, team
        self._began = now_in_words()

    def run(self, grid: Grid, leave_out: bool = False) -> list[Record]:
        """Run every cell of a grid that is not done yet, and return the records of all.

        A cell that fails is recorded with its traceback and does not stop the others; nor does one whose method cannot
        do what is asked: it is recorded as refused, with the reason. With `leave_out`, cells whose source or target
        cannot play its part are recorded as skipped, with the reason; else that is an error.

        Raises:
            InputError: an input is missing, broken or unsuitable, or no method but the trivial ones could do what is
                asked. Nothing has been trained or scored by then.
            CannotKeep: nothing can be written any more, or what was made cannot be shared.
        """
        cells = self.take(grid)
        records = self.stored(cells)
        todo = [cell for cell, record in records.items() if record is None or not self.settled(record)]
        stored = f"{len(cells) - len(todo)} in the store"
        if failed := sum(record is not None and record.status == "failed" for record in records.values()):
            stored += f", {failed} of them failed" if self.retry == "interrupted" else ""
        self.reporter.say(f"{number_of(len(cells), 'cell')}: {stored}, {len(todo)} to run")
        for target in dict.fromkeys(cell.target for cell in todo if self._outdated(records[cell])):
            self.reporter.say(f"note: labels of {target} were changed since its cells were scored, which are run again")
        if todo:
            reasons = self.check(todo, leave_out)
            tally, to_score = Tally(len(todo), self.reporter), []
            for _, of_group in itertools.groupby(todo, lambda cell: (cell.group, reasons.get(cell))):
                group = list(of_group)
                if reason := reasons.get(group[0]):
                    tally.begin(group)
                    self.reporter.say(f"  {reason.status}: {reason.text}")
                    records |= self.record(group, reason.status, reason.text)
                    tally.end(group)
                else:
                    to_score.append(group)
            records |= self._launched(to_score, tally)
        self.store.hand_over()
        return [record for record in records.values() if record is not None]

    def _launched(self, groups: Sequence[list[Cell]], tally: Tally) -> dict[Cell, Record]:
        """Get through groups of cells: their records, or those of some if too many fail."""
        records: dict[Cell, Record] = {}
        cells = [cell for group in groups for cell in group]
        tally.expect({cell: self.fitter.lacking(cell, self.methods[cell.method]) for cell in cells})
        self.fitter.trained = tally.trained
        with closing(self.launch(self, groups, tally)) as launched:
            for done in launched:
                records |= done
                failed = sum(record.status == "failed" for record in records.values())
                if self.max_failures is not None and failed >= self.max_failures:
                    self.reporter.say(f"Stopped, as {number_of(failed, 'cell')} failed (" + noun("max_failures") + ")")
                    break
        return records

    # ---- before anything is trained ----------------------------------------------------------------------------------

    def take(self, grid: Grid) -> list[Cell]:
        """Take up a grid: open its videos, and name its cells.

        Raises:
            InputError: a video cannot be opened.
        """
        self.grid = grid
        self.methods = {method.label: method for method in grid.methods}
        self.sources = {source.name: source for source in grid.sources}
        self.targets = {target.name: target for target in grid.targets}
        self._locatable: dict[str, bool] = {}
        self._own_labels: dict[str, dict[str, NDArray[np.uint8]]] = {}
        self.decoder = Decoder(self.cache, grid.budget)
        self.fitter = Fitter(grid, self.store, self.decoder, self.device, self.reporter, self.team)
        stop_at(count_frames(preflight.all_videos(grid), self.reporter))
        return grid.cells()

    def check(self, cells: list[Cell], leave_out: bool = False) -> dict[Cell, LeftOut]:
        """Check the inputs of these cells of the grid and decode them. Returns those to leave out, with the reason.

        Raises:
            InputError: an input is missing, broken or, unless it is to be left out, unsuitable; nothing can be stored;
                no method but the trivial ones can do what is asked.
        """
        self.store.check_writable()
        preflight.check_names(cells, self.grid.targets)
        preflight.check_files(self.grid, self.reporter)
        # Building a tuning says so if what it needs is not installed.
        tunings = {tuning.label: tuning.build() for tuning in self.grid.tunings}
        built: dict[str, Adapter | preflight.Refused] = {}
        for label, spec in self.methods.items():
            try:
                built[label] = preflight.build_method(spec, self.grid.budget)
            except preflight.Refused as refused:
                built[label] = refused
        verdicts: dict[tuple[Any, ...], LeftOut | None] = {}
        reasons: dict[Cell, LeftOut] = {}
        for cell in cells:
            question = (cell.source, cell.target, cell.method, cell.tuning, cell.shots, cell.support)
            if question not in verdicts:
                try:
                    self._check_cell(cell, built[cell.method], tunings.get(cell.tuning))
                    verdicts[question] = None
                except preflight.Refused as refused:
                    verdicts[question] = LeftOut("refused", refused)
                except support.Unsuitable as unsuitable:
                    if not leave_out:
                        raise
                    verdicts[question] = LeftOut("skipped", unsuitable)
            if verdict := verdicts[question]:
                reasons[cell] = verdict
        self._stop_at_refusals(reasons)
        for told in dict.fromkeys(reason.text for reason in reasons.values() if reason.status == "refused"):
            self.reporter.say(f"refused, while the others run: {told}")
        stop_at(self.decoder.fill(preflight.needed_videos(self.grid), self.reporter))
        return reasons

    def _check_cell(self, cell: Cell, method: Adapter | preflight.Refused, tuning: Tuning | None) -> None:
        """Raise what stands in a cell's way."""
        if isinstance(method, preflight.Refused):
            raise method
        source, target = self.sources[cell.source], self.targets[cell.target]
        if method.needs_source:
            preflight.check_source(source, method.clip)
            preflight.check_apart(source, target)
            if self.team and not self.fitter.is_trained(cell):
                preflight.check_devices(self.methods[cell.method], method, self.grid.budget, self.team.count)
        preflight.check_tuning(cell, method, tuning)
        preflight.check_target(target, method.clip, cell.shots, cell.policy)
        preflight.check_protocol(self.grid.protocol, target, method.clip, cell.shots)

    def _stop_at_refusals(self, reasons: dict[Cell, LeftOut]) -> None:
        """Raise a refusal where nothing is left of what was asked for but trivial rows, and cells without shots."""
        asked = [cell for cell in self.grid.cells() if cell.method not in BASELINES] or self.grid.cells()
        asked = [cell for cell in asked if cell.shots] or asked
        refusals = [reasons[cell].error for cell in asked if cell in reasons and reasons[cell].status == "refused"]
        if len(refusals) == len(asked):
            raise refusals[0]

    # ---- one cell ----------------------------------------------------------------------------------------------------

    def stored(self, cells: Sequence[Cell]) -> dict[Cell, Record | None]:
        """What is stored of some cells, with what others have made of them, also anew by the labels of today."""
        self.store.take_in("cells", [cell.key for cell in cells])
        records = {cell: self.store.record(cell) for cell in cells}
        if outdated := [cell for cell, record in records.items() if self._outdated(record)]:
            self.store.take_in("cells", [cell.key for cell in outdated], anew=True)
            records |= {cell: self.store.record(cell) for cell in outdated}
        return records

    def complete(self, record: Record) -> bool:
        """Whether a stored cell is what is asked for: done, by the labels of today, with the maps that are wanted."""
        if record.status != "done" or self._outdated(record):
            return False
        wanted = self._maps_version(record.cell)
        return not wanted or record.facts.get("maps") == wanted

    def settled(self, record: Record) -> bool:
        """Whether a stored cell need not be run: it is complete, or it failed and those are not tried again."""
        return self.complete(record) or (record.status == "failed" and self.retry == "interrupted")

    def _outdated(self, record: Record | None) -> bool:
        """Whether a cell is done, and by other labels than its target has now: a cell's name does not tell."""
        if record is None or record.status != "done":
            return False
        cell = record.cell
        if cell.target not in self._own_labels:
            self._own_labels[cell.target] = preflight.own_labels(self.targets[cell.target])
        now = self._own_labels[cell.target]
        then = self.store.labels(cell) if now else {}
        return not same_labels(now, then)

    def _maps_version(self, cell: Cell) -> str:
        """Of a cell's maps; empty where none are wanted, or there is nothing to hold them against."""
        if not self.keep_maps or not self.methods[cell.method].maps_version:
            return ""
        if cell.target not in self._locatable:
            self._locatable[cell.target] = locatable(self.targets[cell.target])
        return self.methods[cell.method].maps_version if self._locatable[cell.target] else ""

    def prepare(self, cells: Sequence[Cell]) -> dict[Cell, Record]:
        """Train the method that some cells share, and let their tuning learn what it needs, unless it is all stored.

        Returns:
            The records of all of them, if that failed; else none, as there is more to do.
        """
        first, failed = cells[0], self._ended(cells, "failed")
        if len(failed) == len(cells):
            return failed
        try:
            fitted = self.fitter.fitted(first, self.methods[first.method], self.sources[first.source])
        except CannotKeep:
            raise
        except Exception as error:
            self.reporter.say(f"  failed: {type(error).__name__}: {error}")
            return self.record(cells, "failed", _in_words(error))
        for shots in {cell.shots for cell in cells}:
            with suppress(Exception):  # a rate that cannot be chosen: the cells of it will fail, and no others
                self.fitter.decided([cell for cell in cells if cell.shots == shots], fitted)
        return {}

    def elsewhere(self, cells: Sequence[Cell]) -> bool:
        """Whether another process is running cells of this group, or training what they need."""
        first = cells[0]
        if self.store.is_claimed("cells", first.group_key):
            return True
        return not self.store.place("fits", first.fit_key).is_dir() and self.store.is_claimed("fits", first.fit_key)

    def score(self, cells: Sequence[Cell]) -> dict[Cell, Record]:
        """Run cells of one group together, once no other process does; what they need that is not stored is made."""
        with self.store.claim("cells", cells[0].group_key, lambda: self.reporter.say(f"  {WAITING}")):
            self.stored(cells)
            done = self._ended(cells, "done") | self._ended(cells, "failed")
            left = [cell for cell in cells if cell not in done]
            if done:
                self.reporter.say(f"  {number_of(len(done), 'cell')} of them run by another process meanwhile")
            return done | (self._score(left) if left else {})

    def _ended(self, cells: Sequence[Cell], status: Status) -> dict[Cell, Record]:
        """The records of cells that ended so: done at any time, or failed in another run since this one began."""
        found = {cell: record for cell in cells if (record := self.store.record(cell)) and record.status == status}
        if status == "done":
            return {cell: record for cell, record in found.items() if self.complete(record)}
        now = now_in_words()  # what is later was written by a clock that was ahead, at whatever time
        return {cell: record for cell, record in found.items() if self._began < record.finished <= now}

    def _score(self, cells: list[Cell]) -> dict[Cell, Record]:
        first, problem, reason = cells[0], "", ""
        try:
            method = self.methods[first.method]
            fitted = self.fitter.fitted(first, method, self.sources[first.source])
            decided = self.fitter.decided(cells, fitted)
            tasks = [CellRun(cell, decided[cell][0]) for cell in cells]
            maps_version = self._maps_version(first)
            target = self.targets[first.target]
            with self.reporter.task(f"  adapt and score {first.method}") as update:
                scored = score_cells(
                    tasks, fitted, target, self.decoder, self.device, update, keep_maps=bool(maps_version)
                )
            shared = self._facts(fitted, method) | ({"maps": maps_version} if maps_version else {})
            searches = {cell: {"search": asdict(search)} for cell, (_, search) in decided.items() if search is not None}
            facts = [
                to_be_read_again(shared | result.facts | searches.get(cell, {}))
                for cell, result in zip(cells, scored, strict=True)
            ]
        except KeyboardInterrupt:
            self.record(cells, *INTERRUPTED)
            raise
        except CannotKeep:
            raise
        except Exception as error:  # a method's own fault, whatever it is, must not take the grid down
            problem, reason = f"{type(error).__name__}: {error}", _in_words(error)
        if reason and len(cells) > 1:  # nor the cells beside it; only now is nothing held of what failed
            return {cell: self._score([cell])[cell] for cell in cells}
        if reason:
            self.reporter.say(f"  failed: {problem}")
            return self.record(cells, "failed", reason)
        records = {}
        for cell, result, of_cell in zip(cells, scored, facts, strict=True):
            self._tell_oddities(cell, result.scores, of_cell)
            records[cell] = self.store.write(Record(cell, "done", facts=of_cell), result.scores, result.maps)
        return records

    def _facts(self, fitted: Fitted, method: MethodSpec) -> dict[str, Any]:
        """What all cells of a method record of it, and of where it ran."""
        facts = {**fitted.facts, "fusion": fitted.adapter.fusion, "device": self.device.type}
        facts |= {"torch": torch.__version__, "numpy": np.__version__}
        if method.code:  # of a plug-in, which cannot be asked when its scores are read
            facts["published_evaluation"] = asdict(method.cls.published_evaluation)
        return facts | ({"transductive": True} if fitted.adapter.transductive else {})

    def _tell_oddities(self, cell: Cell, scores: Scores, facts: dict[str, Any]) -> None:
        """Tell of adaptations that were taken back, and of cues that say nothing."""
        if reverted := sum(each["reverted"] for each in facts.get("adaptations", [])):
            many = f"{reverted} of {len(facts['adaptations'])} adaptations"
            self.reporter.say(f"  {cell}: {many} ended with a higher support loss and were taken back")
        for cue, share in stuck_cues(scores, facts["fusion"]).items():
            what = f"its cue {cue} says nothing about {100 * share:.0f} % of the frames, which share one extreme value"
            self.reporter.say(f"  {cell}: {what}")

    def record(self, cells: Sequence[Cell], status: Status, reason: str) -> dict[Cell, Record]:
        """Record why some cells have no scores, but for those that have some, which they keep until they have others.

        Returns:
            The records: of what another process has scored meanwhile that one; of scores by the labels of another day
            why there are no others, which is told and not stored, so that the next run tries again.
        """
        return {cell: self._record(cell, status, reason) for cell in cells}

    def _record(self, cell: Cell, status: Status, reason: str) -> Record:
        found, told = self.store.record(cell), Record(cell, status, reason)
        if found is None or found.status != "done":
            return self.store.write(told)
        return told if self._outdated(found) else found


def _in_words(error: Exception) -> str:
    """An error with its traceback, whose frames are emptied: they hold tensors, for which others may lack the room."""
    told = traceback.format_exc()
    each: BaseException | None = error
    while each:
        traceback.clear_frames(each.__traceback__)
        each = each.__context__
    return told


Launch = Callable[[Runner, Sequence[list[Cell]], Tally], Generator[dict[Cell, Record], None, None]]


def here(runner: Runner, groups: Sequence[list[Cell]], tally: Tally) -> Generator[dict[Cell, Record], None, None]:
    """Get through groups of cells in this process, one after the other: first those that no other process is at."""
    later: list[list[Cell]] = []  # gone through when all else is done
    for waits, group in itertools.chain(((False, each) for each in groups), ((True, each) for each in later)):
        if not waits and runner.elsewhere(group):
            later.append(group)
            continue
        tally.begin(group)
        yield runner.score(group)
        tally.end(group)

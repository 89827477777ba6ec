"""One cell after the other: fit (cached) -> support set -> adapt -> score -> store. No metric is computed here."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import torch

from crossvad import preflight
from crossvad.datasets.base import InputError
from crossvad.datasets.cache import FrameCache
from crossvad.decoding import Decoder, count_frames, stop_at
from crossvad.fitting import Fitter
from crossvad.locating import locatable
from crossvad.plan import Cell, Grid
from crossvad.progress import Reporter
from crossvad.scoring import score_cell
from crossvad.store import Record, Store


class Runner:
    """Runs grids against one store."""

    def __init__(
        self, store: Store, cache: FrameCache, device: torch.device, reporter: Reporter, keep_maps: bool = False
    ) -> None:
        """`keep_maps`: of methods that have them and targets that can judge them; a cell without is scored again."""
        self.store, self.cache, self.device, self.reporter, self.keep_maps = store, cache, device, reporter, keep_maps

    def run(self, grid: Grid, leave_out: bool = False) -> list[Record]:
        """Run every cell of a grid that is not done yet, and return the records of all.

        A cell that fails is recorded with its traceback and does not stop the others. With `leave_out`, cells whose
        source or target cannot play its part are recorded as skipped, with the reason; else that is an error.

        Raises:
            InputError: an input is missing, broken or unsuitable. Nothing has been trained or scored by then, unless
                the input changed during the run; what was finished is kept.
        """
        cells = self.take(grid)
        found = {cell: self.store.record(cell) for cell in cells}
        todo = [cell for cell, record in found.items() if record is None or not self._complete(record)]
        self.reporter.say(f"{len(cells)} cells: {len(cells) - len(todo)} in the store, {len(todo)} to run")
        if todo:
            reasons = self.check(todo, leave_out)
            for number, cell in enumerate(todo, 1):
                self.reporter.say(f"[{number}/{len(todo)}] {cell}")
                found[cell] = self._skip(cell, reasons[cell]) if cell in reasons else self._cell(cell)
        return [record for record in found.values() if record is not None]

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
        self.decoder = Decoder(self.cache, grid.budget)
        self.fitter = Fitter(grid, self.store, self.decoder, self.device, self.reporter)
        stop_at(count_frames(preflight.all_videos(grid), self.reporter))
        return grid.cells()

    def check(self, cells: list[Cell], leave_out: bool = False) -> dict[Cell, str]:
        """Check the inputs of these cells of the grid and decode them. Returns those to leave out, with the reason.

        Raises:
            InputError: an input is missing, broken or, unless it is to be left out, unsuitable.
        """
        preflight.check_files(self.grid, self.reporter)
        clips = {label: method.build(self.grid.budget).clip for label, method in self.methods.items()}
        for tuning in self.grid.tunings:
            tuning.build()  # says so if what it needs is not installed
        verdicts: dict[tuple[Any, ...], str] = {}
        reasons: dict[Cell, str] = {}
        for cell in cells:
            question = (cell.source, cell.target, cell.method, cell.shots, cell.support)
            if question not in verdicts:
                try:
                    verdicts[question] = ""
                    target = self.targets[cell.target]
                    if self.methods[cell.method].cls.trainable:
                        preflight.check_source(self.sources[cell.source], clips[cell.method])
                        preflight.check_apart(self.sources[cell.source], target)
                    preflight.check_target(target, clips[cell.method], cell.shots, cell.support)
                    preflight.check_protocol(self.grid.protocol, target, clips[cell.method], cell.shots)
                except preflight.Unsuitable as unsuitable:
                    if not leave_out:
                        raise
                    verdicts[question] = str(unsuitable)
            if verdicts[question]:
                reasons[cell] = verdicts[question]
        stop_at(self.decoder.fill(preflight.needed_videos(self.grid), self.reporter))
        return reasons

    # ---- one cell ----------------------------------------------------------------------------------------------------

    def _complete(self, record: Record) -> bool:
        """Whether a stored cell is what is asked for: done, and with the maps that are wanted."""
        wanted = self._maps_digest(record.cell)
        return record.status == "done" and (not wanted or record.facts.get("maps") == wanted)

    def _maps_digest(self, cell: Cell) -> str:
        """Of the code of a cell's maps; empty where none are wanted, or there is nothing to hold them against."""
        if not self.keep_maps or not self.methods[cell.method].maps_digest:
            return ""
        if cell.target not in self._locatable:
            self._locatable[cell.target] = locatable(self.targets[cell.target])
        return self.methods[cell.method].maps_digest if self._locatable[cell.target] else ""

    def _skip(self, cell: Cell, reason: str) -> Record:
        self.reporter.say(f"  skipped: {reason}")
        return self.store.write(Record(cell, "skipped", reason))

    def _cell(self, cell: Cell) -> Record:
        try:
            fitted = self.fitter.fitted(cell, self.methods[cell.method], self.sources[cell.source])
            with self.reporter.task("  adapt and score") as update:
                target = self.targets[cell.target]
                digest = self._maps_digest(cell)
                scores, maps, facts = score_cell(
                    cell, fitted, target, self.decoder, self.device, update, keep_maps=bool(digest)
                )
            facts = {**fitted.facts, **facts, "fusion": fitted.adapter.fusion, "device": str(self.device)}
            facts |= {"torch": torch.__version__, "numpy": np.__version__}
            facts |= {"maps": digest} if maps else {}
            return self.store.write(Record(cell, "done", facts=facts), scores, maps)
        except KeyboardInterrupt:
            self.store.write(Record(cell, "interrupted", "stopped by the user"))
            raise
        except InputError:
            raise  # the input changed under our hands: the user can mend it
        except Exception as error:  # a method's own fault, whatever it is, must not take the grid down
            self.reporter.say(f"  failed: {type(error).__name__}: {error}")
            return self.store.write(Record(cell, "failed", traceback.format_exc()))


def device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; anything else as torch writes it.

    Raises:
        InputError: no such device here.
    """
    try:
        chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}", "is not to be had here", "choose auto, cpu or cuda") from error
    return chosen

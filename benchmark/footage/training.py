"""A method trained on a source for the one cell of a grid whose target is a user's own."""

from __future__ import annotations

import torch

from crossvad.adapters.tunings.base import Tuning
from crossvad.execution import preflight
from crossvad.execution.decoding import Decoder, stop_at, training_videos
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.store.store import Store


def check_source(grid: Grid, cell: Cell, decoder: Decoder, reporter: Reporter) -> None:
    """Find what is wrong with a grid's source before anything is trained on it; decodes its training video.

    Raises:
        InputError: a file is missing or broken, or the source does not suit the method or its tuning.
    """
    method, source = grid.methods[0].build(grid.budget), grid.sources[0]
    preflight.check_files(grid, reporter)
    preflight.check_source(source, method.clip)
    if cell.tuning != NO_TUNING:
        preflight.check_tuning(cell, method, grid.tunings[0].build())
    stop_at(decoder.fill(training_videos(source, grid.budget), reporter))


def trained(
    grid: Grid, cell: Cell, store: Store, decoder: Decoder, device: torch.device, reporter: Reporter
) -> tuple[Fitted, Tuning]:
    """Take the cell's method from the store or train it, and decide the rate that it adapts by.

    Args:
        grid: of one source and one method.
        cell: the grid's.
        store: keeps the training.
        decoder: of the source's frames.
        device: where the method runs.
        reporter: told how far it is.
    """
    fitter = Fitter(grid, store, decoder, device, reporter)
    fitted = fitter.fitted(cell, grid.methods[0], grid.sources[0])
    tuning, _ = fitter.decided([cell], fitted)[cell]
    return fitted, tuning

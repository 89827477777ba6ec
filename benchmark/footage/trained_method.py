"""A method trained for the one cell of a grid whose target is a user's own, and how it comes to a camera."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.execution import preflight
from crossvad.execution.decoding import stop_at, training_videos
from crossvad.execution.fitting import Fitter
from crossvad.execution.scoring import Fitted
from crossvad.execution.support import frames_spanned
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.cell import Cell


@dataclass(frozen=True)
class TrainedMethod:
    """What footage is scored by, and running cameras are watched by. Adapting to one leaves it as it is."""

    fitted: Fitted
    tuning: Tuning  # with its rate decided
    cell: Cell  # says the shots, the steps and the seed
    budget: Budget  # that it was built for
    device: torch.device  # where it runs

    @property
    def span(self) -> int:
        """Frames that the support set spans; 0: it does not adapt."""
        return frames_spanned(self.fitted.adapter.clip, self.cell.shots)


def check_source(fitter: Fitter, cell: Cell) -> None:
    """Find what is wrong with a grid's source before anything is trained on it; decodes its training video.

    Args:
        fitter: of a grid of one source and one method.
        cell: the grid's.

    Raises:
        InputError: a file is missing or broken, or the source does not suit the method or its tuning.
    """
    grid = fitter.grid
    method, source = grid.methods[0].build(grid.budget), grid.sources[0]
    preflight.check_files(grid, fitter.reporter)
    preflight.check_source(source, method.clip)
    if cell.tuning != NO_TUNING:
        preflight.check_tuning(cell, method, grid.tunings[0].build())
    stop_at(fitter.decoder.fill(training_videos(source, grid.budget), fitter.reporter))


def trained(fitter: Fitter, cell: Cell) -> TrainedMethod:
    """Take the cell's method from the store or train it, and decide the rate that it adapts by.

    Args:
        fitter: of a grid of one source and one method.
        cell: the grid's.
    """
    fitted = fitter.fitted(cell, fitter.grid.methods[0], fitter.grid.sources[0])
    tuning, _ = fitter.decided([cell], fitted)[cell]
    return TrainedMethod(fitted, tuning, cell, fitter.grid.budget, fitter.device)

"""Plots by name: those of this folder, a class in a file each, and any other that was registered."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from crossvad.datasets.errors import InputError
from crossvad.present import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from crossvad.planning.protocol import Protocol
    from crossvad.present.figures.plot import Plot
    from crossvad.store.store import Record, Store


def plots() -> dict[str, type[Plot]]:
    """Find every plot by its name: those of this folder's files, and any other that was registered."""
    for module in pkgutil.iter_modules(figures.__path__):
        importlib.import_module(f"{figures.__name__}.{module.name}")
    from crossvad.present.figures.plot import PLOTS

    return PLOTS


def draw(kind: str, store: Store, records: Sequence[Record], protocol: Protocol, **options: Any) -> tuple[Figure, str]:
    """Draw stored cells.

    Args:
        kind: the plot's name: shots, steps, matrix, roc, scores, speed, activations, errors, prototypes.
        store: where the cells' scores lie.
        records: the cells; for the last three there must be one alone.
        protocol: by which scores are read.
        options: fields of the plot's class, such as `videos` of scores.

    Returns:
        The figure, and its caption, which also stands below it.

    Raises:
        InputError: no such kind, nothing to draw, too much to tell apart, or what does not compare.
    """
    kinds = plots()
    if kind not in kinds:
        raise InputError(kind, "is no plot", f"choose from {', '.join(sorted(kinds))}")
    plot: Callable[..., Plot] = kinds[kind]
    return plot(**options).picture(store, records, protocol)

"""How a picture is laid out: a page, its panels in rows, names beside them, the legend above and the caption below."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.present.figures.style import titled

SCENES = ["source", "target"]  # keys of what has a panel of its own
LINE = 0.13  # inches of height, of a line of the caption


def page(width: float, height: float, note: str) -> Figure:
    """Make an empty figure with its caption below.

    Args:
        width: in inches.
        height: in inches, without the caption.
        note: the caption, broken into lines here.
    """
    text = textwrap.fill(note.replace(" %", "\N{NO-BREAK SPACE}%"), int(width * 19))
    figure = Figure(figsize=(width, height + LINE * (text.count("\n") + 1)), layout="constrained")
    figure.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return figure


def balanced(count: int, most: int) -> tuple[int, int]:
    """Set so many things in as few rows as go with at most so many in a row: columns, of like lengths, and rows."""
    rows = math.ceil(count / max(1, most))
    return math.ceil(count / max(1, rows)) or 1, rows


def filled(count: int, most: int) -> tuple[int, int]:
    """Set so many things in rows of so many, the last of which may be shorter: columns and rows."""
    across = max(1, min(count, most))
    return across, math.ceil(count / across)


def panels(figure: Figure, count: int, shape: tuple[int, int], **shared: Any) -> list[Axes]:
    """Add so many panels in a grid of columns and rows; places that are left over stay empty."""
    across, down = shape
    grid = figure.subplots(down, across, squeeze=False, **shared).ravel()
    for spare in grid[count:]:
        spare.remove()
    return list(grid[:count])


def label_edges(axes: Sequence[Axes], across: int, x: str, y: str, size: float) -> None:
    """Say what the axes are of: upwards at the first panel of a row, along at the lowest of a column."""
    for number, panel in enumerate(axes):
        if number % across == 0:
            panel.set_ylabel(y, fontsize=size)
        if number + across >= len(axes):
            panel.set_xlabel(x, fontsize=size)
            panel.tick_params(labelbottom=True)


def broken(name: str, width: int) -> str:
    """Break a name after commas into lines of so many letters, where it goes; what has no comma stays whole."""
    lines = [""]
    for part in re.findall(r"[^,]*,? ?", name)[:-1]:
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def scene_name(scene: Sequence[object]) -> str:
    """Name a source and target."""
    return " → ".join(map(str, scene))


def scene_title(axes: Axes, scene: Sequence[object]) -> None:
    """Title a panel by its source and target, the smaller the longer they are."""
    title = scene_name(scene)
    titled(axes, title, min(9.5, 9.5 * 36 / len(title)))


def legend_above(figure: Figure, handles: Sequence[Artist], labels: Sequence[str], **style: Any) -> None:
    """Add one legend for all panels, above them."""
    figure.legend(handles, labels, loc="outside upper left", fontsize=8, frameon=False, **style)

"""Square panels, one per source and target, each with its names below it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.present.figures.curves import SCENES
from crossvad.present.figures.style import titled

PANEL, ACROSS = 2.9, 3  # inches of a panel's side; panels in a row, at most


def panels(
    found: pd.DataFrame,
    draw: Callable[[Axes, pd.DataFrame], None],
    label: Callable[[dict], str],
    along: tuple[str, str],
    note: str,
    beside: float,
) -> Figure:
    """A panel per source and target, and below them all the caption.

    Args:
        found: rows with the keys `SCENES`; each gives one name below its panel.
        draw: draws the rows of one panel, and their names.
        label: a row's name, to know how long they are.
        along: what stands beside the axes, x and y.
        note: the caption.
        beside: inches that stand beside a name.
    """
    scenes = list(found.groupby(SCENES, sort=True))
    across = min(ACROSS, len(scenes))
    down = math.ceil(len(scenes) / across)
    longest = max(len(label(line)) for line in found.to_dict("records"))
    width = max(across * max(PANEL, 0.056 * longest + beside) + 0.4, 4.5)
    text = textwrap.fill(note.replace(" %", "\N{NO-BREAK SPACE}%"), int(width * 19))
    names = 0.15 * found.groupby(SCENES).size().max() + 0.3  # below every panel
    size = (width, down * (PANEL - 0.1 + names) + 0.13 * (text.count("\n") + 1) + 0.3)
    drawn = Figure(figsize=size, layout="constrained")
    grid = drawn.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for number, (axes, (scene, lines)) in enumerate(zip(grid, scenes, strict=False)):
        title = " -> ".join(map(str, scene))
        titled(axes, title, min(9.5, 9.5 * 36 / len(title)))
        draw(axes, lines)
        if number % across == 0:
            axes.set_ylabel(along[1], fontsize=9)
        if number + across >= len(scenes):
            axes.set_xlabel(along[0], fontsize=9)
            axes.tick_params(labelbottom=True)
    for axes in grid[len(scenes) :]:
        axes.set_axis_off()
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return drawn

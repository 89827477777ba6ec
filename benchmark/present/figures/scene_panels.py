"""Square panels, one per source and target, each with the names of what is drawn in it below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.present.figures import layout
from crossvad.present.figures.layout import SCENES

SIDE, ACROSS = 2.9, 3  # inches of a panel's side; panels in a row, at most


def scene_panels(
    points: pd.DataFrame,
    draw: Callable[[Axes, pd.DataFrame], None],
    label: Callable[[dict[Any, Any]], str],
    edges: tuple[str, str],
    note: str,
    beside: float,
) -> Figure:
    """Draw a panel per source and target, and below them all the caption.

    Args:
        points: rows with the keys `SCENES`; each gives one name below its panel.
        draw: draws the rows of one panel, and their names.
        label: gives a row's name, to know how long they are.
        edges: what the axes are of, along and upwards.
        note: the caption.
        beside: inches that stand beside a name.
    """
    scenes = list(points.groupby(SCENES, sort=True))
    across, down = layout.filled(len(scenes), ACROSS)
    longest = max(len(label(line)) for line in points.to_dict("records"))
    width = max(across * max(SIDE, 0.056 * longest + beside) + 0.4, 4.5)
    names = 0.17 * points.groupby(SCENES).size().max() + 0.5  # below every panel
    drawn = layout.page(width, down * (SIDE - 0.1 + names) + 0.3, note)
    grid = layout.panels(drawn, len(scenes), (across, down), sharex=True, sharey=True)
    for axes, (scene, lines) in zip(grid, scenes, strict=True):
        layout.scene_title(axes, scene)
        draw(axes, lines)
    layout.label_edges(grid, across, *edges, size=9)
    drawn.draw_without_rendering()  # panels are square now, and names hang on them: only a second layout has room
    return drawn

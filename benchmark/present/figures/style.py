"""What all pictures share: how axes look, and how a picture becomes a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.datasets.errors import InputError
from crossvad.present.atomic_files import replacing

matplotlib.rcParams["text.parse_math"] = False  # a name with $ is no formula
matplotlib.rcParams["svg.hashsalt"] = "crossvad"  # the same picture is the same file
# Letters as shapes: a viewer's own font is wider or narrower than what the layout was made for, and runs out of it.
matplotlib.rcParams["svg.fonttype"] = "path"
matplotlib.rcParams["pdf.fonttype"] = 42  # TrueType: what journals take, and what can be searched and copied
matplotlib.rcParams["ps.fonttype"] = 42
# What a file of each kind says of itself. Not when it was made: the same picture is the same file.
KINDS: dict[str, dict[str, None]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}
# Okabe and Ito's colours, which the colour-blind can tell apart; not their yellow, which is lost on white paper.
# Their two blues stand last and first, as far from each other as can be.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9")
MARKERS = "osD^vP*Xp<>h"
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
GREY = "0.45"


@dataclass(frozen=True)
class CurveStyle:
    """How a curve is drawn."""

    colour: str
    marker: str
    dash: Any


def titled(axes: Axes, title: str, size: float = 11) -> None:
    """Set a panel's title, and leave it only the two sides that have a scale."""
    axes.set_title(title, loc="left", fontsize=size)
    axes.spines[["top", "right"]].set_visible(False)


def writable(path: Path) -> Path:
    """Return the path if a picture can be written to it; asked before any work is done for it.

    Raises:
        InputError: its suffix is of no kind that is known, or its folder is not there.
    """
    if path.suffix.lower() not in KINDS:
        raise InputError(path, "is no kind of picture that can be written", f"name a file {', '.join(KINDS)}")
    if not path.parent.is_dir():
        raise InputError(path.parent, "is no folder", "make it, or name another")
    return path


def save(drawn: Figure, path: Path) -> None:
    """Write a picture, of the kind that the suffix says; without a date. One that is there is replaced by a whole one.

    So is a link: the file that it leads to stays as it is.

    Raises:
        InputError: it cannot be written there.
    """
    kind = writable(path).suffix.lower()
    with replacing(path) as draft:
        drawn.savefig(draft, format=kind[1:], metadata=KINDS[kind], dpi=200)

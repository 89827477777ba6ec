"""Draw imports.svg: the rooms of the code, and which room imports which. Every arrow points down.

Only arrows that no longer way round says already are drawn: who imports `present` may import what that stands on.

    .venv/bin/python docs/imports.py
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).parents[1]
PICTURE = Path(__file__).with_name("imports.svg")
FLOORS = (  # the top one first; a room imports from floors below its own alone
    ("commands",),
    ("api",),
    ("calls",),
    ("leaderboard",),
    ("submission",),
    ("verification",),
    ("results",),
    ("tabulation", "live"),
    ("studies", "footage"),
    ("present",),
    ("execution",),
    ("evaluation",),
    ("store",),
    ("planning",),
    ("adapters.methods", "adapters.tunings"),
    ("adapters", "adapters.nets"),
    ("datasets.published", "datasets.own_folder", "datasets.synthetic"),
    ("datasets.readers", "datasets.planting"),
    ("datasets",),
)
COLOURS = {"datasets": "#E6F1E8", "adapters": "#FDF0DD", "": "#E7EEF7"}
OUTLINES = {"datasets": "#3B7A4B", "adapters": "#B36B00", "": "#2F5D93"}
SAYS = {
    "commands": "what people type", "api": "what Python calls", "calls": "each of it",
    "verification": "is what we hold true?",
    "submission": "cells to be sent, checked", "leaderboard": "a site of what was sent",
    "studies": "ablations, audits", "footage": "own videos", "present": "tables, figures, report",
    "live": "own cameras", "results": "what cells answer", "tabulation": "a question, a table",
    "execution": "decode, fit, adapt, score", "evaluation": "metrics, selection", "store": "arrays and records",
    "planning": "names, versions, grids", "adapters.methods": "a file each", "adapters.tunings": "how to adapt",
    "adapters": "the contract, options", "adapters.nets": "shared parts", "datasets.published": "archives",
    "datasets.synthetic": "rendered", "datasets.own_folder": "a camera of one's own",
    "datasets.readers": "files to frames", "datasets.planting": "made-up anomalies", "datasets": "the contract, clips",
}  # fmt: skip


def room(module: str) -> str:
    """The room of `crossvad.a.b.c`: `a`, or `a.b` below adapters and datasets, whose own files are a room as well."""
    parts = module.removeprefix("crossvad").strip(".").split(".")
    names = {name for floor in FLOORS for name in floor}
    return next((name for name in (".".join(parts[:2]), parts[0]) if name in names), "")


def room_imports() -> Counter[tuple[str, str]]:
    """How many imports lead from one room to another, wherever in a file they stand."""
    arrows: Counter[tuple[str, str]] = Counter()
    for top, package in (
        ("benchmark", "crossvad"),
        ("adapters", "crossvad.adapters"),
        ("datasets", "crossvad.datasets"),
    ):
        for path in (ROOT / top).rglob("*.py"):
            module = ".".join([package, *path.relative_to(ROOT / top).with_suffix("").parts])
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                targets: set[str] = set()
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("crossvad"):
                    targets = {room(f"{node.module}.{alias.name}") for alias in node.names}
                elif isinstance(node, ast.Constant) and re.fullmatch(r"crossvad[.\w]+:\w+", str(node.value)):
                    targets = {room(str(node.value).partition(":")[0])}  # is imported when it is named
                for target in targets - {"", room(module)}:
                    if room(module):
                        arrows[room(module), target] += 1
    return arrows


def draw() -> Figure:
    """The picture: boxes on floors, and arrows."""
    figure = Figure(figsize=(9, 11))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 9)
    axes.set_ylim(len(FLOORS) * 0.85, 0)
    axes.set_axis_off()
    centres: dict[str, tuple[float, float]] = {}
    for number, floor in enumerate(FLOORS):
        for place, name in enumerate(floor):
            x, y = 4.5 + (place - (len(floor) - 1) / 2) * 2.7, 0.42 + number * 0.85
            centres[name] = x, y
            part = name.split(".")[0] if name.split(".")[0] in COLOURS else ""
            box = FancyBboxPatch(
                (x - 1.05, y - 0.2), 2.1, 0.4, "round,pad=0.02", fc=COLOURS[part], ec=OUTLINES[part], lw=1.1, zorder=3
            )
            axes.add_patch(box)
            axes.text(
                x, y - 0.06, name.replace(".", "/"), ha="center", va="center", fontsize=10, weight="bold", zorder=4
            )
            axes.text(x, y + 0.11, SAYS[name], ha="center", va="center", fontsize=7.5, color="0.3", zorder=4)
    for source, target in shortest(set(room_imports())):
        (x0, y0), (x1, y1) = centres[source], centres[target]
        bend = 0.0 if y1 - y0 < 1 else -0.3  # around what stands between
        axes.add_patch(
            FancyArrowPatch(
                (x0, y0 + 0.22), (x1, y1 - 0.22), connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>",
                mutation_scale=11, lw=1.2, color="0.35", zorder=2,
            )
        )  # fmt: skip
    return figure


def shortest(arrows: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that no other path says already, in order."""

    def beyond(start: str, without: tuple[str, str]) -> set[str]:
        reached: set[str] = set()
        waiting = [start]
        while waiting:
            here = waiting.pop()
            steps = {end for begin, end in arrows if begin == here and (begin, end) != without} - reached
            reached |= steps
            waiting += steps
        return reached

    return sorted(arrow for arrow in arrows if arrow[1] not in beyond(arrow[0], arrow))


def main() -> None:
    """Write the picture, with what it shows as its description."""
    matplotlib.rcParams["svg.hashsalt"] = "crossvad"
    shown = json.dumps(sorted(f"{source} > {target}" for source, target in room_imports()))
    draw().savefig(PICTURE, metadata={"Date": None, "Description": shown})


if __name__ == "__main__":
    main()

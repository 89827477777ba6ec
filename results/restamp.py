"""Stamp records of earlier versions anew, as they would be written now.

    .venv/bin/python results/restamp.py results/reference
    .venv/bin/python results/restamp.py results/runs/cells --data DIR

A record that was written before records were hashed whole gets that hash, if its scores are those that it names. One of
a cell whose name still held a digest of its method's code is named by versions, as they are now; that takes --data:
before anything is changed, a sample of these cells is run again with the present code, and every score must be the very
same. Of methods that are not trained, as training differs in its last digits from machine to machine; what trained
methods compute is held by the golden tests. One of `apn` from before that name's defaults became ours is named by the
preset that holds those of before, `apn[paper]`. Scores stay as they are, byte by byte.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.catalogue import BASELINES
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.names import spelled, split_options
from crossvad.planning.protocol import FAIR
from crossvad.planning.specs import MethodSpec
from crossvad.store.records import stamped
from crossvad.store.scores import load_scores
from crossvad.store.store import Store, sha256

OLD = ("method_digest", "tuning_digest")  # what is replaced by versions
FIRST = "1.1"  # the version of a method whose cells were named before there were versions
PRESETS = {("apn", FIRST): "paper"}  # a method and its last version whose defaults are this preset of today
SAMPLE = 20  # cells that must be proved, at least


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the archives, to run a sample again.")
def main(folder: Path, data: Path | None) -> None:
    """Prove what can be proved, then rewrite every record that lacks something, and rename its cell's folder."""
    records = {path.parent: json.loads(path.read_text()) for path in sorted(folder.glob("[!.]*/record.json"))}
    for place, record in records.items():
        if record["status"] == "done" and sha256(place / "scores.npz") != record["digest"]:
            raise click.ClickException(f"{place}: its scores are not those that it names; nothing was changed")
    renamed = {place: stamp(record) for place, record in records.items() if OLD[0] in record["cell"]}
    if renamed:
        if data is None:
            raise click.ClickException(f"{len(renamed)} cells have names of an earlier version: --data is needed")
        proved = sum(prove(cells, data) for cells in samples(renamed).values())
        if proved < SAMPLE:
            raise click.ClickException(f"only {proved} cells could be run again, fewer than {SAMPLE}: nothing changed")
        click.echo(f"{proved} cells were run again and gave the same scores")
    others = records.keys() - renamed.keys()
    renamed |= {place: renamed_by_preset(records[place]) for place in others if has_preset(records[place])}
    todo = {p: renamed.get(p, record) for p, record in records.items() if p in renamed or not record.get("stamp")}
    there = {place for place, record in todo.items() if (named := folder / key_of(record)) != place and named.exists()}
    for place in sorted(there):
        click.echo(f"{place} was left as it is: {key_of(todo.pop(place))} is the same cell, run since")
    for place, record in todo.items():
        (place / "record.json").write_text(json.dumps(stamped(record), indent=1, sort_keys=True))
        place.replace(folder / key_of(record))
    click.echo(f"{len(todo)} of {len(records)} records were stamped")


def key_of(record: dict[str, Any]) -> str:
    """Name of the folder of a record's cell."""
    return Cell(**record["cell"]).key


def stamp(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its cell named as the present code names it."""
    cell = {name: value for name, value in record["cell"].items() if name not in OLD}
    method = method_of(record)
    cell |= {"method": method.label, "method_version": method.version, "fit_digest": method.fit_digest}
    tuned = bool(record["cell"]["tuning_digest"])
    cell["tuning_version"] = registry.get_tuning(cell["tuning"]).version if tuned else ""
    return {**record, "cell": {field.name: cell.get(field.name, field.default) for field in fields(Cell)}}


def has_preset(record: dict[str, Any]) -> bool:
    """Whether a cell is of a method whose defaults of then are a preset now."""
    cell = record["cell"]
    return (split_options(cell["method"])[0], cell.get("method_version", FIRST)) in PRESETS


def method_of(record: dict[str, Any]) -> MethodSpec:
    """The method of a cell, by today's defaults: the same options, said otherwise where these were others."""
    cell = record["cell"]
    name, options = split_options(cell["method"])
    if has_preset(record):
        options = {PRESETS[name, cell.get("method_version", FIRST)]: "", **options}
    return registry.get_method(spelled(name, options))


def renamed_by_preset(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its cell named by today's defaults."""
    method = method_of(record)
    return {**record, "cell": {**record["cell"], "method": method.label, "method_version": method.version}}


def samples(renamed: dict[Path, dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Path]]:
    """The cells of untrained methods by what a grid has one of: new key -> folder."""
    groups: dict[tuple[str, ...], dict[str, Path]] = defaultdict(dict)
    for place, record in renamed.items():
        cell = Cell(**record["cell"])
        if split_options(cell.method)[0] in BASELINES and record["status"] == "done":
            groups[cell.source, cell.target, cell.budget, cell.support][cell.key] = place
    return groups


def prove(cells: dict[str, Path], data: Path) -> int:
    """Run these cells again and compare every array; returns how many could be run.

    Raises:
        ClickException: a score differs.
    """
    records = [Cell(**stamp(json.loads((place / "record.json").read_text()))["cell"]) for place in cells.values()]
    first = records[0]
    try:
        source, target = (registry.get_dataset(below(name, data), data) for name in (first.source, first.target))
    except InputError as error:
        click.echo(f"not run again: {error}")
        return 0
    methods = [registry.get_method(label) for label in dict.fromkeys(cell.method for cell in records)]
    shots = sorted({cell.shots for cell in records})
    support = FAIR.support if first.support == "none" else first.support
    tunings = [registry.get_tuning("finetune")]
    grid = Grid(methods, [source], [target], tunings, shots, [1], [0], BUDGETS[first.budget], FAIR, support)  # type: ignore[arg-type]
    proved = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for record in Runner(store, FrameCache(), torch.device("cpu"), Reporter()).run(grid):
            if record.status == "done" and record.cell.key in cells:
                compare(cells[record.cell.key], store.place("cells", record.cell.key))
                proved += 1
    return proved


def compare(old: Path, new: Path) -> None:
    """Hold all arrays of two cells against one another."""
    before, after = (load_scores(place / "scores.npz") for place in (old, new))
    for group in ("cues", "support", "heldout"):
        one, other = getattr(before, group), getattr(after, group)
        if set(one) != set(other) or any(not np.array_equal(one[cue], other[cue], equal_nan=True) for cue in one):
            raise click.ClickException(f"{old}: the present code gives other scores; nothing was changed")
    if before.videos != after.videos or not np.array_equal(before.labels, after.labels):
        raise click.ClickException(f"{old}: the present data has other videos or labels; nothing was changed")


def below(name: str, data: Path) -> str:
    """A data set's name; of own footage, whose folder a cell knows by its name alone, with the data root before it."""
    return f"path:{data / name.removeprefix('path:')}" if name.startswith("path:") else name


if __name__ == "__main__":
    main()

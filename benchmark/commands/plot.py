"""`bench plot`: stored cells as pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import DATA, PATH, RESULTS, Numbers, stacked
from crossvad.evaluation.selection import refuse_empty, select
from crossvad.evaluation.tidy import table
from crossvad.execution.model_views import ModelView, ModelViewer, only
from crossvad.planning.cell import Cell
from crossvad.planning.data_root import data_root
from crossvad.planning.protocol import get_protocol
from crossvad.present import captions
from crossvad.present.figures import curves, frame_grid, roc, speed, timelines
from crossvad.present.figures import matrix as matrix_figure
from crossvad.present.figures.style import save, writable
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Store

STARTS = ", and what they start from at K = 0"


@click.group()
def plot() -> None:
    """Stored cells as pictures: the matrix, ROC curves, scores over time, AUC against shots, steps and speed.

    And what one method sees of frames: its prototypes' maps, its errors. Nothing is trained.
    """


def _options(name: str, starts: str = "") -> Callable:
    where = f"Keep cells where KEY=VALUE[,VALUE]{starts}. May be repeated."
    return stacked(
        click.option("--where", multiple=True, help=where),
        click.option(
            "--protocol", "rules", default="fair", show_default=True, help="Read stored scores by these rules."
        ),
        click.option("--out", type=PATH, default=name, show_default=True, help="FILE.svg, .pdf or .png."),
        RESULTS,
    )


@plot.command()
@_options("shots.svg", STARTS)
def shots(where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    """AUC against the number of shots K: a panel per source and target, a curve per method and tuning.

    Bars are 95 % intervals of a single seed, bands the range of several. Grey lines need no training and no shots.

    \b
    bench plot shots --where source=path:normal --out shots.svg
    bench plot shots --where budget=quick --where steps=10 --where method=apn,lmn --out shots.pdf
    """
    _draw(curves.SHOTS, where, rules, out, results)


@plot.command()
@_options("steps.svg", STARTS)
def steps(where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    """AUC against the number of adaptation steps: a panel per source and target, a curve per method, tuning and K.

    At 0 steps is the method at K = 0.

    \b
    bench plot steps --where method=apn --where shots=5 --out steps.svg
    """
    _draw(curves.STEPS, where, rules, out, results)


@plot.command()
@_options("matrix.svg")
def matrix(where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    """AUC of every source and target as a heat map: a panel per method and way to adapt, means over seeds.

    The same data set is marked with *, and lies on the diagonal.

    \b
    bench plot matrix --where budget=quick --where shots=0,10 --where method=apn,lmn --out matrix.pdf
    """
    writable(out)
    store = Store(results)
    tidy = table(store, select(store.records(), where, protocol=rules), get_protocol(rules))
    found = matrix_figure.cells(tidy)
    _refuse_none(found, results)
    note = captions.caption(tidy, intervals=False)
    save(matrix_figure.figure(found, note), out)
    click.echo(f"{out}: {note}")


@plot.command("roc")
@_options("roc.svg")
def roc_command(where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    """ROC curves: a panel per source and target, a curve per method and way to adapt, named beside its AUC.

    \b
    bench plot roc --where source=ped2 --where target=ped2 --where budget=quick --out roc.pdf
    """
    writable(out)
    store = Store(results)
    found = roc.curves(store, select(store.records(), where, protocol=rules), get_protocol(rules))
    _refuse_none(found, results)
    note = roc.caption(found, rules)
    save(roc.figure(roc.averaged(found), note), out)
    click.echo(f"{out}: {note}")


@plot.command()
@click.option("--video", "videos", multiple=True, help="A test video; all, if none is named. May be repeated.")
@DATA
@_options("scores.svg")
def scores(
    videos: tuple[str, ...], data: Path | None, where: tuple[str, ...], rules: str, out: Path, results: Path
) -> None:
    """Anomaly scores over the frames of test videos, abnormal spans shaded; of each entry's first seed.

    Where the target's video is at hand, small frames are drawn at peaks.

    \b
    bench plot scores --where source=ped2 --where target=ped2 --where method=apn,framediff --video 04
    """
    writable(out)
    store = Store(results)
    found = timelines.tracks(store, select(store.records(), where, protocol=rules), get_protocol(rules))
    _refuse_none(found, results)
    rows = timelines.chosen(found, videos)
    small = timelines.thumbnails(rows, Thumbnails(data_root(data)))
    note = timelines.caption(rows, rules, small)
    save(timelines.figure(rows, note, small), out)
    click.echo(f"{out}: {note}")


@plot.command("speed")
@_options("speed.svg")
def speed_command(where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    """AUC against frames per second: a panel per source and target, a marker per method and way to adapt.

    Both are means over seeds. How fast a method is depends on the machine: compare cells of one alone.

    \b
    bench plot speed --where budget=quick --where source=ped2 --where target=ped2 --out speed.pdf
    bench plot speed --where budget=quick --where shots=0,10 --where method=apn,lmn,framediff
    """
    writable(out)
    store = Store(results)
    tidy = table(store, select(store.records(), where, protocol=rules), get_protocol(rules))
    found = speed.points(tidy)
    _refuse_none(found, results)
    note = speed.note(tidy, found)
    save(speed.figure(found, note), out)
    click.echo(f"{out}: {note}")


def _looking(name: str) -> Callable:
    return stacked(
        click.option("--where", multiple=True, help="Narrow to one cell, where KEY=VALUE. May be repeated."),
        click.option("--video", help="A test video. [the first with an abnormal frame]"),
        click.option("--frames", type=Numbers(), help="Numbers of its frames. [4, half of them abnormal]"),
        click.option("--out", type=PATH, default=name, show_default=True, help="FILE.svg, .pdf or .png."),
        DATA,
        RESULTS,
    )


@plot.command("errors")
@_looking("errors.pdf")
def errors_command(
    where: tuple[str, ...], video: str | None, frames: Sequence[int] | None, out: Path, data: Path | None, results: Path
) -> None:
    """Frames, what one method predicts of them, and where it errs; outlined: where they are abnormal.

    Needs the model that bench run kept, and the target's video.

    \b
    bench plot errors --where method=apn --where source=ped2 --where shots=0 --where seed=0 --video 04
    bench plot errors --where method=lmn --where seed=0 --frames 40,60,80 --out errors.png
    """
    cell, look = _look(where, video, frames, out, data, results)
    note = frame_grid.errors_caption(cell, look)
    save(frame_grid.figure(look.sample, frame_grid.errors(look), note, side=1.7), out)
    click.echo(f"{out}: {note}")


@plot.command("prototypes")
@_looking("prototypes.pdf")
def prototypes_command(
    where: tuple[str, ...], video: str | None, frames: Sequence[int] | None, out: Path, data: Path | None, results: Path
) -> None:
    """Frames, where each of a method's attention prototypes looks, and how far features are from the nearest.

    Of apn, apn-released and mpn. Needs the model that bench run kept, and the target's video.

    \b
    bench plot prototypes --where method=apn --where source=ped2 --where shots=0 --where seed=0
    bench plot prototypes --where method=mpn --where seed=0 --video 04 --frames 40,60,80 --out prototypes.png
    """
    cell, look = _look(where, video, frames, out, data, results)
    columns = frame_grid.prototypes(look)
    note = frame_grid.prototypes_caption(cell, look)
    save(frame_grid.figure(look.sample, columns, note, side=0.75), out)
    click.echo(f"{out}: {note}")


def _look(
    where: tuple[str, ...], video: str | None, frames: Sequence[int] | None, out: Path, data: Path | None, results: Path
) -> tuple[Cell, ModelView]:
    writable(out)
    store = Store(results)
    record = only(select(store.records(), where))
    looker = ModelViewer(store, record, data_root(data))
    return record.cell, looker.look(looker.sample(video, frames or ()))


def _refuse_none(found: pd.DataFrame, results: Path) -> None:
    refuse_empty(found.dropna(subset="auc") if "auc" in found else found, results, "finished cell")


def _draw(along: curves.Along, where: tuple[str, ...], rules: str, out: Path, results: Path) -> None:
    writable(out)
    store = Store(results)
    records = select(store.records(), where, also="starts", protocol=rules)
    tidy = table(store, records, get_protocol(rules))
    tidy = curves.adapted_scenes(tidy)
    found = curves.points(tidy, along)
    _refuse_none(found, results)
    note = curves.caption(tidy, found, along)
    save(curves.figure(found, along, note), out)
    click.echo(f"{out}: {note}")

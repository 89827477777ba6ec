"""`bench score`: where footage of one's own is suspicious."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import torch

from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.commands.options import BUDGET, PATH, PLACES, QUIET, Name, root
from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution import preflight
from crossvad.execution.decoding import Decoder, count_frames, stop_at, training_videos
from crossvad.execution.device import get_device as device_named
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage.output import write
from crossvad.footage.overlay import player
from crossvad.footage.own_footage import OwnFootage, check_length
from crossvad.footage.streaming import StreamedScores, stream_scores
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import get_protocol
from crossvad.present import terminal
from crossvad.store.store import Store


@click.command()
@click.argument("videos", nargs=-1, required=True, type=PATH, metavar="VIDEO...")
@click.option(
    "--source", required=True, type=Name(catalogue.dataset_names), help="Trained on this: a data set, or path:DIR."
)
@click.option(
    "--method", "chosen", type=Name(lambda: list(catalogue.METHODS)), default="apn", show_default=True,
    help="Name, name[option=value] or file.py:Class.",
)  # fmt: skip
@PLACES
@BUDGET
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training.")
@click.option("--shots", type=click.IntRange(0), default=10, show_default=True, help="Clips to adapt on; 0: none.")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="Gradient steps on them.")
@click.option(
    "--tuning", type=Name(lambda: list(catalogue.TUNINGS)), default="finetune", show_default=True, help="How to adapt."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--out", type=PATH, default="scored", show_default=True, help="Folder to write to, one per video in it.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Moments to show.")
@click.option("--overlay/--no-overlay", default=None, help="Write overlay.mp4. [if PyAV is installed]")
@QUIET
def score(
    videos: tuple[Path, ...],
    source: str,
    chosen: str,
    data: Path | None,
    results: Path,
    budget: str,
    seed: int,
    shots: int,
    steps: int,
    tuning: str,
    device: str,
    out: Path,
    top: int,
    overlay: bool | None,
    quiet: bool,
) -> None:
    """Score footage of your own, and show its most suspicious moments.

    A VIDEO is a video file or a folder of numbered frames. The method is trained on the source first, unless --results
    holds that training. It then adapts to each video's first seconds, as if they were normal: the first K clips. They
    are scored too, but marked, and never among the top moments, which are peaks of the score a second apart at least.
    A folder of frames does not tell its frame rate: it has no times, and 25 frames count as a second.

    \b
    In OUT/<name of the video>:
    scores.csv                  frame, seconds, score (higher: more abnormal), each cue, support (1: adapted on it);
                                a frame that no clip gives a score has no cue, and the nearest score
    timeline.png                the score over time, and the top moments
    top-1-frame-000123.jpg, …   their frames, as large as they are, and where the method sees it, if it can tell
    overlay.mp4                 the whole video so, with the score
    Files of these names that an earlier run left there are replaced or removed.

    \b
    bench score my_video.mp4 --source synthetic-street --budget demo
    bench score monday.mp4 tuesday.mp4 --source path:normal --method mpn --shots 10 --steps 10
    bench score frames/ --source ped2 --data DIR --shots 0 --no-overlay --out looked_at
    """
    where = device_named(device)
    if overlay:
        player()
    reporter = Reporter(quiet=quiet)
    footage = OwnFootage(videos)
    rules = get_protocol(f"fair@{shots}")  # nothing is judged by it, so it may leave room for any number of shots
    grid = Grid(
        methods=[registry.get_method(chosen)],
        sources=[registry.get_dataset(source, root(data))],
        targets=[footage],
        tunings=[registry.get_tuning(tuning)],
        shots=[shots],
        steps=[steps],
        seeds=[seed],
        budget=BUDGETS[budget],
        protocol=rules,
        support="test-head",
    )
    store = Store(results)
    store.check_writable()
    places = [_folder(out / video.name) for video in footage.videos("test")]
    decoder = Decoder(FrameCache(), grid.budget)
    stop_at(count_frames(preflight.all_videos(grid), reporter))
    (cell,) = grid.cells()
    _check(grid, cell, videos, footage, decoder, reporter)
    fitter = Fitter(grid, store, decoder, where, reporter)
    fitted = fitter.fitted(cell, grid.methods[0], grid.sources[0])
    decided, _ = fitter.decided([cell], fitted)[cell]
    overlay = _filmable() if overlay is None else overlay
    lines: list[list[str]] = []
    for video, place in zip(footage.videos("test"), places, strict=True):
        seen = _watched(video, fitted, decided, cell, grid.budget, where, reporter)
        lines += write(video, seen, place, _titled(video, seen, cell), top, overlay, where, reporter)
    terminal.console().print(terminal.plain_table(["video", "time", "frame", "score", "still"], lines))
    made = ["scores.csv", "timeline.png", *(["overlay.mp4"] if overlay else [])]
    click.echo(f"{', '.join(made)} and the stills lie in {', '.join(map(str, places))}")


def _folder(place: Path) -> Path:
    """A folder to write to, made if need be.

    Raises:
        InputError: it cannot be made or written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InputError(place, f"cannot be written to ({error.strerror})", "choose another --out folder") from error
    return place


def _check(
    grid: Grid, cell: Cell, paths: Sequence[Path], footage: OwnFootage, decoder: Decoder, reporter: Reporter
) -> None:
    """Find what is wrong with the footage or the source before anything is trained, and decode the training video.

    Raises:
        InputError: an input is missing, broken or unsuitable.
    """
    method, source = grid.methods[0].build(grid.budget), grid.sources[0]
    for video, path in zip(footage.videos("test"), paths, strict=True):
        check_length(video, path, method.clip, cell.shots)
    if not method.trainable:
        return
    preflight.check_files(grid, reporter)
    preflight.check_source(source, method.clip)
    if cell.tuning != "none":
        preflight.check_tuning(cell, method, grid.tunings[0].build())
    stop_at(decoder.fill(training_videos(source, grid.budget), reporter))
    trained_on = {video.source.stamp for video in source.videos("train")}
    for video in footage.videos("test"):
        if video.source.stamp in trained_on:
            reporter.say(f"note: {video.name} is training video of {source.name}: all of it looks normal to the method")


def _watched(
    video: Video, fitted: Fitted, tuning: Tuning, cell: Cell, budget: Budget, where: torch.device, reporter: Reporter
) -> StreamedScores:
    try:
        with reporter.task(f"Score {video.name}") as update:
            seen = stream_scores(video, fitted, tuning, cell, budget, where, update)
    except ValueError as error:
        problem = f"cannot be scored by {cell.method}: {error}"
        raise InputError(video.name, problem, "choose another --method, or --shots 0") from error
    if seen.adaptation is not None and seen.adaptation.reverted:
        problem = f"adapting raised the loss on its first {cell.shots} clips and was taken back"
        click.echo(f"note: {video.name}: {problem}; it is scored by the method as it was trained", err=True)
    return seen


def _titled(video: Video, seen: StreamedScores, cell: Cell) -> str:
    """What the timeline is of: the video, the method and how it came to the scene."""
    adapted = f"adapted by {cell.tuning} on {cell.shots} clips" if seen.span else "not adapted"
    if seen.adaptation is not None and seen.adaptation.reverted:
        adapted = "not adapted, as that raised the loss"
    return f"{video.name}: {cell.method}, trained on {cell.source} (budget {cell.budget}), {adapted}"


def _filmable() -> bool:
    """Whether PyAV is there to write an overlay; says so if not."""
    if importlib.util.find_spec("av"):
        return True
    click.echo("note: overlay.mp4 is left out: it needs PyAV (pip install 'crossvad[video]')", err=True)
    return False

"""`bench score`: where footage of one's own is suspicious."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch

from crossvad import preflight, registry
from crossvad.adapters.base import Adapter
from crossvad.adapters.tuning import Tuning
from crossvad.budget import BUDGETS
from crossvad.datasets.base import Frames, InputError, Video
from crossvad.datasets.cache import FrameCache
from crossvad.datasets.videofile import VideoFile
from crossvad.decoding import Decoder, count_frames, stop_at, training_videos
from crossvad.fitting import Fitter
from crossvad.options import BUDGET, PATH, PLACES, QUIET, Name, root
from crossvad.plan import Cell, Grid
from crossvad.present import moments, style, tables
from crossvad.present.moments import Moment
from crossvad.progress import Reporter
from crossvad.protocol import protocol
from crossvad.runner import device as device_named
from crossvad.scoring import Fitted
from crossvad.store import Store
from crossvad.watching import OwnFootage, Watched, check_length, mapped, watch

ASSUMED_RATE = 25.0  # frames per second of a folder of frames, which does not tell
BRIGHTEST = 99.9  # percentile of the top moments' maps at which the heat is brightest


@click.command()
@click.argument("videos", nargs=-1, required=True, type=PATH, metavar="VIDEO...")
@click.option(
    "--source", required=True, type=Name(registry.dataset_names), help="Trained on this: a data set, or path:DIR."
)
@click.option(
    "--method", "chosen", type=Name(lambda: list(registry.METHODS)), default="apn", show_default=True,
    help="Name, name[option=value] or file.py:Class.",
)  # fmt: skip
@PLACES
@BUDGET
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training.")
@click.option("--shots", type=click.IntRange(0), default=10, show_default=True, help="Clips to adapt on; 0: none.")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="Gradient steps on them.")
@click.option(
    "--tuning", type=Name(lambda: list(registry.TUNINGS)), default="finetune", show_default=True, help="How to adapt."
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
        moments.player()
    reporter = Reporter(quiet=quiet)
    footage = OwnFootage(videos)
    rules = protocol(f"fair@{shots}")  # nothing is judged by it, so it may leave room for any number of shots
    grid = Grid(
        methods=[registry.method(chosen)],
        sources=[registry.dataset(source, root(data))],
        targets=[footage],
        tunings=[registry.tuning(tuning)],
        shots=[shots],
        steps=[steps],
        seeds=[seed],
        budget=BUDGETS[budget],
        protocol=rules,
        support="test-head",
    )
    places = [_folder(out / video.name) for video in footage.videos]
    decoder = Decoder(FrameCache(), grid.budget)
    stop_at(count_frames(preflight.all_videos(grid), reporter))
    (cell,) = grid.cells()
    _check(grid, cell, videos, footage, decoder, reporter)
    fitter = Fitter(grid, Store(results), decoder, where, reporter)
    fitted = fitter.fitted(cell, grid.methods[0], grid.sources[0])
    decided, _ = fitter.decided([cell], fitted)[cell]
    if overlay is None:
        overlay = _can_film(reporter)
    lines: list[list[str]] = []
    for video, place in zip(footage.videos, places, strict=True):
        lines += _Scoring(fitted, decided, cell, grid, where, reporter).write(video, place, top, overlay)
    tables.console().print(tables.plain_table(["video", "time", "frame", "score", "still"], lines))
    click.echo(f"Scores, timelines and stills lie in {out}.")

"""`bench score`: where footage of one's own is suspicious."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import BUDGET, DEVICE, ONE_DATASET, PATH, PLACES, QUIET, Name, one_method
from crossvad.planning import catalogue


@click.command()
@click.argument("videos", nargs=-1, required=True, type=PATH, metavar="VIDEO...")
@click.option("--source", required=True, type=ONE_DATASET, help="Trained on this: a data set, or path:DIR.")
@one_method("apn")
@PLACES
@BUDGET
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training.")
@click.option("--shots", type=click.IntRange(0), default=10, show_default=True, help="Clips to adapt on; 0: none.")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="Gradient steps on them.")
@click.option(
    "--tuning", type=Name(catalogue.tuning_names), default="finetune", show_default=True, help="How to adapt."
)
@DEVICE
@click.option("--out", type=PATH, default="scored", show_default=True, help="Folder to write to, one per video in it.")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Moments to show.")
@click.option("--overlay/--no-overlay", default=None, help="Write overlay.mp4. [if PyAV is installed]")
@QUIET
def score(videos: tuple[Path, ...], overlay: bool | None, **settings: Any) -> None:
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
    from crossvad import api
    from crossvad.footage.peaks import clock
    from crossvad.present import terminal
    from crossvad.present.words import digits

    films = importlib.util.find_spec("av") is not None if overlay is None else overlay
    scored = api.score_videos(videos, overlay=films, **settings)
    for video in scored:
        if video.taken_back:
            problem = f"adapting raised the loss on its first {settings['shots']} clips and was taken back"
            click.echo(f"note: {video.name}: {problem}; it is scored by the method as it was trained", err=True)
    if overlay is None and not films:
        click.echo("note: overlay.mp4 is left out: it needs PyAV (pip install 'crossvad[video]')", err=True)
    lines = [
        [video.name, clock(moment.frame, video.rate), str(moment.frame), digits(moment.score), str(still)]
        for video in scored
        for moment, still in zip(video.moments, video.stills, strict=True)
    ]
    terminal.console().print(terminal.plain_table(["video", "time", "frame", "score", "still"], lines))
    made = ["scores.csv", "timeline.png", *(["overlay.mp4"] if films else [])]
    folders = ", ".join(str(video.folder) for video in scored)
    click.echo(f"{', '.join(made)} and the stills lie in {folders}")

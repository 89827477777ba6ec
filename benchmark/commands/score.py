"""`bench score`: where footage of one's own is suspicious; of a running camera, when."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import PATH, QUIET, stated
from crossvad.commands.saying import Once, SomePath
from crossvad.commands.telling import tell
from crossvad.commands.watch import ADAPTING, SOURCE, WATCHING, tell_alarms
from crossvad.datasets.words import number_of

OF_FILES = ("out", "top", "overlay")
OF_CAMERAS = ("look", "false_alarms", "save_alarms", "webhook", "reconnect")

NO_FILE = (
    "goes with video files, and %s is a running camera: leave it out. Alarms are printed, a line of JSON each: "
    "write > alarms.jsonl to keep them, and --save-alarms FOLDER for films of them."
)
NO_CAMERA = (
    "goes with running cameras, and %s is a file: leave it out, as a file is scored from end to end. To have its "
    "alarms told as of a camera, name the file to bench watch."
)


@click.command()
@click.argument("videos", nargs=-1, required=True, type=SomePath(), metavar="VIDEO...")
@SOURCE
@ADAPTING
@click.option(
    "--out", cls=Once, type=PATH, default="scored", show_default=True, help="Folder to write to, one per video in it."
)
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Moments to show.")
@click.option("--overlay/--no-overlay", default=None, help="Write overlay.mp4. [if PyAV is installed]")
@WATCHING
@QUIET
@click.pass_context
def score(context: click.Context, /, videos: tuple[str, ...], **settings: Any) -> None:
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

    A VIDEO may be one running camera: rtsp://…, http://… and the like, /dev/video0, or - for what is piped in. It is
    scored for as long as it lasts, and alarms are told as lines of JSON; the options from --look on are of cameras
    alone, and --out, --top and --overlay of files. All of it is in `bench watch --help`.

    \b
    bench score rtsp://10.0.0.5/stream1 --source synthetic-street --save-alarms alarms > alarms.jsonl
    ffmpeg -i ADDRESS -f matroska - | bench score - --source path:normal --look 5m
    """
    from crossvad.live.cameras import is_stream, named

    live = any(map(is_stream, videos))
    if live and len(videos) > 1:
        raise click.UsageError("bench score takes one running camera; bench watch takes several.", context)
    unfit = OF_FILES if live else OF_CAMERAS
    what = "what is piped in (-)" if videos[0] == "-" else videos[0]
    for name in [name for name in unfit if name in stated(context)]:
        raise click.UsageError(f"--{name.replace('_', '-')} {(NO_FILE if live else NO_CAMERA) % what}", context)
    taken = {name: value for name, value in settings.items() if name not in unfit}
    if live:
        tell_alarms({camera.name: camera.address for camera in named(videos)}, **taken)
    else:
        _score_files([Path(video) for video in videos], **taken)


def _score_files(videos: list[Path], overlay: bool | None, **settings: Any) -> None:
    """Score video files and folders of frames, and print their top moments."""
    from crossvad import api
    from crossvad.footage.peaks import clock
    from crossvad.present import terminal
    from crossvad.present.words import digits

    films = importlib.util.find_spec("av") is not None if overlay is None else overlay
    scored = api.score_videos(videos, overlay=films, **settings)
    for video in scored:
        if video.taken_back:
            clips = number_of(settings["shots"], "clip")
            problem = f"adapting raised the loss on its first {clips} and was taken back"
            tell(f"note: {video.name}: {problem}; it is scored by the method as it was trained", err=True)
    if overlay is None and not films:
        tell("note: overlay.mp4 is left out: it needs PyAV (pip install 'crossvad[video]')", err=True)
    lines = [
        [
            video.name,
            clock(moment.frame, video.times),
            str(moment.frame),
            digits(moment.score),
            str(still),
        ]
        for video in scored
        for moment, still in zip(video.moments, video.stills, strict=True)
    ]
    terminal.console().print(terminal.plain_table(["video", "time", "frame", "score", "still"], lines))
    made = ["scores.csv", "timeline.png", *(["overlay.mp4"] if films else [])]
    folders = ", ".join(str(video.folder) for video in scored)
    tell(f"{', '.join(made)} and the stills lie in {folders}")

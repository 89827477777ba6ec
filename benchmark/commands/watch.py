"""`bench watch`: cameras of one's own, watched as they run. `bench score` of a camera is a watch of one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import (
    BUDGET,
    DEVICE,
    ONE_DATASET,
    PATH,
    PLACES,
    QUIET,
    Duration,
    Name,
    one_method,
    stacked,
)
from crossvad.commands.saying import Once, Word
from crossvad.planning import catalogue

SOURCE = click.option("--source", required=True, type=ONE_DATASET, help="Trained on this: a data set, or path:DIR.")
ADAPTING = stacked(
    one_method("apn"),
    PLACES,
    BUDGET,
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training."),
    click.option("--shots", type=click.IntRange(0), default=10, show_default=True, help="Clips to adapt on; 0: none."),
    click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="Gradient steps on them."),
    click.option(
        "--tuning",
        cls=Once,
        type=Name(catalogue.tuning_names),
        default="finetune",
        show_default=True,
        help="How to adapt.",
    ),
    DEVICE,
)
WATCHING = stacked(
    click.option(
        "--look", type=Duration(), default="1m", show_default=True, help="Set the line on so long of a camera: 1m, 2h."
    ),
    click.option(
        "--false-alarms",
        type=click.FloatRange(0, min_open=True),
        help="That a line may allow, an hour. [as few as --look can tell of: 3600 / (its seconds + 1)]",
    ),
    click.option("--save-alarms", cls=Once, type=PATH, help="Folder to keep a film of each alarm in. [none]"),
    click.option("--webhook", type=Word(), metavar="URL", help="Post each line of JSON there, too. [nowhere]"),
    click.option("--reconnect", type=click.IntRange(0), help="Tries in a row to open a stream again. [for ever]"),
)


@click.command()
@click.argument("cameras", nargs=-1, required=True, type=Word(), metavar="CAMERA...")
@SOURCE
@ADAPTING
@WATCHING
@QUIET
def watch(cameras: tuple[str, ...], **settings: Any) -> None:
    """Watch several running cameras of your own, and tell of alarms as lines of JSON.

    A CAMERA is rtsp://…, http://… and the like, /dev/video0, a video file, or - for what is piped in; NAME=CAMERA gives
    it a name. One file that ends in .toml holds several: below [cameras], lines such as gate = "rtsp://HOST/stream".

    The method is trained on the source first, unless --results holds that training. To each camera it adapts by
    itself, on the first K clips. On the seconds after these (--look) the alarm line is set, once, and both are taken
    for normal: look while nothing happens. Of n seconds the highest scores are kept; if all that comes is like them,
    the line is passed in one second of n + 1 at most, so that n seconds cannot promise fewer than 3600 / (n + 1) false
    alarms an hour. A lower --false-alarms is refused, with the --look that it takes.

    An alarm begins with a frame above the line, and is over after 3 seconds without one. Each is told twice on stdout,
    a JSON object a line; all else goes to stderr:

    \b
    event       start, or end: the other values are then final
    camera      its name
    alarm       number of the camera's alarms, from 1
    start       when the first frame above the line came, of a file when it was read: ISO 8601, UTC
    duration    seconds of video from that one to the last one above the line
    end         start and duration together; null at the start
    at          seconds from the opening of the stream to the first one
    peak        the highest score, at frame (counted from 0; where frames are missing, numbers are); threshold: the line
    clip        its film, from 3 seconds before it to 3 seconds after it, but no more than its first minute; or null

    A stream that ends or fails, or is silent or cannot be decoded for 10 seconds, is opened again, after 1, 2, 4, … 60
    seconds. No clip spans a gap. If scoring is slower than a camera, clips are left out evenly, and told of; those that
    are scored are of consecutive frames, and no more a second than when the line was set. Files and pipes wait instead,
    and end when they end. Ctrl-C ends a watch; open alarms are told.

    \b
    bench watch cameras.toml --source ucf --data DIR --save-alarms alarms > alarms.jsonl
    bench watch gate=rtsp://10.0.0.5/stream1 yard=/dev/video0 --source synthetic-street --look 10m --false-alarms 6
    bench watch rtsp://10.0.0.5/stream1 --source path:normal --webhook https://example.org/alarms --quiet
    """
    from crossvad.live.cameras import named, read_cameras

    in_a_file = len(cameras) == 1 and cameras[0].lower().endswith(".toml")
    chosen = read_cameras(Path(cameras[0])) if in_a_file else named(cameras)
    tell_alarms({camera.name: camera.address for camera in chosen}, **settings)


def tell_alarms(cameras: Mapping[str, str], webhook: str | None, **settings: Any) -> None:
    """Watch cameras, print and post their alarms, and exit with 1 if one was given up."""
    from crossvad import api
    from crossvad.execution.stopping import WatchCut, stopped_by
    from crossvad.live.standard_output import StandardOutput
    from crossvad.live.webhook import Webhook

    def tell(text: str) -> None:
        watcher.notes.say(text)

    hooks = [Webhook(webhook, tell)] if webhook else []
    watcher = api.watch(cameras, **settings)
    takers = [*hooks, StandardOutput(watcher.stop, tell)]
    try:
        with stopped_by(watcher.stop):
            cut = True
            try:
                for alarm in watcher:
                    for taker in takers:
                        taker.put(alarm.to_json())
                cut = False
            finally:
                for taker in takers:
                    taker.close(cut)
    except KeyboardInterrupt as again:
        raise WatchCut from again
    if watcher.failed:
        sys.exit(1)

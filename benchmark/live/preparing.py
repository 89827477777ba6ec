"""All that can go wrong with a watch before it begins, and the training that it begins with."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crossvad.adapters.base import Adapter
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.execution import preflight
from crossvad.execution.decoding import count_frames, stop_at
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.footage.trained_method import check_source, trained
from crossvad.footage.video_library import video_library
from crossvad.live.camera_watch import Rules
from crossvad.live.cameras import Camera
from crossvad.live.line import check_rate
from crossvad.live.reader import reason
from crossvad.live.stream import RUNNING, probe
from crossvad.live.watcher import Watcher


def prepare(cameras: Sequence[Camera], rules: Rules, fitter: Fitter) -> Watcher:
    """Check what is asked for, open every camera once, and train the method unless the store holds that.

    Args:
        cameras: to be watched.
        rules: that all are held to.
        fitter: of a grid of one source, method, tuning, number of shots and of steps, seed; and the cameras as target.

    Raises:
        InputError: an input is missing, broken or unsuitable, or no camera answers. Nothing has been trained by then.
    """
    if rules.look < 1:
        raise InputError(option("look", rules.look, "s"), "is too short to set a line on", "say 1s or more")
    check_rate(rules.false_alarms, rules.look)
    if rules.films is not None:
        _make_writable(rules.films)
    grid, reporter = fitter.grid, fitter.reporter
    (cell,) = grid.cells()
    adapter = grid.methods[0].build(grid.budget)
    _check_method(adapter, cell.method)
    _check_cameras(cameras, reporter)
    if adapter.needs_source:
        stop_at(count_frames(preflight.all_videos(grid), reporter))
        check_source(fitter, cell)
    method = trained(fitter, cell)
    without_video = replace(method, fitted=replace(method.fitted, source=None))
    return Watcher(cameras, without_video, rules, reporter)


def _check_method(adapter: Adapter, name: str) -> None:
    """Refuse a method that cannot score a clip as soon as it is there."""
    fix = "choose another " + noun("method")
    if adapter.scores_in_order or adapter.scores_scene or adapter.transductive:
        raise InputError(name, "scores a video as a whole, which a running camera never is", fix)
    if adapter.extra_inputs:
        raise InputError(name, "needs extra inputs, which are not made of running cameras", fix)


def _check_cameras(cameras: Sequence[Camera], reporter: Reporter) -> None:
    """Open every camera once, and tell of those that do not answer: the watch will try them again."""
    video_library(RUNNING)
    refusals = []
    with reporter.task("Open cameras") as update:
        for done, camera in enumerate(cameras, 1):
            try:
                probe(camera)
            except InputError:  # of a pipe, which nobody can try again
                raise
            except Exception as error:  # whatever a stranger's stream makes a decoder raise
                problem = f"does not open ({reason(error, camera)})"
                refusals.append((camera, InputError(f"{camera.name} ({camera.shown})", problem, _how_to_open(camera))))
            update(done, len(cameras), camera.name)
    if len(refusals) == len(cameras):
        raise refusals[0][1]
    for camera, refusal in refusals:
        then = "it is given up" if camera.waits else "it is tried again"
        reporter.say(f"note: {refusal.where}: {refusal.problem}; {then}")


def _how_to_open(camera: Camera) -> str:
    """What to do about a camera that does not open."""
    if Path(camera.address).is_dir():
        return "a watch reads streams and video files; have bench score read the frames of a folder"
    return "check the address, and that it opens in a player"


def _make_writable(folder: Path) -> None:
    """Make a folder, and make sure that it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = "choose another " + noun("save_alarms") + " folder"
        raise InputError(folder, f"cannot be written to ({error.strerror})", fix) from error

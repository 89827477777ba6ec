"""`score_video` and `watch`: footage and running cameras of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossvad.calls.asking import request_of_own, sweep
from crossvad.planning.arguments import checked, taken_by
from crossvad.planning.data_root import data_root
from crossvad.store.opening import open_store

if TYPE_CHECKING:
    from crossvad.adapters.options import Budget
    from crossvad.calls.asking import AnyDataset, AnyMethod, AnyTuning
    from crossvad.footage.footage_scorer import ScoredVideo
    from crossvad.live.watcher import Watcher


@checked
def score_video(path: str | Path, **settings: Any) -> ScoredVideo:
    """Score footage of your own: find out when it is suspicious, as `bench score` does.

    Args:
        path: a video file, or a folder of numbered frames.
        settings: as of `score_videos`.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    known = ["path", *(name for name in taken_by(score_videos) if name != "paths")]
    (scored,) = checked(score_videos, "score_video", known)([path], **settings)
    return scored


@checked
def score_videos(
    paths: Iterable[str | Path],
    *,
    source: AnyDataset,
    method: AnyMethod = "apn",
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seed: int = 0,
    budget: str | Budget = "quick",
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
    top: int = 5,
    out: str | Path | None = None,
    overlay: bool = False,
) -> list[ScoredVideo]:
    """Score footage of your own with one training; adapts to the first clips of each video.

    Args:
        paths: video files, and folders of numbered frames.
        source: trained on this, unless the results folder holds that training.
        method: a name, `name[option=value]`, `file.py:Class`, or a subclass of `Adapter`.
        shots: clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seed: of the training.
        budget: how much training.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress.
        top: moments to find, at most.
        out: folder to write scores, timeline and stills to, one per video in it; None: nothing is written.
        overlay: write overlay.mp4 too, which needs PyAV.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable.
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.decoding import Decoder
    from crossvad.execution.device import get_device
    from crossvad.execution.fitting import Fitter
    from crossvad.execution.progress import Reporter
    from crossvad.footage.footage_scorer import FootageScorer
    from crossvad.footage.own_footage import OwnFootage

    torch_device, reporter = get_device(device), Reporter(quiet=quiet)
    places = [Path(path) for path in paths]
    footage = OwnFootage(places)
    request = request_of_own(footage, source, method, shots, steps, tuning, seed, budget)
    grid = request.bare_grid(data_root(data))
    store = open_store(results, teller=reporter)
    store.check_usable()
    sweep(store, reporter)
    fitter = Fitter(grid, store, Decoder(FrameCache(), grid.budget), torch_device, reporter)
    return FootageScorer(footage, places, fitter).score(top, None if out is None else Path(out), overlay)


@checked
def watch(
    cameras: str | Sequence[str] | Mapping[str, str],
    *,
    source: AnyDataset,
    method: AnyMethod = "apn",
    shots: int = 10,
    steps: int = 10,
    tuning: AnyTuning = "finetune",
    seed: int = 0,
    budget: str | Budget = "quick",
    look: float = 60.0,
    false_alarms: float | None = None,
    reconnect: int | None = None,
    save_alarms: str | Path | None = None,
    data: str | Path | None = None,
    results: str | Path = "results",
    device: str = "auto",
    quiet: bool = False,
) -> Watcher:
    """Watch running cameras, as `bench watch` does: one training, adapted to the first clips of each camera.

    Trains at once; cameras are opened when one begins to go through what this returns. That ends when all cameras
    have ended, or by its `stop`.

    Args:
        cameras: addresses, each alone or as NAME=ADDRESS, or a dictionary of them by name. An address is a URL
            (rtsp://…, http://…), a device (/dev/video0), a video file, or - for what is piped in.
        source: trained on this, unless the results folder holds that training.
        method: a name, `name[option=value]`, `file.py:Class`, or a subclass of `Adapter`.
        shots: clips to adapt on; 0: none.
        steps: gradient steps on them.
        tuning: how to adapt.
        seed: of the training.
        budget: how much training.
        look: seconds after that, taken for normal, on which the alarm line is set.
        false_alarms: an hour that the line may allow; None: as few as `look` can tell of, 3600 / (look + 1).
        reconnect: tries in a row to open a stream again; None: for ever.
        save_alarms: folder for a film of each alarm; None: none are kept.
        data: folder of the archives; None: $CROSSVAD_DATA, else ./data.
        results: folder or URL that keeps the trainings.
        device: auto, cpu, cuda, cuda:1, …
        quiet: no progress, and no board.

    Returns:
        What gives an `Alarm` whenever one begins and whenever one ends.

    Raises:
        InputError: an input is unknown, missing, broken or unsuitable, or no camera answers.
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.decoding import Decoder
    from crossvad.execution.device import get_device
    from crossvad.execution.fitting import Fitter
    from crossvad.live.camera_watch import Rules
    from crossvad.live.cameras import OwnCameras, from_pairs, named
    from crossvad.live.preparing import prepare
    from crossvad.live.telling import lasting_reporter

    words = [cameras] if isinstance(cameras, str) else cameras
    chosen = from_pairs([*words.items()]) if isinstance(words, Mapping) else named(words)
    torch_device, reporter = get_device(device), lasting_reporter(quiet)
    request = request_of_own(OwnCameras(), source, method, shots, steps, tuning, seed, budget)
    rules = Rules(int(look), false_alarms, reconnect, None if save_alarms is None else Path(save_alarms))
    grid, store = request.bare_grid(data_root(data)), open_store(results, teller=reporter)
    store.check_usable()
    sweep(store, reporter)
    return prepare(chosen, rules, Fitter(grid, store, Decoder(FrameCache(), grid.budget), torch_device, reporter))

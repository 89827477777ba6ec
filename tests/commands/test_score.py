"""`bench score`: streamed scores, the moments they point at, and the files it writes."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from conftest import SIZE, paint, write_frames
from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import ClipSpec, consecutive
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.evaluation.postprocessing import fill_nearest, fuse
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage import overlay, peaks
from crossvad.footage.overlay import mapped, pictures
from crossvad.footage.own_footage import OwnFootage
from crossvad.footage.streaming import clip_batches, stream_scores
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.registry import get_method
from crossvad.store.store import Store

SMOKE, CPU = BUDGETS["smoke"], torch.device("cpu")
ONSET, LENGTH = 60, 90  # of the planted anomaly, and of the video


def silent(done, of, note):
    """No progress."""


class Blocks:
    """A source that makes each frame when asked, and gives them out in blocks of a size."""

    identity = stamp = "blocks"

    def __init__(self, length, block, frame=lambda number: paint(1, number)[0]):
        self.length, self.block, self.frame = length, block, frame

    def __len__(self):
        return self.length

    def blocks(self, size, channels, start=0, stop=None):
        stop = self.length if stop is None else min(stop, self.length)
        for first in range(start, stop, self.block):
            frames = np.stack([self.frame(number) for number in range(first, min(first + self.block, stop))])
            yield np.repeat(frames[..., None], channels, -1)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A folder of frames that turns abnormal at ONSET."""
    folder = tmp_path_factory.mktemp("footage") / "yard"
    write_frames(folder, paint(LENGTH, 3, ONSET))
    return folder


@pytest.fixture
def score(bench, north, film):
    """`bench score` of the film, quick and small."""

    def call(*words, videos=(film,)):
        return bench("score", *videos, "--source", f"path:{north}", "--budget", "smoke", "--results", "results", *words)

    return call


def tops(folder):
    """Frames of the stills there, best first."""
    return [int(path.stem[-6:]) for path in sorted(Path(folder).glob("top-*-frame-*.jpg"))]


def written(folder="scored/yard"):
    return pd.read_csv(f"{folder}/scores.csv")


@pytest.mark.parametrize("block", [1, 3, 16, 200])
@pytest.mark.parametrize("frames", [1, 5])
def test_batches_are_the_clips_of_the_whole_video(block, frames):
    source, clip = Blocks(37, block), ClipSpec(frames, frames - 1, (SIZE, SIZE), 1)
    whole = next(source.blocks(None, 1)) if block > 37 else np.concatenate([*source.blocks(None, 1)])
    streamed = torch.cat([*clip_batches(source, clip, 8, CPU)])
    assert torch.equal(streamed, torch.cat([*consecutive(whole, clip, 8, CPU)]))


@pytest.mark.parametrize("length", [200, 800])
def test_no_more_frames_are_held_than_a_block_and_a_clip(length, monkeypatch):
    """However long the video, no array of frames is larger than a block and what overlaps."""
    seen = []
    before = np.concatenate
    monkeypatch.setattr(
        np, "concatenate", lambda parts, *rest: seen.append(sum(map(len, parts))) or before(parts, *rest)
    )
    adapter = get_method("framepred").build(SMOKE).eval()
    clip = adapter.clip
    sizes = [len(batch) for batch in clip_batches(Blocks(length, 16), clip, 8, CPU)]
    assert sum(sizes) == length - clip.frames + 1 and max(sizes) <= 8
    assert max(seen) <= 16 + clip.frames - 1


@pytest.mark.parametrize("name", ["apn", "framepred", "memae", "framediff", "ramp", "support-mean"])
def test_streamed_scores_are_those_of_the_benchmark(name, film, make_grid, run_grid, tmp_path):
    """The same footage as a target: raw cues as `bench run --support test-head` stores them, whatever the block."""
    target = tmp_path / "target"
    write_frames(target / "test" / "yard", paint(LENGTH, 3, ONSET))
    (target / "labels.csv").write_text("video,start,end\nyard,60,90\n")
    store = Store(tmp_path / "results")
    grid = make_grid(name, targets=[OwnFolder(target)], shots=[3], steps=[2], support="test-head")
    (record,) = run_grid(store, grid)
    assert record.status == "done", record.reason
    stored, cell = store.scores(record.cell), record.cell
    fitter = Fitter(grid, store, Decoder(FrameCache(), SMOKE), CPU, Reporter(quiet=True))
    fitted = fitter.fitted(cell, grid.methods[0], grid.sources[0])
    tuning, _ = fitter.decided([cell], fitted)[cell]
    filled = {cue: fill_nearest(values) for cue, values in stored.cues.items()}
    fused = fuse(stored, filled, fitted.adapter.fusion)
    painted = paint(LENGTH, 3, ONSET)
    for source in (FrameFolder(film), *(Blocks(LENGTH, block, painted.__getitem__) for block in (1, 7, 300))):
        seen = stream_scores(Video("yard", source), fitted, tuning, cell, SMOKE, CPU, silent)
        assert seen.cues.keys() == stored.cues.keys()
        for cue, values in stored.cues.items():
            np.testing.assert_allclose(seen.cues[cue], values, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(seen.scores, fused, rtol=1e-3, atol=1e-3)
    assert seen.span == (3 + fitted.adapter.clip.frames - 1 if cell.shots else 0)


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("name", ["framepred", "memae", "random"])
def test_every_frame_comes_once_with_its_own_map(block, name, make_grid):
    adapter = get_method(name).build(SMOKE).eval()
    grid = make_grid(name, shots=[0])
    source = Blocks(30, block)
    fitted = Fitted("", adapter, NoTuning(), {}, {})
    seen = stream_scores(Video("yard", source), fitted, NoTuning(), grid.cells()[0], SMOKE, CPU, silent)
    pairs = [*mapped(source.blocks(None, 3), seen, CPU)]
    assert len(pairs) == 30
    for number, (frame, _) in enumerate(pairs):
        assert np.array_equal(frame[..., 0], source.frame(number))
    whole = np.concatenate([*source.blocks(None, 1)])
    with torch.no_grad():
        maps = adapter.maps(torch.cat([*consecutive(whole, adapter.clip, 8, CPU)]))
    if maps is None:
        assert all(own is None for _, own in pairs)
        return
    begin = adapter.clip.scored
    given = [number for number, (_, own) in enumerate(pairs) if own is not None]
    assert given == [*range(begin, begin + len(maps))]
    np.testing.assert_allclose([pairs[number][1] for number in given], maps, rtol=1e-2, atol=1e-2)


def test_peaks_are_apart_and_eligible():
    scores = np.zeros(50)
    scores[[3, 10, 12, 30, 49]] = 9, 5, 6, 4, 7
    found = peaks.top(scores, slice(5, 50), 5, 3)
    assert [(moment.rank, moment.frame) for moment in found] == [(1, 49), (2, 12), (3, 30)]
    assert [moment.frame for moment in peaks.top(scores, slice(5, 49), 1, 2)] == [12, 10]


def test_a_rising_slope_is_one_peak():
    assert [moment.frame for moment in peaks.top(np.arange(20.0), slice(0, 20), 2, 5)] == [19]


def test_a_planted_anomaly_is_the_top_moment(score):
    ended = score("--method", "framepred", "--shots", 4, "--top", 3, "--no-overlay")
    assert ended.code == 0, ended.err
    table = written()
    assert list(table["frame"]) == [*range(LENGTH)] and table["seconds"].isna().all()
    assert list(table.columns) == ["frame", "seconds", "score", "prediction", "support"]
    assert table["support"].sum() == 4 + 5 - 1 and table["support"].iloc[:8].all()
    assert table["prediction"].isna().sum() == 4 and table["score"].notna().all()
    (still,) = Path("scored/yard").glob("top-1-frame-*.jpg")
    frame = int(still.stem[-6:])
    assert frame >= ONSET and table["score"].iloc[8:].idxmax() == frame
    assert f"│ {frame} " in ended.out


def test_support_frames_are_no_moments(score, tmp_path):
    """Even if nothing is as abnormal as they are."""
    flash = paint(50, 3)
    flash[6] = 255
    write_frames(tmp_path / "flash", flash)
    assert score("--method", "framediff", "--shots", 0, "--no-overlay", videos=["flash"]).code == 0
    assert written("scored/flash")["score"].idxmax() in (6, 7)
    assert {*map(int, tops("scored/flash"))} & {6, 7}
    # A method that learns nothing adapts to nothing; one that does leaves its support out.
    assert score("--method", "framepred", "--shots", 8, "--no-overlay", videos=["flash"]).code == 0
    assert min(tops("scored/flash")) >= 12


def test_stills_are_of_their_frames(score, film):
    """Without heat, they are the very frames but for JPEG."""
    assert score("--method", "random", "--no-overlay").code == 0
    paths = sorted(Path("scored/yard").glob("top-*-frame-*.jpg"))
    assert 1 < len(paths) <= 5
    whole = np.stack([np.asarray(Image.open(film / f"{number:03d}.png"), float) for number in range(LENGTH)])
    for path in paths:
        still = np.asarray(Image.open(path).convert("L"), float)
        assert np.abs(whole - still).mean((1, 2)).argmin() == int(path.stem[-6:])


def test_a_stored_fit_is_not_trained_again(score, monkeypatch):
    assert score("--method", "framepred", "--no-overlay").code == 0
    first = written()
    monkeypatch.setattr(FramePrediction, "fit", lambda *_: pytest.fail("trained again"))
    assert score("--method", "framepred", "--no-overlay").code == 0
    pd.testing.assert_frame_equal(first, written())


def test_a_run_s_fit_is_used(bench, score, north, south, monkeypatch):
    ran = bench(
        "run", "--source", f"path:{north}", "--target", f"path:{south}", "--method", "framepred", "--budget", "smoke",
        "--shots", "0", "--results", "results",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    monkeypatch.setattr(FramePrediction, "fit", lambda *_: pytest.fail("trained again"))
    assert score("--method", "framepred", "--no-overlay").code == 0


def test_footage_stays_out_of_the_cache(score, film, monkeypatch):
    opened = []
    before = FrameCache.open
    monkeypatch.setattr(
        FrameCache, "open", lambda self, video, *rest: opened.append(video) or before(self, video, *rest)
    )
    assert score("--method", "framepred", "--no-overlay").code == 0
    assert opened and all(video.source.path != film for video in opened)


def test_the_overlay_has_every_frame(score):
    av = pytest.importorskip("av")
    assert score("--method", "framepred").code == 0
    with av.open("scored/yard/overlay.mp4") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == LENGTH and frames[0].shape == (SIZE + overlay.STRIP, SIZE, 3)
    assert score("--method", "framepred", "--no-overlay").code == 0
    names = {path.name for path in Path("scored/yard").iterdir()}
    assert "overlay.mp4" not in names and "timeline.png" in names
    assert not [name for name in names if name.startswith(".")]


def test_without_pyav_the_overlay_is_left_out(score, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    asked = score("--overlay")
    assert asked.code == 2 and "pip install 'crossvad[video]'" in asked.err
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None)
    ended = score("--method", "framediff")
    assert ended.code == 0 and "left out" in ended.err and "overlay" not in ended.out


def test_a_video_file_has_times(score, tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "gate.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = SIZE
        for frame in paint(45, 4, 30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    ended = score("--method", "framepred", "--shots", 2, videos=["gate.mp4"])
    assert ended.code == 0, ended.err
    source = VideoFile(tmp_path / "gate.mp4")
    pair = [np.concatenate([*blocks]) for blocks in (pictures(source, (SIZE, SIZE), av), source.blocks(None, 3))]
    assert len(pair[0]) == 45 and np.abs(np.subtract(*pair, dtype=float)).mean() < 3  # one frame off: above 5
    assert np.allclose(written("scored/gate")["seconds"], np.arange(45) / 10)
    assert "00:0" in ended.out
    found = sorted(tops("scored/gate"))
    assert len(found) > 1 and min(np.diff(found)) >= 10


def test_an_adaptation_taken_back_is_told(score, plugin):
    """One whose only step goes far too far; even to those who want no progress."""
    words = ["--method", plugin(), "--no-overlay", "--quiet", "--steps", 1]
    far = score(*words, "--tuning", "finetune[learning_rate=100]")
    assert far.code == 0 and "taken back" in far.err
    near = score(*words, "--tuning", "finetune[learning_rate=1e-5]")
    assert near.code == 0 and not near.err


@pytest.mark.parametrize(
    ("length", "words", "message"),
    [
        (4, (), "has 4 frames, but one clip takes 5"),
        (14, ("--shots", 10), "choose at most --shots 9"),
        (1, (), "has 1 frames"),
    ],
)
def test_too_short_a_video_is_refused_before_training(score, tmp_path, length, words, message):
    write_frames(tmp_path / "short", paint(length, 1))
    ended = score("--method", "framepred", *words, videos=["short"])
    assert ended.code == 2 and message in ended.err
    assert not (tmp_path / "results" / "runs" / "fits").exists()


def test_one_frame_after_the_support_is_enough(score, tmp_path):
    write_frames(tmp_path / "short", paint(14, 1))
    assert score("--method", "framepred", "--shots", 9, "--no-overlay", videos=["short"]).code == 0
    assert tops("scored/short") == [13]


def test_wrong_input_is_refused(score, film, tmp_path):
    missing = score(videos=[film, "nowhere.mp4"])
    assert missing.code == 2 and "nowhere.mp4: is not there" in missing.err
    write_frames(tmp_path / "other" / "yard", paint(20, 1))
    twice = score(videos=[film, "other/yard"])
    assert twice.code == 2 and "same name" in twice.err
    (tmp_path / "damaged.mp4").write_bytes(b"no video")
    damaged = score(videos=[film, "damaged.mp4"])
    assert damaged.code == 2 and "damaged.mp4" in damaged.err
    (tmp_path / "file").write_text("")
    unwritable = score("--out", "file")
    assert unwritable.code == 2 and "--out" in unwritable.err
    assert not (tmp_path / "results" / "runs" / "fits").exists()


def test_own_footage_is_one_scene_a_video(film):
    own = OwnFootage([film])
    assert [scene.name for scene in own.scenes("test")] == ["yard"] and own.scenes("train") == []
    assert not own.labels("yard").any() and len(own.labels("yard")) == LENGTH

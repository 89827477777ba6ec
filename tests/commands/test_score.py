"""`bench score`: streamed scores, the moments they point at, and the files it writes."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import SIZE, paint, write_frames
from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.footage import overlay
from crossvad.footage.overlay import pictures
from footage_made import LENGTH, ONSET


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
        (1, (), "has 1 frame,"),
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

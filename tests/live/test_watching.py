"""`bench score` of a running camera, and `bench watch` of several, from their frames to their lines of JSON."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch

import crossvad
from conftest import SIZE, paint
from crossvad.adapters.methods.baselines import FrameDifference
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import Fitter
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage.streaming import stream_scores
from crossvad.footage.trained_method import TrainedMethod, trained
from crossvad.live import camera_watch
from crossvad.live.camera_watch import Rules
from crossvad.live.cameras import Camera
from crossvad.live.film import BEFORE
from crossvad.live.line import SecondsSeen
from crossvad.live.watcher import Watcher
from crossvad.planning.registry import get_method
from crossvad.store.store import Store
from footage_made import CPU, SMOKE
from live_made import live_frame
from miniatures import write_video
from running_cameras import serving

LENGTH, ONSET, RATE = 500, 400, 25
WORDS = ("--budget", "smoke", "--results", "results", "--look", "5s")
FRAMES = paint(LENGTH, 3, ONSET)


def calm(number):
    return FRAMES[number % ONSET]


def restless(number):
    """Turns abnormal at ONSET, for ever."""
    return FRAMES[number if number < ONSET else ONSET + (number - ONSET) % (LENGTH - ONSET)]


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("films") / "yard.mp4", FRAMES, preset="veryfast")


@pytest.fixture
def watch(bench, north):
    return lambda *words: bench("watch", "--source", f"path:{north}", *WORDS, *words)


def alarms(out):
    return [json.loads(line) for line in out.splitlines()]


def ready(name):
    """A method as it is built, which learns nothing."""
    torch.manual_seed(0)
    return Fitted("", get_method(name).build(SMOKE).eval(), NoTuning(), {}, {})


@pytest.fixture
def watcher(make_grid):
    """A watcher of cameras by framediff, which needs no training: watcher({name: address}, look=5)."""

    def make(cameras, look=5, films=None, reconnect=0):
        (cell,) = make_grid("framediff", shots=[0]).cells()
        method = TrainedMethod(ready("framediff"), NoTuning(), cell, SMOKE, CPU)
        chosen = [Camera(name, str(address)) for name, address in cameras.items()]
        return Watcher(chosen, method, Rules(look, None, reconnect, films), Reporter(quiet=True))

    return make


@pytest.mark.parametrize("name", ["apn", "framepred", "memae", "speed"])
def test_scores_are_those_of_the_same_film_as_a_file(name, film, make_grid, monkeypatch, tmp_path):
    """Of each frame that no support clip has to do with."""
    grid = make_grid(name, shots=[3], steps=[2], support="test-head")
    store = Store(tmp_path / "results")
    (cell,) = grid.cells()
    fitter = Fitter(grid, store, Decoder(FrameCache(), SMOKE), CPU, Reporter(quiet=True))
    method = trained(fitter, cell)
    of_file = stream_scores(Video("yard", VideoFile(film)), method, lambda *_: None)
    live = {}
    monkeypatch.setattr(SecondsSeen, "add", lambda self, _, at, score: live.setdefault(round(at * RATE) - 1, score))
    rules = Rules(10**6, None, None, None)
    assert [*Watcher([Camera("yard", str(film))], method, rules, Reporter(quiet=True))] == []
    clip = method.fitted.adapter.clip
    first = method.span + clip.scored
    assert [*live] == [*range(first, LENGTH - clip.frames + clip.scored + 1)]
    np.testing.assert_allclose([*live.values()], of_file.scores[[*live]], rtol=1e-3, atol=1e-3)


def test_what_is_piped_in_is_scored_and_told_on_stdout(film, north, tmp_path):
    """In a process of its own: JSON alone on stdout, the rest on stderr, and the films where they are said to be."""
    code = "import sys; sys.argv[0] = 'bench'; from crossvad.cli import main; main()"
    words = ["score", "-", "--source", f"path:{north}", *WORDS, "--method", "framediff", "--save-alarms", "films"]
    with film.open("rb") as given:
        matroska = tmp_path / "yard.mkv"
        with av.open(given) as container, av.open(str(matroska), "w") as out:
            stream = out.add_stream_from_template(container.streams.video[0])
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    with matroska.open("rb") as pipe:
        done = subprocess.run([sys.executable, "-c", code, *words], stdin=pipe, capture_output=True, text=True,
                              cwd=tmp_path, env=os.environ, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = alarms(done.stdout)
    assert [each["event"] for each in told] == ["start", "end"] * (len(told) // 2)
    highest = max(told, key=lambda each: each["peak"])
    assert highest["frame"] >= ONSET and highest["peak"] > highest["threshold"] and highest["camera"] == "pipe"
    assert "set on 5 s taken for normal" in done.stderr and "600 false alarms an hour" in done.stderr
    for each in told[1::2]:
        with av.open(str(tmp_path / each["clip"])) as container:
            seconds = sum(1 for _ in container.decode(video=0)) / RATE
        assert each["duration"] <= seconds <= each["duration"] + 6.1


def test_several_cameras_are_told_apart_and_one_that_fails_stops_no_other(film, watcher, tmp_path):
    (tmp_path / "torn.mp4").write_bytes(film.read_bytes()[:3000])
    still = write_video(tmp_path / "still.mp4", [FRAMES[0]] * 300)
    watching = watcher({"torn": tmp_path / "torn.mp4", "yard": film, "still": still})
    told = [*watching]
    assert any(each.camera == "yard" and each.frame >= ONSET for each in told)
    assert watching.failed == ["torn"] and watching.watches[0].state.startswith("given up")
    assert [watch.frames for watch in watching.watches[1:]] == [LENGTH, 300]
    assert watching.watches[2].line.level < watching.watches[1].line.level  # each has its own


def test_a_method_that_fails_on_one_camera_is_told_and_the_others_go_on(film, watcher, monkeypatch, tmp_path):
    white = write_video(tmp_path / "white.mp4", [np.full_like(FRAMES[0], 255)] * 60 + [*FRAMES[:100]])
    score = FrameDifference.score

    def spoilt(self, clips):
        return {cue: values / (0.0 if clips.mean() > 0.9 else 1.0) for cue, values in score(self, clips).items()}

    monkeypatch.setattr(FrameDifference, "score", spoilt)
    watching = watcher({"white": white, "yard": film})
    assert {each.camera for each in watching} == {"yard"}
    assert watching.failed == ["white"] and "not finite" in watching.watches[0].failure


def test_a_camera_that_comes_back_is_watched_on_and_nothing_spans_the_gap(watcher, monkeypatch, tmp_path):
    """It drops the connection amid an alarm, which ends there with its film."""
    monkeypatch.setattr("crossvad.live.reader.LONGEST_WAIT", 0.2)
    spans = []
    score = FrameDifference.score
    monkeypatch.setattr(FrameDifference, "score", lambda self, clips: spans.append(len(clips)) or score(self, clips))
    with serving(restless, 100, iter([LENGTH, LENGTH]), breaks=True) as server:
        watching = watcher({"gate": server.address}, films=tmp_path, look=2, reconnect=2)
        told = [*watching]
    (watch,) = watching.watches
    assert watch.reader.connections == 2 and watch.frames == 2 * LENGTH - watch.reader.queue.lost
    clip = watch.windows.clip.frames
    assert sum(spans) + watch.unscored == watch.frames - (clip - 1) * (1 + watch.windows.holes)
    ends = [each for each in told if each.event == "end"]
    assert len(ends) * 2 == len(told) and all(each.clip.is_file() for each in ends)
    peaks = [each for each in ends if each.peak > 2 * each.threshold]
    assert len(peaks) >= 2 and all(each.duration < (LENGTH - ONSET + 60) / 100 for each in peaks)
    assert {each.name for each in tmp_path.iterdir()} == {each.clip.name for each in ends}


def test_a_camera_whose_frames_never_follow_one_another_is_told_of_once(watcher):
    watching = watcher({"gate": "-"})
    (watch,), told = watching.watches, []
    watch.tell, size, length = told.append, watch.windows.clip.size, watch.windows.clip.frames
    steps = [1] * (length - 2) + [4]  # runs that are a frame too short
    numbers = np.cumsum(np.resize(steps, 2000))
    for number in [*numbers, *range(numbers[-1] + 1, numbers[-1] + 100), *(numbers + numbers[-1] + 200)]:
        watch.reader.queue.put(live_frame(int(number), size=size))
        assert [*watch.step()] == []
    once = f"60 s gave no score: framediff takes {length} frames in a row, and no more than {length - 1} came; "
    assert told == [once + "have the camera send at a fixed rate"] * 2  # as scores came between the two
    assert watch.windows.holes > 1000


def test_a_camera_that_never_gives_a_support_set_is_told_of_once(watcher, monkeypatch):
    monkeypatch.setattr(TrainedMethod, "span", 14)
    (watch,), told = watcher({"gate": "-"}).watches, []
    watch.tell = told.append
    for number in np.cumsum(np.resize([1] * 12 + [4], 2000)):
        watch.reader.queue.put(live_frame(int(number), size=watch.windows.clip.size))
        assert [*watch.step()] == []
    (once,) = told
    assert "framediff takes 14 frames in a row, and no more than 13 came" in once and "or say fewer --shots" in once


def test_slow_scoring_leaves_clips_out_evenly_and_keeps_up(watcher, monkeypatch):
    """A method that takes a tenth of a second a clip, and a camera of 50 frames a second."""
    seen = []
    score = FrameDifference.score

    def slow(self, clips):
        time.sleep(0.1 * len(clips))
        seen.append(len(clips))
        return score(self, clips)

    monkeypatch.setattr(FrameDifference, "score", slow)
    with serving(calm, 50, iter([400])) as server:
        watching = watcher({"gate": server.address}, look=60)
        assert [*watching] == []
    (watch,) = watching.watches
    assert max(seen) <= watch._batch and watch.unscored > 200  # of 400, else it would have fallen behind
    runs = 1 + watch.windows.holes  # a busy machine may drop frames unseen
    assert watch.frames + watch.reader.queue.lost == 400
    assert sum(seen) + watch.unscored == watch.frames - runs * (watch.windows.clip.frames - 1)


def test_scoring_that_becomes_faster_scores_no_more_than_the_line_was_set_on(watcher):
    """While it looks, a second's frames come at once, and after that each by itself."""
    (watch,), told = watcher({"gate": "rtsp://h/"}).watches, []
    watch.tell = told.append
    numbers = iter(range(10**6))

    def come(portion, frames):
        before = watch.frames - watch.unscored
        for _ in range(frames // portion):
            for number in itertools.islice(numbers, portion):
                watch.reader.queue.put(live_frame(number, rate=RATE, size=watch.windows.clip.size))
            list(watch.step())
        return (watch.frames - watch.unscored - before) / frames

    looked = come(RATE, 7 * RATE)
    assert watch.line is not None and looked < 0.5
    assert f"; {100 * watch.line.share:.2g} % of the frames were scored, and no more a second will be" in told[0]
    assert come(1, 40 * RATE) == pytest.approx(looked, abs=0.02)


def test_what_piles_up_while_a_camera_adapts_is_no_part_of_any_look(watcher, monkeypatch):
    """Else a machine that scores all it gets would score less for good: no more than in those seconds."""
    monkeypatch.setattr(TrainedMethod, "span", 14)
    watching = watcher({"gate": "rtsp://h/", "yard": "rtsp://i/"})
    gate, yard = watching.watches
    numbers, told = {watch.name: itertools.count() for watch in watching.watches}, []

    def come(watch, frames):
        for number in itertools.islice(numbers[watch.name], frames):
            watch.reader.queue.put(live_frame(number, rate=RATE, size=watch.windows.clip.size))

    def adapting(method, pixels):
        for watch in watching.watches:
            come(watch, 100)
        return method.fitted.adapter, {}

    monkeypatch.setattr(camera_watch, "adapted_to", adapting)
    come(yard, 3)  # gate adapts first, and looks while yard adapts
    while gate.line is None or yard.line is None:
        for watch in watching.watches:
            watch.tell = told.append
            come(watch, 0 if watch is yard and not gate.adapted else 1)
            assert [*watching.step(watch)] == []
    assert gate.reader.queue.lost == 200 and yard.reader.queue.lost == 100
    assert gate.unscored == 0 and gate.line.share == yard.line.share == 1
    assert len(told) == 2 and "no more a second" not in "".join(told)


def test_the_film_of_an_alarm_right_after_the_look_has_the_seconds_before(watcher, monkeypatch, tmp_path):
    (watch,) = watcher({"gate": "-"}, films=tmp_path, look=4).watches
    score, told = lambda self, clips: {"prediction": torch.full((len(clips),), float(watch.line is not None))}, []
    monkeypatch.setattr(FrameDifference, "score", score)
    for number in range(200):
        watch.reader.queue.put(live_frame(number, rate=RATE, picture=True, size=watch.windows.clip.size))
        told += watch.step()
    told += watch.close()
    begun, ended = told
    assert begun.at < 6
    with av.open(str(ended.clip)) as container:
        frames = [*container.decode(video=0)]
    assert len(frames) == 200 - round((begun.at - BEFORE) * RATE)


def test_ctrl_c_ends_a_watch_with_its_open_alarm_told(watcher):
    with serving(restless, 200) as server:
        watching = watcher({"gate": server.address}, look=1)
        told = []
        for alarm in watching:
            told.append(alarm)
            if alarm.peak > 2 * alarm.threshold:
                watching.stop()
    assert told[-1].event == "end" and len(told) % 2 == 0 and watching.failed == []


def test_a_watch_can_be_stopped_by_a_signal_that_comes_while_it_waits(watcher, film):
    """The handler runs amid what it interrupts, whose locks it must not want."""
    watching = watcher({"yard": film})
    stopping = threading.Thread(target=watching.stop, daemon=True)
    with watching._arrived._cond:
        stopping.start()
        stopping.join(60)
        assert not stopping.is_alive()
    assert [*watching] == [] and watching.watches[0].frames == 0


def test_a_camera_given_up_has_failed_though_the_watch_was_stopped(watcher, film, tmp_path):
    (tmp_path / "torn.mp4").write_bytes(film.read_bytes()[:3000])
    watching = watcher({"torn": tmp_path / "torn.mp4", "yard": film})
    reader = watching.watches[0].reader
    reader.start()
    reader.join(120)
    watching.stop()
    assert reader.failure and watching.failed == ["torn"]


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_signals_end_a_watch_well(north, tmp_path, number):
    import signal

    code = "import sys; sys.argv[0] = 'bench'; from crossvad.cli import main; main()"
    with serving(restless, 100) as server:
        words = ["watch", f"gate={server.address}", "--source", f"path:{north}", *WORDS[:4], "--look", "2s"]
        process = subprocess.Popen([sys.executable, "-c", code, *words, "--method", "framediff"], cwd=tmp_path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        first = process.stdout.readline()
        process.send_signal(getattr(signal, number))
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    told = alarms(first + out)
    assert [each["event"] for each in told[-1:]] == ["end"] and len(told) % 2 == 0
    assert "gate: " in err and "Traceback" not in err


def test_a_webhook_is_posted_what_stdout_is_told(watch, film, alarm_server):
    address, got, _ = alarm_server
    done = watch(film, "--method", "framediff", "--webhook", address)
    assert done.code == 0, done.err
    assert [body.decode() for *_, body in got] == done.out.splitlines() and got


def test_a_watch_ends_where_nobody_reads_its_alarms(north, tmp_path):
    """The connection drops amid an alarm, so that there is more to tell."""
    code = "import sys; sys.argv[0] = 'bench'; from crossvad.cli import main; main()"
    with serving(restless, 100, itertools.chain([None, ONSET + 50], itertools.repeat(None))) as server:
        words = ["watch", f"gate={server.address}", "--source", f"path:{north}", *WORDS[:4], "--look", "1s"]
        process = subprocess.Popen([sys.executable, "-c", code, *words, "--method", "framediff"], cwd=tmp_path,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(120) == 0 and "Traceback" not in err and "Exception" not in err, err


def test_alarms_that_stdout_does_not_take_are_told_on_stderr_and_posted(watch, film, alarm_server, monkeypatch):
    def full(line, flush):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crossvad.live.standard_output.print", full, raising=False)
    address, got, _ = alarm_server
    done = watch(film, "--method", "framediff", "--webhook", address)
    lines = [body.decode() for *_, body in got]
    assert done.code == 0 and len(lines) >= 2, done.err
    assert f"an alarm could not be written to stdout (No space left on device): {lines[0]}\n" in done.err


def test_from_python(film, north, tmp_path):
    watching = crossvad.watch({"yard": str(film)}, source=north, method="framediff", budget="smoke", look=5, quiet=True,
                              results=tmp_path / "results")  # fmt: skip
    told = [*watching]
    assert told and told[0].event == "start" and watching.failed == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["rtsp://127.0.0.1:9/x", "--method", "framediff"], "127.0.0.1 (rtsp://127.0.0.1:9/x): does not open"),
        (["me=rtsp://me:hunter2@127.0.0.1:9/x"], "me (rtsp://***@127.0.0.1:9/x): does not open"),
        (["{film}", "--method", "ramp"], "ramp: scores a video as a whole"),
        (["{film}", "--false-alarms", "1"], "say --look 3599s, or --false-alarms 600"),
        (["{film}", "--webhook", "ftp://h"], "--webhook: is no address of a server"),
        (["{film}", "--save-alarms", "{film}"], "cannot be written to"),
        (["{film}", "{film}"], "camera yard: is named twice"),
        (["cameras.toml"], "cameras.toml: cannot be read"),
    ],
)
def test_wrong_input_is_refused_before_training(watch, film, words, problem, tmp_path):
    done = watch(*(word.format(film=film) for word in words))
    assert done.code == 2 and not done.out and problem in done.err, done.err
    assert "hunter2" not in done.err and not (tmp_path / "results" / "runs" / "fits").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["-", "rtsp://h/"], "bench watch takes several"),
        (
            ["-", "--top", "3"],
            "--top goes with video files, and what is piped in (-) is a running camera: leave it out.",
        ),
        (["-", "--out", "x"], "write > alarms.jsonl to keep them, and --save-alarms FOLDER for films of them"),
        (["-", "--no-overlay"], "--overlay goes with video files"),
        (["{film}", "--look", "5s"], "--look goes with running cameras, and {film} is a file: leave it out"),
        (["{film}", "--webhook", "http://h/"], "name the file to bench watch"),
    ],
)
def test_options_of_the_other_kind_are_refused(bench, film, north, words, problem):
    done = bench("score", *(word.format(film=film) for word in words), "--source", f"path:{north}", "--budget", "smoke")
    assert done.code == 2 and problem.format(film=film) in " ".join(done.err.split())


def test_a_film_that_is_too_short_for_a_line_is_told(watch, film):
    done = watch(film, "--method", "framediff", "--look", "1m")
    assert done.code == 1 and not done.out and "ended before its line was set" in done.err


def test_how_much_video_it_was_is_told_apart_from_how_long_that_took(watch, film):
    done = watch(film, f"again={film}", "--method", "framediff")
    told = [line for line in done.err.splitlines() if "of video, watched for" in line]
    length = f"{LENGTH / RATE:.0f} s of video"
    assert len(told) == 2 and all(length in line for line in told), done.err


@pytest.mark.parametrize("size", [SIZE])
def test_memory_stays_flat(watcher, size, tmp_path):
    """Thousands of frames, with films of alarms: what is held after the first of them is held after the last."""
    pictures = itertools.islice((restless(number % LENGTH) for number in itertools.count()), 6000)
    path = write_video(tmp_path / "long.mp4", pictures, preset="ultrafast")
    watching = watcher({"yard": path}, films=tmp_path / "films")
    (tmp_path / "films").mkdir()
    (watch,) = watching.watches
    told = [(watch.frames, resident()) for _ in watching]
    early = [size for frames, size in told if frames < 3000]
    assert len(told) >= 16 and told[-1][0] > 5500
    assert told[-1][1] - max(early) < 8 << 20, told
    assert len(watch._film._before) <= 76 and len(watch.windows._kept) < watch.windows.clip.frames + 1


def resident():
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("piped", [b"", b"no video" * 200])
def test_a_pipe_without_video_is_told_with_what_to_do(north, tmp_path, piped):
    code = "import sys; sys.argv[0] = 'bench'; from crossvad.cli import main; main()"
    words = ["score", "-", "--source", f"path:{north}", *WORDS[:4], "--method", "framediff"]
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, input=piped, capture_output=True, cwd=tmp_path, timeout=300)
    err = done.stderr.decode()
    assert done.returncode == 2 and "Traceback" not in err
    assert ("is no video" if piped else "is an empty pipe") in err and "ffmpeg -i ADDRESS -f matroska -" in err

"""A camera is read on through whatever becomes of its connections, and its frames are those that it sent."""

import io
import itertools
import threading
import time
from contextlib import nullcontext
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.live import reader as reading
from crossvad.live import stream as streaming
from crossvad.live.cameras import Camera
from crossvad.live.reader import CameraReader, FrameQueue
from crossvad.live.stream import Connection
from live_made import live_frame
from miniatures import HEIGHT, TURNED, WIDTH, frame, frames, numbers, turn_video, write_video
from rtsp_camera import RtspCamera
from running_cameras import serving

CLIP = ClipSpec(4, 3, (HEIGHT, WIDTH), 1)


def read(address, reconnect=None, until=None, seconds=120):
    """All frames of a camera until it ends or there are so many, and what was told meanwhile."""
    told, arrived = [], threading.Event()
    reader = CameraReader(Camera("gate", address), CLIP, False, reconnect, arrived, told.append)
    reader.start()
    frames, started = [], time.monotonic()
    while not (reader.ended and not len(reader.queue)) and (until is None or len(frames) < until):
        assert time.monotonic() - started < seconds, (len(frames), told, reader.state)
        arrived.wait(0.2)
        arrived.clear()
        frames += reader.queue.take()
    reader.stop()
    reader.join(60)
    assert not reader.is_alive()
    return frames, told, reader


def shown(taken):
    return [numbers(each.small[None])[0] for each in taken]


def test_a_file_gives_every_frame_and_ends(tmp_path):
    path = write_video(tmp_path / "yard.mp4", [frame(number) for number in range(300)])
    frames, told, reader = read(str(path))
    assert shown(frames) == [*range(300)] == [each.number for each in frames]
    assert all(b.follows(a) for a, b in itertools.pairwise(frames))
    assert frames[-1].at - frames[0].at == pytest.approx(299 / 25, abs=1e-3)
    assert (told, reader.failure, reader.connections) == ([], "", 1)


def test_a_camera_that_drops_the_connection_is_opened_again(monkeypatch):
    """Twice it drops it in the middle, and once it answers with an error."""
    monkeypatch.setattr(reading, "LONGEST_WAIT", 0.3)
    with serving(frame, 50, iter([20, 15, 0, 25, None]), breaks=True) as server:
        frames, told, reader = read(server.address, until=70)
    assert [each.connection for each in frames[:60]] == [1] * 20 + [2] * 15 + [3] * 25
    assert shown(frames[:60]) == [*range(20), *range(15), *range(25)]
    for before, after in ((frames[19], frames[20]), (frames[34], frames[35])):
        assert not after.follows(before) and after.number > before.number
    assert reader.connections == 4 and server.asked == 5
    assert told[0] == "the connection broke off; try 1 to open it again in 0 s" and told.count("is back") == 3


def test_so_many_tries_and_no_more(monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_WAIT", 0.1)
    with serving(frame, 50, iter([10, 0, 0, 0, None])) as server:
        frames, _, reader = read(server.address, reconnect=2)
    assert len(frames) == 10 and server.asked == 3 and reader.failure
    with serving(frame, 50, iter([10, None])) as server:
        frames, _, reader = read(server.address, reconnect=0)
    assert len(frames) == 10 and server.asked == 1 and not reader.failure


def test_waits_grow(monkeypatch):
    waits, told = [], []
    camera = Camera("gate", "rtsp://me:hunter2@h/")
    reader = CameraReader(camera, CLIP, False, None, threading.Event(), told.append)
    monkeypatch.setattr(reader._stopping, "wait", lambda wait: waits.append(wait) or len(waits) == 2000)

    def refuse():
        raise OSError(111, "rtsp://me:hunter2@h/ refused")

    monkeypatch.setattr(reader, "_read", refuse)
    reader.run()
    assert waits[:6] == [1, 2, 4, 8, 16, 32] and set(waits[6:]) == {60} and len(waits) == 2000
    assert [text.partition("; ")[2] for text in told][:5] == [
        f"try {number} to open it again in {wait} s" for number, wait in ((1, 1), (2, 2), (4, 8), (8, 60), (16, 60))
    ]
    assert len(told) == 11  # 1024 is the last
    assert not any("hunter2" in text for text in told)


def flapping(monkeypatch, lasts, reconnect):
    """What a camera that is opened at the first try each time, and drops after so many seconds, makes a reader do."""
    waits, told, clock = [], [], [0.0]
    reader = CameraReader(Camera("gate", "rtsp://h/"), CLIP, False, reconnect, threading.Event(), told.append)

    def frames(self):
        yield live_frame(0, at=0.0)
        clock[0] += lasts
        yield live_frame(1, at=0.04)  # by a clock of its own, which stands still
        raise OSError(5, "dropped")

    monkeypatch.setattr(reading.Connection, "frames", frames)
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: clock[0]), raising=False)
    monkeypatch.setattr(reader._stopping, "wait", lambda wait: waits.append(wait) or len(waits) == 9)
    reader.run()
    return waits, told, reader


def test_a_camera_that_opens_each_time_is_not_given_up_and_waited_for_ever_longer(monkeypatch):
    waits, told, reader = flapping(monkeypatch, 40, reconnect=1)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60] and not reader.failure and reader.connections == 9
    lost = [f"dropped; try 1 to open it again in {wait} s" for wait in (1, 2, 8, 60)]  # the 1st, 2nd, 4th and 8th time
    assert told == [*itertools.chain.from_iterable((each, "is back") for each in lost)]


def test_a_camera_that_ran_well_is_opened_again_soon(monkeypatch):
    waits, _, reader = flapping(monkeypatch, 70, reconnect=1)
    assert waits == [1] * 9 and not reader.failure


def test_what_nobody_foresaw_ends_a_reader_and_is_told(monkeypatch):
    told, arrived = [], threading.Event()
    reader = CameraReader(Camera("gate", "rtsp://h/"), CLIP, False, None, arrived, told.append)
    monkeypatch.setattr(reader, "_again", lambda problem: 1 / 0)
    monkeypatch.setattr(reader, "_read", lambda: None)
    reader.run()
    assert reader.ended and arrived.is_set()
    assert reader.failure == "division by zero" and told == ["is given up: division by zero"]


def test_a_stream_that_stalls_is_opened_again(monkeypatch):
    monkeypatch.setattr("crossvad.live.stream.STALLED", 3.0)  # a busy machine stalls for a while, too
    halted, read_on = threading.Event(), threading.Event()

    def picture(number):
        if number == 300 and not halted.is_set():
            halted.set()
            read_on.wait(120)
        return frame(number)

    with serving(picture, 100) as server:
        frames, told, reader = read(server.address, until=320)
        read_on.set()
    assert reader.connections == 2 and "no frame came for too long" in told[0]
    assert {each.connection for each in frames} == {1, 2}


def test_a_stream_that_goes_on_without_a_picture_is_opened_again(monkeypatch):
    """Its packets keep coming, which is no silence to ffmpeg."""
    monkeypatch.setattr("crossvad.live.stream.STALLED", 3.0)
    with serving(frame, 50, garbled=30) as server:
        frames, told, reader = read(server.address, until=60)
    assert reader.connections == 2 and "no frame came for too long" in told[0]
    assert shown(frames) == [*range(30), *range(30)]


def test_lost_frames_leave_their_places_empty():
    lost = [20, 41, 42, 43]
    with serving(frame, 50, iter([60]), skip=lost) as server:
        frames, _, _ = read(server.address, reconnect=0)
    assert [each.number for each in frames] == shown(frames) == [n for n in range(60) if n not in lost]


def test_a_camera_without_time_stamps_goes_by_the_clock(monkeypatch):
    """Pictures in a row, 8 a second, where ffmpeg makes up a clock of 25."""
    looks = [0.0]
    one_clock = {"monotonic": lambda: looks.append(time.monotonic()) or looks[-1], "time": lambda: looks[-1]}
    monkeypatch.setattr(streaming, "time", SimpleNamespace(**one_clock))  # of which no two looks are far apart
    with serving(frame, 8, iter([40]), form="mpjpeg", codec="mjpeg") as server:
        frames, *_ = read(server.address, reconnect=0)
    took = frames[-1].clock - frames[0].clock
    assert shown(frames)[-30:] == [*range(10, 40)] and took > 3
    assert frames[-1].at - frames[0].at == pytest.approx(took, abs=0.2)


def test_sizes_that_frames_are_wanted_at_have_a_scaler_each(monkeypatch, tmp_path):
    """One that serves two is set up anew for every frame, which takes longer than to scale."""
    made, sizes = av.video.reformatter.VideoReformatter, []

    class Recorded:
        def __init__(self):
            self.scaler, self.sizes = made(), set()
            sizes.append(self.sizes)

        def reformat(self, frame, width, height, *how, **more):
            self.sizes.add((width, height))
            return self.scaler.reformat(frame, width, height, *how, **more)

    monkeypatch.setattr(av.video.reformatter, "VideoReformatter", Recorded)
    path = write_video(tmp_path / "yard.mp4", [frame(number) for number in range(3)])
    small = ClipSpec(4, 3, (HEIGHT // 2, WIDTH // 2), 1)
    assert len([*Connection(Camera("yard", str(path)), small, True, 1, -1).frames()]) == 3
    assert sizes == [{(WIDTH // 2, HEIGHT // 2)}, {(WIDTH, HEIGHT)}]


@pytest.mark.parametrize("turned", TURNED)
def test_a_film_is_watched_upright_as_it_is_trained_on(tmp_path, turned):
    path = turn_video(write_video(tmp_path / "yard.mp4", frames(3)), turned)
    trained = np.concatenate([*VideoFile(path).blocks(None, 1)]).astype(int)
    clip = ClipSpec(4, 3, trained.shape[1:3], 1)
    watched = [*Connection(Camera("yard", str(path)), clip, True, 1, -1).frames()]
    assert np.abs(np.stack([each.small for each in watched]) - trained).mean() < 3 and trained.std() > 10
    with Image.open(io.BytesIO(watched[-1].picture)) as picture:
        assert picture.size == clip.size[::-1]
        assert np.abs(np.asarray(picture.convert("L")) - trained[-1, ..., 0]).mean() < 3


@pytest.mark.parametrize(("ways", "taken"), [(("TCP", "UDP"), "TCP"), (("UDP",), "UDP")])
def test_a_camera_is_read_by_rtsp_over_the_way_that_loses_nothing_if_it_has_that(ways, taken):
    with RtspCamera(frame, 75, 50, ways) as server:
        frames, _, reader = read(server.address, reconnect=0)
    assert server.taken == [taken] and not reader.failure
    assert len(frames) > 60 and shown(frames) == [each.number for each in frames]


def test_a_full_queue_drops_the_oldest_frames_of_a_camera():
    queue = FrameQueue(False, threading.Event(), 5)
    for number in range(12):
        queue.put(live_frame(number))
    assert [each.number for each in queue.take()] == [7, 8, 9, 10, 11] and queue.lost == 7


def test_a_full_queue_makes_a_file_wait():
    queue = FrameQueue(True, threading.Event(), 5)
    writer = threading.Thread(target=lambda: [queue.put(live_frame(number)) for number in range(200)], daemon=True)
    writer.start()
    taken = []
    while len(taken) < 200:
        assert len(queue) <= 5
        taken += queue.take(3)
    assert [each.number for each in taken] == [*range(200)] and queue.lost == 0
    writer = threading.Thread(target=lambda: [queue.put(live_frame(number)) for number in range(9)], daemon=True)
    writer.start()
    queue.close()
    writer.join(60)
    assert not writer.is_alive()


@pytest.mark.parametrize(("decoded", "patience"), [(0, 60), (1, 10)])
def test_a_stream_joined_between_key_frames_is_waited_for_longer_than_one_that_no_longer_decodes(
    monkeypatch, decoded, patience
):
    clock = [0.0]

    def packets(_):
        for number in range(100):  # a second each
            yield SimpleNamespace(decode=lambda: [SimpleNamespace(time=0.0)] if number < decoded else [])  # noqa: B023
            clock[0] += 1

    made = SimpleNamespace(
        streams=SimpleNamespace(video=[SimpleNamespace(average_rate=25)]),
        format=SimpleNamespace(flags=0),
        demux=packets,
    )
    monkeypatch.setattr(streaming, "opened", lambda camera: nullcontext(made))
    monkeypatch.setattr(streaming, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(Connection, "_taken", lambda *_: None)
    frames = Connection(Camera("gate", "rtsp://h/"), CLIP, False, 1, -1).frames()
    with pytest.raises(TimeoutError, match="no frame came for too long"):
        list(frames)
    assert clock[0] == patience + 1

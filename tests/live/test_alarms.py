"""Alarms begin above the line, and end after seconds below it."""

import gc
import itertools
import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.live.alarms import QUIET, Alarms
from crossvad.live.film import BEFORE, AlarmFilm, rescued
from live_made import live_frame, until


def told(scores, rate=25, line=1.0):
    """All that is told of frames with these scores."""
    alarms = Alarms("gate", line)
    frames = [(live_frame(number, rate=rate), score) for number, score in enumerate(scores)]
    events = [event for frame in frames for event in alarms.scored(*frame)]
    return [*events, *alarms.close()]


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over():
    scores = [0.5] * 10 + [2.0, 3.0, 0.5, 2.5] + [0.5] * 100 + [4.0]
    first, second, third, fourth = told(scores)
    assert (first.event, first.number, first.frame, first.peak) == ("start", 1, 10, 2.0)
    assert (second.event, second.number, second.frame, second.peak) == ("end", 1, 11, 3.0)
    assert second.start == first.start and second.end - second.start == pytest.approx(3 / 25, abs=1e-3)
    assert (second.duration, second.at) == (pytest.approx(3 / 25), pytest.approx(10 / 25))
    assert (third.event, third.number, fourth.event, fourth.duration) == ("start", 2, "end", 0.0)


def test_one_may_end_with_the_frame_that_another_begins_with():
    alarms = Alarms("gate", 1.0)
    assert [event.event for event in alarms.scored(live_frame(0, at=0.0), 2.0)] == ["start"]
    assert [event.event for event in alarms.scored(live_frame(1, at=QUIET + 1), 2.0)] == ["end", "start"]


@given(st.lists(st.floats(0, 2), max_size=300), st.sampled_from([1, 5, 25]))
def test_every_alarm_begins_once_ends_once_and_holds_all_frames_above_the_line(scores, rate):
    events = told(scores, rate)
    assert [event.event for event in events] == ["start", "end"] * (len(events) // 2)
    ends = events[1::2]
    above = [number for number, score in enumerate(scores) if score > 1]
    within = [n for end in ends for n in above if -1e-9 <= n / rate - end.at <= end.duration + 1e-9]
    assert within == above
    for one, next_one in itertools.pairwise(ends):
        assert next_one.at - (one.at + one.duration) > QUIET - 1e-9
    for end in ends:
        middle, half = end.at + end.duration / 2, end.duration / 2 + 1e-9
        assert end.peak == max(scores[n] for n in above if abs(n / rate - middle) <= half)


def test_an_alarm_ends_after_it_began_though_the_clock_is_set_back_meanwhile():
    alarms = Alarms("gate", 1.0)
    before = live_frame(0)
    after = replace(live_frame(50), clock=before.clock - 3600)
    events = [*alarms.scored(before, 2.0), *alarms.scored(after, 2.0), *alarms.close()]
    line = json.loads(events[-1].to_json())
    assert (line["start"], line["end"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:22.000Z")


def test_a_line_of_json_has_these_keys():
    start, end = told([2.0, 1.5])
    first, last = json.loads(start.to_json()), json.loads(end.to_json())
    keys = "event camera alarm start end duration at peak threshold frame clip"
    assert list(first) == list(last) == keys.split()
    assert first["end"] is None and first["start"] == "2023-11-14T22:13:20.000Z"
    assert last["end"] == "2023-11-14T22:13:20.040Z" and last["clip"] is None and last["peak"] == 2.0
    assert "\n" not in end.to_json()


def test_a_film_has_the_seconds_before_and_is_there_when_it_ends(tmp_path):
    film = AlarmFilm("gate", tmp_path)
    path = film.path(7, 1_700_000_000.0)
    assert path.name == "gate-20231114T221320Z-0007.mp4"
    for number in range(200):
        film.add(live_frame(number, rate=10, picture=True))
    film.begin(path)
    for number in range(200, 250):
        film.add(live_frame(number, rate=10, picture=True))
    assert not path.exists()
    film.end()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with av.open(str(path)) as container:
        frames = [*container.decode(video=0)]
    assert len(frames) == 10 * BEFORE + 1 + 50
    assert frames[-1].time - frames[0].time == pytest.approx(len(frames[1:]) / 10, abs=0.01)


def test_a_film_holds_a_minute_at_most_and_no_other_connection(tmp_path):
    film = AlarmFilm("gate", tmp_path)
    for number in range(20):
        film.add(live_frame(number, connection=1, rate=2, picture=True))
    film.add(live_frame(20, connection=2, at=0.0, picture=True))
    film.begin(path := tmp_path / "long.mp4")
    for number in range(21, 400):
        film.add(live_frame(number, connection=2, at=(number - 20) / 2, picture=True))
    film.end()
    with av.open(str(path)) as container:
        assert len([*container.decode(video=0)]) == 1 + 2 * 63
    assert len(film._before) == 2 * BEFORE + 1


def test_a_film_that_is_dropped_leaves_nothing(tmp_path):
    film = AlarmFilm("gate", tmp_path)
    film.add(live_frame(0, picture=True))
    film.begin(tmp_path / "a.mp4")
    film.drop()
    film.end()
    assert [*tmp_path.iterdir()] == []


def frames_of(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def begun(folder, number=7):
    """An alarm of 20 seconds so far, of 10 frames each, whose film is being written."""
    film = AlarmFilm("gate", folder)
    film.begin(path := film.path(number, 1_700_000_000.0))
    for frame in range(200):
        film.add(live_frame(frame, rate=10, picture=True))
    return film, path


def test_a_film_that_a_power_cut_ended_is_put_in_its_place_by_the_next_watch(tmp_path):
    (tmp_path / "alarms").mkdir()
    film, path = begun(tmp_path / "alarms")
    after = shutil.copytree(tmp_path / "alarms", tmp_path / "after")  # nothing of which is locked
    assert [*rescued("gat", after)] == [*rescued("gate-2", after)] == []
    assert [*rescued("gate", after)] == [after / path.name] == [*after.iterdir()]
    assert frames_of(after / path.name) > 100
    assert [*rescued("gate", tmp_path / "alarms")] == []  # it is still being written
    film.end()
    assert frames_of(path) == 200 and [*path.parent.iterdir()] == [path]


def test_what_is_left_of_a_film_and_does_not_play_is_removed(tmp_path):
    names = [f".gate-20261127T053443Z-000{number}.mp4-abcdefg{number}" for number in range(3)]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / names[1] / names[1][1:-9]).write_bytes(bytes(48))
    outside = tmp_path / "outside.mp4"
    film, path = begun(tmp_path, 9)
    film.end()
    path.rename(outside)
    (tmp_path / names[2] / names[2][1:-9]).symlink_to(outside)
    (tmp_path / ".gate-mine").mkdir()
    assert [*rescued("gate", tmp_path)] == []
    assert {each.name for each in tmp_path.iterdir()} == {"outside.mp4", ".gate-mine"}


def test_films_that_find_no_room_keep_no_encoder(tmp_path):
    """Each has threads, and of large pictures much memory; no garbage collection is waited for."""
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    film, counts = AlarmFilm("gate", tmp_path), []
    threads = lambda: len([*Path("/proc/self/task").iterdir()])  # noqa: E731
    gc.disable()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
        for number in range(4):
            with pytest.raises((OSError, InputError)):
                film.begin(tmp_path / f"{number}.mp4")
                for frame in range(20):
                    film.add(live_frame(20 * number + frame, picture=True))
                film.end()
            film.drop()
            counts.append(threads())
            until(lambda: threads() <= counts[0])  # one that has ended may be listed for a moment more
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        gc.enable()
    assert not any(tmp_path.iterdir())

"""Which cameras are meant, and that no password is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError, masked
from crossvad.live.cameras import Camera, is_stream, named, read_cameras


@pytest.mark.parametrize(
    ("word", "name", "address"),
    [
        ("rtsp://10.0.0.5:554/stream1", "10.0.0.5", "rtsp://10.0.0.5:554/stream1"),
        ("rtsp://me:pass@gate.lan/s?channel=1", "gate.lan", "rtsp://me:pass@gate.lan/s?channel=1"),
        ("gate=rtsp://10.0.0.5/user=me&password=x", "gate", "rtsp://10.0.0.5/user=me&password=x"),
        ("-", "pipe", "-"),
        ("yard=-", "yard", "-"),
        ("/dev/null", "null", "/dev/null"),
    ],
)
def test_a_camera_is_named_by_its_host_its_device_or_as_it_is_told(word, name, address):
    assert named([word]) == [Camera(name, address)]


def test_files_and_pipes_wait_and_cameras_do_not(tmp_path):
    (tmp_path / "yard.mp4").touch()
    (camera,) = named([str(tmp_path / "yard.mp4")])
    assert camera.name == "yard" and camera.waits
    assert Camera("a", "-").waits and not Camera("a", "/dev/video0").waits and not Camera("a", "rtsp://h/").waits
    assert is_stream("-") and is_stream("http://h/") and not is_stream("film.mp4")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nowhere.mp4"], "is not there"),
        (["file:///etc/passwd"], "is no address of a camera"),
        (["concat://a"], "is no address of a camera"),
        (["a=rtsp://h/1", "a=rtsp://h/2"], "is named twice"),
        (["rtsp://h/1", "rtsp://h/2"], "is named twice"),
        (["a=-", "b=-"], "there is one pipe"),
    ],
)
def test_what_is_no_camera_is_refused(words, problem):
    with pytest.raises(InputError, match=problem):
        named(words)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="*"), min_size=1))
def test_no_password_is_shown(secret):
    assert masked(f"[in] rtsp://me:{secret}@gate.lan/s failed") == "[in] rtsp://***@gate.lan/s failed"
    word = secret.replace("&", "")
    asked = f"http://gate.lan/s?channel=1&password={word}&user=me"
    assert masked(asked) == "http://gate.lan/s?channel=***&password=***&user=***" or "@" in word


def test_a_refusal_does_not_show_it_either():
    with pytest.raises(InputError) as refused:
        named(["a=rtsp://me:hunter2@h/1", "a=rtsp://me:hunter2@h/1"])
    assert "hunter2" not in str(refused.value)


def test_a_file_of_cameras(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text('[cameras]\ngate = "rtsp://h/1"\n"north.yard" = "-"\n')
    assert read_cameras(path) == [Camera("gate", "rtsp://h/1"), Camera("north.yard", "-")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no camera"),
        ("[cameras]", "names no camera"),
        ("cameras = 3", "names no camera"),
        ("[cameras]\ngate = 3", "gate: is no text"),
        ('[cameras]\n"../gate" = "rtsp://h/1"', "has no name that a file could be called by"),
        ('source = "ped2"\n[cameras]\ngate = "rtsp://h/1"', "has an unknown entry 'source'"),
        ('[cameras]\ngate = "rtsp://me:hunter2@h/1', "cannot be read"),
    ],
)
def test_another_file_is_refused(tmp_path, text, problem):
    (tmp_path / "cameras.toml").write_text(text)
    with pytest.raises(InputError, match=problem) as refused:
        read_cameras(tmp_path / "cameras.toml")
    assert "hunter2" not in str(refused.value)

"""Faults that hostile inputs had found, each by itself."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from crossvad.adapters.options import Range
from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.datasets.published.ucsd import parse_ground_truth
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.label_table import LabelTable
from crossvad.planning.protocol import get_protocol
from crossvad.planning.suite import read_suite
from hostile.guard import bounded

LONG = "9" * 5000  # digits: more than Python reads


def test_a_frame_number_of_5000_digits_is_no_range(tmp_path):
    (tmp_path / "labels.csv").write_text(f"video,start,end\nmonday,3,{LONG}\n")
    with pytest.raises(InputError, match="is no range of frames"):
        list(LabelTable(tmp_path / "labels.csv").rows())
    with pytest.raises(InputError, match="cannot read"):
        parse_ground_truth(f"TestVideoFile{{end+1}}.gt_frame = [1:{LONG}];")
    with pytest.raises(InputError, match="is no protocol"):
        get_protocol(f"fair@{LONG}")


def test_an_option_beyond_64_bits_is_out_of_any_range():
    assert 10**400 not in Range() and float("nan") not in Range() and 2**40 in Range(minimum=0) and 1e30 in Range()


@pytest.mark.parametrize("entry", [f"shots = [{LONG}]", f"shots = {'[' * 5000}"])
def test_a_suite_that_toml_gives_up_on_is_named(tmp_path, entry):
    (tmp_path / "suite.toml").write_text(entry)
    with pytest.raises(InputError, match=r"suite\.toml: cannot be read .*; write a TOML file"):
        read_suite(tmp_path / "suite.toml")


@pytest.mark.parametrize("test", ['{"01": {"frames": 9, "abnormal": [[3, 99999]]}}', '{"01": {"frames": 1e12}}', "[]"])
def test_a_manifest_of_impossible_facts_is_named(tmp_path, monkeypatch, test):
    monkeypatch.setattr(manifest, "LABELS", tmp_path)
    head = '"dataset": "x", "family": "y", "facts_from": "", "checksums": "", "train_videos": 0, "train": {}'
    (tmp_path / "x-y.json").write_text(f'{{{head}, "test": {test}}}')
    with pytest.raises(InputError, match=r"x-y\.json: is no manifest"):
        manifest.load("x", "y")


@pytest.mark.parametrize("name", ["labels.csv", "suite.toml"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with bounded(2), pytest.raises(InputError, match="no plain file"):
        read_suite(tmp_path / name) if name == "suite.toml" else list(LabelTable(tmp_path / name).rows())


def test_a_pipe_among_frames_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    with bounded(2), pytest.raises(InputError, match=r"1\.png: cannot be decoded"):
        list(FrameFolder(tmp_path).blocks(None, 3))


@pytest.mark.parametrize("kind", ["eps", "gif", "ppm"])
def test_a_picture_that_only_calls_itself_png_is_not_decoded(tmp_path, kind):
    """Pillow hands one of these to a program of another's, with whatever is in it."""
    Image.new("RGB", (8, 8)).save(tmp_path / f"1.{kind}", format=kind)
    (tmp_path / f"1.{kind}").rename(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"1\.png: cannot be decoded"):
        list(FrameFolder(tmp_path).blocks(None, 3))


def test_large_frames_are_not_held_many_at_a_time(tmp_path):
    Image.new("L", (8000, 4000)).save(tmp_path / "0.png")
    for number in range(1, 6):
        (tmp_path / f"{number}.png").hardlink_to(tmp_path / "0.png")
    sizes = [len(block) for block in FrameFolder(tmp_path).blocks((8, 8), 3)]
    assert sizes == [2, 2, 2]


def test_a_frame_larger_than_any_camera_makes_is_refused_before_it_is_decoded(tmp_path):
    Image.fromarray(np.zeros((9000, 9000), np.uint8)).save(tmp_path / "1.png")
    with bounded(megabytes=100), pytest.raises(InputError, match="9000x9000 pixels, which no camera has"):
        list(FrameFolder(tmp_path).blocks(None, 3))


@pytest.mark.parametrize(
    "words",
    [
        ["--results", "x" * 300, "table"],
        ["datasets", "info", "path:" + "x" * 300],
        ["datasets", "info", "path:~nobody-here/x"],
    ],
)
def test_a_name_longer_than_any_file_has_is_named(bench, words):
    done = bench(*words[2:], *words[:2]) if words[0] == "--results" else bench(*words)
    assert done.code == 2 and done.err.startswith("Error: ") and "Traceback" not in done.err

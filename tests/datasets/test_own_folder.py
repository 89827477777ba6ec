from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder


def clip(directory: Path, *names: str, frames: int = 8) -> Path:
    for name in names:
        (directory / name).mkdir(parents=True)
        for index in range(frames):
            Image.new("L", (9, 8), index).save(directory / name / f"{index:03d}.png")
    return directory


def names(dataset: OwnFolder, split) -> list[str]:
    return [video.name for video in dataset.videos(split)]


def label(directory: Path, *lines: str) -> OwnFolder:
    (directory / "labels.csv").write_text("\n".join(["video,start,end", *lines]) + "\n")
    return OwnFolder(directory)


@pytest.mark.parametrize(
    ("folders", "train", "test"),
    [
        (["a2", "a10"], ["a2", "a10"], ["a2", "a10"]),
        (["train/t", "test/x"], ["t"], ["x"]),
        (["train/t", "a", "b"], ["t"], ["a", "b"]),
        (["test/x", "a"], [], ["x"]),
    ],
)
def test_splits(tmp_path, folders, train, test):
    dataset = OwnFolder(clip(tmp_path / "lobby cam", *folders))
    assert dataset.name == "path:lobby cam"
    assert names(dataset, "train") == train and names(dataset, "test") == test
    assert {scene.name for split in ("train", "test") for scene in dataset.scenes(split)} == {"lobby cam"}
    assert dataset.scenes("test")[0].videos[0].read(channels=1)[:, 0, 0, 0].tolist() == list(range(8))


def test_folder_of_images_is_one_video(tmp_path):
    dataset = OwnFolder(clip(tmp_path, "camera") / "camera")
    assert names(dataset, "test") == names(dataset, "train") == ["camera"]


def test_train_folder_of_images_is_no_test_video(tmp_path):
    dataset = OwnFolder(clip(tmp_path / "camera", "train", "monday"))
    assert names(dataset, "train") == ["train"] and names(dataset, "test") == ["monday"]


@pytest.mark.parametrize("empty", [".", "train", "test"])
def test_directory_without_videos_is_refused(tmp_path, empty):
    if empty != ".":
        clip(tmp_path, "a")
    (tmp_path / empty).mkdir(exist_ok=True)
    with pytest.raises(InputError, match="holds no videos"):
        OwnFolder(tmp_path)


def test_missing_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="gone: cannot be listed"):
        OwnFolder(tmp_path / "gone")


def test_labels(tmp_path):
    dataset = label(clip(tmp_path, "a", "b b", "c"), "a, 0, 2", "a,5,8", "", " b b ,,")
    assert dataset.labels("a").tolist() == [1, 1, 0, 0, 0, 1, 1, 1] and dataset.labels("a").dtype == np.uint8
    assert not dataset.labels("b b").any() and not dataset.labels("c").any()
    assert dataset.check() == []
    assert dataset.masks("a") is None and dataset.tracks("a") is None


@pytest.mark.parametrize("kept", ["Cafe\N{COMBINING ACUTE ACCENT}", "Caf\N{LATIN SMALL LETTER E WITH ACUTE} "])
def test_a_video_is_found_by_its_name_as_it_is_seen(tmp_path, kept):
    """macOS writes an accent as a character of its own, and tables lose blanks."""
    folder = label(clip(tmp_path, kept, frames=4), "Caf\N{LATIN SMALL LETTER E WITH ACUTE},1,3")
    assert folder.labels(kept).tolist() == [0, 1, 1, 0] and folder.check() == []


def test_labels_as_a_spreadsheet_saves_them(tmp_path):
    clip(tmp_path, "a", "é")
    (tmp_path / "labels.csv").write_bytes('\ufeffvideo,start,end\r\n"é",1,3\r\n'.encode())
    assert OwnFolder(tmp_path).labels("é").tolist() == [0, 1, 1, 0, 0, 0, 0, 0]


def test_without_labels_the_error_says_how_to_write_them(tmp_path):
    dataset = OwnFolder(clip(tmp_path, "a", "b"))
    with pytest.raises(InputError, match=r"labels\.csv: is missing.*video,start,end"):
        dataset.labels("a")
    (problem,) = dataset.check()
    assert problem.severity == "warning"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("b,5,9", "ends at 9, but b has 8 frames"),
        ("b,5,5", "'5' to '5' is no range"),
        ("b,6,5", "'6' to '5' is no range"),
        ("b,-1,5", "'-1' to '5' is no range"),
        ("b,1.0,5", "'1.0' to '5' is no range"),
        ("b,one,5", "'one' to '5' is no range"),
        ("b,,5", "'' to '5' is no range"),
        ("b,3,", "'3' to '' is no range"),
        ("b,3", "has 2 fields"),
        ("b,3,5,7", "has 4 fields"),
        ("mondey,3,5", "there is no test video 'mondey'; the closest name is 'monday'"),
        ("b.avi,3,5", "there is no test video 'b.avi'; the closest name is 'b'"),
        ("B,3,5", "there is no test video 'B'; the closest name is 'b'"),
        ("zz,3,5", "there is no test video 'zz'; name one of those in test/, such as b, monday"),
    ],
)
def test_bad_line_is_named(tmp_path, line, problem):
    dataset = label(clip(tmp_path, "b", "monday"), "monday,1,2", "", line)
    with pytest.raises(InputError, match=f"line 4: {problem}"):
        dataset.labels("b")
    (found,) = dataset.check()
    assert found.severity == "error" and found.where.endswith("labels.csv, line 4")


def test_a_name_with_the_ending_of_its_file_is_told_without_it(tmp_path):
    """The 4 of .mp4 is nearer to t4 than the name that was meant."""
    dataset = label(clip(tmp_path, "t1", "t4"), "t1.mp4,1,2")
    with pytest.raises(InputError, match=r"there is no test video 't1\.mp4'; the closest name is 't1'"):
        dataset.labels("t1")


@pytest.mark.parametrize("lines", [(), ("b,,", "monday,,")])
def test_labels_that_call_nothing_abnormal_are_told(tmp_path, lines):
    (problem,) = label(clip(tmp_path, "b", "monday"), *lines).check()
    assert problem.severity == "warning" and "no frame of any test video abnormal" in problem.problem


@pytest.mark.parametrize(
    ("header", "written", "understood"),
    [
        ("video,start,end", "a,2,5", "2..4"),
        ("video,start,end,first=0,exclusive", "a,2,5", "2..4"),
        ("video,start,end,inclusive", "a,2,4", "2..4"),
        ("video,start,end,first=1", "a,3,6", "3..5"),
        ("video,start,end,first=1,inclusive", "a,3,5", "3..5"),
        ("video, start, end, First = 1, Inclusive,,", "a,3,5,,,", "3..5"),
    ],
)
def test_who_counts_otherwise_says_so_in_the_header(tmp_path, header, written, understood):
    """The same three frames, and the numbers that the file itself has for the first and the last of them."""
    clip(tmp_path, "a", "b")
    (tmp_path / "labels.csv").write_text(f"{header}\n{written}\n")
    dataset = OwnFolder(tmp_path)
    assert dataset.labels("a").tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert dataset.understood()[1:] == [
        f"video a: 3 abnormal frames, {understood}",
        "test videos that are normal throughout: 1",
    ]


def test_a_single_frame_and_the_edges_of_a_video(tmp_path):
    clip(tmp_path, "a")
    (tmp_path / "labels.csv").write_text("video,start,end,first=1,inclusive\na,1,1\na,6,8\n")
    dataset = OwnFolder(tmp_path)
    assert dataset.labels("a").tolist() == [1, 0, 0, 0, 0, 1, 1, 1]
    about, *videos = dataset.understood()
    assert "counted from 1" in about and "the last abnormal frame" in about
    assert videos[0] == "video a: 4 abnormal frames, 1..1, 6..8"


@pytest.mark.parametrize(
    ("header", "line", "problem"),
    [
        ("first=1,inclusive", "a,0,3", "line 2: '0' to '3' is no range .* 1 or more"),
        ("first=1,inclusive", "a,3,9", "line 2: ends at 9, but a has 8 frames; end it at 8 or before"),
        ("first=1", "a,3,10", "line 2: ends at 10, but a has 8 frames; end it at 9 or before"),
        ("inclusive", "a,4,3", "line 2: '4' to '3' is no range .* start not above end"),
        ("first=2", "a,4,5", "line 1: has 'first=2' in its header; choose from first=0, first=1, exclusive"),
        ("first=0,first=1", "a,4,5", "line 1: says both first=0 and first=1"),
        ("inclusive,exclusive", "a,4,5", "line 1: says both"),
    ],
)
def test_numbers_that_a_header_forbids(tmp_path, header, line, problem):
    clip(tmp_path, "a")
    (tmp_path / "labels.csv").write_text(f"video,start,end,{header}\n{line}\n")
    with pytest.raises(InputError, match=problem):
        OwnFolder(tmp_path).labels("a")


def test_path_falls_back_to_the_data_root_and_says_so(tmp_path, monkeypatch):
    here, root = tmp_path / "here", tmp_path / "root"
    here.mkdir()
    clip(root / "cam", "a")
    monkeypatch.chdir(here)
    found = OwnFolder.find("cam", root)
    assert found.directory == root / "cam" and found.name == "path:cam"
    (note,) = [note for note in found.check() if "labels" not in note.where]
    assert note.severity == "warning" and str(here / "cam") in note.problem and str(root / "cam") in note.where
    clip(here / "cam", "b")
    assert names(OwnFolder.find("cam", root), "test") == ["b"]  # the working directory comes first
    assert not [note for note in OwnFolder.find("cam", root).check() if "labels" not in note.where]


def test_path_that_is_nowhere_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        OwnFolder.find("cam", tmp_path / "root")
    assert f"looked for {tmp_path / 'cam'} and {tmp_path / 'root/cam'}" in str(error.value)
    with pytest.raises(InputError, match=rf"looked for {tmp_path}/gone\)"):  # one place is named once
        OwnFolder.find(f"{tmp_path}/gone", tmp_path / "root")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_label_table_is_said_to_be_empty_and_what_it_should_hold(tmp_path, content):
    clip(tmp_path, "a")
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.csv: is empty; write the header video,start,end, then a line per"):
        OwnFolder(tmp_path).labels("a")


@pytest.mark.parametrize("content", [b"a,1,2\n", b"video,start,end\n\xff\xfe,1,2\n"])
def test_file_that_is_no_label_table_is_refused(tmp_path, content):
    clip(tmp_path, "a")
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.csv: (has another header|cannot be read)"):
        OwnFolder(tmp_path).labels("a")


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("first", [1, 2])
def test_other_separators_than_commas_are_named(tmp_path, sign, name, first):
    """Of the whole file, as some spreadsheets save it, or of lines below a header that somebody mended."""
    clip(tmp_path, "a")
    lines = ["video,start,end", "a,1,2"]
    written = [line.replace(",", sign) if number >= first else line for number, line in enumerate(lines, 1)]
    (tmp_path / "labels.csv").write_text("\n".join(written))
    with pytest.raises(InputError, match=f"line {first}: has {name} between its fields; write commas: video,start,end"):
        OwnFolder(tmp_path).labels("a")


def test_a_line_of_one_word_has_one_field(tmp_path):
    with pytest.raises(InputError, match="line 2: has 1 field; write video,start,end"):
        label(clip(tmp_path, "a"), "a").labels("a")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["a,1,3", "b,1,3", "a,1,3"], "line 4: says the same as line 2; remove it, or correct it if another video"),
        (["a,,", "a,,"], "line 3: says the same as line 2"),
        (["a,1,3", "a,,"], "line 3: contradicts line 2: one says that a is normal throughout, and one that it is not"),
        (["a,,", "a,1,3"], "line 3: contradicts line 2"),
    ],
)
def test_what_is_said_twice_or_contradicted_is_a_mistake(tmp_path, lines, problem):
    dataset = label(clip(tmp_path, "a", "b"), *lines)
    with pytest.raises(InputError, match=problem):
        dataset.labels("b")
    (found,) = dataset.check()
    assert found.severity == "error" and f"line {len(lines) + 1}" in found.where


def test_ranges_that_overlap_are_one(tmp_path):
    dataset = label(clip(tmp_path, "a"), "a,1,3", "a,2,5", "a,2,4", "a,7,8")
    assert dataset.labels("a").tolist() == [0, 1, 1, 1, 1, 0, 0, 1] and dataset.check() == []
    assert dataset.understood()[1] == "video a: 5 abnormal frames, 1..4, 7..7"


def test_unknown_video_has_no_labels(tmp_path):
    with pytest.raises(InputError, match="there is no test video 'd'"):
        label(clip(tmp_path, "a"), "a,1,2").labels("d")


def test_every_wrong_line_of_the_labels_is_told(tmp_path):
    dataset = label(clip(tmp_path, "train/t", "test/a", "test/b"), "a,1,3", "c,1,2", "a,five,6", "b,2,20", "b,1")
    told = {problem.where.rpartition(", ")[2]: problem.problem for problem in dataset.check()}
    assert list(told) == ["line 3", "line 4", "line 5", "line 6"]
    assert "there is no test video 'c'" in told["line 3"] and "no range of frames" in told["line 4"]
    assert "ends at 20, but b has 8 frames" in told["line 5"] and "has 2 fields" in told["line 6"]


def test_of_very_many_wrong_lines_the_first_are_told_and_the_others_counted(tmp_path):
    dataset = label(clip(tmp_path, "test/a"), *(f"a,{number},{number}" for number in range(40)))
    *told, rest = dataset.check()
    assert [problem.where.rpartition(", ")[2] for problem in told] == [f"line {number}" for number in range(2, 12)]
    assert (rest.where, rest.problem) == (str(tmp_path / "labels.csv"), "has 30 more such problems")

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import miniatures
from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.datasets.published.full_check import inspect
from crossvad.datasets.published.ucsd import LAYOUTS, MASKS, Ped1, Ped2, Ucsd, parse_ground_truth

FRAMES = 6
RANGES = [[(2, 3), (5, 6)], [(4, 4)], []]
GROUND_TRUTH = """TestVideoFile = {};
TestVideoFile{end+1}.gt_frame = [2:3, 5:6];
TestVideoFile{end+1}.gt_frame = [4];
TestVideoFile{end+1}.gt_frame = [];
"""


def write_frames(folder: Path, start: int, suffix: str, count: int = FRAMES) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("L", (9, 8), 20 * index).save(folder / f"{start + index:03d}.{suffix}")


LABELS = {"01": [0, 1, 1, 0, 1, 1], "02": [0, 0, 0, 1, 0, 0], "03": [0] * FRAMES}


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A manifest of the miniature in place of the real one."""
    monkeypatch.setattr(manifest, "LABELS", tmp_path / "manifests")
    miniatures.know("ped2", LABELS, ["01", "02"])


def write_avi(path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
    for index in range(FRAMES):
        writer.write(np.full((16, 16, 3), 20 * index, np.uint8))
    writer.release()


def archive(directory: Path, layout: str, test: int = 3, train: int = 2, name: str = "ped2") -> Path:
    """A miniature of the dataset in one of the layouts."""
    for part, clips in (("train", train), ("test", test)):
        home = directory / getattr(LAYOUTS[layout], part)
        for clip in range(1, clips + 1):
            if layout == "official":
                write_frames(home / f"{part.title()}{clip:03d}", 1, "tif")
            elif layout == "frames":
                write_frames(home / f"{clip:02d}", 0, "jpg")
            else:
                write_avi(home / f"{clip:02d}.avi")
    labels = directory / ("Test" if layout == "official" else "") / f"UCSD{name}.m"
    labels.write_text(GROUND_TRUTH)
    return directory


def write_masks(folder: Path, suffix: str, count: int = FRAMES) -> None:
    folder.mkdir(parents=True)
    for index in range(1, count + 1):
        mask = np.zeros((8, 9), bool)
        mask[:index, 2] = True
        Image.fromarray(mask).save(folder / f"{index:03d}.{suffix}")


# --------------------------------------------------------------------------------------------------------- ground truth


def test_parses_the_official_form():
    assert parse_ground_truth(GROUND_TRUTH) == RANGES
    assert parse_ground_truth(GROUND_TRUTH.replace("\n", "\r\n")) == RANGES
    assert parse_ground_truth("") == []


space = st.text(" \t", max_size=2)
ranges = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair))), max_size=4)


@st.composite
def rendered(draw: st.DrawFn) -> tuple[list[list[tuple[int, int]]], str]:
    """Clips, and a way of writing them down."""
    clips = draw(st.lists(ranges, max_size=4))

    def spread(*words: str) -> str:
        return "".join(draw(space) + word for word in words) + draw(space)

    def item(first: int, last: int) -> str:
        return spread(str(first)) if first == last and draw(st.booleans()) else spread(str(first), ":", str(last))

    lines = [spread("TestVideoFile", "=", "{", "}", ";")]
    for clip in clips:
        inside = ",".join(item(*pair) for pair in clip) or draw(space)
        end = draw(st.sampled_from([";", ""]))
        lines.append(spread("TestVideoFile", "{", "end", "+", "1", "}", ".", "gt_frame", "=", "[") + f"{inside}]{end}")
        lines[-1] += draw(st.sampled_from(["", "% [1:2];", " % ünï"]))
        lines += draw(st.lists(st.sampled_from(["", "  ", "% TestVideoFile{end+1}.gt_frame = [1:2];"]), max_size=2))
    return clips, draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@given(rendered())
def test_parses_back_whatever_follows_the_grammar(example):
    clips, text = example
    assert parse_ground_truth(text) == clips


@pytest.mark.parametrize(
    "line",
    [
        "TestVideoFile{end+1}.gt_frame = [5:90, 140:200;",
        "TestVideoFile{end+1}.gt_frame = [5:90,, 140:200];",
        "TestVideoFile{end+1}.gt_frame = [5:];",
        "TestVideoFile{end+1}.gt_frame = [1:2:9];",
        "TestVideoFile{end+1}.gt_frame = [-3:9];",
        "TestVideoFile{end+1}.gt_frame = [1.5:9];",
        "TestVideoFile{end+1}.gt_frame = [9:5];",
        "TestVideoFile{end+1}.gt_frame = [0:5];",
        "TestVideoFile{end+1}.gt_frame = [a:b];",
        "TestVideoFile{end+1}.gt_frame = [1:2]; x = 1;",
        "TestVideoFile{end+2}.gt_frame = [1:2];",
        "TestVideoFile{3}.gt_frame = [1:2];",
        "TestVideoFile{end+1}.other = [1:2];",
        "TestVideoFile = {};",  # would forget the clips above it
        "nonsense",
    ],
)
def test_malformed_line_is_named(line):
    with pytest.raises(InputError, match=r"UCSDped2\.m, line 5:"):
        parse_ground_truth(GROUND_TRUTH + line, "UCSDped2.m")


@given(st.text("0123456789:, []{}%;", max_size=12))
def test_brackets_hold_ranges_or_are_refused(inside):
    try:
        (clip,) = parse_ground_truth(f"TestVideoFile{{end+1}}.gt_frame = [{inside}];")
    except InputError:
        return
    words = [str(n) for n in inside.partition("]")[0].replace(",", " ").replace(":", " ").split()]
    assert "%" not in inside.partition("]")[0]
    assert sorted({int(word) for word in words}) == sorted({bound for pair in clip for bound in pair})


# -------------------------------------------------------------------------------------------------------------- layouts


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("place", ["ped2", "UCSDped2", "ped2/UCSDped2", "UCSD_Anomaly_Dataset.v1p2/UCSDped2"])
def test_finds_every_layout_in_every_place(tmp_path, known, layout, place):
    archive(tmp_path / place, layout)
    dataset = Ped2(tmp_path)
    assert (dataset.layout, dataset.directory) == (layout, tmp_path / place)
    (train,), (test,) = dataset.scenes("train"), dataset.scenes("test")
    names = ["Test001", "Test002", "Test003"] if layout == "official" else ["01", "02", "03"]
    assert train.name == test.name == dataset.name == "ped2"
    assert len(train.videos) == 2 and [video.name for video in test.videos] == names
    assert [dataset.labels(name).tolist() for name in names] == [[0, 1, 1, 0, 1, 1], [0, 0, 0, 1, 0, 0], [0] * 6]
    assert dataset.labels(names[0]).dtype == np.uint8
    assert dataset.check() == []
    assert dataset.masks(names[0]) is None
    assert test.videos[0].read(channels=1).mean(axis=(1, 2, 3)) == pytest.approx(20 * np.arange(FRAMES), abs=3)


@pytest.mark.parametrize("home", ["ped2", "UCSDped2", "PED2"])
def test_root_may_be_the_dataset_itself(tmp_path, home):
    assert Ped2(archive(tmp_path / home, "official")).layout == "official"
    with pytest.raises(InputError, match="holds no ped1 video"):
        Ped1(tmp_path / home)


def test_most_test_clips_win_then_the_official_layout(tmp_path):
    archive(tmp_path / "ped2", "frames", test=3)
    archive(tmp_path / "UCSDped2", "official", test=2)
    assert Ped2(tmp_path).layout == "frames"
    write_frames(tmp_path / "UCSDped2/Test/Test003", 1, "tif")
    dataset = Ped2(tmp_path)
    assert dataset.layout == "official"
    assert all("UCSDped2" in str(video.source.path) for s in ("train", "test") for video in dataset.scenes(s)[0].videos)


def test_nothing_found_says_where_it_looked_and_what_it_expects(tmp_path):
    with pytest.raises(InputError, match=r"UCSD_Anomaly_Dataset.v1p2/UCSDped1.*bench datasets where ped1") as caught:
        Ped1(tmp_path)
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------------------------------- labels, masks and checks


def test_labels_come_from_the_package_where_there_is_no_file(tmp_path, known):
    archive(tmp_path / "ped2", "frames")
    assert Ped2(tmp_path)._label_file
    (tmp_path / "ped2/UCSDped2.m").unlink()
    dataset = Ped2(tmp_path)
    assert {name: dataset.labels(name).tolist() for name in LABELS} == LABELS
    assert dataset.check() == []
    (tmp_path / "ped2/testing/frames/01/005.jpg").unlink()
    with pytest.raises(InputError, match="01 has 5 frames, and its labels are for 6"):
        Ped2(tmp_path).labels("01")


def test_label_file_may_lie_with_another_copy(tmp_path, known):
    archive(tmp_path / "ped2", "frames")
    (tmp_path / "ped2/UCSDped2.m").unlink()
    archive(tmp_path / "ped2/UCSDped2", "official", test=1)
    other = GROUND_TRUTH.replace("[2:3, 5:6]", "[1:6]")
    (tmp_path / "ped2/UCSDped2/Test/UCSDped2.m").write_text(other)
    dataset = Ped2(tmp_path)
    assert dataset.labels("01").sum() == 6
    problem, *unused = dataset.check()
    assert [("another copy" in each.problem, Path(each.where).name) for each in unused] == [
        (True, "Test"),
        (True, "Train"),
    ]
    assert problem.problem == "its labels differ from the published ones, in 2 frames from 0 on"


def test_labels_that_do_not_fit_the_frames_are_refused(tmp_path):
    archive(tmp_path / "ped2", "official", test=4)
    dataset = Ped2(tmp_path)
    with pytest.raises(InputError, match=r"UCSDped2\.m: has no entry for clip 4"):
        dataset.labels("Test004")
    with pytest.raises(InputError, match="has no test video Test009; choose one of Test001, Test002"):
        dataset.labels("Test009")
    (tmp_path / "ped2/Test/Test001/006.tif").unlink()
    with pytest.raises(InputError, match="labels frame 6 of Test001, which has 5 frames"):
        Ped2(tmp_path).labels("Test001")


@pytest.mark.parametrize(("layout", "suffix", "clip"), [("official", "bmp", "Test001"), ("frames", "png", "01")])
def test_masks_lie_beside_the_clips(tmp_path, layout, suffix, clip):
    archive(tmp_path / "ped2", layout)
    folder = tmp_path / "ped2" / MASKS[layout] / "Test001_gt"
    write_masks(folder, suffix)
    dataset = Ped2(tmp_path)
    assert len(dataset.scenes("test")[0].videos) == 3  # the mask folder is no clip
    masks = dataset.masks(clip)
    assert masks.shape == (FRAMES, 8, 9) and masks.dtype == bool
    assert masks.sum(axis=(1, 2)).tolist() == [1, 2, 3, 4, 5, 6] and masks[..., 2].sum() == masks.sum()
    (folder / f"006.{suffix}").unlink()
    with pytest.raises(InputError, match=f"Test001_gt: holds 5 masks for {FRAMES} frames"):
        dataset.masks(clip)


def test_check_reports_everything_at_once(tmp_path, known):
    archive(tmp_path / "ped2", "frames", test=2, train=0)
    (tmp_path / "ped2/testing/frames/01/002.jpg").unlink()
    (tmp_path / "ped2/testing/frames/02/004.jpg").unlink()
    dataset = Ped2(tmp_path)
    problems = dataset.check()
    assert dataset.scenes("train") == []
    assert [problem.severity for problem in problems] == ["error", "error", "warning", "warning"]
    assert problems[0].where.endswith("01/002.jpg") and problems[1].where.endswith("02/004.jpg")
    assert [problem.problem for problem in problems[2:]] == [
        "has no training video",
        "2 of 3 test videos are here; missing: 03",
    ]


def test_a_folder_that_is_no_clip_hides_no_other_problem(tmp_path, known):
    archive(tmp_path / "ped2", "frames", test=2)
    for split in ("training", "testing"):
        shutil.copytree(tmp_path / "ped2/testing/frames/01", tmp_path / "ped2" / split / "frames/extra")
    problems = [problem.problem for problem in Ped2(tmp_path).check()]
    assert "does not end in the number of a clip" in problems
    assert "holds 1 test video that ped2 does not have: extra" in problems
    assert "2 of 3 test videos are here; missing: 03" in problems
    inspect(Ped2(tmp_path))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's own word on what we report as an error
def test_stray_and_corrupt_files_of_the_official_archive(tmp_path, known):
    """macOS and Windows leave files behind, and an interrupted download leaves empty and cut tifs."""
    archive(tmp_path / "ped2", "official")
    clip = tmp_path / "ped2/Test/Test001"
    for stray in (".DS_Store", "._001.tif", "Thumbs.db", "note.txt", "@eaDir"):
        (clip / stray).write_bytes(b"stray")
    assert Ped2(tmp_path).check() == [] and inspect(Ped2(tmp_path)) == []
    (clip / "002.tif").write_bytes(b"")
    (clip / "005.tif").write_bytes((clip / "005.tif").read_bytes()[:40])
    (clip / "001 (1).tif").write_bytes(b"")
    (problem,) = Ped2(tmp_path).check() + inspect(Ped2(tmp_path))
    assert "has the same frame number as" in problem.problem
    (clip / "001 (1).tif").unlink()
    problems = Ped2(tmp_path).check() + inspect(Ped2(tmp_path))
    assert [(Path(problem.where).name, problem.severity) for problem in problems] == [
        ("002.tif", "error"),
        ("005.tif", "error"),
    ]


def test_frames_that_are_not_the_official_ones_are_told(tmp_path, known):
    archive(tmp_path / "ped2", "official")
    dataset = Ped2(tmp_path)
    sums = {dataset.entry(video.name): dataset.checksum(video) for video in dataset.videos("test")}
    assert len(set(sums.values())) == 1  # the same frames in every clip
    facts = dataset.manifest
    test = {name: replace(known, sha256=sums[name] if name != "03" else "0" * 64) for name, known in facts.test.items()}
    manifest.save(replace(facts, test=test))
    (problem,) = inspect(Ped2(tmp_path))
    assert problem.where.endswith("Test003") and "another SHA-256" in problem.problem


def test_the_check_shows_that_it_lives_in_the_midst_of_a_video_and_of_its_checksum(tmp_path, known):
    archive(tmp_path / "ped2", "official")
    facts = Ped2(tmp_path).manifest
    manifest.save(replace(facts, test={name: replace(each, sha256="0" * 64) for name, each in facts.test.items()}))
    told = []
    inspect(Ped2(tmp_path), ["test"], jobs=1, progress=lambda *each: told.append(each))
    done, of, notes = zip(*told, strict=True)
    videos = Ped2(tmp_path).videos("test")
    assert [*done] == sorted(done) and done[-1] == of[-1] == sum(map(len, videos))
    assert len(told) >= 2 * done[-1], "at each frame, when it is decoded and when it is hashed"
    assert notes.count(f"checksum of {videos[0].name}") == len(videos[0])


# ------------------------------------------------------------------------------------------------------- the real thing


@pytest.fixture
def data() -> Path:
    root = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[4] / "shared" / "data")
    if not root.is_dir():
        pytest.skip("no real data: set CROSSVAD_DATA")
    return root


def real(kind: type[Ucsd], root: Path) -> Ucsd:
    try:
        return kind(root)
    except InputError as error:
        pytest.skip(str(error))


def test_real_ped2(data):
    dataset = real(Ped2, data)
    assert dataset.check() == []
    (train,), (test,) = dataset.scenes("train"), dataset.scenes("test")
    assert sum(map(len, train.videos)) == 2550
    assert [len(video) for video in test.videos] == [180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180]
    labels = {video.name: dataset.labels(video.name) for video in test.videos}
    assert sum(map(len, labels.values())) == 2010 and sum(map(np.sum, labels.values())) == 1648
    assert sum(array.all() for array in labels.values()) == 4
    assert sum(array[:5].any() for array in labels.values()) == 7
    known = data / "ped2" / "frame_labels.npz"
    if known.exists():
        with np.load(known) as arrays:
            assert all(np.array_equal(labels[name], arrays[name]) for name in arrays)
    masks = dataset.masks(test.videos[0].name)
    if masks is not None:
        assert np.array_equal(masks.any(axis=(1, 2)), labels[test.videos[0].name])


def test_real_ped1(data):
    dataset = real(Ped1, data)
    (test,) = dataset.scenes("test")
    if dataset.layout != "videos" or len(test.videos) != 17:
        pytest.skip("another copy of Ped1")
    assert dataset.scenes("train") == []
    assert [problem.problem for problem in dataset.check()] == [
        "has no training video",
        "17 of 36 test videos are here; missing: 18, 19, 20, 21, 22, 23 and 13 more",
        "has 2 videos of another copy, which nothing uses",
    ]
    assert {len(video) for video in test.videos} == {200}
    assert test.videos[0].read().shape == (200, 158, 238, 3)
    with np.load(data / "ped1" / "frame_labels_01_17.npz") as arrays:
        assert all(np.array_equal(dataset.labels(name), arrays[name]) for name in arrays)


def test_real_official_layout(data):
    if not (data / "ped1" / "UCSDped1" / "Test").is_dir():
        pytest.skip("no official copy of Ped1")
    dataset = real(Ped1, data / "ped1" / "UCSDped1")
    assert dataset.layout == "official"
    videos = {video.name: video for video in dataset.scenes("test")[0].videos}
    assert videos["Test001"].read(channels=1).shape == (200, 158, 238, 1)
    assert dataset.labels("Test001").nonzero()[0][[0, -1]].tolist() == [59, 151]
    assert dataset.masks("Test001") is None
    masks = dataset.masks("Test003")
    assert masks is not None and masks.shape == (200, 158, 238) and 0 < masks.mean() < 0.1

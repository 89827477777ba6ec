"""Avenue, ShanghaiTech and UCF-Crime, on miniature archives in their layouts, codecs and label formats."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import miniatures
from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.datasets.published.avenue import Avenue, AvenueOptions
from crossvad.datasets.published.full_check import inspect
from crossvad.datasets.published.shanghaitech import ShanghaiTech
from crossvad.datasets.published.ucf_crime import UcfCrime, UcfOptions, parse_annotation
from crossvad.planning import registry
from miniatures import (
    AVENUE,
    AVENUE_MASKS,
    SHANGHAI,
    UCF_TRAIN,
    frames,
    numbers,
    write_images,
    write_video,
    write_volume,
)

pytestmark = pytest.mark.usefixtures("miniature_labels")


def names(dataset: Dataset, split: str) -> dict[str, list[str]]:
    return {scene.name: [video.name for video in scene.videos] for scene in dataset.scenes(split)}


def told(dataset: Dataset) -> list[tuple[str, str]]:
    return [(problem.severity, problem.problem) for problem in dataset.check()]


# --------------------------------------------------------------------------------------------------------------- avenue


@pytest.mark.parametrize("layout", ["official", "frames"])
def test_avenue_in_both_layouts(root, layout):
    miniatures.avenue(root, layout)
    avenue = Avenue(root)
    assert avenue.layout == layout
    assert names(avenue, "train") == {"avenue": ["01", "02"]}
    assert names(avenue, "test") == {"avenue": ["01", "03", "11"]}
    assert numbers(avenue.test_video("03").read()) == [*range(100, 107)]
    assert {name: avenue.labels(name).tolist() for name in AVENUE} == AVENUE
    assert told(avenue) == [] and inspect(avenue) == []


@pytest.mark.parametrize("volumes", ["5", "7.3"])
def test_avenue_masks_in_both_versions_of_mat(root, volumes):
    miniatures.avenue(root, volumes=volumes)
    avenue = Avenue(root, AvenueOptions(labels="masks"))
    assert {name: avenue.labels(name).tolist() for name in AVENUE} == AVENUE_MASKS
    assert told(avenue) == []
    masks = avenue.masks("01")
    assert np.array_equal(masks, miniatures.mask_pictures(AVENUE_MASKS["01"])) and masks.dtype == bool


def test_avenue_masks_family_needs_no_volumes(root):
    miniatures.avenue(root, "frames")
    avenue = Avenue(root, AvenueOptions(labels="masks"))
    assert {name: avenue.labels(name).tolist() for name in AVENUE} == AVENUE_MASKS
    assert avenue.masks("01") is None and told(avenue) == []


def test_avenue17_leaves_out_what_is_not_labelled(root):
    miniatures.avenue(root)
    subset = registry.get_dataset("avenue[subset=avenue17]", root)
    assert subset.name == "avenue[subset=avenue17]"
    assert names(subset, "test") == {"avenue": ["03", "11"]} and names(subset, "train") == {"avenue": ["01", "02"]}
    assert told(subset) == []  # clip 1 is not missing
    assert subset.digest("test") != Avenue(root).digest("test")


def test_avenue_says_what_choices_there_are(root):
    miniatures.avenue(root)
    with pytest.raises(InputError, match=r"avenue\[labels=pixels\]: is no choice; choose from frames, masks"):
        registry.get_dataset("avenue[labels=pixels]", root)
    with pytest.raises(InputError, match=r"label.*is no known option of avenue; did you mean labels"):
        registry.get_dataset("avenue[label=masks]", root)


def joined(path: Path, labels: dict[str, list[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.concatenate([*labels.values()])[None])


def test_avenue_joined_frame_labels_are_used_and_checked(root):
    home = miniatures.avenue(root, "frames")
    joined(home / "frame_labels_avenue.npy", AVENUE)
    assert told(Avenue(root)) == []
    other = {name: [1 - label for label in labels] if name == "03" else labels for name, labels in AVENUE.items()}
    joined(home / "frame_labels_avenue.npy", other)
    assert Avenue(root).labels("03").tolist() == other["03"]
    assert told(Avenue(root)) == [
        ("error", "its labels differ from the published ones, in 7 frames from 0 on"),
    ]
    np.save(home / "frame_labels_avenue.npy", np.zeros(5))
    assert told(Avenue(root)) == [("error", "has 5 labels for the 18 frames of all test videos")]


def test_avenue_labels_of_the_other_family_are_told(root):
    joined(miniatures.avenue(root, "frames") / "frame_labels_avenue.npy", AVENUE_MASKS)
    problems = Avenue(root).check()
    assert [problem.problem for problem in problems] == [
        "its labels are of family 'masks', and 'frames' was asked for"
    ] * 2  # the third video's labels are the same in both
    assert {problem.fix for problem in problems} == {"say avenue[labels=masks], or remove the file"}


def test_avenue_volume_that_does_not_fit_is_named(root):
    home = miniatures.avenue(root)
    write_volume(home / "ground_truth_demo/testing_label_mask/3_label.mat", [1, 1])
    with pytest.raises(InputError, match=r"3_label\.mat: holds 2 masks for 7 frames"):
        Avenue(root, AvenueOptions(labels="masks")).labels("03")
    with pytest.raises(InputError, match=r"3_label\.mat: holds 2 masks for 7 frames"):
        Avenue(root).masks("03")


def test_every_problem_of_avenue_at_once(root):
    home = miniatures.avenue(root)
    write_video(home / "testing_videos/01.avi", frames(5))  # one frame short
    (home / "testing_videos/03.avi").unlink()
    write_video(home / "testing_videos/22.avi", frames(5))
    (home / "testing_videos/11.avi").write_bytes(b"")
    shutil.rmtree(home / "training_videos")
    (home / "testing_videos/Thumbs.db").write_bytes(b"stray")
    (home / "testing_videos/._01.avi").write_bytes(b"stray")
    problems = Avenue(root).check()
    assert sorted((Path(problem.where).name, problem.severity, problem.problem) for problem in problems) == [
        ("01.avi", "error", "has 5 frames, where the published video has 6"),
        ("11.avi", "error", "is empty (0 bytes)"),
        ("Avenue Dataset", "error", "01 has 5 frames, and its labels are for 6"),
        ("Avenue Dataset", "error", "22 is no test video of avenue, so it has no labels"),
        ("Avenue Dataset", "error", "holds 1 test video that avenue does not have: 22"),
        ("Avenue Dataset", "warning", "2 of 3 test videos are here; missing: 03"),
        ("Avenue Dataset", "warning", "has no training video"),
    ]


@pytest.mark.parametrize("labels", ["frames", "masks"])
def test_what_is_no_clip_of_avenue_is_told_as_such(root, labels):
    write_images(miniatures.avenue(root, "frames") / "testing/frames/readme", frames(3))
    assert told(Avenue(root, AvenueOptions(labels=labels))) == [
        ("error", "readme is no test video of avenue, so it has no labels"),
        ("error", "holds 1 test video that avenue does not have: readme"),
    ]


def test_a_clip_that_is_there_twice_is_told(root):
    """Each copy would be scored."""
    home = miniatures.avenue(root)
    shutil.copy(home / "testing_videos/03.avi", home / "testing_videos/Test 3.avi")
    (problem,) = Avenue(root).check()
    assert Path(problem.where).name == "Test 3.avi" and problem.severity == "error"
    assert problem.problem == "is another copy of 03: both are avenue's 03"


# --------------------------------------------------------------------------------------------------------- shanghaitech


@pytest.mark.parametrize("layout", ["official", "frames"])
def test_shanghaitech_has_a_scene_per_camera(root, layout):
    miniatures.shanghaitech(root, layout)
    shanghai = ShanghaiTech(root)
    assert shanghai.layout == layout
    assert names(shanghai, "train") == {"01": ["01_001", "01_002"], "06": ["06_001"], "13": ["13_001"]}
    assert names(shanghai, "test") == {"01": ["01_0014", "01_0015"], "06": ["06_0144"]}
    assert {name: shanghai.labels(name).tolist() for name in SHANGHAI} == SHANGHAI
    assert np.array_equal(shanghai.masks("01_0014"), miniatures.mask_pictures(SHANGHAI["01_0014"]))
    assert told(shanghai) == [] and inspect(shanghai) == []


def test_shanghaitech_without_masks_takes_the_labels_from_the_package(root):
    home = miniatures.shanghaitech(root, masks=False)
    shanghai = ShanghaiTech(root)
    assert {name: shanghai.labels(name).tolist() for name in SHANGHAI} == SHANGHAI
    assert shanghai.masks("01_0014") is None and told(shanghai) == []
    joined(home / "frame_labels_shanghai.npy", SHANGHAI)
    assert ShanghaiTech(root).labels("06_0144").tolist() == SHANGHAI["06_0144"] and told(ShanghaiTech(root)) == []


def test_shanghaitech_pixel_masks_may_have_frames_last(root):
    path = miniatures.shanghaitech(root) / "testing/test_pixel_mask/01_0014.npy"
    masks = np.load(path)
    np.save(path, np.moveaxis(masks, 0, 2))
    assert np.array_equal(ShanghaiTech(root).masks("01_0014"), masks)
    np.save(path, masks[:2])
    with pytest.raises(InputError, match=r"01_0014\.npy: has shape \(2, 48, 64\) for 6 frames"):
        ShanghaiTech(root).masks("01_0014")


def test_shanghaitech_problems_are_told(root):
    home = miniatures.shanghaitech(root)
    (home / "training/videos/13_001.avi").unlink()
    (home / "testing/frames/01_0015/002.jpg").unlink()
    np.save(home / "testing/test_frame_mask/06_0144.npy", np.zeros(9))
    np.save(home / "testing/test_frame_mask/01_0014.npy", np.array([{"an": "object"}]))
    assert sorted((Path(problem.where).name, problem.severity) for problem in ShanghaiTech(root).check()) == [
        ("002.jpg", "error"),
        ("01_0014.npy", "error"),
        ("06_0144.npy", "error"),
        ("shanghaitech", "warning"),
    ]


def test_damaged_frames_are_each_named(root):
    home = miniatures.shanghaitech(root)
    folder = home / "testing/frames/01_0014"
    (folder / "000.jpg").write_bytes((folder / "000.jpg").read_bytes()[:300])
    (folder / "003.jpg").write_bytes(b"")
    (folder / "004.jpg").write_bytes(b"GIF89a")
    found = inspect(ShanghaiTech(root))
    assert [Path(problem.where).name for problem in found] == ["000.jpg", "003.jpg", "004.jpg"]
    assert told(ShanghaiTech(root)) == []  # what names and lengths tell is sound


# ------------------------------------------------------------------------------------------------------------------ ucf


@pytest.mark.parametrize("layout", miniatures.UCF_LAYOUTS)
def test_ucf_in_both_layouts(root, layout):
    ucf = UcfCrime(miniatures.ucf(root, layout))
    normal = [*UCF_TRAIN, "Normal_Videos_003_x264"]
    assert {name for (name,) in names(ucf, "train").values()} == {*normal}
    assert all(scene == video for split in ("train", "test") for scene, (video,) in names(ucf, split).items())
    assert [*names(ucf, "test")] == ["Abuse028_x264", "Normal_Videos_003_x264", "Vandalism017_x264"]
    official = UcfCrime(root, UcfOptions(train="official"))
    assert [*names(official, "train")] == UCF_TRAIN
    assert told(ucf) == told(official) == []
    assert inspect(ucf) == []


def test_an_annotation_that_an_editor_has_marked_is_read(root):
    """Windows' editor begins a text in UTF-8 with a character that nobody sees."""
    miniatures.ucf(root, annotation=True)
    (path,) = root.rglob("Temporal_Anomaly_Annotation*.txt")
    path.write_text(path.read_text(), "utf-8-sig")
    assert told(UcfCrime(root)) == []


def test_an_annotation_that_cannot_be_read_is_named(root, monkeypatch):
    miniatures.ucf(root, annotation=True)
    ucf = UcfCrime(root)

    def refuse(path, *given, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match=r"Temporal_Anomaly_Annotation.*\.txt: cannot be read .*Permission denied"):
        ucf.labels("Abuse028_x264")


@pytest.mark.parametrize("annotation", [False, True])
def test_ucf_labels_are_clipped_to_the_video(root, annotation):
    ucf = UcfCrime(miniatures.ucf(root, annotation=annotation))
    spans = {name: manifest.labels_to_spans(ucf.labels(name)) for name in names(ucf, "test")}
    assert spans == {
        "Abuse028_x264": ((4, 9),),
        "Normal_Videos_003_x264": (),
        "Vandalism017_x264": ((2, 4), (6, 20)),
    }
    assert told(ucf) == []


def test_ucf_videos_are_found_wherever_they_lie_but_not_by_their_look(root):
    miniatures.ucf(root, "parts")
    write_video(root / "Testing_Normal_Videos/Normal_Videos_for_Event_Recognition/Normal_Videos001_x264.mp4", frames(9))
    write_video(root / "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4", frames(9))  # an anomaly to train on: not ours
    ucf = UcfCrime(root)
    assert len(ucf.scenes("train")) == 4 and len(ucf.scenes("test")) == 3
    assert "Part-1" in str(ucf.videos("train")[0].source.path)
    assert told(ucf) == [("warning", "of 7 videos found here, nothing uses 1: Abuse001_x264")]


def test_ucf_tells_of_copies_that_differ_and_of_videos_cut_short(root):
    home = miniatures.ucf(root)
    crimes = home / "UCF_Crimes/Videos"
    write_video(crimes / "zz/Normal_Videos001_x264.mp4", frames(30))
    write_video(crimes / "Abuse/Abuse028_x264.mp4", frames(4))
    (crimes / "Vandalism/Vandalism017_x264.mp4").unlink()
    first = crimes / "Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4"
    assert sorted(told(UcfCrime(root))) == [
        ("error", "has 4 frames, and is abnormal from frame 4 on: its end is missing"),
        ("warning", "2 of 3 test videos are here; missing: Vandalism017_x264"),
        ("warning", f"is another file than {first} with the same name"),
        ("warning", "of 6 videos found here, nothing uses 1: Normal_Videos001_x264"),
    ]


def test_ucf_of_test_videos_alone_says_that_nothing_else_can_be_trained_on(root):
    home = miniatures.ucf(root)
    said = "all 1 training videos that are here are test videos too"
    assert said not in [problem for _, problem in told(UcfCrime(root))]
    shutil.rmtree(home / "UCF_Crimes/Videos/Training_Normal_Videos_Anomaly")
    assert said in [problem for _, problem in told(UcfCrime(root))]
    assert said not in [problem.problem for problem in UcfCrime(root).check(["train"])]  # for another target
    assert said not in [problem for _, problem in told(UcfCrime(root, UcfOptions(train="official")))]


# ------------------------------------------------------------------------------------------------- part of the videos


def test_a_part_of_the_test_videos_is_a_data_set_of_its_own(root):
    miniatures.shanghaitech(root)
    part = registry.get_dataset("shanghaitech[videos=01_0014+06_0144]", root)
    assert part.name == "shanghaitech[videos=01_0014+06_0144]"
    assert names(part, "test") == {"01": ["01_0014"], "06": ["06_0144"]}
    assert names(part, "train") == names(ShanghaiTech(root), "train") and told(part) == []
    assert part.digest("test") != ShanghaiTech(root).digest("test")


def test_copies_that_have_the_part_are_the_same(root):
    home = miniatures.shanghaitech(root)
    text = "shanghaitech[videos=01_0014-01_0015]"
    before = registry.get_dataset(text, root)
    digests = [before.digest(split) for split in ("train", "test")]
    shutil.rmtree(home / "testing/frames/06_0144")
    after = registry.get_dataset(text, root)
    assert [after.digest(split) for split in ("train", "test")] == digests and told(after) == []
    (problem,) = ShanghaiTech(root).check()
    assert "2 of 3 test videos are here" in problem.problem and f"or say {text}, which names the part" in problem.fix
    shutil.rmtree(home / "testing/frames/01_0014")
    (problem,) = registry.get_dataset(text, root).check()
    assert (problem.problem, problem.names) == ("1 of 2 test videos are here; missing: 01_0014", ("01_0014",))


def test_one_part_has_one_name(root):
    miniatures.avenue(root)
    for text in ("1-3", "01-03", "01+03", "3+1", "1+1+3", " 01 + 3 "):
        part = registry.get_dataset(f"avenue[videos={text}]", root)
        assert (part.name, names(part, "test")) == ("avenue[videos=01-03]", {"avenue": ["01", "03"]})
    assert registry.get_dataset("avenue[videos=1-11]", root).name == "avenue"
    both = registry.get_dataset("avenue[videos=3,labels=masks]", root)
    assert both.name == "avenue[videos=03,labels=masks]" and both.labels("03").tolist() == AVENUE_MASKS["03"]
    assert names(registry.get_dataset("avenue[subset=avenue17,videos=3-11]", root), "test") == {"avenue": ["03", "11"]}


def test_a_part_in_a_file_is_named_for_it(root, tmp_path):
    miniatures.ucf(root)
    (tmp_path / "mine.txt").write_text("Abuse028_x264\n\nNormal_Videos_003_x264-Vandalism017_x264\n")
    part = registry.get_dataset(f"ucf[videos={tmp_path / 'mine.txt'}]", root)
    assert part.name == "ucf[videos=mine.txt]" and len(part.videos("test")) == 3
    (tmp_path / "mine.txt").write_text("Abuse028_x264\n")
    fewer = registry.get_dataset(f"ucf[videos={tmp_path / 'mine.txt'}]", root)
    assert [*names(fewer, "test")] == ["Abuse028_x264"] and fewer.digest("test") != part.digest("test")
    assert len(fewer.videos("train")) == 4  # a normal test video is trained on, be it in the part or not


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("7", "7 is no published test video, nor a range of them; videos are called 01 to 11"),
        ("1-7", "1-7 is no published test video, nor a range"),
        ("3-1", "3-1 is no range; write first-last"),
        ("1-3-11", "1-3-11 is no range"),
        ("+", "names no video"),
        ("gone.txt", "cannot be read"),
    ],
)
def test_a_part_that_was_never_published_is_refused(root, said, problem):
    miniatures.avenue(root)
    with pytest.raises(InputError, match=problem):
        registry.get_dataset(f"avenue[videos={said}]", root)


def test_labels_of_all_videos_are_cut_where_those_of_a_part_lie(root):
    home = miniatures.shanghaitech(root, masks=False)
    joined(home / "frame_labels_shanghai.npy", SHANGHAI)
    part = registry.get_dataset("shanghaitech[videos=06_0144]", root)
    assert part.labels("06_0144").tolist() == SHANGHAI["06_0144"] and told(part) == []
    home = miniatures.avenue(root, "frames")
    joined(home / "frame_labels_avenue.npy", AVENUE)
    assert registry.get_dataset("avenue[videos=11]", root).labels("11").tolist() == AVENUE["11"]


def test_the_copy_with_most_of_the_part_is_read(root):
    home = miniatures.avenue(root, "frames")
    for name in ("01", "03"):
        write_images(home / f"Avenue Dataset/testing/frames/{name}", frames(len(AVENUE[name])))
    shutil.rmtree(home / "testing/frames/01")
    write_images(home / "testing/frames/05", frames(3))
    assert registry.get_dataset("avenue", root).directory == home
    part = registry.get_dataset("avenue[videos=1-3]", root)
    assert part.directory == home / "Avenue Dataset" and names(part, "test") == {"avenue": ["01", "03"]}


def test_another_copy_that_nothing_uses_is_told(root):
    home = miniatures.avenue(root, "frames")
    assert told(Avenue(root)) == []
    write_images(root / "Avenue/testing/frames/03", frames(7))
    (problem,) = Avenue(root).check()
    assert problem.problem == "has 1 videos of another copy, which nothing uses"
    assert problem.where == str(root / "Avenue/testing/frames") and str(home) in problem.fix


def test_links_that_go_round_do_no_harm(root):
    home = miniatures.ucf(root) / "UCF_Crimes"
    (home / "Videos/round").symlink_to(home, target_is_directory=True)
    (home / "self").symlink_to("self")
    (home / "gone").symlink_to("nowhere")
    assert len(UcfCrime(root).scenes("train")) == 4
    elsewhere = root.parent / "disk"
    shutil.move(home / "Videos", elsewhere)
    (home / "Videos").symlink_to(elsewhere)  # an archive on another disk
    assert len(UcfCrime(root).scenes("train")) == 4


@pytest.mark.parametrize("name", ["avenue", "shanghaitech", "ucf"])
def test_what_is_not_there_says_where_to_look(root, name):
    with pytest.raises(InputError, match=f"holds no {name} video .*; see: bench datasets where {name}"):
        registry.get_dataset(name, root)


def test_annotation_of_ucf_by_hand():
    assert parse_annotation(miniatures.ANNOTATION) == {name: [*spans] for name, spans in miniatures.UCF_TEST.items()}
    assert parse_annotation("\n  A.mp4 Abuse 0 7 -1 -1 \r\n") == {"A": [(0, 7)]}


@pytest.mark.parametrize(
    "line",
    [
        "A.mp4 Abuse 1 2",
        "A.mp4 Abuse 1 2 -1 -1 9",
        "A.mp4 Abuse 1 x -1 -1",
        "A.mp4 Abuse 9 2 -1 -1",
        "A.mp4 X -1 5 -1 -1",
    ],
)
def test_annotation_that_cannot_be_read_is_named(line):
    with pytest.raises(InputError, match="annotation, line 2: "):
        parse_annotation(f"B.mp4 Normal -1 -1 -1 -1\n{line}\n")
    with pytest.raises(InputError, match="line 2: B has a line already"):
        parse_annotation("B.mp4 Normal -1 -1 -1 -1\nB.mp4 Normal -1 -1 -1 -1\n")


def test_unreadable_folder_is_named(root):
    if os.geteuid() == 0:
        pytest.skip("root may read every folder")
    home = miniatures.ucf(root) / "UCF_Crimes/Videos"
    home.chmod(0)
    try:
        with pytest.raises(InputError, match="Videos: cannot be listed"):
            UcfCrime(root)
    finally:
        home.chmod(0o755)


def test_images_in_place_of_videos_are_videos_too(root):
    home = miniatures.avenue(root, "frames")
    write_images(home / "testing/frames/02", frames(4), "bmp")
    assert names(Avenue(root), "test") == {"avenue": ["01", "02", "03", "11"]}

"""`bench datasets …` and `bench run` on miniature archives, as someone uses them who has just downloaded one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import miniatures
from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import Manifest, VideoFacts
from crossvad.datasets.published.unpack import unpack
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution import preparation
from crossvad.store.store import Store
from miniatures import AVENUE, UCF_TEST, UCF_TRAIN, frames, write_images, write_video

pytestmark = pytest.mark.usefixtures("miniature_labels")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> FrameCache:
    """A cache of the test's own, where the commands keep theirs."""
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "cache"))
    return FrameCache()


@pytest.fixture
def datasets(bench, root, monkeypatch):
    """`bench datasets COMMAND NAME … --data ROOT` on a wide screen; what it printed comes without the tables' lines."""
    monkeypatch.setenv("COLUMNS", "999")

    def call(command, *words):
        done = bench("datasets", command, *words, "--data", root)
        return done._replace(out=" ".join(re.sub("[━─-╿]", " ", done.out).split()), err=" ".join(done.err.split()))

    return call


# ---------------------------------------------------------------------------------------------------------------- where


@pytest.mark.parametrize("name", ["ped1", "ped2", "avenue", "avenue[subset=avenue17]", "shanghaitech", "ucf"])
def test_where_tells_all_there_is_to_know_without_any_data(datasets, name):
    if name.startswith("ped"):
        miniatures.know(name, {f"{number:02}": [0, 1] for number in range(1, 6)}, ["01"])
    done = datasets("where", name)
    assert done.code == 0
    assert all(word in done.out for word in ("paper ", "page http", "terms ", "part ", "not below ", "Expected below "))


def test_where_knows_what_is_there(datasets, root):
    miniatures.ucf(root)
    assert f"at hand: {root}" in datasets("where", "ucf").out
    (root / "Avenue_Dataset.zip").touch()
    assert "not unpacked yet" in datasets("where", "avenue").out


def test_where_is_for_published_sets_alone(datasets):
    done = datasets("where", "synthetic-street")
    assert done.code == 2 and "synthetic-street" in done.err


def test_where_explains_footage_of_ones_own(datasets, root):
    absent = datasets("where", "path:cam")
    assert absent.code == 0 and "not there: path:cam" in absent.out and str(root / "cam") in absent.out
    for word in ("train/monday.mp4", "test/tuesday.mp4", "labels.csv", "video,start,end,first=1,inclusive"):
        assert word in absent.out
    write_images(root / "cam/test/a", frames(9))
    write_images(root / "cam/train/b", frames(9))
    (root / "cam/labels.csv").write_text("video,start,end\na,4,7\n")
    there = datasets("where", "path:cam")
    assert f"{root / 'cam'}: 1 training video, 1 test video" in there.out
    assert "video a: 3 abnormal frames, 4..6" in there.out


def test_labels_of_ones_own_are_told_as_they_were_understood(datasets, root):
    write_images(root / "cam/test/a", frames(9))
    (root / "cam/labels.csv").write_text("video,start,end,first=1,inclusive\na,4,7\n")
    for command in ("info", "check"):
        told = datasets(command, "path:cam").out
        assert "frames are counted from 1" in told and "video a: 4 abnormal frames, 4..7" in told
    (root / "cam/labels.csv").write_text("video,start,end\na,7,4\n")
    assert datasets("check", "path:cam").code == 1
    info = datasets("info", "path:cam")
    assert info.code == 0 and "labels.csv, line 2: '7' to '4' is no range of frames; write start and end" in info.out


# ----------------------------------------------------------------------------------------------------------------- info


def test_info_holds_a_copy_against_what_was_published(datasets, root):
    absent = datasets("info", "avenue")
    assert absent.code == 0 and "not at hand" in absent.out
    miniatures.avenue(root)
    done = datasets("info", "avenue")
    assert done.code == 0 and "layout: official" in done.out and "train avenue 2 17" in done.out
    counts = "3 18 5 27.8 % 0 0 3 3"  # videos, frames, abnormal; throughout, from frame 1, in first 5, in first 14
    assert f"this copy {counts}" in done.out and f"published, frames {counts}" in done.out
    assert "published, masks 3 18 11 61.1 % 1 1 3 3" in done.out


def test_info_of_a_copy_without_training_video(datasets, root):
    shutil.rmtree(miniatures.avenue(root) / "training_videos")
    assert "train none" in datasets("info", "avenue").out


# ---------------------------------------------------------------------------------------------------------------- check


def test_check_tells_every_problem_at_once(datasets, root):
    home = miniatures.ucf(root)
    assert datasets("check", "ucf").out == "ucf: no problems"
    broken = home / "UCF_Crimes/Videos/Training_Normal_Videos_Anomaly/Normal_Videos002_x264.mp4"
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    (broken.parent / "Normal_Videos010_x264.mp4").unlink()
    (home / "UCF_Crimes/Videos/Abuse/Abuse028_x264.mp4").write_bytes(b"")
    write_video(home / "UCF_Crimes/Videos/Vandalism/Vandalism017_x264.mp4", frames(3))
    for words in ((), ("--fast",)):
        done = datasets("check", "ucf", *words)
        assert done.code == 1, done
        for said in ("Normal_Videos002_x264", "missing: Normal_Videos010_x264", "Abuse028_x264", "its end is missing"):
            assert said in done.out


def test_check_lists_every_name_where_it_is_told_to(datasets, root):
    many = {f"01_{number:04d}": [0, 1] for number in range(1, 31)}
    miniatures.know("shanghaitech", many, train_videos=330)
    write_images(root / "shanghaitech/testing/frames/01_0002", frames(2))
    few, every = datasets("check", "shanghaitech"), datasets("check", "shanghaitech", "--all")
    assert "1 of 30 test videos are here; missing: 01_0001, 01_0003" in few.out and "and 23 more" in few.out
    assert "01_0030" not in few.out
    names = " ".join(name for name in many if name != "01_0002")
    assert f"1 of 30 test videos are here; missing: {names}" in every.out
    assert "--support scene-head or test-head" in few.out  # there is no training video
    assert "shanghaitech 0 of 330 1 of 30" in datasets("list").out


def test_check_finds_what_only_decoding_tells(datasets, root):
    image = miniatures.avenue(root, "frames") / "testing/frames/03/004.jpg"
    image.write_bytes(image.read_bytes()[:-200])
    assert datasets("check", "avenue", "--fast").code == 0
    done = datasets("check", "avenue", "--jobs", "2")
    assert done.code == 1 and "004.jpg" in done.out


def test_check_finds_wrong_labels_and_the_wrong_family(datasets, root):
    home = miniatures.avenue(root)
    assert datasets("check", "avenue[labels=masks]").code == 0
    miniatures.write_volume(home / "ground_truth_demo/testing_label_mask/1_label.mat", AVENUE["01"])
    miniatures.write_volume(home / "ground_truth_demo/testing_label_mask/11_label.mat", [1, 0, 0, 0, 0])
    done = datasets("check", "avenue[labels=masks]")
    assert done.code == 1
    assert "of family 'frames', and 'masks' was asked for" in done.out
    assert "differ from the published ones, in 2 frames from 0 on" in done.out


# -------------------------------------------------------------------------------------------------------------- prepare


def zipped_avenue(root: Path) -> Path:
    """Avenue as it is downloaded: one zip, nothing unpacked."""
    home = miniatures.avenue(root)
    shutil.make_archive(str(root / "Avenue_Dataset"), "zip", root, home.name)
    shutil.rmtree(home)
    return root / "Avenue_Dataset.zip"


def test_prepare_goes_from_the_downloaded_zip_to_a_filled_cache(datasets, root, cache):
    zipped_avenue(root)
    done = datasets("prepare", "avenue", "--budget", "smoke")
    assert done.code == 0, done
    assert "1 archive to unpack" in done.err and "5 of 5 videos or excerpts to decode: 35.8 kB of" in done.err
    assert done.err.index("to decode") < done.err.index("Decode video") < done.err.index("ready for budget smoke")
    assert len([*cache.root.glob("*.npy")]) == 5
    assert sum(path.stat().st_size - 128 for path in cache.root.glob("*.npy")) == 35 * 32 * 32
    again = datasets("prepare", "avenue", "--budget", "smoke")
    assert again.code == 0 and "unpack" not in again.err and "0 of 5 videos or excerpts to decode" in again.err


def test_prepare_unpacks_the_rest_of_what_it_had_begun(datasets, root, cache, monkeypatch):
    """A data set is found as soon as one of its videos is there, but it is not whole by then."""
    zipped_avenue(root)

    def stop_at_third(archive, into, progress):
        seen = []

        def step(done, of, member):
            seen.append(member)
            if len(seen) == 3:
                raise KeyboardInterrupt

        unpack(archive, into, step)

    monkeypatch.setattr(preparation, "unpack", stop_at_third)
    assert datasets("prepare", "avenue", "--budget", "smoke").code == 1
    assert 1 <= len([*root.rglob("*.avi"), *root.rglob("*.mat")]) < 8
    monkeypatch.setattr(preparation, "unpack", unpack)
    done = datasets("prepare", "avenue", "--budget", "smoke")
    assert done.code == 0 and "5 of 5 videos" in done.err
    assert len([*root.rglob("*.avi"), *root.rglob("*.mat")]) == 8
    assert "to unpack" not in datasets("prepare", "avenue", "--budget", "smoke").err


def test_prepare_goes_on_where_it_stopped(datasets, root, cache, monkeypatch):
    miniatures.avenue(root)
    fill = FrameCache._fill

    def stop_at_third(self, entry, video, size, channels, beat):
        if len([*cache.root.glob("*.npy")]) == 2:
            raise KeyboardInterrupt
        fill(self, entry, video, size, channels, beat)

    monkeypatch.setattr(FrameCache, "_fill", stop_at_third)
    done = datasets("prepare", "avenue", "--budget", "smoke", "--jobs", "1")
    assert done.code == 1 and "The same command goes on" in done.err
    before = {path: path.stat().st_mtime_ns for path in cache.root.iterdir()}
    assert len(before) == 3  # two videos, and how long all of them are
    monkeypatch.setattr(FrameCache, "_fill", fill)
    done = datasets("prepare", "avenue", "--budget", "smoke")
    assert done.code == 0 and "3 of 5 videos" in done.err
    after = {path: path.stat().st_mtime_ns for path in cache.root.iterdir()}
    assert len(after) == 6 and {path: time for path, time in before.items() if path.suffix}.items() <= after.items()


def test_prepare_says_when_there_is_no_room(datasets, root, cache, monkeypatch):
    miniatures.avenue(root)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(100, 100, 5000))
    done = datasets("prepare", "avenue", "--budget", "smoke")
    assert done.code == 2 and "has room for 5.0 kB of 35.8 kB" in done.err and "CROSSVAD_CACHE" in done.err
    assert not [*cache.root.glob("*.npy")]


def test_prepare_names_what_it_could_not_decode_and_does_the_rest(datasets, root, cache):
    image = miniatures.avenue(root, "frames") / "testing/frames/03/004.jpg"
    image.write_bytes(image.read_bytes()[:-200])
    done = datasets("prepare", "avenue", "--budget", "smoke")
    assert done.code == 1 and "004.jpg" in done.out and "ready" not in done.err
    assert len([*cache.root.glob("*.npy")]) == 4


def test_prepare_of_a_long_source_takes_excerpts(datasets, root, cache, monkeypatch):
    train = root / "UCF_Crimes/Videos/Training_Normal_Videos_Anomaly"
    miniatures.ucf(root)
    one = write_video(root / "one.mp4", frames(500))
    miniatures.repeat_video(one, train / "Normal_Videos001_x264.mp4", 60)  # 30 000 frames: 20 minutes
    done = datasets("prepare", "ucf", "--budget", "smoke")
    assert done.code == 0, done
    taken = sum(np.load(path, mmap_mode="r").shape[0] for path in cache.root.glob("*.npy"))
    assert 4000 < taken < 6000  # a budget's worth, not the whole


# ------------------------------------------------------------------------------------------------------------------ run


def long_avenue(root: Path) -> Path:
    """Avenue with clips that are long enough to be scored, the first 27 frames being the longest method's context."""
    labels = {name: [0] * 28 + [1, 1, 0, 1] for name in AVENUE}
    miniatures.know("avenue", labels, ["01", "02"])
    for split, names in (("training", ("01", "02")), ("testing", AVENUE)):
        for number, name in enumerate(names):
            write_video(root / f"Avenue Dataset/{split}_videos/{name}.avi", frames(32, 100 * number))
    return root / "Avenue Dataset"


def ucf_with_bad_videos(root: Path) -> Path:
    """UCF-Crime with a training video that cannot be opened, and one that is cut in the middle of its frames."""
    train = miniatures.ucf(root) / "UCF_Crimes/Videos/Training_Normal_Videos_Anomaly"
    (train / "Normal_Videos001_x264.mp4").write_bytes(b"not a video at all")
    whole = write_video(train / "Normal_Videos002_x264.mp4", frames(90), movflags="faststart").read_bytes()
    (train / "Normal_Videos002_x264.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    return train


RUN = ["--method", "framepred", "--shots", "2", "--budget", "smoke"]


def test_ucf_to_avenue_from_the_archives_to_the_table(bench, root, cache, tmp_path):
    miniatures.ucf(root, "parts")
    long_avenue(root)
    done = bench("run", "--source", "ucf", "--target", "avenue", "--data", root, *RUN)
    assert done.code == 0, done
    assert "ucf → avenue" in done.out and "framepred" in done.out
    records = Store(tmp_path / "results").records()
    assert {record.status for record in records} == {"done"} and {r.cell.target for r in records} == {"avenue"}


def test_unreadable_training_videos_stop_a_run_unless_told_otherwise(bench, root, cache, tmp_path):
    ucf_with_bad_videos(root)
    long_avenue(root)
    command = ["run", "--source", "ucf", "--target", "avenue", "--data", root, *RUN]
    refused = bench(*command)
    assert (
        refused.code == 2 and "Normal_Videos001_x264.mp4" in refused.err and not Store(tmp_path / "results").records()
    )
    done = bench(*command, "--skip-bad")
    assert done.code == 0, done
    assert done.err.count("left out: ") == 2
    assert all(f"Normal_Videos00{n}_x264.mp4" in done.err for n in (1, 2))
    assert "ucf: 2 of 4 training videos cannot be read and are left out" in done.err


def test_a_run_without_bad_videos_is_another_cell(bench, root, cache, tmp_path):
    """Scores of a model that saw less video are never taken for those of one that saw all."""
    long_avenue(root)
    train = ucf_with_bad_videos(root)
    command = ["run", "--source", "ucf", "--target", "avenue", "--data", root, *RUN]
    assert bench(*command, "--skip-bad").code == 0
    before = {record.cell.key for record in Store(tmp_path / "results").records()}
    for name, count in (("Normal_Videos001_x264", 12), ("Normal_Videos002_x264", 13)):
        write_video(train / f"{name}.mp4", frames(count))
    assert bench(*command).code == 0
    after = {record.cell.key for record in Store(tmp_path / "results").records()}
    trained = {r.cell.key for r in Store(tmp_path / "results").records() if r.cell.method == "framepred"}
    assert trained - before and before < after


def test_unreadable_test_videos_are_never_skipped(bench, root, cache):
    miniatures.ucf(root)
    video = long_avenue(root) / "testing_videos/03.avi"
    video.write_bytes(video.read_bytes()[:2000])
    done = bench("run", "--source", "ucf", "--target", "avenue", "--data", root, *RUN, "--skip-bad")
    assert done.code == 2 and "03.avi" in done.err and "left out" not in done.err


def test_nothing_is_trained_on_what_it_is_scored_on(bench, root, cache, tmp_path):
    """UCF-Crime's 950 normal videos hold 150 of its test videos."""
    home = miniatures.ucf(root) / "UCF_Crimes/Videos"
    for path in home.rglob("*.mp4"):
        write_video(path, frames(40))
    labels = Manifest(
        "ucf", "frames", "a test", "", 3, dict.fromkeys(UCF_TRAIN, VideoFacts()), dict.fromkeys(UCF_TEST, VideoFacts())
    )
    labels.test["Abuse028_x264"] = VideoFacts(abnormal=((30, 35),))
    manifest.save(labels)
    refused = bench("run", "--source", "ucf", "--target", "ucf", "--data", root, *RUN)
    assert refused.code == 2 and "Normal_Videos_003_x264" in refused.err and "ucf[train=official]" in refused.err
    official = "ucf[train=official]"
    done = bench("run", "--source", official, "--target", official, "--data", root, *RUN, "--support", "test-head")
    assert done.code == 0, done


def test_a_part_of_a_target_is_told_even_in_quiet(bench, root, cache):
    home = long_avenue(root)
    (home / "testing_videos/03.avi").unlink()
    miniatures.ucf(root)
    command = ["run", "--source", "ucf", "--data", root, *RUN, "--quiet", "--target"]
    partial = bench(*command, "avenue")
    assert partial.code == 0 and re.search(r"avenue: \d+ frames of 2 of 3 videos;", partial.out)
    assert partial.out.count("2 of 3 videos") == 3  # below each of its tables
    named = bench(*command, "avenue[videos=1+11]")
    assert named.code == 0 and re.search(r"avenue\[videos=01\+11\]: \d+ frames of 2 videos;", named.out)
    where = ["--where", "target=avenue,avenue[videos=01+11]", "--where", "method=framediff,framepred"]
    assert "avenue: 2 of 3 videos; " in bench("compare", "--against", "framediff", *where).out
    table = bench("table", "--columns", "target", "--rows", "method", *where).out
    assert "avenue[videos=01+11]" in table.replace("\n", "") and "of 2 of 3 videos" in table


def test_an_image_folder_of_another_size_fits_as_well(bench, root, cache):
    write_images(root / "my camera/train/a", frames(32)[:, :40, :50])
    write_images(root / "my camera/test/b", frames(32, 50)[:, :40, :50])
    (root / "my camera/labels.csv").write_text("video,start,end\nb,29,31\n")
    place = f"path:{root / 'my camera'}"
    assert bench("datasets", "check", place).code == 0
    miniatures.ucf(root)
    assert bench("run", "--source", "ucf", "--target", place, "--data", root, *RUN).code == 0


def test_a_manifest_without_lengths_says_so(datasets, root):
    manifest.save(Manifest("ucf", "frames", "a test", "", 0, {}, {"Abuse028_x264": VideoFacts(abnormal=((4, 9),))}))
    assert "not published" in datasets("info", "ucf").out

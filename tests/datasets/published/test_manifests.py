"""The label manifests, made again from the published label files and compared with the committed ones.

`python tests/test_manifests.py` writes them anew.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import Manifest, VideoFacts, label_facts, labels_to_spans, spans_to_labels
from crossvad.datasets.published.ucf_crime import parse_annotation
from crossvad.datasets.published.ucsd import parse_ground_truth
from crossvad.datasets.readers.file_identity import digest

ROOT = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[4] / "shared/data")
PUBLISHED = ROOT / "labels"

# ----------------------------------------------------------------------------------------------------- making them anew


def ucsd(name: str) -> Manifest:
    """Ranges from the official `.m` file; clip lengths and checksums from the SHA-256 of every official tif."""
    frames: dict[str, list[str]] = defaultdict(list)
    for line in (PUBLISHED / "ucsd_tif_sha256.tsv").read_text().splitlines():
        sha256, _, path = line.split("\t")
        _, part, _, clip, _ = path.split("/")
        if part == f"UCSD{name}" and not clip.endswith("_gt"):
            frames[clip].append(sha256)
    (labels,) = (path for path in ROOT.rglob(f"UCSD{name}.m"))
    ranges = parse_ground_truth(labels.read_text(), labels)

    def known(clip: str) -> VideoFacts:
        number = int(clip[-3:])
        spans = [(first - 1, last) for first, last in ranges[number - 1]] if clip.startswith("Test") else []
        joined = labels_to_spans(spans_to_labels(spans, len(frames[clip])))
        return VideoFacts(len(frames[clip]), joined, digest(frames[clip]))

    train, test = ({c[-3:][1:]: known(c) for c in sorted(frames) if c.startswith(s)} for s in ("Train", "Test"))
    source = f"ranges: UCSD{name}.m of UCSD_Anomaly_Dataset.v1p2; lengths and checksums: its tif files"
    return Manifest(name, "frames", source, "the lines that hold the SHA-256 of each tif", len(train), train, test)


def avenue(family: str) -> Manifest:
    """Lengths from the pixel masks; labels from the masks too, or from the frame labels that most papers use."""
    with np.load(PUBLISHED / "avenue_from_masks.npz") as file:
        labels = {name: file[name] for name in file.files}
    source = "a frame is abnormal where ground_truth_demo/testing_label_mask/N_label.mat of Avenue_Dataset.zip marks it"
    if family == "frames":
        source = "frame_labels_avenue.npy, the frame labels of MNAD and MPN (after Hasan et al. 2016)"
        joined = np.load(PUBLISHED / "frame_labels_avenue.npy").ravel()
        ends = np.cumsum([len(each) for each in labels.values()])
        assert ends[-1] == len(joined)
        labels = dict(zip(labels, np.split(joined, ends[:-1]), strict=True))
    train = {f"{clip:02d}": VideoFacts() for clip in range(1, 17)}
    test = {name: VideoFacts(len(each), labels_to_spans(each)) for name, each in labels.items()}
    return Manifest("avenue", family, source, "", 16, train, test)


def shanghaitech() -> Manifest:
    """Per video, held against the joined array that papers use."""
    with np.load(PUBLISHED / "shanghaitech.npz") as file:
        labels = {name: file[name] for name in sorted(file.files)}
    assert np.array_equal(np.concatenate([*labels.values()]), np.load(PUBLISHED / "frame_labels_shanghai.npy"))
    test = {name: VideoFacts(len(each), labels_to_spans(each)) for name, each in labels.items()}
    return Manifest("shanghaitech", "frames", "testing/test_frame_mask/*.npy of shanghaitech.tar.gz", "", 330, {}, test)


def ucf() -> Manifest:
    """The official lists."""
    train = {}
    for line in (PUBLISHED / "Anomaly_Train.txt").read_text().split():
        if line.startswith("Training_Normal_Videos_Anomaly/"):
            train[Path(line).stem] = VideoFacts()
    annotation = PUBLISHED / "Temporal_Anomaly_Annotation.txt"
    spans = parse_annotation(annotation.read_text(), annotation)
    test = {name: VideoFacts(abnormal=tuple(events)) for name, events in spans.items()}
    source = "Anomaly_Train.txt (its normal videos) and Temporal_Anomaly_Annotation.txt of UCF_Crimes"
    return Manifest("ucf", "frames", source, "", len(train), train, test)


MAKERS = {
    "ped1-frames": lambda: ucsd("ped1"),
    "ped2-frames": lambda: ucsd("ped2"),
    "avenue-frames": lambda: avenue("frames"),
    "avenue-masks": lambda: avenue("masks"),
    "shanghaitech-frames": shanghaitech,
    "ucf-frames": ucf,
}

# -------------------------------------------------------------------------------------------------------- what they say


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published label files: {PUBLISHED} is missing")
@pytest.mark.parametrize("name", MAKERS)
def test_manifest_is_what_the_published_files_say(name, tmp_path):
    made = manifest.save(MAKERS[name](), tmp_path)
    assert made.read_text() == (manifest.LABELS / made.name).read_text()


def test_every_manifest_is_one_that_is_made():
    assert {path.stem for path in manifest.LABELS.glob("*")} == set(MAKERS)


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_saved_is_loaded(name, tmp_path):
    loaded = manifest.load(*name.split("-"))
    assert manifest.save(loaded, tmp_path).read_text() == (manifest.LABELS / f"{name}.json").read_text()


#        videos, frames, abnormal, prevalence, abnormal throughout, from the start, within the first 5, the first 14
FACTS = {
    "ped1-frames": (36, 7200, 4045, 56.2, 1, 12, 14, 16),
    "ped2-frames": (12, 2010, 1648, 82.0, 4, 7, 7, 7),
    "avenue-frames": (21, 15324, 3867, 25.2, 0, 0, 0, 1),
    "avenue-masks": (21, 15324, 3712, 24.2, 2, 3, 3, 5),
    "shanghaitech-frames": (107, 40791, 17326, 42.5, 1, 11, 11, 12),
}


@pytest.mark.parametrize(("name", "known"), FACTS.items())
def test_facts_are_the_known_ones(name, known):
    labels = manifest.load(*name.split("-")).all_labels()
    facts = label_facts(labels)
    told = (len(labels), facts.frames, facts.abnormal, round(100 * facts.prevalence, 1), facts.all_abnormal)
    assert (*told, *facts.starts_abnormal.values()) == known


def test_avenue_masks_have_two_clips_abnormal_throughout():
    masks = manifest.load("avenue", "masks")
    throughout = [name for name, known in masks.test.items() if masks.labels(name, known.frames).all()]
    assert throughout == ["08", "18"]


def test_ucf_has_the_950_normal_videos():
    ucf = manifest.load("ucf", "frames")
    normal = [name for name, known in ucf.test.items() if not known.abnormal]
    assert (len(ucf.train), len(ucf.test), len(normal)) == (800, 290, 150)
    assert len({*ucf.train, *normal}) == 950
    assert ucf.test["Abuse028_x264"].abnormal == ((164, 240),)
    assert ucf.test["Vandalism017_x264"].abnormal == ((269, 330), (779, 840))


@pytest.mark.skipif(not (ROOT / "ped1/UCSDped1/Test/Test001").is_dir(), reason="no official UCSD tif at hand")
def test_checksums_are_those_of_the_official_frames():
    folder = ROOT / "ped1/UCSDped1/Test/Test001"
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.tif"))]
    assert digest(sums) == manifest.load("ped1", "frames").test["01"].sha256


# ----------------------------------------------------------------------------------------------------- spans and labels


@given(st.lists(st.integers(0, 1), max_size=30))
def test_spans_and_labels_are_two_ways_to_say_the_same(labels):
    spans = labels_to_spans(np.array(labels, np.uint8))
    assert spans_to_labels(spans, len(labels)).tolist() == labels
    assert all(start < stop for start, stop in spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_spans_beyond_the_last_frame_are_clipped():
    assert spans_to_labels([(1, 3), (4, 9)], 5).tolist() == [0, 1, 1, 0, 1]


def test_facts_of_labels_by_hand():
    facts = label_facts([np.array([1, 1, 1]), np.array([0, 0, 1, 0]), np.array([0, 0, 0])], heads=(1, 3))
    assert (facts.frames, facts.abnormal, facts.all_abnormal) == (10, 4, 1)
    assert facts.starts_abnormal == {1: 1, 3: 2} and facts.prevalence == 0.4


if __name__ == "__main__":
    for make in MAKERS.values():
        print(manifest.save(make()))

"""Where videos or seeds are too few to say how sure a number is, nothing is made up: no interval, no p value."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from conftest import write_camera
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.comparison import ITSELF, differences
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.statistics import enough_videos, pair_counts
from crossvad.present import captions
from crossvad.store.store import Store

BRACKETS = re.compile(r"\[[+-]?\d")


@pytest.fixture(scope="module")
def single(tmp_path_factory, make_grid, run_grid):
    """Two seeds of a method and its baselines on a camera with a single test video."""
    home = tmp_path_factory.mktemp("single")
    target = write_camera(home / "single", 5)
    for video in "bc":
        shutil.rmtree(target / "test" / video)
    (target / "labels.csv").write_text("video,start,end\na,32,40\n")
    grid = make_grid("framepred", "ramp", "framediff", targets=[OwnFolder(target)], seeds=[0, 1])
    run_grid(Store(home / "results"), grid)
    return home / "results"


@pytest.mark.parametrize("words", ["gain", "compare", "compare --against ramp", "compare --against itself", "table"])
@pytest.mark.parametrize("seeds", ["0", "0,1"])
def test_a_single_video_has_no_interval_and_no_p(bench, single, words, seeds):
    done = bench(*words.split(), "--results", single, "--where", f"seed={seeds}", "--format", "md")
    assert done.code == 0 and not BRACKETS.search(done.out)
    assert "no interval on path:single: abnormal or normal frames in less than two videos" in done.out
    assert "Holm: adjusted" not in done.out and "brackets" not in done.out
    if words.startswith("compare"):
        assert re.search(r"\| [+-]\d+\.\d +\| – +\| – +\|", done.out)


def test_nothing_is_marked_better_that_cannot_be_said(bench, single):
    done = bench("table", "--results", single, "--against", "ramp", "--format", "md")
    assert not {"↑", "↓"} & set(done.out)
    assert "too few videos to say what is better or worse than ramp at K = 0" in done.out


def test_the_other_readers_do_without(bench, single, tmp_path):
    for words in ("plot shots", "plot speed", "plot roc", "report"):
        assert bench(*words.split(), "--results", single).code == 0


def cells(videos, abnormal_in, seeds=1):
    """A method before and after it adapted, on so many videos, some of which have an abnormal frame."""
    random = np.random.default_rng(0)
    owners = np.repeat(np.arange(videos), 6)
    labels = np.isin(np.arange(6 * videos), [6 * video for video in abnormal_in]).astype(np.uint8)
    fixed = {
        "method": "m",
        "source": "a",
        "target": "b",
        "budget": "quick",
        "frames": ((),),
        "reverted": 0,
        "transductive": False,
        "untrained": False,
    }
    fixed |= {"place": "runs", "postprocessing": "", "videos": videos, "of_videos": float("nan")}
    ways = [{"support": "none", "tuning": "none", "shots": 0, "steps": 0}]
    ways += [{"support": "train-head", "tuning": "finetune", "shots": 5, "steps": 1}]
    return pd.DataFrame([
        fixed | way | {"seed": seed, "wins": pair_counts(labels, random.normal(size=len(labels)), owners)}
        for way in ways for seed in range(seeds)
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("videos", "abnormal_in", "enough"), [(1, [0], 0), (9, [4], 0), (9, [2, 5], 1), (2, [0, 1], 1)]
)
@pytest.mark.parametrize("seeds", [1, 3])
def test_an_interval_takes_two_videos_of_each_class(videos, abnormal_in, enough, seeds):
    made = cells(videos, abnormal_in, seeds)
    (line,) = differences(made, ITSELF).to_dict("records")
    known = [np.isfinite(line[name]) for name in ("low", "high", "p", "p_holm")]
    assert known == [enough] * 4 and np.isfinite(line["difference"])
    assert enough_videos(made["wins"][0].abnormal, made["wins"][0].normal) == bool(enough)


@pytest.mark.parametrize(("abnormal_in", "enough"), [([4], False), ([2, 5], True)])
def test_the_interval_of_an_auc_takes_them_too(abnormal_in, enough):
    owners = np.repeat(np.arange(9), 6)
    labels = np.isin(np.arange(54), [6 * video for video in abnormal_in]).astype(np.uint8)
    frames = CountedFrames(labels, np.random.default_rng(0).normal(size=54), owners, np.arange(54) % 6)
    numbers = METRICS["auc"].of_frames(frames)
    assert np.isfinite(numbers["auc"]) and np.isfinite([numbers["auc_low"], numbers["auc_high"]]).all() == enough


def test_what_cannot_be_said_is_not_adjusted_for():
    """P values are adjusted over the rows that have one."""
    some, none = cells(9, [2, 5]), cells(9, [4]).assign(target="c")
    together = differences(pd.concat([some, none], ignore_index=True), ITSELF).set_index("target")
    alone = differences(some, ITSELF).iloc[0]
    assert together.loc["b", "p_holm"] == alone["p_holm"] == alone["p"]
    assert np.isnan(together.loc["c", "p_holm"])


def test_one_seed_says_nothing_of_another_training(bench, tmp_path, make_grid, run_grid):
    run_grid(Store(tmp_path / "results"), make_grid("framepred"))
    for words in ("gain", "compare --against itself"):
        text = bench(*words.split(), "--format", "md").out
        assert "; 1 seed;" in text and "over videos alone (one seed)" in text and "spread over" not in text


def test_a_method_of_one_training_beside_others_of_several_is_named():
    """What learns nothing is the same in any training, so that one seed of it is all there is."""
    several, once, untrained = cells(9, [2, 5], 3), cells(9, [2, 5], 1), cells(9, [2, 5], 1)
    once = once.assign(method="lmn")
    untrained = untrained.assign(method="framediff", untrained=True)
    start = differences(pd.concat([several, once, untrained]), "framediff")
    assert dict(zip(start["method"], start["one_fit"], strict=True))["lmn"] == "lmn"
    assert captions.one_fit(start) == ["one seed of lmn: of these fits alone"]
    assert "one seed of lmn: of these fits alone" in captions.paired_intervals(start, "95 %")
    elsewhere = pd.concat([each.assign(source="c") for each in (several, untrained, once.assign(method="m"))])
    assert set(several["method"]) == {"m"} and set(several["source"]) == {"a"}
    both = differences(pd.concat([several, once, untrained, elsewhere.iloc[len(several) :]]), "framediff")
    assert captions.one_fit(both) == ["one seed of lmn (a), m (c): of these fits alone"], "from which source"
    against = differences(pd.concat([several, once]), "lmn")
    assert set(against["one_fit"]) == {"lmn"}, "a rival of one seed, too"
    assert captions.one_fit(differences(once, ITSELF)) == [], "where all are of one, that is said already"


def test_frames_of_one_class_have_no_auc_and_that_is_said(bench, tmp_path, make_grid, run_grid, camera):
    target = camera("normal")
    (target / "labels.csv").write_text("video,start,end\n")
    run_grid(Store(tmp_path / "results"), make_grid("ramp", "support-mean", targets=[OwnFolder(target)], shots=[0, 2]))
    done = bench("table", "--format", "md")
    assert done.code == 0 and "no AUC on path:normal: all counted frames are of one class" in done.out
    for words in (["compare", "--against", "ramp"], ["gain"]):
        done = bench(*words, "--format", "md")
        assert done.code == 0 and "nan" not in done.out and "| support-mean" in done.out
    for plot in ("roc", "shots", "matrix", "speed"):
        done = bench("plot", plot)
        assert done.code == 2 and "holds no such cell with an AUC; no AUC on path:normal: all counted" in done.err

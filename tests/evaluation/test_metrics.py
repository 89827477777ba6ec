import io
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from crossvad.datasets.errors import InputError
from crossvad.evaluation.cell_evaluation import counted_frames, evaluate
from crossvad.evaluation.metrics import (
    METRICS,
    VERSION,
    average_precision,
    detection_delay,
    equal_error_rate,
    macro_auc,
    micro_auc,
)
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.scores import Scores


@st.composite
def labels_and_scores(draw):
    """Labels with both classes, and scores with many ties."""
    size = draw(st.integers(2, 40))
    labels = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size).filter(lambda all: 0 < sum(all) < size))
    scores = draw(st.lists(st.integers(-6, 6), min_size=size, max_size=size))
    return np.array(labels, np.uint8), np.array(scores, float)


def share_of_pairs_won(labels, scores):
    pairs = [(a > n) + (a == n) / 2 for a in scores[labels == 1] for n in scores[labels == 0]]
    return np.mean(pairs)


def crossing(labels, scores):
    """Where the ROC polyline, drawn threshold by threshold, meets the line of equal errors."""
    thresholds = [np.inf, *sorted(set(scores), reverse=True)]
    points = [(np.mean(scores[labels == 0] >= t), np.mean(scores[labels == 1] < t)) for t in thresholds]
    for (false0, miss0), (false1, miss1) in pairwise(points):
        if false0 <= miss0 and false1 >= miss1:
            share = (miss0 - false0) / ((miss0 - false0) + (false1 - miss1))
            return false0 + share * (false1 - false0)
    raise AssertionError("the curve runs from no false alarm to no miss")


@given(labels_and_scores())
def test_micro_auc_is_the_share_of_pairs_won(case):
    assert micro_auc(*case) == pytest.approx(roc_auc_score(*case), abs=1e-12)
    assert micro_auc(*case) == pytest.approx(share_of_pairs_won(*case), abs=1e-12)


@given(labels_and_scores(), st.sampled_from([lambda s: 3 * s - 7, np.exp, lambda s: s**3, np.arctan]))
def test_monotone_transforms_leave_every_metric(case, transform):
    labels, scores = case
    for metric in (micro_auc, average_precision, equal_error_rate):
        assert metric(labels, transform(scores)) == pytest.approx(metric(labels, scores), abs=1e-12)


@given(labels_and_scores(), st.randoms(use_true_random=False))
def test_order_of_videos_is_irrelevant(case, random):
    labels, scores = case
    videos = np.sort(np.arange(len(labels)) % 4)
    names = random.sample(range(100), 4)
    order = np.concatenate([np.flatnonzero(videos == video) for video in random.sample(range(4), 4)])
    for metric in (micro_auc, average_precision, equal_error_rate):
        assert metric(labels[order], scores[order]) == pytest.approx(metric(labels, scores), abs=1e-12)
    renamed = np.array(names)[videos][order]
    expected = macro_auc(labels, scores, videos)
    assert macro_auc(labels[order], scores[order], renamed) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(labels_and_scores())
def test_negated_scores_mirror(case):
    labels, scores = case
    assert micro_auc(labels, -scores) == pytest.approx(1 - micro_auc(labels, scores), abs=1e-12)


@given(labels_and_scores())
def test_equal_error_rate_is_where_the_errors_are_equal(case):
    assert equal_error_rate(*case) == pytest.approx(crossing(*case), abs=1e-12)


def test_constant_score_is_chance():
    labels = np.array([0, 1, 1, 0, 0], np.uint8)
    assert micro_auc(labels, np.full(5, 3.0)) == 0.5
    assert equal_error_rate(labels, np.full(5, 3.0)) == 0.5
    assert average_precision(labels, np.full(5, 3.0)) == pytest.approx(2 / 5)  # the prevalence


def of_one_video(metric):
    return lambda labels, scores: metric(labels, scores, np.zeros(len(labels), int))


@pytest.mark.parametrize(
    "metric",
    [micro_auc, of_one_video(macro_auc), average_precision, equal_error_rate, of_one_video(detection_delay)],
    ids=["micro", "macro", "ap", "eer", "delay"],
)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(metric, bad):
    with pytest.raises(InputError, match=f"1 of 3 are not finite, first {bad} at frame 1"):
        metric(np.array([0, 1, 0], np.uint8), np.array([0.0, bad, 1.0]))


def test_a_score_in_a_video_that_does_not_count_is_refused_too():
    labels, scores = np.array([1, 0, 1, 1], np.uint8), np.array([1.0, 0.0, np.nan, 1.0])
    with pytest.raises(InputError, match="1 of 4 are not finite, first nan at frame 2"):
        macro_auc(labels, scores, np.array([0, 0, 1, 1]))


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_value(only):
    labels, scores = np.full(4, only, np.uint8), np.arange(4.0)
    assert np.isnan([metric(labels, scores) for metric in (micro_auc, average_precision, equal_error_rate)]).all()
    value, videos = macro_auc(labels, scores, np.array([0, 0, 1, 1]))
    assert np.isnan(value) and videos == 0


def test_macro_auc_by_hand():
    labels = np.array([0, 1, 0, 1, 0, 0, 1, 1], np.uint8)
    scores = np.array([1.0, 2.0, 5.0, 4.0, 9.0, 8.0, 0.0, 7.0])
    videos = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    # Video 0 is won, video 1 lost; video 2 is all normal and video 3 all abnormal, so neither counts.
    assert macro_auc(labels, scores, videos) == (0.5, 2)


def test_average_precision_by_hand():
    # From the top: hit (1/1), miss, hit (2/3), miss.
    labels, scores = np.array([0, 1, 0, 1], np.uint8), np.array([1.0, 2.0, 3.0, 4.0])
    assert average_precision(labels, scores) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_error_rate_by_hand():
    assert equal_error_rate(np.array([0, 0, 1, 1], np.uint8), np.array([1.0, 3.0, 2.0, 4.0])) == 0.5
    assert equal_error_rate(np.array([0, 0, 1, 1], np.uint8), np.array([1.0, 2.0, 3.0, 4.0])) == 0.0
    # One normal frame in three lies above the one abnormal frame: the curve crosses on its rise at a third.
    assert equal_error_rate(np.array([0, 0, 1, 0], np.uint8), np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(1 / 3)


# ---- detection delay -------------------------------------------------------------------------------------------------


def test_delay_by_hand():
    labels = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0], np.uint8)
    scores = np.array([1, 2, 3, 4, 8, 9, 5, 6, 7, 6, 6, 1, 2, 3], float)
    # 8 normal frames, of which a quarter, 2, may be above the threshold: 7 and 6, so alarms are those above 5. The
    # first event is heard after 2 frames; the second at once.
    found = detection_delay(labels, scores, np.zeros(14, int), false_alarms=0.25)
    assert (found.frames, found.detected, found.events) == (1.0, 1.0, 2)
    # None may be: alarms are above 7. The first event is heard after 2 frames, the second never: it counts whole, 2.
    found = detection_delay(labels, scores, np.zeros(14, int), false_alarms=0.0)
    assert (found.frames, found.detected, found.events) == (2.0, 0.5, 2)
    # Every normal frame may be, so everything is an alarm.
    found = detection_delay(labels, scores, np.zeros(14, int), false_alarms=1.0)
    assert (found.frames, found.detected) == (0.0, 1.0)


def test_delay_does_not_know_when_an_anomaly_came_that_was_there_from_the_start():
    labels, scores = np.array([1, 1, 0, 1, 1, 1], np.uint8), np.array([9.0, 9.0, 1.0, 9.0, 9.0, 9.0])
    videos = np.array([0, 0, 0, 1, 1, 1])
    assert detection_delay(labels, scores, videos).events == 0
    assert np.isnan(detection_delay(labels, scores, videos).frames)
    assert detection_delay(labels, scores, np.zeros(6, int)).events == 1


def test_delay_of_one_class():
    assert detection_delay(np.zeros(4, np.uint8), np.arange(4.0), np.zeros(4, int)).events == 0


def naive_delay(labels, scores, videos, share):
    """Try every threshold for the lowest one with few enough false alarms, and walk through each event."""
    normal = [s for s, label in zip(scores, labels, strict=True) if not label]
    possible = [t for t in [-np.inf, *sorted(set(normal))] if sum(s > t for s in normal) <= share * len(normal)]
    threshold, delays, heard = min(possible), [], 0
    t = 0
    while t < len(labels):
        if labels[t] and t > 0 and videos[t - 1] == videos[t] and not labels[t - 1]:
            end = t
            while end < len(labels) and labels[end] and videos[end] == videos[t]:
                end += 1
            alarm = next((u for u in range(t, end) if scores[u] > threshold), None)
            heard += alarm is not None
            delays.append(end - t if alarm is None else alarm - t)
        t += 1
    return (np.mean(delays), heard / len(delays), len(delays)) if delays else None


@given(labels_and_scores(), st.sampled_from([0.0, 0.25, 0.5]))
def test_delay_is_the_naive_one(case, share):
    labels, scores = case
    videos = np.arange(len(labels)) // 13
    found, expected = detection_delay(labels, scores, videos, share), naive_delay(labels, scores, videos, share)
    if expected is None:
        assert found.events == 0 and np.isnan(found.frames)
    else:
        assert (found.frames, found.detected, found.events) == pytest.approx(expected)


# ---- the numbers of each version -------------------------------------------------------------------------------------

# What `evaluate` made of `fixed_scores` by the metric code of each version: see metrics.VERSION.
GOLDEN = {
    2: {
        "fair": {
            "auc": 85.87719298245614,
            "auc_low": 68.68396493978322,
            "auc_high": 94.40049998413141,
            "macro_auc": 87.81475468975468,
            "macro_videos": 4,
            "ap": 82.01515669374095,
            "prevalence": 37.1900826446281,
            "eer": 24.444444444444446,
            "delay": 0.25,
            "delay_events": 4,
            "paper_auc": 95.81871345029239,
            "contamination": 20.0,
            "stuck": 0.0,
            "frames": 121,
            "videos": 4,
        },
        "paper": {
            "auc": 95.81871345029239,
            "auc_low": 66.94321541310198,
            "auc_high": 99.61585637896928,
            "macro_auc": 95.40466743387651,
            "macro_videos": 4,
            "ap": 89.89823696508668,
            "prevalence": 22.84263959390863,
            "eer": 12.5,
            "delay": 0.25,
            "delay_events": 4,
            "paper_auc": 95.81871345029239,
            "contamination": 20.0,
            "stuck": 0.0,
            "frames": 197,
            "videos": 4,
        },
    },
}


def fixed_scores() -> Scores:
    """Two cues, of four videos in two adaptation units, with gaps at the ends; drawn without a library's generator."""
    lengths = np.array([60, 45, 70, 50])
    place = np.arange(lengths.sum())
    labels = np.concatenate([(np.arange(n) >= 30) & (np.arange(n) < 30 + n // 5) for n in lengths]).astype(np.uint8)
    noise = [np.modf(np.sin(place * k + k) * 43758.5453)[0] for k in (12.9898, 78.233)]
    cues = {"prediction": np.round(noise[0] + 0.6 * labels, 3), "distance": noise[1] + 0.4 * labels + place / 200}
    for start in np.cumsum(lengths) - lengths:
        cues["prediction"][start : start + 4] = np.nan
    return Scores(
        videos=["a", "b", "c", "d"],
        lengths=lengths,
        units=np.array([0, 0, 1, 1]),
        labels=labels,
        cues=cues,
        support={"prediction": noise[0][:6], "distance": noise[1][:6]},
        support_units=np.repeat([0, 1], 3),
        support_labels=np.array([0, 0, 0, 0, 1], np.uint8),
        heldout={"prediction": noise[0][6:26], "distance": noise[1][6:26]},
    )


@pytest.mark.parametrize("protocol", [FAIR, PAPER], ids=lambda protocol: protocol.name)
def test_a_change_of_numbers_takes_a_new_version(protocol):
    """A cell's numbers are recalled by the version of the code that computed them, so none may change without it."""
    numbers = evaluate(ScoredCell(fixed_scores(), 3, {"distance": 0.5}, seen=7), protocol)
    assert numbers == pytest.approx(GOLDEN[VERSION][protocol.name], abs=1e-9, rel=0), "raise metrics.VERSION"


# ---- the registry ----------------------------------------------------------------------------------------------------

# What somebody adds to METRICS: the span of the scores of abnormal frames, and how many those are.
ADDED = """
import numpy as np
from crossvad.evaluation.metrics import METRICS, Metric

def span(frames):
    abnormal = frames.scores[frames.labels == 1]
    return {"span": np.ptp(abnormal), "span_frames": len(abnormal)}

note = "span: of abnormal frames, {span_frames:.0f}"
METRICS["span"] = Metric("span", span, unit="", higher_is_better=False, beside=("span_frames",), note=note)
import crossvad.cli
crossvad.cli.main()
"""


def test_a_metric_is_one_entry_that_tables_captions_and_help_read(make_grid, run_grid, store):
    def printed(*words: str) -> str:
        done = subprocess.run([sys.executable, "-c", ADDED, *words], capture_output=True, text=True, check=True)
        return done.stdout

    (record,) = run_grid(store, make_grid("ramp", shots=[0]))
    words = ["table", "--results", str(store.root.parent), "--rows", "method", "--columns", "", "--metric", "auc,span"]
    assert "fps, span, or several" in " ".join(printed("table", "--help").split())
    scores = store.scores(record.cell)
    counted = counted_frames(ScoredCell(scores, weights=record.facts["fusion"]), FAIR)
    abnormal = counted.scores[counted.labels == 1]
    page = printed(*words, "--format", "md")
    assert re.search(rf"\| {np.ptp(abnormal):.1f} +\|", page)
    assert "AUC in %" in page and f"span: of abnormal frames, {record.cell.target}: {len(abnormal)}\n" in page
    long = pd.read_csv(io.StringIO(printed(*words[:3], "--format", "long")))
    assert long["span"][0] == pytest.approx(np.ptp(abnormal)) and long["span_frames"][0] == len(abnormal)


def test_a_metrics_columns_are_what_its_function_returns():
    frames = counted_frames(ScoredCell(fixed_scores()), FAIR)
    shared = {metric.of_frames for metric in METRICS.values() if metric.of_frames}
    for function in shared:
        columns = {c for metric in METRICS.values() if metric.of_frames is function for c in metric.columns}
        assert set(function(frames)) == columns
    costs = {"train_seconds", "prepare_seconds", "adapt_seconds", "fps"}  # recorded when a cell was run
    for name, metric in METRICS.items():
        assert (metric.of_frames is not None) + (metric.of_maps is not None) == (name not in costs)
    assert all(metric.name == name and {*metric.interval} <= {*METRICS} for name, metric in METRICS.items())

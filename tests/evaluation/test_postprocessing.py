from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.adapters.published import PublishedEvaluation
from crossvad.datasets.errors import InputError
from crossvad.evaluation.postprocessing import (
    PRIOR_CLIPS,
    READINGS,
    centre_and_spread,
    fill_nearest,
    final,
    fuse,
    minmax,
    per_video,
    smooth,
    smooth_causal,
)
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.scores import Scores

LENGTHS = np.array([40, 60, 33])


def raw(seed: int = 0, *, shots: int = 3, cues: tuple[str, ...] = ("feature", "prediction")) -> Scores:
    """Three videos in two adaptation units, cues of very different scale, no score at the first four frames."""
    random = np.random.default_rng(seed)
    columns = {cue: 10.0**n * random.normal(n, 1, LENGTHS.sum()) for n, cue in enumerate(cues)}
    for values in columns.values():
        for start in np.cumsum([0, *LENGTHS[:-1]]):
            values[start : start + 4] = np.nan
    return Scores(
        videos=["a", "b", "c"],
        lengths=LENGTHS,
        units=np.array([0, 0, 1]),
        labels=random.integers(0, 2, LENGTHS.sum()).astype(np.uint8),
        cues=columns,
        support={cue: random.normal(n, 1, 2 * shots) for n, cue in enumerate(cues)} if shots else {},
        support_units=np.repeat([0, 1], shots),
        support_labels=np.zeros(shots, np.uint8),
        heldout={cue: random.normal(n, 2, 20) for n, cue in enumerate(cues)},
    )


@given(st.lists(st.one_of(st.just(float("nan")), st.integers(0, 9)), min_size=1, max_size=30).map(np.array))
def test_fill_nearest_is_the_naive_loop(values):
    values = values.astype(float)
    known = [i for i, value in enumerate(values) if not np.isnan(value)]
    naive = [values[min(known, key=lambda i: (abs(i - t), i))] if known else 0.0 for t in range(len(values))]
    assert fill_nearest(values).tolist() == naive


def test_minmax():
    assert minmax(np.array([3.0, 1.0, 2.0])).tolist() == [1, 0, 0.5]
    assert minmax(np.full(3, 7.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("length", [15, 16, 50])
def test_smooth_repeats_the_smoothed_edge(length):
    """As MPN and APN do: the window slides where it fits, and its first and last result stand for the ends."""
    values = np.random.default_rng(0).normal(size=length)
    taps = np.exp(-0.5 * (np.arange(-7, 8) / 2.0) ** 2)
    inside = np.convolve(values, taps / taps.sum(), mode="valid")
    assert smooth(values) == pytest.approx(np.pad(inside, 7, mode="edge"), abs=1e-12)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 14])
def test_smooth_gives_one_score_where_the_window_does_not_fit(length):
    values = np.arange(float(length))
    assert smooth(values) == pytest.approx(np.full(length, (length - 1) // 2), abs=0.5)
    assert len(set(smooth(values))) <= 1


def test_per_video_keeps_videos_apart():
    assert per_video(np.array([1.0, 3.0, 10.0, 5.0]), np.array([2, 0, 2]), minmax).tolist() == [0, 1, 1, 0]


def test_calibrate_by_hand():
    heldout, support = np.array([1.0, 5.0]), np.array([10.0, 12.0, 14.0])
    assert centre_and_spread(np.empty(0), heldout) == (3.0, 2.0)
    pooled = (3 * np.var(support) + PRIOR_CLIPS * 4.0) / (3 + PRIOR_CLIPS)
    assert centre_and_spread(support, heldout) == pytest.approx((12.0, np.sqrt(pooled)))
    assert centre_and_spread(np.empty(0), np.empty(0)) == (0.0, 1.0)
    assert centre_and_spread(np.full(3, 2.0), np.full(4, 2.0)) == (2.0, 1.0), "no spread at all must not divide by zero"
    assert np.var(np.full(3, 0.1)) > 0, "else this says nothing"
    assert centre_and_spread(np.full(3, 0.1), np.full(3, 0.1))[1] == 1, "nor is a rounding a spread"


@pytest.mark.parametrize("shots", [0, 3])
def test_fuse_by_hand(shots):
    scores, weights = raw(shots=shots), {"feature": 3.0}
    cues = {cue: np.nan_to_num(values) for cue, values in scores.cues.items()}
    frame = {0: 50, 1: 110}  # a frame of the second video, in unit 0, and one of the third, in unit 1
    for unit, t in frame.items():
        expected = 0.0
        for cue, weight in (("feature", 0.75), ("prediction", 0.25)):
            support = scores.support[cue][scores.support_units == unit] if shots else np.empty(0)
            centre, spread = centre_and_spread(support, scores.heldout[cue])
            expected += weight * (cues[cue][t] - centre) / spread
        assert fuse(scores, cues, weights)[t] == pytest.approx(expected)


@pytest.mark.parametrize("weights", [{"feature": 0.0, "prediction": 0.0}, {"feature": -1.0}])
def test_weights_that_sum_to_nothing_are_told(weights):
    scores = raw()
    with pytest.raises(InputError, match=r"the fused score: has cues whose weights sum to 0 \(.*feature -?[01]"):
        fuse(scores, scores.cues, weights)


def test_single_cue_stays_raw():
    scores = raw(cues=("prediction",))
    assert fuse(scores, scores.cues, {"prediction": 7.0}) is scores.cues["prediction"]


def test_paper_by_hand():
    scores, weights = raw(), {"prediction": 0.6, "feature": 0.4}
    fused, mask = final(ScoredCell(scores, 3, weights), PAPER)
    expected = []
    for start, length in zip(np.cumsum([0, *LENGTHS[:-1]]), LENGTHS, strict=True):
        parts = {cue: values[start + 7 : start + length] for cue, values in scores.cues.items()}  # frame 4 + K on
        expected += [0.6 * smooth(minmax(parts["prediction"])) + 0.4 * smooth(minmax(parts["feature"]))]
    assert fused == pytest.approx(np.concatenate(expected), abs=1e-12)
    assert mask.sum() == len(fused) == LENGTHS.sum() - 3 * 7


@pytest.mark.parametrize("shots", [0, 3])
def test_paper_leaves_out_and_smooths_what_the_authors_do(shots):
    """MemAE's: the counted frames alone are stretched, the first 8 and the last 7 are none, nothing is smoothed."""
    scores = raw(cues=("prediction",))
    published = PublishedEvaluation(smoothed=False, head=8, tail=7)
    fused, mask = final(ScoredCell(scores, shots, published=published), PAPER)
    ends = np.cumsum(LENGTHS)
    expected = [
        minmax(scores.cues["prediction"][end - length + 8 + shots : end - 7])
        for end, length in zip(ends, LENGTHS, strict=True)
    ]
    assert fused == pytest.approx(np.concatenate(expected), abs=1e-12)
    assert len(fused) == mask.sum() == LENGTHS.sum() - 3 * (8 + shots + 7)


def test_fair_asks_no_authors():
    cell, published = ScoredCell(raw()), PublishedEvaluation(smoothed=False, head=0, tail=7)
    (fused, mask), (again, other) = final(cell, FAIR), final(replace(cell, published=published), FAIR)
    assert (fused == again).all() and (mask == other).all()


@given(st.integers(0, 1000), st.integers(0, 59), st.sampled_from([0, 3]))
def test_fair_never_uses_the_future(seed, now, shots):
    before = raw(seed, shots=shots)
    time = np.concatenate([np.arange(length) for length in LENGTHS])
    noise = np.random.default_rng(seed + 1)
    later = {cue: np.where(time > now, noise.normal(0, 99, len(time)), v) for cue, v in before.cues.items()}
    fused, mask = final(ScoredCell(before, shots), FAIR)
    again, _ = final(ScoredCell(replace(before, cues=later), shots), FAIR)
    known = time[mask] <= now
    assert (fused[known] == again[known]).all()
    assert (fused[~known] != again[~known]).all()


def test_fair_ignores_the_labels():
    scores = raw()
    flipped = replace(scores, labels=1 - scores.labels)
    assert (final(ScoredCell(scores, 3), FAIR)[0] == final(ScoredCell(flipped, 3), FAIR)[0]).all()


def test_video_too_short_for_a_clip_scores_zero():
    assert fill_nearest(np.full(3, np.nan)).tolist() == [0, 0, 0]


def read(scores, reading, shots=0, weights=None):
    normalise, smoothing = READINGS[reading]
    return final(ScoredCell(scores, shots, weights or {}), replace(FAIR, normalise=normalise, smooth=smoothing))


@pytest.mark.parametrize("length", [1, 5, 15, 50])
def test_causal_smoothing_is_the_past_half_written_out(length):
    values = np.random.default_rng(0).normal(size=length)
    taps = [np.exp(-0.5 * (ago / 2.0) ** 2) for ago in range(8)]
    expected = [sum(w * values[max(0, t - ago)] for ago, w in enumerate(taps)) / sum(taps) for t in range(length)]
    assert smooth_causal(values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("reading", "causal"), [(name, name in ("raw", "causal smoothing")) for name in READINGS])
def test_which_readings_need_the_future(reading, causal):
    scores, now = raw(), 34
    time = np.concatenate([np.arange(length) for length in LENGTHS])
    later = {cue: np.where(time > now, v + 50 * np.sin(time), v) for cue, v in scores.cues.items()}
    (before, mask), (after, _) = read(scores, reading), read(replace(scores, cues=later), reading)
    assert ((before == after)[time[mask] <= now]).all() == causal


@pytest.mark.parametrize(("reading", "alone"), [(name, not name.startswith("global")) for name in READINGS])
def test_other_videos_matter_to_global_stretching_only(reading, alone):
    """A video is scored as if it were the only one; not so where what is stretched over is all of them."""
    scores = raw()
    others = np.repeat([False, True, True], LENGTHS)
    louder = replace(scores, cues={cue: np.where(others, 3 * v - 9, v) for cue, v in scores.cues.items()})
    (before, mask), (after, _) = read(scores, reading), read(louder, reading)
    first = np.repeat([0, 1, 2], LENGTHS)[mask] == 0
    assert (before[first] == after[first]).all() == alone


def test_global_stretching_by_hand():
    scores, weights = raw(), {"prediction": 3.0}
    fused, mask = read(scores, "global min-max", weights=weights)
    stretched = {}
    for cue, values in scores.cues.items():
        kept = per_video(values, LENGTHS, fill_nearest)[mask]
        stretched[cue] = (kept - kept.min()) / (kept.max() - kept.min())
    assert fused == pytest.approx((stretched["feature"] + 3 * stretched["prediction"]) / 4, abs=1e-12)


def test_smoothing_alone_by_hand():
    fused, _ = read(raw(cues=("prediction",)), "smoothing")
    kept = [length - 26 for length in LENGTHS]
    assert fused == pytest.approx(per_video(read(raw(cues=("prediction",)), "raw")[0], np.array(kept), smooth))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("protocol", [FAIR, PAPER], ids=["fair", "paper"])
def test_a_gap_amid_scores_is_refused_by_name(protocol, bad):
    scores = raw()
    scores.cues["feature"][LENGTHS[0] + 30] = bad
    with pytest.raises(InputError, match=f"scores of video b: cue 'feature' is {bad} at frame 30; mend the method"):
        final(ScoredCell(scores, 3), protocol)


def test_an_infinite_score_at_an_end_is_refused_too():
    scores = raw()
    scores.cues["prediction"][LENGTHS.sum() - 1] = np.inf
    with pytest.raises(InputError, match="scores of video c: cue 'prediction' is inf at frame 32"):
        final(ScoredCell(scores), FAIR)

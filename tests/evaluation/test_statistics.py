import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.evaluation.label_audit import made_up
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.statistics import (
    average_ranks,
    bootstrap_auc,
    critical_difference,
    critical_groups,
    draws,
    holm,
    pair_counts,
    paired_difference,
    possible,
    variance,
)


def videos_of(lengths, seed=0):
    """Labels, tied scores and owners of the frames of such videos; the first is normal, the last abnormal."""
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    labels = random.integers(0, 2, len(owners)).astype(np.uint8)
    labels[owners == 0], labels[owners == len(lengths) - 1] = 0, 1
    return labels, random.integers(0, 9, len(owners)) + labels, owners


def naive_resamples(labels, scores, owners, resamples, seed):
    """Draw the same videos, put their frames end to end, and ask scikit-learn; NaN where a class is missing."""
    names = np.unique(owners)
    aucs = []
    for draw in np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples):
        frames = np.concatenate([np.tile(np.flatnonzero(owners == n), c) for n, c in zip(names, draw, strict=True)])
        both = 0 < labels[frames].sum() < len(frames)
        aucs.append(roc_auc_score(labels[frames], scores[frames]) if both else np.nan)
    return np.array(aucs)


def naive_interval(labels, scores, owners, resamples, level, seed):
    """The definition, step by step: logit of each resample's AUC, their standard deviation, Student's t."""
    pairs = int((labels == 1).sum()) * int((labels == 0).sum())
    logits = []
    for auc in naive_resamples(labels, scores, owners, resamples, seed):
        if not np.isnan(auc):
            kept = min(max(auc, 0.5 / pairs), 1 - 0.5 / pairs)
            logits.append(np.log(kept / (1 - kept)))
    auc = roc_auc_score(labels, scores)
    reach = t.ppf((1 + level) / 2, len(np.unique(owners)) - 1) * np.std(logits, ddof=1)
    return tuple(1 / (1 + np.exp(-(np.log(auc / (1 - auc)) + sign * reach))) for sign in (-1, 1))


def test_pair_wins_by_hand():
    labels = np.array([1, 0, 1, 0, 0], np.uint8)
    found = pair_counts(labels, np.array([2.0, 1.0, 1.0, 2.0, 0.0]), np.array([7, 7, 3, 3, 3]))
    # Video 3 comes first: its abnormal 1 beats one of its own normal frames, 2 and 0, and ties with video 7's 1.
    assert found.wins.tolist() == [[1, 0.5], [1.5, 1]]
    assert found.abnormal.tolist() == [1, 1] and found.normal.tolist() == [2, 1]


def test_pair_wins_add_up_to_the_auc():
    labels, scores, owners = videos_of([9, 14, 5, 11])
    assert pair_counts(labels, scores, owners).auc == pytest.approx(micro_auc(labels, scores), abs=1e-12)


@pytest.mark.parametrize("lengths", [[9, 14, 5, 11], [30, 1], [3] * 12])
def test_resamples_are_the_naive_ones(lengths):
    case = videos_of(lengths)
    found = pair_counts(*case).resampled(draws(len(lengths), 80, seed=4))
    np.testing.assert_allclose(found, naive_resamples(*case, 80, 4), atol=1e-12)


@pytest.mark.parametrize(("lengths", "level"), [([9, 14, 5, 11], 0.95), ([20] * 6, 0.8), ([3] * 12, 0.5)])
def test_interval_is_the_naive_one(lengths, level):
    case = videos_of(lengths)
    found = bootstrap_auc(*case, resamples=80, level=level, seed=4)
    assert found == pytest.approx(naive_interval(*case, 80, level, 4), abs=1e-9)


def test_interval_near_certainty_is_the_naive_one():
    """Where most resamples read 1, how near to 1 the logit goes decides."""
    labels, _, owners = videos_of([30] * 8)
    scores = labels.astype(float)
    scores[np.flatnonzero((owners == 3) & (labels == 0))[:2]] = 1.0  # as high as the abnormal ones
    assert 0.99 < micro_auc(labels, scores) < 1
    found = bootstrap_auc(labels, scores, owners, resamples=80, seed=4)
    assert found == pytest.approx(naive_interval(labels, scores, owners, 80, 0.95, 4), abs=1e-9)


def test_same_seed_same_interval():
    case = videos_of(range(4, 24))
    assert bootstrap_auc(*case) == bootstrap_auc(*case)
    assert bootstrap_auc(*case, seed=0) != bootstrap_auc(*case, seed=1)


def test_interval_holds_the_estimate_and_widens_with_the_level():
    labels, scores, owners = videos_of([20] * 10)
    low, high = bootstrap_auc(labels, scores, owners)
    narrow = bootstrap_auc(labels, scores, owners, level=0.5)
    assert low < narrow[0] < micro_auc(labels, scores) < narrow[1] < high


@given(st.permutations(range(6)))
def test_names_and_order_of_videos_do_not_matter_to_the_error(order):
    """Not to the counts, which are what a resample is made of; the draws go by place, so the same places are asked."""
    labels, scores, owners = videos_of([9, 14, 5, 11, 3, 8])
    blocks = [np.flatnonzero(owners == video) for video in order]
    frames = np.concatenate(blocks)
    moved = pair_counts(labels[frames], scores[frames], np.repeat(range(6), [len(block) for block in blocks]))
    counts = draws(6, 50)
    np.testing.assert_allclose(
        moved.resampled(counts[:, list(order)]), pair_counts(labels, scores, owners).resampled(counts), atol=1e-12
    )


def test_of_one_video_there_is_no_interval():
    labels, scores = np.array([0, 1, 0, 1], np.uint8), np.array([0.0, 1.0, 2.0, 3.0])
    assert np.isnan(bootstrap_auc(labels, scores, np.zeros(4, int))).all()


@pytest.mark.parametrize("lengths", [[9, 14, 5, 11], [20] * 12])
def test_of_a_detector_without_an_error_the_interval_goes_as_far_as_videos_can_tell(lengths):
    """If a share p of all videos were lost on it, so many drawn would show none with probability (1 - p)^V = 2.5 %."""
    labels, _, owners = videos_of(lengths)
    low, high = bootstrap_auc(labels, labels.astype(float), owners)
    assert high == 1 and low ** len(lengths) == pytest.approx(0.025)
    assert bootstrap_auc(labels, -labels.astype(float), owners) == pytest.approx((0, 1 - low))
    narrow, _ = bootstrap_auc(labels, labels.astype(float), owners, level=0.8)
    assert narrow ** len(lengths) == pytest.approx(0.1)


def test_constant_scores_read_a_half_whatever_the_videos_are():
    labels, _, owners = videos_of([9, 14, 5, 11])
    assert bootstrap_auc(labels, np.ones(len(labels)), owners) == (0.5, 0.5)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_interval(only):
    assert np.isnan(bootstrap_auc(np.full(6, only, np.uint8), np.arange(6.0), np.array([0, 0, 1, 1, 2, 2]))).all()


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="1 of 3 are not finite, first nan at frame 2"):
        bootstrap_auc(np.array([0, 1, 0], np.uint8), np.array([0.0, 1.0, np.nan]), np.array([0, 0, 1]))


# ---- do intervals keep their word? -----------------------------------------------------------------------------------


def drawn(pool, count, auc, random):
    """As many test videos drawn from a pool of label tracks, both classes among them, and a detector's scores."""
    while True:
        labels = [pool[number] for number in random.integers(0, len(pool), count)]
        joined = np.concatenate(labels)
        if 0 < joined.sum() < len(joined):
            return labels, joined, np.repeat(np.arange(count), [len(each) for each in labels])


def truth_of(pool, auc, random):
    """What so good a detector reads on ever more such videos. Frames of one video share their noise: a little above."""
    labels, joined, _ = drawn(pool, 4000, auc, random)
    return micro_auc(joined, made_up(labels, auc, random)[0])


@pytest.mark.parametrize("auc", [0.65, 0.8, 0.93])
def test_intervals_cover_the_truth_at_the_stated_rate(auc):
    """On sets of 12 videos with UCSD Ped2's labels, the hardest there are: 95 %, give or take 3 deviations of 400."""
    pool, random = manifest.load("ped2", "frames").all_labels(), np.random.default_rng(0)
    truth, trials, covered, percentile = truth_of(pool, auc, random), 400, 0, 0
    for _ in range(trials):
        labels, joined, owners = drawn(pool, 12, auc, random)
        scores = made_up(labels, auc, random)[0]
        low, high = bootstrap_auc(joined, scores, owners, resamples=300)
        covered += low <= truth <= high
        resampled = pair_counts(joined, scores, owners).resampled(draws(12, 300))
        percentile += np.nanquantile(resampled, 0.025) <= truth <= np.nanquantile(resampled, 0.975)
    allowed = 3 * np.sqrt(0.95 * 0.05 / trials)
    assert covered / trials == pytest.approx(0.95, abs=allowed)
    assert percentile / trials < 0.95 - allowed, "the usual interval is too narrow; else this module could be simpler"


def test_differences_cover_the_truth_and_p_values_keep_the_level():
    """Two equally good methods with three seeds each on 20 of Avenue's videos: 95 % of intervals hold the zero."""
    pool, random = manifest.load("avenue", "frames").all_labels(), np.random.default_rng(0)
    short = [each[::10] for each in pool]
    trials, covered, claimed = 300, 0, 0
    for _ in range(trials):
        labels, joined, owners = drawn(short, 20, 0.8, random)
        first, second = ([pair_counts(joined, s, owners) for s in made_up(labels, 0.8, random, 3)] for _ in range(2))
        found = paired_difference(first, second)
        covered += found.low <= 0 <= found.high
        claimed += found.p < 0.05
    allowed = 3 * np.sqrt(0.95 * 0.05 / trials)
    assert covered == trials - claimed
    assert covered / trials == pytest.approx(0.95, abs=allowed)


# ---- differences -----------------------------------------------------------------------------------------------------


def test_paired_difference_of_single_fits_by_hand():
    labels, scores, owners = videos_of([9, 14, 5, 11])
    other = scores[::-1].copy()
    found = paired_difference([pair_counts(labels, scores, owners)], [pair_counts(labels, other, owners)], resamples=60)
    gap = roc_auc_score(labels, scores) - roc_auc_score(labels, other)
    gaps = naive_resamples(labels, scores, owners, 60, 0) - naive_resamples(labels, other, owners, 60, 0)
    error = np.nanstd(gaps, ddof=1)
    reach = t.ppf(0.975, 3) * error
    assert (found.mean, found.low, found.high) == pytest.approx((gap, gap - reach, gap + reach), abs=1e-9)
    assert found.p == pytest.approx(2 * t.sf(abs(gap) / error, 3), abs=1e-9)


def test_paired_difference_over_seeds_by_hand():
    labels, scores, owners = videos_of([9, 14, 5, 11])
    random = np.random.default_rng(3)
    firsts = [scores + random.normal(0, 3, len(scores)) for _ in range(3)]
    rival = [pair_counts(labels, -scores, owners)]
    found = paired_difference([pair_counts(labels, s, owners) for s in firsts], rival, resamples=60)
    aucs = [roc_auc_score(labels, s) for s in firsts]
    gap = np.mean(aucs) - roc_auc_score(labels, -scores)
    resampled = [naive_resamples(labels, s, owners, 60, 0) for s in (*firsts, -scores)]
    videos = np.nanvar(np.mean(resampled[:3], 0) - resampled[3], ddof=1)
    seeds = np.var(aucs, ddof=1) / 3
    freedom = (videos + seeds) ** 2 / (videos**2 / 3 + seeds**2 / 2)  # 4 videos, 3 seeds
    reach = t.ppf(0.975, freedom) * np.sqrt(videos + seeds)
    assert (found.mean, found.low, found.high) == pytest.approx((gap, gap - reach, gap + reach), abs=1e-9)


def test_what_seeds_of_the_same_fits_share_cancels():
    """A gain that is the same for every fit varies with the videos alone, however far apart the fits are."""
    labels, scores, owners = videos_of([9, 14, 5, 11])
    random = np.random.default_rng(3)
    before = [scores + random.normal(0, 3, len(scores)) for _ in range(3)]
    after = [score + labels for score in before]
    fits = [[pair_counts(labels, score, owners) for score in some] for some in (after, before)]
    found = paired_difference(*fits, resamples=60, same_fits=True)
    resampled = [[naive_resamples(labels, score, owners, 60, 0) for score in some] for some in (after, before)]
    gaps = [roc_auc_score(labels, new) - roc_auc_score(labels, old) for new, old in zip(after, before, strict=True)]
    videos = np.nanvar(np.mean(resampled[0], 0) - np.mean(resampled[1], 0), ddof=1)
    seeds = np.var(gaps, ddof=1) / 3
    freedom = (videos + seeds) ** 2 / (videos**2 / 3 + seeds**2 / 2)
    reach = t.ppf(0.975, freedom) * np.sqrt(videos + seeds)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (np.mean(gaps), np.mean(gaps) - reach, np.mean(gaps) + reach), abs=1e-9
    )
    apart = paired_difference(*fits, resamples=60)
    assert found.high - found.low < apart.high - apart.low


def test_no_difference_is_said_to_go_beyond_what_aucs_can_differ_by():
    """Two seeds far apart: t of one degree of freedom reaches 12.7 standard errors."""
    labels, scores, owners = videos_of([9, 14, 5, 11])
    firsts = [pair_counts(labels, each, owners) for each in (scores, -scores)]
    rival = [pair_counts(labels, each, owners) for each in (labels + 0.0, scores)]
    found = paired_difference(firsts, rival, resamples=60)
    assert (found.low, found.high) == (-1, 1) and -1 < found.mean < 1 and found.p > 0.05
    assert possible(-120, float("nan"), most=100)[0] == -100 and np.isnan(possible(0, float("nan"))[1])


def test_a_method_does_not_differ_from_itself():
    wins = [pair_counts(*videos_of([9, 14, 5, 11]))]
    found = paired_difference(wins, wins)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)


def perfect_and_constant(videos):
    labels, owners = np.tile([0, 0, 1, 1], videos).astype(np.uint8), np.repeat(np.arange(videos), 4)
    return [[pair_counts(labels, scores, owners)] for scores in (labels.astype(float), np.ones(len(labels)))]


@pytest.mark.parametrize(("videos", "told"), [(2, False), (5, False), (6, True), (12, True)])
def test_a_difference_that_all_videos_show_is_as_sure_as_so_few_can_make_it(videos, told):
    """One that never errs against constant scores: p by the sign test, and zero is left out where that says so."""
    found = paired_difference(*perfect_and_constant(videos))
    assert found.mean == 0.5 and found.p == pytest.approx(2 * 0.5**videos)
    lost = 1 - 0.025 ** (1 / videos)  # a share of videos that so many draws show none of in 2.5 %, all of them turned
    assert (found.low, found.high) == pytest.approx((0.5 - lost, min(0.5 + lost, 1)))
    assert (found.p < 0.05) is (found.low > 0) is told
    back = paired_difference(*reversed(perfect_and_constant(videos)))
    assert (back.low, back.high, back.p) == (-found.high, -found.low, found.p)


def test_differences_that_vary_by_rounding_alone_do_not_vary():
    gaps = np.array([0.9 - 0.7, 0.8 - 0.6, 0.5 - 0.3])
    assert np.ptp(gaps) > 0 and variance(gaps) == 0 and variance([0.0, 1.0]) == 0.5
    assert variance([[0.0, 1.0], [0.1 + 0.2, 0.3]]).tolist() == [0.5, 0]


def test_difference_turns_round_with_its_sides():
    labels, scores, owners = videos_of([9, 14, 5, 11])
    sides = [pair_counts(labels, scores, owners)], [pair_counts(labels, scores % 5, owners)]
    there, back = paired_difference(*sides), paired_difference(*reversed(sides))
    assert (there.mean, there.low, there.high, there.p) == pytest.approx((-back.mean, -back.high, -back.low, back.p))


def holm_rejects(p, level):
    """The procedure of the paper: go through the ordered p values, stop at the first that is above level / left."""
    rejected = set()
    for place, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[index] > level / (len(p) - place):
            break
        rejected.add(index)
    return rejected


@given(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.02, 0.04, 0.2, 0.7, 1.0]), min_size=1, max_size=7))
def test_holm_rejects_what_the_procedure_rejects(p):
    adjusted = holm(np.array(p))
    for level in (0.0005, 0.003, 0.0101, 0.05, 0.0801, 0.3, 0.99):
        assert {i for i, value in enumerate(adjusted) if value <= level + 1e-12} == holm_rejects(p, level + 1e-12)


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


# ---- ranks -----------------------------------------------------------------------------------------------------------


def test_average_ranks_with_ties_by_hand():
    values = np.array([[90.0, 80.0, 80.0, 70.0], [50.0, 60.0, 60.0, 60.0]])
    # First row 1, 2.5, 2.5, 4; second row 4, 2, 2, 2.
    assert average_ranks(values).tolist() == [2.5, 2.25, 2.25, 3.0]


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=6))
def test_average_ranks_are_the_naive_ones(rows):
    naive = [
        np.mean([1 + sum(v > row[m] for v in row) + (sum(v == row[m] for v in row) - 1) / 2 for row in rows])
        for m in range(3)
    ]
    assert average_ranks(np.array(rows, float)) == pytest.approx(naive)


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)])
def test_critical_difference_is_demsars(methods, q):
    """Table 5(a) of the paper, alpha = 0.05."""
    for datasets in (5, 14):
        expected = q * np.sqrt(methods * (methods + 1) / (6 * datasets))
        assert critical_difference(methods, datasets) == pytest.approx(expected, rel=5e-4)


def naive_groups(ranks, difference):
    """All maximal sets within the difference, by looking at every subset."""
    fitting = [
        set(some)
        for size in range(1, len(ranks) + 1)
        for some in itertools.combinations(range(len(ranks)), size)
        if max(ranks[i] for i in some) - min(ranks[i] for i in some) <= difference
    ]
    return {frozenset(some) for some in fitting if not any(some < other for other in fitting)}


@given(st.lists(st.integers(2, 12).map(lambda n: n / 2), min_size=1, max_size=7), st.sampled_from([0.0, 0.5, 1.0, 2.5]))
def test_critical_groups_are_the_maximal_ones(ranks, difference):
    found = critical_groups(np.array(ranks), difference)
    assert {frozenset(group) for group in found} == naive_groups(ranks, difference) and len(found) == len(
        {frozenset(group) for group in found}
    )
    assert [min(ranks[i] for i in group) for group in found] == sorted(min(ranks[i] for i in g) for g in found)

"""SDOR: its first ranking, what it takes for odd, and what it learns of that."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import IsolationForest

from crossvad.adapters.methods.sdor import SAMPLES, extremes, first_ranks, regressed
from crossvad.datasets.clips import consecutive
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of

pytestmark = pytest.mark.usefixtures("frames_seen_once")
SDOR = "sdor[backbone=random,epochs=20]"


def rows(odd: int = 6, count: int = 80) -> torch.Tensor:
    """Rows of one kind, and a few far from it."""
    drawn = torch.randn(count, 12, generator=torch.Generator().manual_seed(2))
    drawn[:odd] *= 6
    return drawn


def test_the_first_ranking_is_the_mean_rank_by_both_detectors():
    features = rows().double().numpy()
    centred = features - features.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:5]
    reduced = centred @ axes.T
    reduced *= np.sign((reduced * _fitted(features)).sum(0))  # a component's sign is arbitrary
    forest = -IsolationForest(random_state=0).fit(reduced).score_samples(reduced)
    random, nearest = np.random.default_rng(0), np.zeros(80)
    for _ in range(SAMPLES):
        drawn = random.choice(80, 32, replace=False)
        for row in range(80):
            nearest[row] += min(np.linalg.norm(reduced[row] - reduced[other]) for other in drawn if other != row)
    expected = [((forest < forest[n]).sum() + (nearest < nearest[n]).sum()) / 2 / 79 for n in range(80)]
    np.testing.assert_allclose(first_ranks(features, 5), expected)


def _fitted(features: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(5, svd_solver="full").fit_transform(features)


def test_what_is_far_from_the_rest_ranks_first():
    assert set(np.argsort(-first_ranks(rows().double().numpy(), 5))[:6]) == set(range(6))


def test_extremes_are_shares_of_both_ends():
    odd, usual = extremes(torch.tensor([0.1, 0.9, 0.3, 0.8, 0.2, 0.5, 0.4, 0.6, 0.7, 0.0]), 0.2, 0.3)
    assert odd.tolist() == [1, 3] and sorted(usual.tolist()) == [0, 4, 9]
    odd, usual = extremes(torch.arange(4.0), 0.01, 0.01)
    assert odd.tolist() == [3] and usual.tolist() == [0]


def test_no_frame_is_taught_as_both():
    for count in range(4, 20):
        odd, usual = extremes(torch.rand(count), 0.5, 0.5)
        assert len(odd) and len(usual) and not set(odd.tolist()) & set(usual.tolist())


def test_frames_that_are_the_same_share_a_rank():
    """Whatever their order: time is no evidence."""
    features = rows(count=40).double().numpy()
    features[10:] = features[10]
    ranks = first_ranks(features, 5)
    assert np.unique(ranks[10:].round(9)).size <= 2  # those that a draw took are measured against the others
    assert np.ptp(ranks[10:]) < 0.5


def test_the_network_learns_one_and_zero_and_ranks_what_lies_between():
    inputs = rows()
    line = torch.linspace(1, 0, 80)[:, None] * inputs[:1] + torch.linspace(0, 1, 80)[:, None] * inputs[-1:]
    told = regressed(line, torch.arange(8), torch.arange(72, 80), epochs=100, seed=0)
    assert told[:8].mean() > 0.8 and told[72:].mean() < 0.2 and 0.2 < told[40] < 0.8
    assert not told.requires_grad


def test_learning_leaves_no_trace_and_minds_none():
    inputs = rows()
    torch.manual_seed(5)
    first = regressed(inputs, torch.arange(6), torch.arange(60, 80), epochs=3, seed=1)
    assert torch.equal(torch.rand(1), _next_after(5))
    assert torch.equal(first, regressed(inputs, torch.arange(6), torch.arange(60, 80), epochs=3, seed=1))
    assert not torch.equal(first, regressed(inputs, torch.arange(6), torch.arange(60, 80), epochs=3, seed=2))


def _next_after(seed: int) -> torch.Tensor:
    return torch.rand(1, generator=torch.Generator().manual_seed(seed))


def test_a_scene_is_ranked_at_once_if_asked():
    videos = [moving_squares(SMOKE.size, 20, seed) for seed in (1, 2)]
    apart, together = build(SDOR), build("sdor[backbone=random,epochs=20,scope=scene]")
    assert apart.transductive and together.transductive and not apart.scores_scene and together.scores_scene

    def scored(adapter, which):
        return [each["ordinal"] for each in adapter.score_scene([consecutive(v, adapter.clip, 8, CPU) for v in which])]

    assert torch.equal(scored(apart, videos)[1], scored(apart, videos[1:])[0])
    assert [len(each) for each in scored(together, videos)] == [20, 20]
    assert not torch.equal(scored(together, videos)[1], scored(together, videos[1:])[0])
    features = torch.cat(
        [together.frozen_features(clips) for v in videos for clips in consecutive(v, apart.clip, 8, CPU)]
    )
    torch.testing.assert_close(torch.cat(scored(together, videos)), together.ranked(features))


def test_the_score_is_the_mean_over_rounds_of_what_each_learned_from_the_last():
    adapter = build("sdor[backbone=random,epochs=5,rounds=2,anomalous=0.2,normal=0.3]")
    features = rows(count=30)
    inputs = (features - features.mean(0)) / features.std(0, correction=0)
    scores = torch.from_numpy(first_ranks(features.double().numpy(), 50)).float()
    first = regressed(inputs, *extremes(scores, 0.2, 0.3), 5, seed=0)
    second = regressed(inputs, *extremes(first, 0.2, 0.3), 5, seed=1)
    torch.testing.assert_close(adapter.ranked(features), (first + second) / 2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_of_a_handful_of_frames_none_is_odd(count):
    assert build(SDOR).ranked(rows(count=count, odd=0)).tolist() == [0] * count


def test_a_frame_by_itself_has_no_rank():
    adapter = build(SDOR)
    assert adapter.score(clips_of(adapter))["ordinal"].tolist() == [0, 0, 0]

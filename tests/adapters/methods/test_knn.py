"""Nearest neighbours over a frozen backbone: what is remembered, and what is near."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from crossvad.adapters.nets.neighbours import coreset
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of

KNN = "knn[backbone=random,frames=12,bank=40]"


@pytest.fixture(scope="module")
def source():
    spec = build(KNN).clip
    return ClipSource([moving_squares(SMOKE.size, 40, seed) for seed in range(2)], spec, CPU, seed=0)


@pytest.fixture(scope="module")
def fitted(source):
    adapter = build(KNN)
    adapter.fit(source, SMOKE, lambda *log: None)
    return adapter


def test_features_are_means_of_what_is_around(fitted):
    clips = clips_of(fitted)
    maps = fitted.backbone(clips[:, 0])
    torch.testing.assert_close(fitted.frozen_features(clips), avg_pool2d(maps, 3, 1, 1, count_include_pad=False))


def test_the_source_is_remembered_by_a_few_features(fitted, source):
    features = torch.cat([fitted.frozen_features(clips) for clips in source.spread(12, 5)])
    vectors = torch.stack([features[n, :, y, x] for n in range(12) for y in range(8) for x in range(8)])
    torch.testing.assert_close(fitted.source_bank, coreset(vectors, 40))


def test_without_support_anything_of_the_source_is_near(fitted):
    clips = clips_of(fitted)
    features = fitted.frozen_features(clips)
    far = [max(min((f[:, y, x] - v).norm().item() for v in fitted.source_bank) for y in range(8) for x in range(8))
           for f in features]  # fmt: skip
    assert fitted.score(clips)["feature"].tolist() == pytest.approx(far, rel=1e-4)


def test_with_support_what_was_seen_there_is_near(fitted):
    clips = clips_of(fitted, 6)
    adapted = adapt(fitted, clips[:4], 1, NoTuning())
    assert torch.equal(adapted.scene, fitted.frozen_features(clips[:4])) and not len(fitted.scene)
    assert adapted.score(clips)["feature"][:4].max() < 0.01 * fitted.score(clips)["feature"][:4].min()
    other = clips[4:].clone()
    other[..., :12, :12] *= -1
    changed = adapted.maps(other)
    assert changed[:, :3, :3].amax() > changed[:, 5:, 5:].amax()


def test_the_farthest_place_or_the_mean(fitted):
    clips = clips_of(fitted)
    maps = fitted.maps(clips)
    mean = build("knn[backbone=random,frames=12,bank=40,pool=mean]")
    mean.source_bank = fitted.source_bank
    torch.testing.assert_close(fitted.score(clips)["feature"], maps.amax((1, 2)))
    torch.testing.assert_close(mean.score(clips)["feature"], maps.mean((1, 2)))


def test_features_are_scored_as_their_clips_are(fitted):
    clips = clips_of(fitted)
    torch.testing.assert_close(fitted.score(fitted.frozen_features(clips)), fitted.score(clips))

"""After MT-FRCN: which regions are looked at, how they are described, and what tells the unusual."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity, NearestNeighbors

from crossvad.adapters.methods.after_mt_frcn import CHANGED, count, rarity, windows
from crossvad.adapters.nets.neighbours import coreset
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of

METHOD = "after-mt-frcn[backbone=random,frames=20,bank=60,components=4]"
SIDE = 8  # cells of a map of frames of 32 pixels, which are enlarged fourfold


@pytest.fixture(scope="module")
def source():
    spec = build(METHOD).clip
    return ClipSource([moving_squares(SMOKE.size, 40, seed) for seed in range(2)], spec, CPU, seed=0)


@pytest.fixture(scope="module")
def fitted(source):
    adapter = build(METHOD)
    adapter.fit(source, SMOKE, lambda *log: None)
    return adapter


def places(side: int) -> list[tuple[int, int]]:
    """Where windows of so many cells begin, down and right: half of one apart."""
    starts = range(0, SIDE - side + 1, side // 2)
    return [(down, right) for down in starts for right in starts]


def test_regions_are_windows_of_three_sizes(fitted):
    clips = clips_of(fitted)
    described, moves = fitted.frozen_features(clips)
    maps = fitted.backbone(clips[:, 1])
    whole = [(side, down, right) for side in (2, 4, 7) for down, right in places(side)]
    assert described.shape == (3, len(whole), 112) and moves.shape == (3, len(whole))
    for number, (side, down, right) in enumerate(whole):
        expected = maps[:, :, down : down + side, right : right + side].mean((2, 3))
        torch.testing.assert_close(described[:, number], expected, rtol=1e-4, atol=1e-4)
        cells = 4 * np.array([down, down + side, right, right + side])  # pixels: 32 for 8 cells
        patch = clips[:, :, 0, cells[0] : cells[1], cells[2] : cells[3]]
        share = ((patch[:, 1] - patch[:, 0]).abs() > CHANGED).double().mean((1, 2))
        assert moves[:, number].tolist() == (share >= 0.05 - 1e-6).tolist()
    assert 0 < moves.double().mean() < 1


@pytest.mark.parametrize(("side", "window"), [(14, 2), (14, 4), (14, 7), (8, 7), (4, 7), (1, 2)])
def test_windows_are_counted_as_they_are_made(side, window):
    assert windows(torch.zeros(1, 1, side, side), window).shape[2:] == (count(side, window),) * 2


def moving_regions(adapter, source) -> torch.Tensor:
    found = [adapter.frozen_features(clips) for clips in source.spread(20, 16)]
    return torch.cat([described[moves] for described, moves in found])


def test_the_source_is_remembered_by_what_moves(fitted, source):
    regions = moving_regions(fitted, source)
    torch.testing.assert_close(fitted.bank, coreset(regions, 60))
    reduced = PCA(4, svd_solver="full", whiten=True).fit(regions.double().numpy())
    own = (regions[:9] - fitted.mean) @ fitted.axes.mT
    np.testing.assert_allclose(own.abs(), np.abs(reduced.transform(regions[:9].double().numpy())), rtol=1e-3, atol=1e-3)


def test_the_score_is_of_the_worst_region_that_moves(fitted):
    clips = clips_of(fitted, 8)
    described, moves = fitted.frozen_features(clips)
    known = NearestNeighbors(n_neighbors=1).fit(fitted.bank.double().numpy())
    regions = [d[m].double().numpy() for d, m in zip(described, moves, strict=True)]
    expected = [known.kneighbors(each)[0].max() if len(each) else 0 for each in regions]
    assert sum(map(bool, expected)) >= 2
    assert fitted.score(clips)["region"].tolist() == pytest.approx(expected, rel=1e-4)
    assert fitted.score((described, moves))["region"].tolist() == pytest.approx(expected, rel=1e-4)


def test_the_density_is_scikit_learns_over_its_peak():
    random = torch.Generator().manual_seed(0)
    points, known = (torch.randn(n, 3, generator=random, dtype=torch.float64) for n in (5, 40))
    kde = KernelDensity(bandwidth=40 ** (-1 / 7)).fit(known.numpy())
    peak = KernelDensity(bandwidth=40 ** (-1 / 7)).fit(np.zeros((40, 3))).score_samples(np.zeros((1, 3)))
    np.testing.assert_allclose(rarity(points, known), peak - kde.score_samples(points.numpy()))
    assert rarity(known, known).min() >= 0


def test_the_density_is_of_descriptions_as_frequent_as_they_are(fitted, source):
    regions = moving_regions(fitted, source)
    picks = np.linspace(0, len(regions) - 1, min(60, len(regions))).round().astype(int)
    assert torch.equal(fitted.sample, regions[picks])


def test_by_density_what_is_far_is_rare_and_training_is_shared(source, fitted):
    other = build(METHOD.replace("]", ",detector=density]"))
    for name in ("bank", "sample", "mean", "axes"):
        setattr(other, name, getattr(fitted, name))
    regions = moving_regions(fitted, source)
    surprises = other._surprise(torch.cat([regions[:1], regions[:1] + 100]))
    assert 0 <= surprises[0] < surprises[1]
    field = {field.name: field for field in type(other.options).__dataclass_fields__.values()}["detector"]
    assert not field.metadata["trains"]


def test_where_nothing_moves_nothing_surprises(fitted):
    still = clips_of(fitted)[:, :1].expand(-1, 2, -1, -1, -1)
    assert fitted.score(still)["region"].tolist() == [0, 0, 0] and not fitted.maps(still).any()


def test_what_moved_in_the_support_set_is_known(fitted):
    clips = clips_of(fitted, 6)
    adapted = adapt(fitted, clips, 1, NoTuning())
    assert len(adapted.bank) == len(fitted.bank) + int(fitted.frozen_features(clips)[1].sum())
    assert fitted.score(clips)["region"].max() > 1 and adapted.score(clips)["region"].max() < 1e-3


def test_a_map_is_the_most_that_any_region_around_surprises(fitted):
    clips = clips_of(fitted, 8)
    maps, surprises = fitted.maps(clips), fitted._surprises(fitted.frozen_features(clips))
    whole = [(side, down, right) for side in (2, 4, 7) for down, right in places(side)]
    for y in range(SIDE):
        for x in range(SIDE):
            around = [n for n, (s, down, right) in enumerate(whole) if 0 <= y - down < s and 0 <= x - right < s]
            most = surprises[:, around].amax(1) if around else torch.zeros(8)
            assert torch.equal(maps[:, y, x], most)
    assert maps.any() and torch.equal(maps.amax((1, 2)), fitted.score(clips)["region"])


def test_a_source_that_stands_still_is_refused():
    adapter = build(METHOD)
    still = np.repeat(moving_squares(SMOKE.size, 1, 0), 40, axis=0)
    with pytest.raises(ValueError, match="only 0 regions of the source move"):
        adapter.fit(ClipSource([still], adapter.clip, CPU, seed=0), SMOKE, lambda *log: None)

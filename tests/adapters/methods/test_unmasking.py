"""Unmasking: its classifier is scikit-learn's, and its rounds are those of a loop that trains that one."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from crossvad.adapters.methods.unmasking import STILL, by_motion, in_bins, logistic_dual, unmask
from crossvad.verification.conformance import moving_squares
from made import build, noise

LATER = torch.tensor([0.0] * 10 + [1.0] * 10)


def problems(count=3, features=40, apart=0.3):
    """Halves that differ in a few features."""
    random = torch.Generator().manual_seed(0)
    rows = torch.rand(count, 20, features, generator=random)
    rows[:, 10:, :5] += apart
    return rows.double()


def sklearn_weights(samples, cost):
    trained = LogisticRegression(C=cost, fit_intercept=False, solver="lbfgs", tol=1e-10, max_iter=10_000)
    return trained.fit(samples, LATER.numpy()).coef_[0]


@pytest.mark.parametrize("cost", [0.5, 10.0])
def test_the_classifier_is_the_logistic_regression(cost):
    for samples in problems():
        dual = logistic_dual((samples @ samples.T)[None], LATER.double(), cost)[0]
        np.testing.assert_allclose((dual @ samples).numpy(), sklearn_weights(samples.numpy(), cost), atol=1e-5)


@pytest.mark.parametrize("apart", [0.0, 0.3, 3.0])
def test_rounds_are_those_of_a_loop(apart):
    rows, rounds, removed = problems(apart=apart), 4, 6
    expected = []
    for samples in rows.numpy():
        accuracy = []
        for _ in range(rounds):
            samples = samples / np.linalg.norm(samples, axis=1, keepdims=True)
            weights = sklearn_weights(samples, 0.5)
            accuracy.append(((samples @ weights > 0) == LATER.numpy()).mean())
            order = np.argsort(weights)
            samples = np.delete(samples, [*order[:3], *order[-3:]], axis=1)
        expected.append(np.mean(accuracy))
    assert unmask(rows, rounds, removed, 0.5).tolist() == pytest.approx(expected)


def test_what_differs_in_few_features_is_soon_unmasked_and_what_differs_in_many_is_not():
    random = torch.Generator().manual_seed(0)
    scenery, habits = torch.rand(400, generator=random), torch.randn(3, 400, generator=random)
    rows = scenery + 0.1 * torch.randn(4, 20, 3, generator=random) @ habits  # frames differ in three ways
    few, many = rows.clone(), rows.clone()
    few[:, 10:, :5] += 1
    many[:, 10:] += torch.randn(400, generator=random)
    same, soon, never = (unmask(each, 10, 20, 0.5) for each in (rows, few, many))
    assert never.min() == 1 and soon.max() < 0.85 and (same < soon).all()


def test_halves_without_features_are_told_by_chance():
    assert unmask(torch.zeros(2, 20, 8), 3, 2, 0.5).tolist() == [0.5, 0.5]


def test_more_rounds_than_features():
    assert unmask(problems(features=8), 10, 4, 0.5).isfinite().all()


def test_bins_are_the_quarters_of_a_map():
    maps = torch.arange(2 * 3 * 2 * 5 * 6, dtype=torch.float32).view(2, 3, 2, 5, 6)
    quarters = [maps[..., :2, :3], maps[..., :2, 3:], maps[..., 2:4, :3], maps[..., 2:4, 3:]]
    torch.testing.assert_close(in_bins(maps), torch.stack([quarter.flatten(2) for quarter in quarters], 1))


@pytest.mark.parametrize("size", [24, 32])
def test_motion_cube_by_cube(size):
    """By a loop over cubes, as an independent implementation has it, of frames a fifth as high as the paper's."""
    random = np.random.default_rng(0)
    frames = np.repeat(random.uniform(0.2, 0.4, (1, size, size)), 12, 0)
    frames[5:9, 4:12, 4:12] += random.uniform(0, 0.5, (4, 8, 8))  # flickers for four frames
    blur = np.exp(-np.array([1, 0, 1]) / 2)
    blur = np.outer(blur, blur) / blur.sum() ** 2
    wide = np.pad(frames, ((0, 0), (1, 1), (1, 1)), mode="edge")
    seen = sum(blur[i, j] * wide[:, i : i + size, j : j + size] for i in range(3) for j in range(3))
    moved = np.abs(np.diff(seen, axis=0, prepend=seen[:1]))
    moved[0] = moved[1]
    side, kept = round(10 * size / 120), np.zeros(moved.shape, bool)
    for t in range(12):
        for y in range(0, size, side):
            for x in range(0, size, side):
                cube = moved[max(0, t - 2) : t + 3, y : y + side, x : x + side]
                if cube.sum() * 100 / side**2 > STILL:
                    kept[max(0, t - 2) : t + 3, y : y + side, x : x + side] = True
    motion = by_motion(torch.from_numpy(2 * frames - 1)[None])[0, :, 0].numpy()
    np.testing.assert_allclose(motion, moved * kept, atol=1e-12)
    assert 0 < kept.mean() < 0.5


@torch.no_grad()
def test_it_scores_what_begins_in_the_second_half():
    adapter = build("unmasking[backbone=none]")
    video = torch.from_numpy(moving_squares(32, 40, 0, anomaly=20)).permute(0, 3, 1, 2).float() / 127.5 - 1
    scores = adapter.score(video.unfold(0, 20, 1).movedim(-1, 1))["motion"]
    assert scores[10] > scores[:3].mean() and scores.min() >= 0.5 and scores.max() <= 1


@torch.no_grad()
def test_frames_that_clips_share_are_looked_at_once(monkeypatch):
    adapter = build("unmasking[backbone=random]")
    looked, plain = [], adapter.backbone.forward
    monkeypatch.setattr(adapter.backbone, "forward", lambda frames: looked.append(len(frames)) or plain(frames))
    video = noise(22, 1, 32, 32)
    clips = video.unfold(0, 20, 1).movedim(-1, 1)
    together = adapter.score(clips)["appearance"]
    apart = torch.cat([adapter.score(clip[None])["appearance"] for clip in clips])
    shuffled = adapter.score(clips[[2, 0, 1]])["appearance"][[1, 2, 0]]
    assert sum(looked) == 22 + 3 * 20 + 60
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(together, shuffled)


def test_the_share_that_is_taken_away_is_the_papers():
    adapter, taken = build("unmasking[backbone=none]"), []

    class Caught(Exception):
        pass

    def catch(rows, rounds, removed, cost):
        taken.append((rows.shape[2], rounds, removed, cost))
        raise Caught

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crossvad.adapters.methods.unmasking.unmask", catch)
        for size in (120, 64):
            with pytest.raises(Caught):
                adapter._unmasked(torch.zeros(1, 20, 1, size, size * 4 // 3), 4_800)
    assert taken == [(4_800, 10, 50, 0.5), (32 * 42, 10, 14, 0.5)]

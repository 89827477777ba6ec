"""MDT: the likelihood is the dense Gaussian's, textures are found again, and saliency is the divergence by hand."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from crossvad.adapters.methods.mdt import saliency
from crossvad.adapters.nets.dynamic_textures import Textures, log_likelihood, mixture, texture
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of, noise

FRAMES, PIXELS, STATES = 6, 9, 3
MDT = "mdt[components=3,states=4,patches=300]"


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def shown(count, turn=0.9, seed=0, noise=0.05):
    """Patches (N, T, m) of a known system, in float64."""
    random = torch.Generator().manual_seed(seed)

    def drawn(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    transition = turn * torch.linalg.qr(drawn(STATES, STATES))[0]
    basis, mean = torch.linalg.qr(drawn(PIXELS, STATES))[0], drawn(PIXELS)
    state, frames = drawn(count, STATES), []
    for _ in range(FRAMES):
        frames.append(mean + state @ basis.T + math.sqrt(noise) * drawn(count, PIXELS))
        state = state @ transition.T + math.sqrt(0.2) * drawn(count, STATES)
    return torch.stack(frames, 1), transition, basis, mean


def dense(textures: Textures, k: int, patches):
    """The same density, of all frames as one Gaussian vector."""
    mean, basis, transition, drive, noise, start, spread = (part[k] for part in textures)
    means, covers = [start], [spread]
    for _ in range(FRAMES - 1):
        means.append(transition @ means[-1])
        covers.append(transition @ covers[-1] @ transition.T + drive)
    blocks = [[None] * FRAMES for _ in range(FRAMES)]
    for i in range(FRAMES):
        for j in range(i, FRAMES):
            block = basis @ torch.linalg.matrix_power(transition, j - i) @ covers[i] @ basis.T
            blocks[j][i], blocks[i][j] = block, block.T
        blocks[i][i] = blocks[i][i] + noise * torch.eye(PIXELS, dtype=torch.float64)
    whole = torch.cat([torch.cat(row, 1) for row in blocks])
    centre = torch.cat([mean + basis @ state for state in means])
    return MultivariateNormal(centre, (whole + whole.T) / 2).log_prob(patches.flatten(1))


def test_the_likelihood_is_that_of_one_gaussian():
    patches = shown(200)[0]
    parts = zip(texture(patches[:100], STATES), texture(2 * patches[100:] + 1, STATES), strict=True)
    both = Textures(*(torch.cat(part) for part in parts))
    expected = torch.stack([dense(both, k, patches[:20]) for k in range(2)], 1)
    torch.testing.assert_close(log_likelihood(patches[:20], both), expected)


def test_a_texture_is_found_again():
    patches, transition, basis, mean = shown(20_000)
    found = texture(patches, STATES)
    assert (found.mean[0] - mean).abs().max() < 0.05
    assert found.noise[0].item() == pytest.approx(0.05, rel=0.02)
    same = found.basis[0].T @ basis  # from the true states to those that were found
    torch.testing.assert_close(same @ same.T, torch.eye(STATES, dtype=torch.float64), atol=0.02, rtol=0)
    torch.testing.assert_close(same.T @ found.transition[0] @ same, transition, atol=0.08, rtol=0)


def test_it_sees_in_which_order_frames_come():
    patches = shown(400)[0]
    found = texture(patches, STATES)
    shuffled = patches[:, torch.tensor([3, 0, 5, 1, 4, 2])]
    assert log_likelihood(patches, found).mean() > log_likelihood(shuffled, found).mean() + 5


def test_a_mixture_parts_two_textures():
    one, other = shown(300, seed=1)[0], shown(100, seed=2)[0]
    patches, truth = torch.cat([one, other]), torch.tensor([0] * 300 + [1] * 100)
    first = truth.clone()
    first[::7] = 1 - first[::7]
    textures, shares = mixture(patches, first, 2, STATES, 10)
    assert torch.equal(log_likelihood(patches, textures).argmax(1), truth)
    assert shares.tolist() == pytest.approx([301 / 402, 101 / 402])


def test_a_texture_that_no_patches_have_has_no_share():
    patches = shown(50)[0]
    textures, shares = mixture(patches, torch.zeros(50, dtype=torch.long), 3, STATES, 2)
    assert shares.tolist() == [1.0, 0.0, 0.0]
    joint = log_likelihood(patches, textures) + shares.log()
    assert joint.logsumexp(1).isfinite().all() and (joint.softmax(1)[:, 1:] == 0).all()


def test_saliency_place_by_place():
    shares, reach = torch.rand(2, 3, 7, 8).softmax(1), 2
    moving = torch.rand(2, 7, 8) < 0.7
    moving[0, :3, :3] = False  # nothing moves in a corner
    shares = shares * moving[:, None]
    found = saliency(shares, reach)
    for b in range(2):
        for y in range(7):
            for x in range(8):
                near, far = [], []
                for i in range(max(0, y - reach - 1), min(7, y + reach + 2)):
                    for j in range(max(0, x - reach - 1), min(8, x + reach + 2)):
                        if moving[b, i, j]:
                            (near if max(abs(i - y), abs(j - x)) <= 1 else far).append(shares[b, :, i, j])
                overall, expected = torch.stack(near + far).mean(0), 0.0
                for part in filter(None, (near, far)):
                    own = torch.stack(part).mean(0)
                    expected += len(part) / len(near + far) * float((own * (own / overall).log()).sum())
                assert found[b, y, x].item() == pytest.approx(expected, abs=1e-5)


def test_an_even_scene_has_no_saliency_and_a_stranger_much():
    shares = torch.zeros(1, 2, 9, 9)
    assert saliency(shares, 3).abs().max() == 0, "nothing moves"
    shares[:, 0] = 1
    assert saliency(shares, 3).abs().max() < 1e-6
    shares[0, :, 3:6, 3:6] = torch.tensor([0.0, 1.0])[:, None, None]
    found = saliency(shares, 2)[0]
    assert found.argmax() == 4 * 9 + 4 and found.isfinite().all()


@pytest.fixture(scope="module")
def fitted():
    adapter = build(MDT)
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
    adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), SMOKE, lambda *log: None)
    return adapter


def test_patches_are_cut_where_they_are():
    adapter = build(MDT)
    clips = noise(2, 15, 1, 32, 32)
    patches = adapter.patches(clips)
    assert patches.shape == (2, 14, 14, 15, 25)
    np.testing.assert_allclose(patches[1, 3, 5, 7], (clips[1, 7, 0, 6:11, 10:15].flatten() + 1) / 2)


@torch.no_grad()
def test_scores_by_hand(fitted):
    clips = clips_of(fitted, 2)
    logs = log_likelihood(fitted.patches(clips).flatten(0, 2), fitted.textures).view(2, 14, 14, 3)
    joint = logs + fitted.shares.permute(1, 2, 0).log()
    scores = fitted.score(clips)
    moving = fitted.patches(clips).var(3, correction=0).mean(3) > 1e-4
    assert 0.05 < moving.float().mean() < 0.95
    surprise = torch.where(moving, -joint.logsumexp(3), fitted.least)
    torch.testing.assert_close(scores["temporal"], surprise.amax((1, 2)))
    around = saliency((joint.softmax(3) * moving[..., None]).permute(0, 3, 1, 2), 3).amax((1, 2))
    torch.testing.assert_close(scores["spatial"], around)
    torch.testing.assert_close(fitted.score(fitted.frozen_features(clips)), scores)


@torch.no_grad()
def test_ground_is_never_abnormal(fitted):
    """However strange it looks: a chessboard that stands still is no less usual than the most usual motion."""
    squares = torch.arange(32) // 3 % 2
    board = (2.0 * (squares[:, None] ^ squares) - 1).expand(1, 15, 1, 32, 32)
    scores = fitted.score(board)
    assert scores["temporal"].item() == fitted.least.item() and scores["spatial"].item() == 0


@torch.no_grad()
def test_a_support_set_says_which_textures_are_where(fitted):
    clips = clips_of(fitted, 4)
    adapted = adapt(fitted, clips, 1, NoTuning())
    assert torch.equal(adapted.mean, fitted.mean) and not torch.equal(adapted.shares, fitted.shares)
    torch.testing.assert_close(adapted.shares.sum(0), torch.ones(14, 14))
    logs, moving = fitted.frozen_features(clips)
    belongs = (logs + fitted.shares.log()).softmax(1) * moving[:, None]
    y, x = 8, 9
    around = belongs[:, :, y - 1 : y + 2, x - 1 : x + 2].mean((2, 3)).sum(0)  # clips, of nine places each
    expected = (10 * fitted.shares[:, y, x] + around) / (10 + around.sum())
    torch.testing.assert_close(adapted.shares[:, y, x], expected)
    assert around.sum() > 0
    assert adapted.score(clips)["temporal"].mean() < fitted.score(clips)["temporal"].mean()


def test_a_source_that_stands_still_is_told():
    adapter = build(MDT)
    still = np.full((40, 32, 32, 1), 90, np.uint8)
    with pytest.raises(ValueError, match=r"only 0 patches of the source move by more than still = 0\.0001"):
        adapter.fit(ClipSource([still], adapter.clip, CPU, seed=0), SMOKE, lambda *log: None)

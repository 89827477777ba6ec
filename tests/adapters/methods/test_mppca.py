"""MPPCA: histograms and forces cell by cell, scores written out, and what a support set changes."""

from dataclasses import replace

import pytest
import torch

from crossvad.adapters.methods.mppca import CELLS, histograms, in_cells, interaction
from crossvad.adapters.nets.grid_field import believed
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.adapters.nets.ppca import log_densities
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of

SF = "mppca[sf]"


@pytest.fixture(scope="module")
def fitted():
    adapter = build(SF)
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
    adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), SMOKE, lambda *log: None)
    return adapter


def test_histograms_cell_by_cell():
    torch.manual_seed(0)
    flow = torch.randn(2, 3, 2, 32, 32)
    found = histograms(flow)
    assert found.shape == (2, 3, CELLS, CELLS, 36)
    for y, x in ((0, 0), (3, 5), (7, 2)):
        numbers = []
        for top, left in ((0, 0), (0, 2), (2, 0), (2, 2)):
            right, down = flow[1, 2, :, 4 * y + top : 4 * y + top + 2, 4 * x + left : 4 * x + left + 2].flatten(1)
            turn = torch.atan2(down, right) % (2 * torch.pi)
            speed = torch.hypot(right, down)
            numbers.append(speed.mean())
            for sector in range(8):
                within = (turn >= sector * torch.pi / 4) & (turn < (sector + 1) * torch.pi / 4)
                numbers.append((speed * within).mean())
        torch.testing.assert_close(found[1, 2, y, x], torch.stack(numbers))


def test_force_pixel_by_pixel():
    torch.manual_seed(0)
    flow = torch.randn(1, 3, 2, 16, 16)
    force = interaction(flow)
    for t, y, x in ((0, 5, 5), (1, 0, 3), (2, 15, 9)):
        around = [flow[0, s, :, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].mean((1, 2)) for s in range(3)]
        own, average = flow[0, t, :, y, x], around[t]
        change = average - around[t - 1] if t else torch.zeros(2)
        expected = ((own + average) / 2 - average) / 0.5 - change
        assert force[0, t, y, x].item() == pytest.approx(expected.norm().item(), rel=1e-4)


def test_a_crowd_that_moves_as_one_feels_no_force():
    flow = torch.tensor([1.0, -0.5]).view(1, 1, 2, 1, 1).expand(1, 4, 2, 16, 16)
    assert interaction(flow).max() < 1e-5


@torch.no_grad()
def test_scores_by_hand(fitted):
    clips = clips_of(fitted, 2)
    scores = fitted.score(clips)
    for b in range(2):
        flow = lucas_kanade(clips[b, :-1, 0], clips[b, 1:, 0])[None]
        joint = log_densities(histograms(flow), fitted.means, fitted.loadings, fitted.noise) + fitted.shares.log()
        evidence = (-joint.logsumexp(4) - fitted.usual[0]) / fitted.usual[1]
        assert scores["motion"][b].item() == pytest.approx(believed(evidence, 1.0, 10)[0, -1].max().item(), rel=1e-3)
        force = in_cells(interaction(flow))[0, -1] / fitted.pushing
        assert scores["force"][b].item() == pytest.approx(10 * force.max().log10().item(), rel=1e-3)
    torch.testing.assert_close(fitted.score(fitted.frozen_features(clips)), scores)
    assert {*build("mppca").fusion} == {"motion"} and fitted.fusion == {"motion": 1.0, "force": 0.5}


def test_the_source_is_usual(fitted):
    source = ClipSource([moving_squares(SMOKE.size, 60, seed) for seed in range(2)], fitted.clip, CPU, seed=0)
    with torch.no_grad():
        motion = torch.cat([fitted.frozen_features(clips)[0] for clips in source.spread(300, 4)])[:, ::3]
        surprise = -fitted._joint(motion).logsumexp(4)
    assert surprise.mean().item() == pytest.approx(fitted.usual[0].item(), rel=1e-3)
    assert surprise.std().item() == pytest.approx(fitted.usual[1].item(), rel=1e-3)


@torch.no_grad()
def test_a_support_set_updates_every_cell_by_what_moved_there(fitted):
    clips = clips_of(fitted, 4)
    adapted = adapt(fitted, clips, 1, NoTuning())
    video = torch.cat([clips[0, :, 0], clips[1:, -1, 0]])  # 14 frames, and so 13 moments, each counting once
    flow = lucas_kanade(video[:-1], video[1:])
    y, x = 4, 3
    motion, force = histograms(flow)[:, y, x], in_cells(interaction(flow[None]))[0, 1:, y, x]
    at = (fitted.means[y, x], fitted.loadings, fitted.noise)
    belongs = (log_densities(motion, *at) + fitted.shares[y, x].log()).softmax(1)
    for k in range(3):
        prior = 20 * fitted.shares[y, x, k]
        total = (belongs[:, k, None] * motion).sum(0)
        expected = (prior * fitted.means[y, x, k] + total) / (prior + belongs[:, k].sum())
        torch.testing.assert_close(adapted.means[y, x, k], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(adapted.shares[y, x], (20 * fitted.shares[y, x] + belongs.sum(0)) / (20 + 13))
    expected = (20 * fitted.pushing[y, x] + force.sum()) / (20 + 12)
    assert adapted.pushing[y, x].item() == pytest.approx(expected.item())
    assert torch.equal(adapted.loadings, fitted.loadings)
    assert adapted.score(clips)["motion"].mean() < fitted.score(clips)["motion"].mean()


def test_frames_that_cannot_be_cut_are_refused():
    with pytest.raises(InputError, match="frames of 24 pixels are not cut into 16 parts evenly"):
        registry.get_method("mppca").build(replace(SMOKE, size=24))

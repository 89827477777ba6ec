"""LMN and MemAE in both variants: their cues, and what they remember."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from crossvad.datasets.readers.video_file import luma
from made import SMOKE, build, clips_of, minus_psnr


@pytest.mark.parametrize(("method", "cue"), [("lmn", "prediction"), ("lmn-recon", "reconstruction")])
@torch.no_grad()
def test_lmn_scores(method, cue):
    adapter = build(method)
    clips = clips_of(adapter)
    prediction, queries = adapter.predict(clips)
    scores = adapter.score(clips)
    assert scores[cue].tolist() == pytest.approx(minus_psnr(prediction, clips[:, -1]), rel=1e-5)
    distances = torch.cdist(queries, adapter.memory.items).amin(1).square() / queries.shape[1]
    torch.testing.assert_close(scores["feature"], distances.view(3, -1).mean(1))


def test_lmn_remembers_only_while_it_trains():
    adapter = build("lmn")
    clips, items = clips_of(adapter), adapter.memory.items.clone()
    adapter.loss(clips)
    adapter.score(clips)
    assert torch.equal(adapter.memory.items, items)
    adapter.train().loss(clips)
    assert not torch.equal(adapter.memory.items, items)
    torch.testing.assert_close(adapter.memory.items.norm(dim=1), torch.ones(10))


@torch.no_grad()
def test_memae_scores_the_rebuilt_clip():
    adapter = build("memae", replace(SMOKE, channels=3))
    clips = torch.rand(2, 16, 3, 32, 32) * 2 - 1
    gray, rebuilt, weights = adapter.rebuild(clips)
    assert rebuilt.shape == gray.shape == (2, 1, 16, 32, 32)
    assert weights.shape == (2 * 2 * 2 * 2, 2000)  # B * T/8 * H/16 * W/16 vectors, each from 2000 slots
    expected = [(r - g).abs().mean().item() for r, g in zip(rebuilt, gray, strict=True)]
    assert adapter.score(clips)["reconstruction"].tolist() == pytest.approx(expected, rel=1e-5)


def test_memae_makes_gray_as_the_readers_do():
    frames = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    clips = torch.from_numpy(frames).permute(0, 3, 1, 2).unsqueeze(0) / 127.5 - 1  # (1, 16, 3, 32, 32)
    gray, _, _ = build("memae", replace(SMOKE, channels=3)).rebuild(clips)
    read = torch.from_numpy(luma(frames)).permute(3, 0, 1, 2).unsqueeze(0) / 127.5 - 1
    assert (gray - read).abs().max() <= 1 / 127.5, "more than the level that integers round away"


def test_lmn_writes_the_memory_at_test_time_if_asked_to():
    video = torch.cat([clips_of(build("lmn"), 6)])
    plain = build("lmn")
    before = {cue: values.clone() for cue, values in plain.score_video([video]).items()}

    def scores(option: str, *batches: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        adapter = build(f"lmn[{option}]")
        items = adapter.memory.items.clone()
        return adapter.score_video(batches), (adapter.memory.items - items).abs().max()

    shut, moved = scores("test_update=true,gate=0", video)
    assert moved == 0
    torch.testing.assert_close(shut, before)
    wide, moved = scores("test_update=true,gate=1e9", video)
    assert moved == 0  # the next video starts from what training left
    assert torch.allclose(wide["feature"][0], before["feature"][0])
    assert not torch.isclose(wide["feature"][1:], before["feature"][1:]).any()
    torch.testing.assert_close(scores("test_update=true,gate=1e9", *video.split(4))[0], wide)

    # By hand: each clip is scored by what the clips before it, and training, left in the memory.
    for index, clip in enumerate(video.split(1)):
        assert plain.score(clip)["feature"].item() == pytest.approx(wide["feature"][index].item(), rel=1e-4)
        plain.memory.update(plain.predict(clip)[1].detach())


def test_lmn_forgets_a_video_that_breaks_off():
    adapter = build("lmn[test_update=true,gate=1e9]")
    trained = adapter.memory.items

    def breaking_off():
        yield clips_of(adapter)
        raise OSError("no such frame")

    with pytest.raises(OSError, match="no such frame"):
        adapter.score_video(breaking_off())
    assert torch.equal(adapter.memory.items, trained)


def test_lmn_lets_only_regular_frames_into_its_memory():
    adapter, clips = build("lmn[test_update=true]"), clips_of(build("lmn"), 6)
    written = []
    adapter.memory.update = lambda queries: written.append(len(queries))
    adapter.score_video([clips])
    assert written == []  # untrained, it predicts nothing well
    adapter = build("lmn[test_update=true]")
    predict = adapter.predict
    adapter.predict = lambda clip: (clip[:, -1], predict(clip)[1])  # perfect
    adapter.memory.update = lambda queries: written.append(len(queries))
    adapter.score_video([clips])
    assert len(written) == 6


@pytest.mark.parametrize("method", ["lmn", "lmn-recon"])
def test_lmn_scores_in_order_only_where_it_writes_its_memory(method):
    assert build(f"{method}[test_update=true]").scores_in_order is True
    assert build(method).scores_in_order is build(f"{method}[test_update=false,gate=1e9]").scores_in_order is False


@torch.no_grad()
def test_memae_2d_scores_the_rebuilt_frame():
    adapter = build("memae-2d")
    clips = clips_of(adapter)
    frames, rebuilt, weights = adapter.rebuild(clips)
    assert torch.equal(frames, clips[:, 0]) and rebuilt.shape == frames.shape
    assert weights.shape == (3 * 4 * 4, 2000)  # B * H/8 * W/8 vectors, each from 2000 slots
    expected = [(r - f).abs().mean().item() for r, f in zip(rebuilt, frames, strict=True)]
    assert adapter.score(clips)["reconstruction"].tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", ["memae", "memae-2d"])
def test_slots_in_use_are_counted(method, monkeypatch):
    adapter = build(f"{method}[slots=4]")
    weights = torch.tensor([[0.5, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    monkeypatch.setattr(adapter, "rebuild", lambda clips: (clips, clips, weights))
    assert adapter.diagnostics(clips_of(adapter)) == {
        "slots in use": pytest.approx(2 / 4),
        "queries served": pytest.approx(2 / 3),
    }


def test_memae_shrinks_by_one_share_unless_told():
    assert build("memae[slots=500]").memory.shrink == 1 / 500
    assert build("memae[shrink=0.0025]").memory.shrink == 0.0025

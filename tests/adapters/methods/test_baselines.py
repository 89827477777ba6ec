"""The rows that learn nothing, against NumPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.adapters.methods.baselines import Extrapolate, FrameDifference, Ramp, Random, SupportMean
from crossvad.adapters.options import PoolOptions
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.adapters.tunings.gradient import FineTune
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from made import SMOKE, build, noise


def pooled(error: np.ndarray, pool: str) -> float:
    """10 log10 of an error map (32, 32), pooled."""
    if pool == "mean":
        value = error.mean()
    elif pool == "p99":
        value = np.quantile(error, 0.99)
    else:
        value = max(error[y : y + 8, x : x + 8].mean() for y in range(0, 25, 4) for x in range(0, 25, 4))
    return 10 * math.log10(value)


@pytest.mark.parametrize("pool", ["mean", "p99", "patch"])
@pytest.mark.parametrize("method", ["framediff", "extrapolate"])
def test_difference_and_extrapolation(method, pool):
    adapter = build(f"{method}[pool={pool}]", replace(SMOKE, channels=3))
    clips = noise(4, adapter.clip.frames, 3, 32, 32)
    clips[:, -1, :, 3:13, 5:15] *= 3  # an anomaly somewhere
    frames = clips.double().numpy()
    residual = frames[:, -1] - (frames[:, 0] if method == "framediff" else 2 * frames[:, 1] - frames[:, 0])
    expected = [pooled(error, pool) for error in ((residual / 2) ** 2).mean(1)]
    assert adapter.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["framediff", "extrapolate", "framepred"])
def test_a_steady_scene_is_normal(method):
    adapter = build(method)
    still = noise(1, 1, 1, 32, 32).expand(1, adapter.clip.frames, -1, -1, -1)
    score = adapter.score(still)["prediction"].item()
    assert math.isfinite(score) and (score == -100 or method == "framepred")


@pytest.mark.parametrize("method", ["framediff", "extrapolate", "framepred"])
def test_unknown_pooling_is_refused(method):
    with pytest.raises(InputError, match=r"\[pool=max\]: is no choice; choose from mean, p99, patch"):
        registry.get_method(f"{method}[pool=max]")


def test_pooling_may_be_chosen_in_code():
    assert FrameDifference(SMOKE, PoolOptions("patch")).options.pool == "patch"
    assert Extrapolate(SMOKE).options.pool == "mean"


@pytest.mark.parametrize("pool", ["mean", "patch"])
def test_support_mean_is_background_subtraction(pool):
    adapter = build(f"support-mean[pool={pool}]")
    support, clips = noise(4, 1, 1, 32, 32), noise(3, 1, 1, 32, 32)
    clips[:, 0, :, 3:13, 5:15] *= 3
    adapted = adapt(adapter, support, 1, NoTuning())
    residual = clips[:, 0].double().numpy() - support.double().numpy().mean((0, 1))
    expected = [pooled(error, pool) for error in ((residual / 2) ** 2).mean(1)]
    assert adapted.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-4)
    # However it is tuned, in however many steps; and it starts from an even gray.
    assert torch.equal(adapt(adapter, support, 9, FineTune()).mean, adapted.mean)
    assert not adapter.mean.any() and isinstance(adapted, SupportMean)


def test_ramp_is_the_frame_index():
    ramp = Ramp(SMOKE).score_video(noise(size, 1, 1, 4, 4) for size in (3, 3, 1))
    assert ramp["ramp"].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_random_is_a_function_of_the_pixels():
    adapter, clips = Random(SMOKE), noise(500, 1, 1, 4, 4)
    scores = adapter.score(clips)["random"]
    assert scores.tolist() == [adapter.score(clip[None])["random"].item() for clip in clips]
    assert torch.equal(adapter.score(clips.flip(0))["random"].flip(0), scores)
    strided = clips.transpose(3, 4).contiguous().transpose(3, 4)
    assert torch.equal(adapter.score(strided)["random"], scores)
    other = clips.clone()
    other[:, 0, 0, 2, 1] += 0.01
    assert (adapter.score(other)["random"] != scores).all()
    # Even over [0, 1): as many in each fifth.
    assert scores.min() >= 0 and scores.max() < 1
    assert np.histogram(scores, 5, (0, 1))[0].min() > 70

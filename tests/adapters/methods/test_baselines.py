"""The rows that learn nothing, against NumPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.adapters.methods.baselines import Extrapolate, FrameDifference, Ramp, Random, Speed, SupportMean
from crossvad.adapters.nets.motion import normal_speed
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


@pytest.mark.parametrize(
    ("method", "least"), [("framediff", -100), ("extrapolate", -100), ("speed", -120), ("framepred", None)]
)
def test_a_steady_scene_is_normal(method, least):
    adapter = build(method)
    still = noise(1, 1, 1, 32, 32).expand(1, adapter.clip.frames, -1, -1, -1)
    (score,) = adapter.score(still).values()
    assert math.isfinite(score) and (score.item() == least or method == "framepred")


@pytest.mark.parametrize("method", ["framediff", "extrapolate", "framepred", "speed"])
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


@pytest.mark.parametrize("pool", ["mean", "p99", "patch"])
def test_speed_is_squared_and_pooled(pool):
    adapter = build(f"speed[pool={pool},eps=1e-2,reach=1]", replace(SMOKE, channels=3))
    clips = noise(4, 2, 3, 32, 32)
    clips[:, -1, :, 3:13, 5:15] *= 3
    squared = normal_speed(clips[:, 0], clips[:, 1], eps=1e-2, reach=1).double().numpy() ** 2
    expected = [pooled(error, pool) for error in squared]
    assert adapter.score(clips)["speed"].tolist() == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(adapter.maps(clips), squared, rtol=1e-5)  # divided by one


@pytest.mark.parametrize("trend", ["row", "level"])
@pytest.mark.parametrize("shots", [1, 4])
def test_speed_is_divided_by_the_trend_of_the_support_set(trend, shots):
    adapter = build(f"speed[trend={trend}]")
    support, clips = waves(np.linspace(0.2, 0.5, shots), growth=1), waves([0.3, 0.6, 1.2])
    adapted = adapt(adapter, support, 1, NoTuning())
    rows = (normal_speed(support[:, 0], support[:, 1]).double() ** 2).mean((0, 2)).numpy()
    assert rows.min() > 0.1 * rows.mean()  # no row is still
    fit = np.polyfit(np.arange(32), np.log(rows), 1 if trend == "row" else 0)
    divided = normal_speed(clips[:, 0], clips[:, 1]).double().numpy() ** 2
    divided /= np.exp(np.polyval(fit, np.arange(32)))[:, None]
    assert adapted.score(clips)["speed"].tolist() == pytest.approx([pooled(each, "mean") for each in divided], rel=1e-3)
    np.testing.assert_allclose(adapted.maps(clips), divided, rtol=1e-3)
    # However it is tuned, in however many steps; and without a support set nothing is divided.
    assert torch.equal(adapt(adapter, support, 9, FineTune()).trend, adapted.trend)
    assert not adapter.trend.any() and isinstance(adapted, Speed)


def test_cameras_nearer_and_farther_have_speed_in_one_unit():
    """What moves twice as many pixels a frame in both, support set and test video, moves as fast."""
    scores = []
    for near in (0.5, 1.0):
        adapter = build("speed[eps=1e-9]")
        support, clips = waves([near] * 3), waves([near, 2 * near])
        raw = adapter.score(clips)["speed"]
        scores.append((raw, adapt(adapter, support, 1, NoTuning()).score(clips)["speed"]))
    (far, far_divided), (near, near_divided) = scores
    torch.testing.assert_close(near - far, torch.full((2,), 20 * math.log10(2)), atol=0.7, rtol=0)
    torch.testing.assert_close(near_divided, far_divided, atol=0.7, rtol=0)
    torch.testing.assert_close(near_divided, torch.tensor([0.0, 20 * math.log10(2)]), atol=1, rtol=0)


@pytest.mark.parametrize("support", [torch.zeros(1, 2, 1, 32, 32), noise(1, 1, 1, 32, 32).expand(3, 2, 1, 32, 32)])
def test_a_support_set_without_motion_leaves_speed_finite(support):
    adapted = adapt(build("speed"), support, 1, NoTuning())
    clips = torch.cat([support, noise(2, 2, 1, 32, 32)])
    scores = adapted.score(clips)["speed"]
    assert adapted.trend.tolist() == pytest.approx([math.log(1e-6), 0], abs=1e-5)
    assert adapted.maps(clips).isfinite().all()
    assert scores.isfinite().all() and scores[-1] > scores[0] == -120


def waves(speeds, growth=0.0):
    """Clips of two frames of a wave that moves right by so many pixels a frame, in the last row e^growth times that."""
    rows, columns = torch.arange(32.0)[:, None], torch.arange(32.0)
    moved = torch.as_tensor(speeds, dtype=torch.float32)[:, None, None] * (growth * rows / 31).exp() / 2
    frames = [0.5 * torch.sin(0.4 * (columns + way * moved)) for way in (1, -1)]
    return torch.stack(frames, 1)[:, :, None]


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

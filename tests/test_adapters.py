"""The methods: built as published, learning on made-up video, scoring what their formulas say."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from crossvad import registry
from crossvad.adapters.base import Adapter, Budget, Schedule
from crossvad.adapters.nets.attention import CirculativeAttention
from crossvad.adapters.trivial import Extrapolate, FrameDifference, PoolOptions, Ramp, Random
from crossvad.budget import BUDGETS
from crossvad.conformance import moving_squares
from crossvad.datasets.base import InputError
from crossvad.datasets.clips import ClipSource, consecutive

CPU = torch.device("cpu")
SMOKE, PAPER = BUDGETS["smoke"], Budget("paper", 256, 3, 64, None, 0, 0)
PREDICTORS = ["framepred", "apn", "lmn"]
TRAINABLE = [*PREDICTORS, "memae"]


def build(text: str, budget: Budget = SMOKE) -> Adapter:
    torch.manual_seed(0)
    return registry.method(text).build(budget).eval()


def clips_of(adapter: Adapter, count: int = 3) -> Tensor:
    video = moving_squares(SMOKE.size, count + adapter.clip.frames - 1, seed=0)
    return next(consecutive(video, adapter.clip, count, CPU))


def minus_psnr(prediction: Tensor, target: Tensor) -> list[float]:
    """In dB, of images in [-1, 1], by the textbook: 10 log10 (MSE / range^2)."""
    return [10 * math.log10((p - t).square().mean().item() / 2**2) for p, t in zip(prediction, target, strict=True)]


# ---- as published ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("framepred", 7_704_195),
        ("apn", 3_364_022),
        ("apn[cycles=0]", 3_364_022 - (5_201 + 20_641 + 82_241)),
        ("apn[cycles=1]", 3_364_022),  # the cycles share their weights
        ("apn[prototypes=20]", 3_364_022 + 10 * 128),
        ("lmn", 15_651_843 - 1_024),
        ("lmn[items=20]", 15_651_843 - 1_024),  # a memory is no parameter
        ("memae", 6_492_801),
        ("memae[slots=1000]", 6_492_801 - 1000 * 256),
        *((method, 0) for method in registry.TRIVIAL),
    ],
)
def test_parameter_count_is_the_published_one(method, parameters):
    with torch.device("meta"):
        assert build(method, PAPER).parameter_count() == parameters


@pytest.mark.parametrize(
    ("method", "frames", "scored"),
    [
        *((name, 5, 4) for name in PREDICTORS),
        ("memae", 16, 8),
        ("random", 1, 0),
        ("ramp", 1, 0),
        ("framediff", 2, 1),
        ("extrapolate", 3, 2),
    ],
)
def test_clip(method, frames, scored):
    spec = build(method).clip
    assert (spec.frames, spec.scored) == (frames, scored)
    assert (spec.size, spec.channels, spec.low, spec.high) == ((32, 32), 1, -1.0, 1.0)


def test_every_method_is_seen_here():
    assert set(registry.METHODS) == {*TRAINABLE, *registry.TRIVIAL}


@pytest.mark.parametrize(("method", "trainable"), [(m, m in TRAINABLE) for m in registry.METHODS])
def test_only_methods_with_parameters_train(method, trainable):
    adapter = build(method)
    assert adapter.trainable == trainable == (adapter.parameter_count() > 0)


@pytest.mark.parametrize("method", TRAINABLE)
def test_a_budget_without_a_schedule_trains_as_published(method):
    adapter = registry.method(method).cls
    with torch.device("meta"):
        assert build(method, PAPER).schedule(PAPER) == adapter.published
    assert build(method).schedule(SMOKE) == SMOKE.schedule


@pytest.mark.parametrize(("method", "cues"), [("apn", {"prediction", "feature"}), ("lmn", {"prediction", "feature"})])
def test_fusion_weighs_every_cue(method, cues):
    adapter = build(method)
    assert set(adapter.fusion) == set(adapter.score(clips_of(adapter))) == cues
    assert sum(adapter.fusion.values()) == 1


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", TRAINABLE)
def test_the_loss_falls(method):
    adapter, losses = build(method), []
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
    budget = replace(SMOKE, schedule=Schedule(40, 4, 1e-3))

    def log(step: int, of: int, values: dict[str, float]) -> None:
        assert step == len(losses) + 1 and of == 40
        losses.append(values["loss"])

    adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), budget, log)
    assert len(losses) == 40 and not adapter.training
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])


@pytest.mark.parametrize(
    "method",
    [
        "framepred",
        "apn[compactness=0,diversity=0,covariance=0]",
        "lmn[compactness=0,separateness=0]",
        "memae[entropy=0]",
    ],
)
def test_every_parameter_learns_from_the_images_alone(method):
    adapter = build(method).train()
    clips = clips_of(adapter)
    if "apn" in method:  # attention is worth nothing, and learns nothing, until its gamma has left zero
        for module in adapter.modules():
            if isinstance(module, CirculativeAttention):
                torch.nn.init.ones_(module.attention.gamma)
    adapter.loss(clips).backward()
    still = [name for name, p in adapter.named_parameters() if p.grad is None or not p.grad.any()]
    # Softmax takes no notice of what is added to all of a pixel's logits, as the key's bias times its query is.
    assert [name for name in still if "key.bias" not in name] == []


@pytest.mark.parametrize("method", PREDICTORS)
def test_a_predictor_does_not_see_what_it_predicts(method):
    adapter = build(method)
    clips = clips_of(adapter)
    other = clips.clone()
    other[:, -1] = torch.rand_like(other[:, -1])
    first, second = adapter.predict(clips), adapter.predict(other)
    if method != "framepred":
        first, second = first[0], second[0]
    assert torch.equal(first, second)
    other[:, 0] = -1
    changed = adapter.predict(other)
    assert not torch.equal(first, changed if method == "framepred" else changed[0])


# ---- scores ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_apn_scores():
    adapter = build("apn")
    clips = clips_of(adapter)
    prediction, retrieval = adapter.predict(clips)
    scores = adapter.score(clips)
    assert scores["prediction"].tolist() == pytest.approx(minus_psnr(prediction, clips[:, -1]), rel=1e-5)
    feature = [10 * math.log10(image.mean().item()) for image in retrieval.distance]
    assert scores["feature"].tolist() == pytest.approx(feature, rel=1e-5)


@torch.no_grad()
def test_apn_loss_adds_its_terms():
    options = "compactness={},diversity={},covariance={}"

    def loss(*weights: float) -> float:
        adapter = build(f"apn[{options.format(*weights)}]")
        return adapter.loss(clips_of(adapter)).item()

    frame = loss(0, 0, 0)
    parts = [loss(1, 0, 0) - frame, loss(0, 1, 0) - frame, loss(0, 0, 1) - frame]
    assert min(parts) > 0
    assert loss(2, 0.5, 3) == pytest.approx(frame + 2 * parts[0] + 0.5 * parts[1] + 3 * parts[2], rel=1e-4)
    adapter = build("apn")
    clips = clips_of(adapter)
    assert frame == pytest.approx((adapter.predict(clips)[0] - clips[:, -1]).square().mean().item())


def test_apn_adapts_prototypes_and_head():
    with torch.device("meta"):
        adaptable = build("apn", PAPER).adaptable_parameters()
    assert {name.split(".")[0] for name in adaptable} == {"prototypes", "head"}
    assert sum(parameter.numel() for parameter in adaptable.values()) == 113_731  # as in MPN


@torch.no_grad()
def test_lmn_scores():
    adapter = build("lmn")
    clips = clips_of(adapter)
    prediction, queries = adapter.predict(clips)
    scores = adapter.score(clips)
    assert scores["prediction"].tolist() == pytest.approx(minus_psnr(prediction, clips[:, -1]), rel=1e-5)
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
    torch.testing.assert_close(gray[:, 0], (clips[:, :, 0] + clips[:, :, 1] + clips[:, :, 2]) / 3)
    assert rebuilt.shape == gray.shape == (2, 1, 16, 32, 32)
    assert weights.shape == (2 * 2 * 2 * 2, 2000)  # B * T/8 * H/16 * W/16 vectors, each from 2000 slots
    expected = [(r - g).abs().mean().item() for r, g in zip(rebuilt, gray, strict=True)]
    assert adapter.score(clips)["reconstruction"].tolist() == pytest.approx(expected, rel=1e-5)


def test_memae_shrinks_by_one_share_unless_told():
    assert build("memae[slots=500]").memory.shrink == 1 / 500
    assert build("memae[shrink=0.0025]").memory.shrink == 0.0025


@torch.no_grad()
def test_frame_prediction_scores_minus_psnr():
    adapter = build("framepred")
    clips = clips_of(adapter)
    expected = minus_psnr(adapter.predict(clips), clips[:, -1])
    assert adapter.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-5)
    patch = build("framepred[pool=patch]").score(clips)["prediction"]
    assert (patch > adapter.score(clips)["prediction"]).all()


# ---- trivial ---------------------------------------------------------------------------------------------------------


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


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
    with pytest.raises(InputError, match=r"no pooling 'max'; choose one of mean, p99, patch"):
        registry.method(f"{method}[pool=max]")


def test_pooling_may_be_chosen_in_code():
    assert FrameDifference(SMOKE, PoolOptions("patch")).options.pool == "patch"
    assert Extrapolate(SMOKE).options.pool == "mean"


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

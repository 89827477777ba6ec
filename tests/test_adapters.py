"""The methods: built as published, learning on made-up video, scoring what their formulas say."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from crossvad import registry
from crossvad.adapters.base import Adapter, Budget, Schedule
from crossvad.adapters.nets.attention import CrissCrossAttention
from crossvad.adapters.nets.losses import ssim
from crossvad.adapters.nets.prototypes import kernel_similarity
from crossvad.adapters.trivial import Extrapolate, FrameDifference, PoolOptions, Ramp, Random, SupportMean
from crossvad.adapters.tuning import FineTune, NoTuning
from crossvad.budget import BUDGETS
from crossvad.conformance import moving_squares
from crossvad.datasets.base import InputError
from crossvad.datasets.clips import ClipSource, consecutive

CPU = torch.device("cpu")
SMOKE, PAPER = BUDGETS["smoke"], Budget("paper", 256, 3, 64, None, 0, 0)
PROTOTYPES = ["apn", "apn-released", "mpn"]
PREDICTORS = ["framepred", *PROTOTYPES, "lmn"]
TRAINABLE = [*PREDICTORS, "lmn-recon", "memae", "memae-2d"]


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
        ("apn-released", 3_364_022),
        ("apn-released[prototypes=20]", 3_364_022 + 10 * 128),
        ("mpn", 13_285_251),
        ("apn[cycles=0]", 13_285_251),  # MPN's network
        # And the CAU on 512 channels: reduction to 128, criss-cross attention there, fusion of 640.
        ("apn", 13_285_251 + (512 * 128 + 128) + 20_641 + (640 * 512 + 512)),
        ("apn[cycles=1]", 13_285_251 + 65_664 + 20_641 + 328_192),  # the cycles share their weights
        ("apn[cycles=0,prototypes=0]", 13_285_251 - 10 * 128),
        ("apn[cycles=0,levels=3]", 3_364_022 - (5_201 + 20_641 + 82_241)),
        ("apn[cycles=0,resolution=1/2]", 13_285_251),  # 128 channels there too
        ("apn[cycles=0,resolution=1/4]", 13_285_251 + 10 * 128),
        ("lmn", 15_651_843),
        ("lmn[items=20]", 15_651_843),  # a memory is no parameter
        ("lmn-recon", 17_196_291),
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
        ("lmn-recon", 1, 0),
        ("memae", 16, 8),
        ("memae-2d", 1, 0),
        ("random", 1, 0),
        ("ramp", 1, 0),
        ("framediff", 2, 1),
        ("extrapolate", 3, 2),
        ("support-mean", 1, 0),
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


@pytest.mark.parametrize(
    ("method", "weights"),
    [
        ("apn", {"prediction": 0.5, "feature": 0.5}),
        ("apn[score=3]", {"prediction": 0.25, "feature": 0.75}),
        ("apn-released", {"prediction": 0.5, "feature": 0.5}),
        ("mpn", {"prediction": 0.5, "feature": 0.5}),
        ("mpn[score=few-shot]", {"prediction": 0.7 / 0.4, "feature": -0.3 / 0.4}),  # the script's sign
        ("lmn", {"prediction": 0.6, "feature": 0.4}),
        ("lmn-recon", {"reconstruction": 0.7, "feature": 0.3}),
    ],
)
def test_fusion_weighs_every_cue(method, weights):
    adapter = build(method)
    total = sum(adapter.fusion.values())
    assert {cue: weight / total for cue, weight in adapter.fusion.items()} == pytest.approx(weights)
    assert set(adapter.fusion) == set(adapter.score(clips_of(adapter)))


@pytest.mark.parametrize("method", registry.METHODS)
def test_a_method_says_where_it_comes_from(method):
    cls = registry.method(method).cls
    assert all(map(bool, (cls.paper, cls.licence, cls.deviations))) == cls.trainable
    assert all(field.metadata["help"] for field in fields(cls.Options))


def test_only_what_can_change_adapts():
    adapting = {method for method in registry.METHODS if registry.method(method).cls.adapts()}
    assert adapting == {*TRAINABLE, "support-mean"}


# ---- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", TRAINABLE)
def test_the_loss_falls(method):
    adapter, losses, watched = build(method), [], []
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
    budget = replace(SMOKE, schedule=Schedule(40, 4, 1e-3))

    def log(step: int, of: int, values: dict[str, float]) -> None:
        assert step == len(losses) + 1 and of == 40
        losses.append(values.pop("loss"))
        watched.append(values)

    adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), budget, log)
    assert len(losses) == 40 and not adapter.training
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    assert [bool(values) for values in watched] == ([False, True] * 20 if method != "framepred" else [False] * 40)
    assert all(math.isfinite(value) for values in watched for value in values.values())


@pytest.mark.parametrize("method", TRAINABLE)
def test_watching_changes_nothing(method, monkeypatch):
    def trained() -> dict[str, Tensor]:
        adapter = build(method)
        source = ClipSource([moving_squares(SMOKE.size, 60, 0)], adapter.clip, CPU, seed=0)
        adapter.fit(source, replace(SMOKE, schedule=Schedule(3, 2, 1e-3)), lambda step, of, values: None)
        return adapter.state_dict()

    watched = trained()
    monkeypatch.setattr(Adapter, "_diagnosed", lambda self, clips: {})
    assert all(torch.equal(value, watched[name]) for name, value in trained().items())


def test_a_schedule_is_followed():
    def rates(**schedule) -> list[float]:
        adapter, seen = build("framepred"), []
        source = ClipSource([moving_squares(SMOKE.size, 60, 0)], adapter.clip, CPU, seed=0)
        with pytest.MonkeyPatch.context() as patch:
            chosen = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[schedule["optimizer"]]
            step = chosen.step
            patch.setattr(chosen, "step", lambda self: (seen.append(self.param_groups[0]["lr"]), step(self))[1])
            adapter.fit(source, replace(SMOKE, schedule=Schedule(4, 2, 1e-3, **schedule)), lambda *log: None)
        return seen

    assert rates(optimizer="adam", decay="none") == [1e-3] * 4
    cosine = [1e-3 * (1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]
    assert rates(optimizer="adamw", decay="cosine") == pytest.approx(cosine)


@pytest.mark.parametrize(
    "method",
    [
        "framepred",
        "apn[compactness=0,diversity=0,covariance=0]",
        "apn[compactness=0,diversity=0,covariance=0,attention=finest,resolution=1/2]",
        "apn[cycles=0,prototypes=0]",
        "apn-released[compactness=0,diversity=0,covariance=0,ssim=0]",
        "mpn[training=frame]",
        "lmn[compactness=0,separateness=0]",
        "lmn-recon[compactness=0,separateness=0]",
        "memae[entropy=0]",
        "memae-2d[entropy=0]",
    ],
)
def test_every_parameter_learns_from_the_images_alone(method):
    adapter = build(method, replace(SMOKE, size=64)).train()
    clips = noise(2, adapter.clip.frames, 1, 64, 64)
    for module in adapter.modules():  # attention is worth nothing, and learns nothing, until its gamma has left zero
        if isinstance(module, CrissCrossAttention):
            torch.nn.init.ones_(module.gamma)
    adapter.loss(clips).backward()
    still = [name for name, p in adapter.named_parameters() if p.grad is None or not p.grad.any()]
    # Softmax takes no notice of what is added to all of a pixel's logits, as the key's bias times its query is. And
    # MNAD's published encoder declares a batch norm that it never calls.
    assert [name for name in still if "key.bias" not in name and not name.startswith("uncalled.")] == []


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


@pytest.mark.parametrize("method", PROTOTYPES)
@torch.no_grad()
def test_prototype_predictors_score_both_errors_in_decibel(method):
    adapter = build(method)
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


@pytest.mark.parametrize(("option", "of"), [("frame=norm", 0), ("distance=absolute", 1), ("apart=mean", 2)])
@torch.no_grad()
def test_apn_as_the_paper_prints_its_terms(option, of):
    weights = [0, 0, 0]
    if of:
        weights[of - 1] = 1
    text = "compactness={},diversity={},covariance={}".format(*weights)
    adapter = build(f"apn[{option},{text}]")
    clips = clips_of(adapter)
    prediction, retrieval = adapter.predict(clips)
    residual, prototypes = (prediction - clips[:, -1]).double(), retrieval.prototypes.double()
    expected = residual.square().mean() if of else residual.abs().mean()  # one channel: its norm is its absolute value
    if of == 1:
        near = (retrieval.units.double() @ prototypes.transpose(1, 2)).argmax(2)
        expected += torch.stack(
            [(u - p[n]).abs() for u, p, n in zip(retrieval.units, prototypes, near, strict=True)]
        ).mean()
    if of == 2:
        distances = torch.cdist(prototypes, prototypes).square().sum((1, 2)) / (10 * 9)
        expected -= distances.mean()
    assert adapter.loss(clips).item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("resolution", ["1/1", "1/2", "1/4"])
@torch.no_grad()
def test_apn_may_hold_its_prototypes_at_coarser_maps(resolution):
    adapter = build(f"apn[resolution={resolution}]")
    clips = clips_of(adapter)
    prediction, retrieval = adapter.predict(clips)
    side = 32 // int(resolution[-1])
    assert retrieval.distance.shape == (3, side, side)
    assert prediction.shape == clips[:, -1].shape


@torch.no_grad()
def test_apn_without_prototypes_scores_the_prediction_alone():
    adapter = build("apn[prototypes=0]")
    assert set(adapter.score(clips_of(adapter))) == {"prediction"}
    assert adapter.diagnostics(clips_of(adapter)) == {}


@pytest.mark.parametrize("attention", ["deepest", "finest"])
@torch.no_grad()
def test_apn_attends_where_it_says(attention):
    adapter, clips = build(f"apn[attention={attention}]"), clips_of(build("apn"))
    seen = []
    for module in adapter.modules():
        if isinstance(module, CrissCrossAttention):
            module.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[2:])))
    adapter.predict(clips)
    assert seen == [(4, 4) if attention == "deepest" else (32, 32)] * 2  # R = 2


@torch.no_grad()
def test_apn_released_adds_its_terms():
    adapter = build("apn-released")
    clips = clips_of(adapter)
    prediction, retrieval = adapter.predict(clips)
    gaps = torch.cdist(retrieval.prototypes.double(), retrieval.prototypes.double()).square()
    hinge = (1 - gaps).clamp_min(0).triu(1).sum((1, 2)).mean() * 2 / (10 * 9)
    expected = (prediction - clips[:, -1]).square().mean() + 1e-4 * (1 - ssim(prediction, clips[:, -1]))
    expected = expected + retrieval.distance.mean() + 1e-4 * hinge + 1e-4 * kernel_similarity(retrieval.prototypes)
    assert adapter.loss(clips).item() == pytest.approx(expected.item(), rel=1e-5)


@torch.no_grad()
def test_mpn_weighs_its_terms_by_what_it_is_doing():
    adapter = build("mpn[training=frame]")
    clips = clips_of(adapter)
    prediction, retrieval = adapter.predict(clips)
    frame = (prediction - clips[:, -1]).square().mean().item()
    gaps = torch.cdist(retrieval.prototypes.double(), retrieval.prototypes.double()).square()
    near, hinge = retrieval.distance.mean().item(), ((1 - gaps).clamp_min(0).triu(1).sum((1, 2)).mean() / 45).item()
    assert min(near, hinge) > 1e-3
    assert adapter.loss(clips).item() == pytest.approx(frame)
    assert adapter(clips).item() == build("mpn").loss(clips).item()
    assert adapter(clips).item() == pytest.approx(frame + near + 1e-4 * hinge)
    assert adapter.adaptation_loss(clips).item() == pytest.approx(frame + 0.1 * near + 0.1 * hinge)


@torch.no_grad()
def test_mpn_few_shot_score_takes_the_distance_as_it_is():
    adapter = build("mpn[score=few-shot]")
    clips = clips_of(adapter)
    distance = adapter.predict(clips)[1].distance.mean((1, 2))
    torch.testing.assert_close(adapter.score(clips)["feature"], distance)


def test_the_unit_and_the_head_adapt():
    with torch.device("meta"):
        adaptable = build("mpn", PAPER).adaptable_parameters()
    assert {name.split(".")[0] for name in adaptable} == {"prototypes", "head"}
    assert sum(parameter.numel() for parameter in adaptable.values()) == 113_731


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
    torch.testing.assert_close(gray[:, 0], (clips[:, :, 0] + clips[:, :, 1] + clips[:, :, 2]) / 3)
    assert rebuilt.shape == gray.shape == (2, 1, 16, 32, 32)
    assert weights.shape == (2 * 2 * 2 * 2, 2000)  # B * T/8 * H/16 * W/16 vectors, each from 2000 slots
    expected = [(r - g).abs().mean().item() for r, g in zip(rebuilt, gray, strict=True)]
    assert adapter.score(clips)["reconstruction"].tolist() == pytest.approx(expected, rel=1e-5)


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


def test_lmn_lets_only_regular_frames_into_its_memory():
    adapter, clips = build("lmn[test_update=true]"), clips_of(build("lmn"), 6)
    seen = []
    adapter.memory.update = lambda queries: seen.append(len(queries))
    adapter.score_video([clips])
    assert seen == []  # untrained, it predicts nothing well
    adapter = build("lmn[test_update=true]")
    predict = adapter.predict
    adapter.predict = lambda clip: (clip[:, -1], predict(clip)[1])  # perfect
    adapter.memory.update = lambda queries: seen.append(len(queries))
    adapter.score_video([clips])
    assert len(seen) == 6


@torch.no_grad()
def test_memae_2d_scores_the_rebuilt_frame():
    adapter = build("memae-2d")
    clips = clips_of(adapter)
    seen, rebuilt, weights = adapter.rebuild(clips)
    assert torch.equal(seen, clips[:, 0]) and rebuilt.shape == seen.shape
    assert weights.shape == (3 * 4 * 4, 2000)  # B * H/8 * W/8 vectors, each from 2000 slots
    expected = [(r - s).abs().mean().item() for r, s in zip(rebuilt, seen, strict=True)]
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
    with pytest.raises(InputError, match=r"\[pool=max\]: is no choice; choose from mean, p99, patch"):
        registry.method(f"{method}[pool=max]")


def test_pooling_may_be_chosen_in_code():
    assert FrameDifference(SMOKE, PoolOptions("patch")).options.pool == "patch"
    assert Extrapolate(SMOKE).options.pool == "mean"


@pytest.mark.parametrize("pool", ["mean", "patch"])
def test_support_mean_is_background_subtraction(pool):
    adapter = build(f"support-mean[pool={pool}]")
    support, clips = noise(4, 1, 1, 32, 32), noise(3, 1, 1, 32, 32)
    clips[:, 0, :, 3:13, 5:15] *= 3
    adapted = adapter.adapt(support, 1, NoTuning())
    residual = clips[:, 0].double().numpy() - support.double().numpy().mean((0, 1))
    expected = [pooled(error, pool) for error in ((residual / 2) ** 2).mean(1)]
    assert adapted.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-4)
    # However it is tuned, in however many steps; and it starts from an even gray.
    assert torch.equal(adapter.adapt(support, 9, FineTune()).mean, adapted.mean)
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

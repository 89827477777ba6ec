"""The methods: built as published, and learning on made-up video."""

import copy
import gc
import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from crossvad.adapters.base import Adapter, joined
from crossvad.adapters.nets.attention import CrissCrossAttention
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.planning import catalogue, registry
from crossvad.verification.conformance import moving_squares
from made import CPU, PAPER, SMOKE, build, clips_of, minus_psnr, noise

pytestmark = pytest.mark.usefixtures("frames_seen_once")
PROTOTYPES = ["apn", "apn-released", "mpn"]
CLOSED = ["after-mt-frcn", "knn", "mdt", "mppca"]  # fitted, and adapted, in closed form
PREDICTORS = ["framepred", "rgan", "zxvad", *PROTOTYPES, "lmn"]
TRAINABLE = [*PREDICTORS, "amc", "convae", "lmn-recon", "memae", "memae-2d", "stackrnn", "tsc"]
SOURCELESS = ["sdor", "unmasking"]  # they are published, and need no source


# ---- as published ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("framepred", 7_704_195),
        ("framepred[paper]", 7_704_195),  # a discriminator is no part of it
        ("zxvad", 8_728_195),
        ("zxvad[slots=0]", 7_704_195),
        ("convae", 8_384_138),
        ("amc", 17_390_406),
        ("rgan", 19_963_603),
        ("knn", 0),
        ("stackrnn", 3_276_803),  # over 1280 features; over the paper's 2048: their tests
        ("tsc", 1_638_400),
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
        *((method, 0) for method in catalogue.BASELINES),
    ],
)
def test_parameter_count_is_the_published_one(method, parameters):
    with torch.device("meta"):
        assert build(method, PAPER).parameter_count() == parameters


@pytest.mark.parametrize(
    ("method", "frames", "scored"),
    [
        *((name, 5, 4) for name in PREDICTORS if name != "rgan"),
        ("rgan", 4, 3),
        ("lmn-recon", 1, 0),
        ("memae", 16, 8),
        ("memae-2d", 1, 0),
        ("convae", 10, 5),
        ("amc", 2, 0),
        ("knn", 1, 0),
        ("after-mt-frcn", 2, 1),
        ("sdor", 1, 0),
        ("stackrnn", 10, 9),
        ("tsc", 10, 9),
        ("mdt", 15, 7),
        ("mppca", 11, 10),
        ("unmasking", 20, 15),
        ("random", 1, 0),
        ("ramp", 1, 0),
        ("framediff", 2, 1),
        ("extrapolate", 3, 2),
        ("support-mean", 1, 0),
        ("speed", 2, 1),
    ],
)
def test_clip(method, frames, scored):
    spec = build(method).clip
    assert (spec.frames, spec.scored) == (frames, scored)
    low = 0.0 if method == "rgan" else -1.0
    assert (spec.size, spec.channels, spec.low, spec.high) == ((32, 32), 1, low, 1.0)


def test_every_method_is_seen_here():
    assert set(catalogue.METHODS) == {*TRAINABLE, *CLOSED, *SOURCELESS, *catalogue.BASELINES}


@pytest.mark.parametrize(("method", "trainable"), [(m, m in TRAINABLE) for m in catalogue.METHODS])
def test_only_methods_with_parameters_train(method, trainable):
    adapter = build(method)
    assert adapter.stochastic == trainable == (adapter.parameter_count() > 0)
    assert adapter.needs_source == (trainable or method in CLOSED)


@pytest.mark.parametrize("method", TRAINABLE)
def test_a_budget_without_a_schedule_trains_as_published(method):
    adapter = registry.get_method(method).cls
    with torch.device("meta"):
        assert build(method, PAPER).schedule(PAPER) == adapter.published
    assert build(method).schedule(SMOKE) == SMOKE.schedule


@pytest.mark.parametrize(
    ("method", "weights"),
    [
        ("apn", {"prediction": 0.5, "feature": 0.0, "motion": 0.5}),
        ("apn[paper]", {"prediction": 0.5, "feature": 0.5}),
        ("apn[paper,score=3]", {"prediction": 0.25, "feature": 0.75}),
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


@pytest.mark.parametrize("method", ["framepred", "memae", "ramp"])
def test_a_method_that_fuses_nothing_weighs_all_cues_the_same(method):
    assert build(method).fusion == {}


@pytest.mark.parametrize("method", catalogue.METHODS)
def test_a_method_says_which_frame_it_makes(method):
    """The frame that a method shows is the one whose error it maps, where it makes one."""
    adapter = build(method)
    clips = clips_of(adapter)
    frames = adapter.predicted_frames(clips)
    assert (frames is not None) == (method in {*PREDICTORS, "lmn-recon"})
    if frames is not None:
        assert frames.shape == clips[:, -1].shape and not frames.requires_grad
        span = adapter.clip.high - adapter.clip.low
        error = ((frames - clips[:, adapter.clip.scored]) / span).square().mean(1)
        torch.testing.assert_close(error, adapter.maps(clips))


@pytest.mark.parametrize("method", catalogue.METHODS)
def test_a_method_says_where_it_comes_from(method):
    cls = registry.get_method(method).cls
    published = cls.needs_source or method in SOURCELESS
    assert all(map(bool, (cls.paper, cls.licence, cls.deviations))) == published
    assert all(field.metadata["help"] for field in fields(cls.Options))


def test_only_what_can_change_adapts():
    adapting = {method for method in catalogue.METHODS if registry.get_method(method).cls.adapts}
    assert adapting == {*TRAINABLE, *CLOSED, "support-mean", "speed"}


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
    never, always = [False], [True]  # nothing to watch, or judges at every step
    seldom = {
        "framepred": never, "convae": never, "amc": always, "rgan": always, "zxvad": always,
        "stackrnn": never, "tsc": never,
    }  # fmt: skip
    assert [bool(values) for values in watched] == (seldom.get(method, [False, True]) * 40)[:40]
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
        "amc",
        "convae",
        "rgan[lstm=small]",
        "zxvad",
        "apn[compactness=0,diversity=0,covariance=0]",
        "apn[compactness=0,diversity=0,covariance=0,attention=finest,resolution=1/2]",
        "apn[cycles=0,prototypes=0]",
        "apn-released[compactness=0,diversity=0,covariance=0,ssim=0]",
        "mpn[training=frame]",
        "lmn[compactness=0,separateness=0]",
        "lmn-recon[compactness=0,separateness=0]",
        "memae[entropy=0]",
        "stackrnn",
        "tsc",
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


# Those of a pretrained backbone look at numbers, of which fake tensors have none.
@pytest.mark.parametrize("method", [name for name in TRAINABLE if name not in ("stackrnn", "tsc")])
def test_everything_is_made_where_the_clips_are(method, monkeypatch):
    """On a GPU that is not there: torch's fake tensors have a device and no numbers, and refuse to mix devices."""
    monkeypatch.setattr(torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True)
    adapter = build(method)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        adapter._apply(lambda tensor: fake.from_tensor(tensor).to("cuda"))
        clips = torch.empty(3, adapter.clip.frames, 1, 32, 32, device="cuda")
        cues = adapter.eval().score(adapter.frozen_features(clips))
        loss = adapter.train().loss(clips)
    assert {tensor.device.type for tensor in [*cues.values(), loss]} == {"cuda"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("method", catalogue.METHODS)
def test_cpu_and_cuda_agree(method):
    adapter = build(method)
    if method in CLOSED:
        videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(2)]
        adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), SMOKE, lambda *log: None)
    clips = noise(3, adapter.clip.frames, 1, 32, 32)
    here, there = adapter.score(clips), copy.deepcopy(adapter).to("cuda").score(clips.to("cuda"))
    for cue, values in here.items():
        torch.testing.assert_close(there[cue].cpu(), values, rtol=1e-3, atol=1e-4)
    if method in TRAINABLE:
        moved = copy.deepcopy(adapter).to("cuda")
        losses = adapter.loss(clips), moved.loss(clips.to("cuda"))
        assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-3)


@pytest.mark.parametrize("method", PREDICTORS)
def test_a_predictor_does_not_see_what_it_predicts(method):
    adapter = build(method)
    clips = clips_of(adapter)
    other = clips.clone()
    other[:, -1] = torch.rand_like(other[:, -1])
    first, second = adapter.predict(clips), adapter.predict(other)
    if not isinstance(first, Tensor):
        first, second = first[0], second[0]
    assert torch.equal(first, second)
    other[:, 0] = -1
    changed = adapter.predict(other)
    assert not torch.equal(first, changed if isinstance(changed, Tensor) else changed[0])


@torch.no_grad()
def test_frame_prediction_scores_minus_psnr():
    adapter = build("framepred")
    clips = clips_of(adapter)
    expected = minus_psnr(adapter.predict(clips), clips[:, -1])
    assert adapter.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-5)
    patch = build("framepred[pool=patch]").score(clips)["prediction"]
    assert (patch > adapter.score(clips)["prediction"]).all()


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_cues_of_batches_are_joined_as_they_are(kind):
    parts = [{"a": torch.randn(count).to(kind), "b": torch.rand(count).to(kind)} for count in (3, 1, 4)]
    found = joined(iter(parts))
    assert all(torch.equal(found[cue], torch.cat([part[cue] for part in parts])) for cue in ("a", "b"))
    assert found["a"].dtype == kind


def test_no_small_tensor_of_a_long_video_stays_beside_large_ones():
    """Else the memory of large ones cannot be used again for others: it would grow with the video."""
    alive = []

    class Watched(torch.nn.Module):
        score = staticmethod(lambda batch: {"a": batch.mean((1, 2))})

    def batches():
        for _ in range(20):
            alive.append(sum(isinstance(each, torch.Tensor) and each.shape == (2,) for each in gc.get_objects()))
            yield torch.rand(2, 5, 5)

    before = sum(isinstance(each, torch.Tensor) and each.shape == (2,) for each in gc.get_objects())
    scores = Adapter.score_video(Watched(), batches())
    assert len(scores["a"]) == 40 and max(alive) <= before + 2

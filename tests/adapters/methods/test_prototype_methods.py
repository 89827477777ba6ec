"""APN by its paper, APN as released, and MPN: their losses, cues and options."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.adapters import portions
from crossvad.adapters.methods.prototype_predictor import scaled, source_slope
from crossvad.adapters.nets.attention import CrissCrossAttention
from crossvad.adapters.nets.losses import ssim
from crossvad.adapters.nets.motion import flow_speed
from crossvad.adapters.nets.prototypes import kernel_similarity
from crossvad.adapters.portions import leading
from crossvad.adapters.tunings.base import adapt
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.datasets.clips import ClipSource
from made import PAPER, SMOKE, build, clips_of, minus_psnr, noise

PROTOTYPES = ["apn", "apn-released", "mpn"]


@pytest.mark.parametrize("method", PROTOTYPES)
@torch.no_grad()
def test_prototype_predictors_score_both_errors_in_decibel(method):
    adapter = build(method)
    clips = clips_of(adapter)
    prediction, _, retrieval = adapter.predict(clips)
    scores = adapter.score(clips)
    assert scores["prediction"].tolist() == pytest.approx(minus_psnr(prediction, clips[:, -1]), rel=1e-5)
    feature = [10 * math.log10(image.mean().item()) for image in retrieval.distance]
    assert scores["feature"].tolist() == pytest.approx(feature, rel=1e-5)


@pytest.mark.parametrize("method", [*PROTOTYPES, "apn[scales=1,0.5]"])
def test_what_is_frozen_is_the_same_of_a_few_clips_at_a_time(method, monkeypatch):
    adapter = build(method).double().eval()
    clips = clips_of(adapter).double()
    whole = adapter.frozen_features(clips)
    monkeypatch.setattr(portions, "AT_ONCE", 1)
    parted = adapter.frozen_features(clips)
    torch.testing.assert_close(parted, whole)
    if "scales" in method:
        assert parted.whole is parted.scaled[0], "the largest maps are there once"


@torch.no_grad()
def test_apn_without_prototypes_has_no_distance_to_lose():
    plain, absolute = (build(f"apn[prototypes=0{more}]") for more in ("", ",distance=absolute"))
    assert absolute.loss(clips_of(plain)) == plain.loss(clips_of(plain))


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
    assert frame == pytest.approx((adapter.predict(clips).frame - clips[:, -1]).square().mean().item())


@pytest.mark.parametrize(("option", "of"), [("frame=norm", 0), ("distance=absolute", 1), ("apart=mean", 2)])
@torch.no_grad()
def test_apn_as_the_paper_prints_its_terms(option, of):
    weights = [0, 0, 0]
    if of:
        weights[of - 1] = 1
    text = "compactness={},diversity={},covariance={}".format(*weights)
    adapter = build(f"apn[{option},{text}]")
    clips = clips_of(adapter)
    prediction, _, retrieval = adapter.predict(clips)
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
    prediction, _, retrieval = adapter.predict(clips)
    side = 32 // int(resolution[-1])
    assert retrieval.distance.shape == (3, side, side)
    assert prediction.shape == clips[:, -1].shape


@torch.no_grad()
def test_apn_without_prototypes_scores_no_features():
    adapter = build("apn[prototypes=0]")
    assert set(adapter.score(clips_of(adapter))) == {"prediction", "motion"}
    assert set(build("apn[paper,prototypes=0]").score(clips_of(adapter))) == {"prediction"}
    assert adapter.diagnostics(clips_of(adapter)) == {}


@pytest.mark.parametrize("attention", ["deepest", "finest"])
@torch.no_grad()
def test_apn_attends_where_it_says(attention):
    adapter, clips = build(f"apn[attention={attention}]"), clips_of(build("apn"))
    sizes = []
    for module in adapter.modules():
        if isinstance(module, CrissCrossAttention):
            module.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[2:])))
    adapter.predict(clips)
    assert sizes == [(4, 4) if attention == "deepest" else (32, 32)] * 2  # R = 2


@torch.no_grad()
def test_the_released_apn_attends_twice_on_each_level():
    adapter, sizes = build("apn-released"), []
    for module in adapter.modules():
        if isinstance(module, CrissCrossAttention):
            module.register_forward_hook(lambda module, inputs, output: sizes.append(tuple(output.shape[2:])))
    adapter.predict(clips_of(adapter))
    assert sizes == [(32, 32)] * 2 + [(16, 16)] * 2 + [(8, 8)] * 2


@pytest.mark.parametrize("attention", ["deepest", "finest"])
def test_with_one_seed_attention_is_all_that_its_options_change(attention):
    plain, other = build("apn[cycles=0]").state_dict(), build(f"apn[attention={attention}]").state_dict()
    added = {name for name in other if name.startswith(("encoder.attend.3.", "attend."))}
    assert added and set(other) - added == set(plain)
    assert all(torch.equal(other[name], value) for name, value in plain.items())


@pytest.mark.parametrize("method", [*PROTOTYPES, "apn[weights=ratio]", "apn[resolution=1/2]"])
def test_attention_maps_pool_the_prototypes(method):
    adapter = build(method)
    clips = clips_of(adapter)
    maps, distances = adapter.attention_maps(clips)
    retrieval = adapter.predict(clips).retrieval
    assert maps.shape == (3, 10, *distances.shape[1:]) and not maps.requires_grad
    assert torch.equal(distances, retrieval.distance)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(3, 10))
    for image in range(3):
        pixels = retrieval.units[image].view(*distances.shape[1:], -1)  # (h, w, C)
        pooled = [sum((row * pixels[y]).sum(0) for y, row in enumerate(weights[..., None])) for weights in maps[image]]
        units = torch.stack([vector / vector.norm() for vector in pooled])
        torch.testing.assert_close(units, retrieval.prototypes[image], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("method", ["apn[prototypes=0]", "framepred", "memae", "framediff"])
def test_methods_without_prototypes_have_no_attention_maps(method):
    assert build(method).attention_maps(clips_of(build(method))) is None


@pytest.mark.parametrize("method", [*PROTOTYPES, "apn[resolution=1/4,predicts=change]", "apn[attention=finest]"])
@torch.no_grad()
def test_what_is_encoded_serves_any_of_its_clips(method):
    adapter = build(method)
    clips = clips_of(adapter)
    encoded, direct = leading(adapter.frozen_features(clips), 2), adapter.predict(clips[:2])
    assert torch.equal(encoded.last, clips[:2, 3]) and torch.equal(encoded.target, clips[:2, 4])
    torch.testing.assert_close(adapter.predict(encoded).frame, direct.frame)
    torch.testing.assert_close(adapter.score(encoded), adapter.score(clips[:2]))


@torch.no_grad()
def test_apn_released_adds_its_terms():
    adapter = build("apn-released")
    clips = clips_of(adapter)
    prediction, _, retrieval = adapter.predict(clips)
    gaps = torch.cdist(retrieval.prototypes.double(), retrieval.prototypes.double()).square()
    hinge = (1 - gaps).clamp_min(0).triu(1).sum((1, 2)).mean() * 2 / (10 * 9)
    expected = (prediction - clips[:, -1]).square().mean() + 1e-4 * (1 - ssim(prediction, clips[:, -1]))
    expected = expected + retrieval.distance.mean() + 1e-4 * hinge + 1e-4 * kernel_similarity(retrieval.prototypes)
    assert adapter.loss(clips).item() == pytest.approx(expected.item(), rel=1e-5)


@torch.no_grad()
def test_mpn_weighs_its_terms_by_what_it_is_doing():
    adapter = build("mpn[training=frame]")
    clips = clips_of(adapter)
    prediction, _, retrieval = adapter.predict(clips)
    frame = (prediction - clips[:, -1]).square().mean().item()
    gaps = torch.cdist(retrieval.prototypes.double(), retrieval.prototypes.double()).square()
    near, hinge = retrieval.distance.mean().item(), ((1 - gaps).clamp_min(0).triu(1).sum((1, 2)).mean() / 45).item()
    assert min(near, hinge) > 1e-3
    assert adapter.loss(clips).item() == pytest.approx(frame)
    assert adapter.meta_loss(clips).item() == build("mpn").loss(clips).item()
    assert adapter.meta_loss(clips).item() == pytest.approx(frame + near + 1e-4 * hinge)
    assert adapter.adaptation_loss(clips).item() == pytest.approx(frame + 0.1 * near + 0.1 * hinge)


@torch.no_grad()
def test_mpn_few_shot_score_takes_the_distance_as_it_is():
    adapter = build("mpn[score=few-shot]")
    clips = clips_of(adapter)
    distance = adapter.predict(clips).retrieval.distance.mean((1, 2))
    torch.testing.assert_close(adapter.score(clips)["feature"], distance)


def test_the_unit_and_the_head_adapt():
    with torch.device("meta"):
        adaptable = build("mpn", PAPER).adaptable_parameters()
    assert {name.split(".")[0] for name in adaptable} == {"prototypes", "head"}
    assert sum(parameter.numel() for parameter in adaptable.values()) == 113_731


@torch.no_grad()
def test_apn_predicts_the_change_from_the_frame_before():
    adapter = build("apn")
    clips = clips_of(adapter)
    painted = []
    adapter.head.register_forward_hook(lambda module, inputs, output: painted.append(output))
    frame = adapter.predict(clips).frame
    assert torch.equal(frame, painted[0] + clips[:, -2])
    plain = build("apn[predicts=frame]")
    assert not torch.allclose(plain.predict(clips).frame, frame)


@torch.no_grad()
@pytest.mark.parametrize("pool", ["mean", "p99", "patch"])
def test_apn_pools_its_error_map_as_it_is_told(pool):
    adapter = build(f"apn[pool={pool}]")
    clips = clips_of(adapter)
    error = ((adapter.predict(clips).frame - clips[:, -1]) / 2).square().mean(1).numpy()
    if pool == "mean":
        expected = error.mean((1, 2))
    elif pool == "p99":
        expected = np.quantile(error.reshape(len(error), -1), 0.99, axis=1)
    else:
        places = range(0, error.shape[1] - 7, 4)
        expected = np.array([max(e[y : y + 8, x : x + 8].mean() for y in places for x in places) for e in error])
    assert adapter.score(clips)["prediction"].numpy() == pytest.approx(10 * np.log10(expected), rel=1e-4)


def test_a_calibrated_apn_counts_errors_in_proportion_to_what_its_support_leads_to_expect():
    adapter, plain = build("apn[calibrate=scene]"), build("apn")
    support, clips = clips_of(adapter)[:2], clips_of(adapter)[2:]
    tuning = FineTune(FineTuneOptions(1e-3))
    adapted, twin = (adapt(method, support, 2, tuning) for method in (adapter, plain))
    with torch.no_grad():
        seen, error = twin.maps(support).mean(0).numpy(), twin.maps(clips).numpy()
        side = len(seen)
        reach = round(0.25 * side / 2)
        around = np.array([
            [seen[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean() for x in range(side)]
            for y in range(side)
        ])  # fmt: skip
        expected = 10 * np.log10((error / ((around + seen.mean()) / 2)).mean((1, 2)))
        assert adapted.score(clips)["prediction"].numpy() == pytest.approx(expected, rel=1e-3)
        assert torch.equal(adapter.score(clips)["prediction"], plain.score(clips)["prediction"])  # until it adapts
        assert torch.equal(adapted.score(clips)["feature"], twin.score(clips)["feature"])
    assert set(adapted.state_dict()) == set(plain.state_dict())


@torch.no_grad()
def test_apn_divides_by_the_perspective_of_its_source_and_scores_motion():
    adapter, plain = build("apn[score=0.5,motion=2]"), build("apn[motion=0,perspective=none]")
    clips, rows = clips_of(adapter), np.arange(32)[:, None] / 32 - 0.5
    assert set(adapter.score(clips)) == {"prediction", "feature", "motion"} != set(plain.score(clips))
    assert adapter.fusion == {"prediction": 1.0, "feature": 0.5, "motion": 2.0}
    adapter.slope.fill_(1.5)
    near, speed = np.exp(2 * 1.5 * rows), flow_speed(clips).numpy()
    motion = 10 * np.log10((speed / near).mean((1, 2)))
    assert adapter.score(clips)["motion"].numpy() == pytest.approx(motion, rel=1e-4)
    error = ((adapter.predict(clips).frame - clips[:, -1]) / 2).square().mean(1).numpy()
    assert adapter.maps(clips).numpy() == pytest.approx(error / near, rel=1e-4)
    scores = adapter.score(clips)["prediction"].numpy()
    assert scores == pytest.approx(10 * np.log10((error / near).mean((1, 2))), rel=1e-4)
    assert "slope" in adapter.state_dict() and "slope" not in plain.state_dict()


@torch.no_grad()
def test_motion_and_perspective_are_measured_at_64_pixels():
    """At 128 pixels the flow of a small window is beyond its reach: the street's slope was -1.1, and is 1.6."""
    small, large = (build("apn", replace(SMOKE, size=size)) for size in (64, 128))
    clips = noise(2, 5, 1, 64, 64)
    scores = []
    for adapter, shown in ((small, clips), (large, clips.repeat_interleave(2, 3).repeat_interleave(2, 4))):
        adapter.slope.fill_(1.2)
        scores.append(adapter.score(shown)["motion"])
    torch.testing.assert_close(*scores)
    video = np.kron(sinking(1.5), np.ones((1, 4, 4, 1), np.uint8))  # 128 x 128, of pixels 4 x 4
    halved = np.kron(sinking(1.5), np.ones((1, 2, 2, 1), np.uint8))
    slopes = [
        source_slope(ClipSource([frames], adapter.clip, torch.device("cpu"), 0))
        for adapter, frames in ((small, halved), (large, video))
    ]
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-5)


def sinking(slope: float, frames: int = 40) -> np.ndarray:
    """A video of bands that move the faster the lower they are: (N, 32, 32, 1), uint8."""
    columns, rows = np.arange(32), np.arange(32)[:, None]
    pace = 0.3 * np.exp(slope * (rows / 32 - 0.5) / 2)
    video = [127 + 100 * np.sin(2 * np.pi / 16 * (columns - time * pace)) for time in range(frames)]
    return np.stack(video).round().astype(np.uint8)[..., None]


def test_a_fit_measures_the_perspective_of_its_scenes_each_counting_once():
    adapter = build("apn")
    videos = [sinking(slope) for slope in (1.0, 2.0, 9.0, 9.0, 9.0)]
    source = ClipSource(videos, adapter.clip, torch.device("cpu"), 0, [0, 1, 2, 2, 2])
    assert source_slope(source) == pytest.approx(2.0, abs=0.3)  # the median of three scenes, not of five videos
    adapter.fit(source, SMOKE, lambda *_: None)
    assert float(adapter.slope) == pytest.approx(2.0, abs=0.3)


def blocks(clips: torch.Tensor, side: int) -> torch.Tensor:
    """Clips (B, T, C, H, W) as means of side x side pixels."""
    *shape, height, width = clips.shape
    return clips.view(*shape, height // side, side, width // side, side).mean((-1, -3))


@pytest.mark.parametrize("way", ["", "pool=patch,", "resolution=1/4,predicts=change,", "prototypes=0,"])
@torch.no_grad()
def test_apn_scores_at_several_scales_by_the_mean_over_them(way):
    adapter, sizes = build(f"apn[{way}scales=1,0.5,0.25]"), []
    clips = clips_of(adapter)
    for side in (1, 2, 4):  # the same network, built for smaller frames
        smaller = build(f"apn[{way.removesuffix(',')}]", replace(SMOKE, size=SMOKE.size // side))
        smaller.load_state_dict(adapter.state_dict())
        sizes.append(smaller.score(blocks(clips, side)))
    for cue, values in adapter.score(clips).items():
        torch.testing.assert_close(values, sum(size[cue] for size in sizes) / 3)
    torch.testing.assert_close(adapter.score(adapter.frozen_features(clips)), adapter.score(clips))
    plain = build(f"apn[{way.removesuffix(',')}]")
    assert torch.equal(adapter.maps(clips), plain.maps(clips)) and torch.equal(adapter.loss(clips), plain.loss(clips))


def test_at_several_scales_apn_adapts_as_at_one():
    options = "calibrate=scene"
    adapter, plain = build(f"apn[{options},scales=0.5,1]"), build(f"apn[{options}]")
    support, clips, tuning = clips_of(adapter)[:2], clips_of(adapter)[2:], FineTune(FineTuneOptions(1e-3))
    adapted, twin = (adapt(method, support, 2, tuning) for method in (adapter, plain))
    assert all(torch.equal(value, twin.state_dict()[name]) for name, value in adapted.state_dict().items())
    with torch.no_grad():
        half = build("apn", replace(SMOKE, size=SMOKE.size // 2))
        half.load_state_dict(adapted.state_dict())
        expected = blocks(twin.expected[None, None, None], 2)[0, 0]  # (1, H / 2, W / 2)
        coarse = 10 * (half.maps(blocks(clips, 2)) / expected).mean((1, 2)).log10()
        fine = twin.score(clips)["prediction"]
        torch.testing.assert_close(adapted.score(clips)["prediction"], (coarse + fine) / 2)


def test_a_scale_gives_frames_that_the_network_can_take():
    clips = torch.rand(1, 5, 1, 48, 64)
    sizes = {scale: tuple(scaled(clips, scale, 8).shape[3:]) for scale in (1, 0.9, 0.5, 0.25, 0.01)}
    assert sizes == {1: (48, 64), 0.9: (40, 56), 0.5: (24, 32), 0.25: (16, 16), 0.01: (8, 8)}
    assert scaled(clips, 1.0, 8) is clips
    torch.testing.assert_close(scaled(clips, 0.5, 8), blocks(clips, 2))

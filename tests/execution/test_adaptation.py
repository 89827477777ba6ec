"""Adapting as the harness does: one run for many numbers of steps, over frozen features, safely, at a chosen rate."""

import copy
import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.portions import leading, size_of
from crossvad.adapters.tunings import base
from crossvad.adapters.tunings.base import adapt
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions, HeadTuning
from crossvad.adapters.tunings.norm import NormOptions, NormTuning
from crossvad.adapters.tunings.rate_search import search_rate
from crossvad.datasets.clips import ClipSource, head
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.verification.conformance import moving_squares

CPU = torch.device("cpu")
SMOKE = BUDGETS["smoke"]
RATE = FineTuneOptions(1e-3)


def build(method: str) -> Adapter:
    torch.manual_seed(0)
    return registry.get_method(method).build(SMOKE).eval()


def support(adapter: Adapter, shots: int = 4, seed: int = 9) -> Tensor:
    return head(moving_squares(SMOKE.size, 40, seed), adapter.clip, shots, CPU)


def source(adapter: Adapter, scenes: int = 3) -> ClipSource:
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(scenes)]
    return ClipSource(videos, adapter.clip, CPU, 0, list(range(scenes)))


def moved(before: Adapter, after: Adapter) -> set[str]:
    states = before.state_dict(), after.state_dict()
    return {name for name, value in states[0].items() if not torch.equal(value, states[1][name])}


# ---- one run, many numbers of steps ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["apn", "lmn", "framepred"])
def test_one_run_gives_what_each_number_of_steps_gives_alone(method):
    adapter, clips = build(method), support(build(method))
    seen = adapter.frozen_features(clips)
    together = list(FineTune(RATE).adapted(adapter, seen, [1, 2, 5]))
    for count, adapted in zip([1, 2, 5], together, strict=True):
        assert not moved(adapted, adapt(adapter, clips, count, FineTune(RATE)))
    assert all(moved(first, second) for first, second in itertools.pairwise(together))


# ---- a few clips at a time -------------------------------------------------------------------------------------------

BY_MEAN = [name for name in catalogue.METHODS if registry.get_method(name).cls.adapts_by_mean]


def test_prototype_methods_adapt_by_mean():
    assert {"apn", "apn-released", "mpn"} <= {*BY_MEAN}


@pytest.mark.parametrize("method", BY_MEAN)
def test_steps_are_the_same_however_many_clips_a_gradient_is_taken_of(method, monkeypatch):
    adapter = build(method)
    features = adapter.frozen_features(support(adapter, 5))
    whole = next(FineTune(RATE).adapted(adapter, features, [3]))
    monkeypatch.setattr("crossvad.adapters.portions.AT_ONCE", 2 * SMOKE.size**2)
    parts = list(base.in_turn(adapter, features))
    assert [size_of(part) for part, _ in parts] == [2, 2, 1]
    assert sum(share for _, share in parts) == pytest.approx(1)
    in_parts = next(FineTune(RATE).adapted(adapter, features, [3]))
    assert in_parts.adaptation.before == pytest.approx(whole.adaptation.before, rel=1e-5)
    assert in_parts.adaptation.after == pytest.approx(whole.adaptation.after, rel=1e-4)
    # Adam's first steps are signs of gradients: where one is nothing but rounding, a parameter may go either way.
    for name, value in in_parts.named_parameters():
        apart = (value - whole.get_parameter(name)).norm() / (value - adapter.get_parameter(name)).norm().clamp_min(1)
        assert apart < 1e-3


def test_a_loss_that_is_no_mean_is_taken_of_all_clips_at_once(monkeypatch):
    monkeypatch.setattr("crossvad.adapters.portions.AT_ONCE", 1)
    adapter = build("lmn")
    clips = support(adapter, 5)
    assert list(base.in_turn(adapter, clips)) == [(clips, 1.0)]


# ---- frozen features -------------------------------------------------------------------------------------------------

TRAINED = ["apn", "apn[predicts=change]", "apn[resolution=1/2]", "apn[resolution=1/4]", "apn[attention=finest]"]
TRAINED += ["apn[prototypes=0]", "apn-released", "mpn", "lmn", "lmn-recon", "memae", "memae-2d", "framepred"]


@pytest.mark.parametrize("method", TRAINED)
def test_a_method_makes_of_frozen_features_what_it_makes_of_clips(method):
    adapter = build(method)
    clips = support(adapter, 6)
    with torch.no_grad():
        seen = adapter.frozen_features(clips)
        assert torch.equal(adapter.adaptation_loss(seen), adapter.adaptation_loss(clips))
        direct, first = adapter.score(clips), adapter.score(leading(seen, 2))
        for cue, values in adapter.score(seen).items():
            assert torch.equal(values, direct[cue])
            torch.testing.assert_close(first[cue], adapter.score(clips[:2])[cue], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", TRAINED)
def test_no_adaptation_changes_what_is_frozen(method):
    adapter = build(method)
    clips = support(adapter)
    tunings = [FineTune(RATE), HeadTuning(RATE), NormTuning(NormOptions(0.5))]
    for tuning in [tuning for tuning in tunings if not tuning.unsupported_reason(adapter)]:
        adapted = copy.deepcopy(adapter)
        tuning.adapt(adapted, adapter.frozen_features(clips), 2)
        assert moved(adapter, adapted)
        _assert_equal(adapter.frozen_features(clips), adapted.frozen_features(clips))


def _assert_equal(first, second):
    if isinstance(first, Tensor):
        assert torch.equal(first, second)
    else:
        for one, other in zip(first, second, strict=True):
            _assert_equal(one, other)


def test_features_over_which_apn_adapts_are_made_once(monkeypatch):
    adapter = build("apn")
    encoded = []
    monkeypatch.setattr(adapter.encoder, "forward", lambda images, forward=adapter.encoder.forward: (
        encoded.append(len(images)), forward(images))[1])  # fmt: skip
    adapt(adapter, support(adapter, 4), 5, FineTune(RATE))
    assert encoded == [4]


# ---- head and norm ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["apn", "mpn", "lmn", "memae", "memae-2d", "framepred"])
def test_head_moves_the_last_layers_alone(method):
    adapter = build(method)
    changed = moved(adapter, adapt(adapter, support(adapter), 2, HeadTuning(RATE)))
    parameters = {name for name, _ in adapter.named_parameters()}
    assert changed and changed == set(adapter.head_parameters()) < parameters
    assert all(name.startswith(adapter.last_layers) for name in changed)


def test_head_needs_to_be_told_which_the_last_layers_are():
    adapter = build("framepred")
    adapter.last_layers = ("top.",)
    assert "name begins with top." in HeadTuning().unsupported_reason(adapter)


class Normed(Adapter):
    """A batch norm that shifts a frame, and nothing else."""

    def __init__(self, budget, options=None):
        super().__init__(budget, frames=1)
        self.norm = nn.BatchNorm2d(1, affine=False)

    def loss(self, clips):
        return self.norm(clips[:, 0]).square().mean()


def test_norm_moves_statistics_as_batch_norm_does():
    adapter, clips = Normed(SMOKE).eval(), torch.rand(6, 1, 1, 8, 8) + 3
    mean, variance = 0.0, 1.0
    for _ in range(3):
        mean, variance = 0.7 * mean + 0.3 * clips.mean(), 0.7 * variance + 0.3 * clips.var()
    adapted = copy.deepcopy(adapter)
    NormTuning(NormOptions(0.3)).adapt(adapted, clips, 3)
    assert adapted.norm.running_mean.item() == pytest.approx(mean.item(), rel=1e-5)
    assert adapted.norm.running_var.item() == pytest.approx(variance.item(), rel=1e-5)
    assert not adapted.norm.training and adapted.norm.momentum == adapter.norm.momentum


@pytest.mark.parametrize("method", ["lmn", "memae"])
def test_norm_moves_nothing_else(method):
    adapter = build(method)
    adapted = copy.deepcopy(adapter)
    NormTuning(NormOptions(0.5)).adapt(adapted, support(adapter), 2)
    names = {name.rpartition(".")[2] for name in moved(adapter, adapted)}
    assert names == {"running_mean", "running_var", "num_batches_tracked"}


def test_norm_refuses_a_method_without_statistics():
    assert NormTuning().unsupported_reason(build("apn")) == "has no normalisation statistics"
    assert NormTuning().unsupported_reason(build("lmn")) == ""


# ---- safety ----------------------------------------------------------------------------------------------------------


class Steep(Adapter):
    """One weight, pulled to zero by its square: a step of more than 1 overshoots."""

    def __init__(self, budget, options=None):
        super().__init__(budget, frames=1)
        self.weight = nn.Parameter(torch.tensor(0.01))

    def loss(self, clips):
        return self.weight.square() * clips.square().mean()


def test_an_adaptation_that_raises_its_loss_is_taken_back():
    adapter, clips = Steep(SMOKE), torch.ones(2, 1, 1, 4, 4)
    overshot, settled = (adapt(adapter, clips, 1, FineTune(FineTuneOptions(rate))) for rate in (1.0, 0.005))
    assert overshot.weight.item() == adapter.weight.item()
    assert overshot.adaptation.reverted and overshot.adaptation.after > 1000 * overshot.adaptation.before
    assert not settled.adaptation.reverted and settled.weight.item() == pytest.approx(0.005)
    assert settled.adaptation.before == pytest.approx(1e-4) and settled.adaptation.after == pytest.approx(2.5e-5)


class Measures(Steep):
    """Measures its loss where it ends."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("usual", torch.ones(()))

    def calibrate(self, clips):
        self.usual = self.loss(clips)


def test_what_is_measured_after_the_steps_can_be_copied():
    adapted = adapt(Measures(SMOKE), torch.ones(2, 1, 1, 4, 4), 1, FineTune(FineTuneOptions(0.005)))
    assert copy.deepcopy(adapted).usual.item() == pytest.approx(2.5e-5) and not adapted.usual.requires_grad


class Nan(Steep):
    """Its loss is no number once its weight has moved."""

    def loss(self, clips):
        value = super().loss(clips)
        return value if abs(self.weight.item() - 0.01) < 1e-6 else value * math.nan


def test_an_adaptation_whose_loss_is_no_number_is_taken_back():
    adapter = Nan(SMOKE)
    adapted = adapt(adapter, torch.ones(2, 1, 1, 4, 4), 3, FineTune(FineTuneOptions(0.001)))
    assert adapted.adaptation.reverted and math.isnan(adapted.adaptation.after)
    assert adapted.weight.item() == adapter.weight.item()


def test_a_run_may_diverge_late():
    adapter, clips = Steep(SMOKE), torch.ones(2, 1, 1, 4, 4)
    once, more = FineTune(FineTuneOptions(0.015)).adapted(adapter, clips, [1, 2])
    assert not once.adaptation.reverted and once.weight.item() == pytest.approx(-0.005, rel=1e-4)
    assert more.adaptation.before == once.adaptation.before  # of the whole run, not of its last step


# ---- the rate, chosen on the source ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tuning", [FineTune(), NormTuning()])
def test_an_undecided_tuning_does_not_adapt(tuning):
    adapter = build("lmn")
    with pytest.raises(ValueError, match="is still open"):
        adapt(adapter, support(adapter), 1, tuning)
    assert tuning.rate_is_open and not tuning.with_rate(0.1).rate_is_open


@pytest.mark.parametrize(("method", "tuning"), [("apn", FineTune()), ("lmn", NormTuning())])
def test_the_search_takes_the_rate_that_leaves_the_least_query_loss(method, tuning):
    adapter = build(method)
    episodes = list(source(adapter).unseen(2, 3, 4))
    before = copy.deepcopy(adapter)
    found = search_rate(adapter, tuning, episodes, [1, 3])
    assert not moved(before, adapter)
    for count, seen in found.items():
        means = []
        for rate in tuning.RATES:
            logs = []
            for clips, query in episodes:
                adapted = adapt(adapter, clips, count, tuning.with_rate(rate))
                with torch.no_grad():
                    logs.append(math.log(adapted.adaptation_loss(query) / adapter.adaptation_loss(query)))
            means.append(math.exp(sum(logs) / len(logs)))
        assert seen.losses == pytest.approx(means, rel=1e-4)
        assert seen.rates == list(tuning.RATES) and seen.option == tuning.rate
        assert seen.chosen == min(zip(means, tuning.RATES, strict=True))[1]
    assert len({*found[1].losses}) > 1


class Likelihood(Steep):
    """Its loss is in nats an image, far below zero; support clips want its weight higher than it is."""

    def loss(self, clips):
        return 1e6 * (self.weight - clips.mean()).square() - 1e8


@pytest.mark.parametrize(("query", "chosen", "told"), [(1.0, 1e-2, 0.0), (-1.0, 1e-5, math.inf)])
def test_losses_that_no_share_can_tell_are_told_apart(query, chosen, told):
    clips = torch.ones(2, 1, 1, 4, 4)
    found = search_rate(Likelihood(SMOKE), FineTune(), [(clips, query * clips)], [1])[1]
    assert found.chosen == chosen and found.losses.count(told) == 2

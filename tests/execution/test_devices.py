"""One training by several processes: it is the training of one, and a fault of one of them is told and ends all."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError
from crossvad.execution import device
from crossvad.execution.device import get_devices
from crossvad.execution.fitting import build
from crossvad.execution.mean_over_clips import refuse_coupled
from crossvad.execution.preflight import Refused, check_devices
from crossvad.planning import registry
from crossvad.planning.catalogue import METHODS
from crossvad.verification.conformance import moving_squares
from doubles import Honest, TinyGan, spec
from made import CPU, SMOKE
from rank_loss_curves import BUDGET, Normed, in_float64, of_two_ranks, trained

# A memory that shrinks at 1 / slots has a slope of up to 1e12 there, which magnifies rounding: on one device, too, the
# mere order of a batch's clips moves the loss of memae-2d by 0.2 % within six steps. A smaller threshold is never met.
SMOOTH = {name: f"{name}[shrink=1e-6]" for name in ("memae", "memae-2d")}
SMALL = {name: f"{name}[backbone=random,clips=4]" for name in ("stackrnn", "tsc")}
TRAINABLE = [(SMALL | SMOOTH).get(name, name) for name in METHODS if name != "knn"] + ["framepred[paper]", "apn[paper]"]
BY_STEPS = [name for name in TRAINABLE if registry.get_method(name).trains_by_steps]
SPLIT = [name for name in BY_STEPS if build(registry.get_method(name), BUDGET, 0, CPU).splits_batches]


EXACT = [*SPLIT, Normed]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    made = of_two_ranks(EXACT, tmp_path_factory.mktemp("ranks"))
    return dict(zip(EXACT, made, strict=True))


@pytest.mark.usefixtures("frames_seen_once")
@pytest.mark.parametrize("method", EXACT, ids=str)
def test_two_ranks_train_as_one_with_the_double_batch(method, of_two, tmp_path):
    with in_float64():
        alone = trained(method, tmp_path, shared=False)
    together = of_two[method]
    assert alone["loss"].dtype == np.float64 and len(alone["loss"]) == 6 and len(set(alone["loss"])) == 6
    assert alone.keys() == together.keys()
    for name, values in alone.items():
        np.testing.assert_allclose(together[name], values, 1e-8 if name == "loss" else 1e-5, 1e-8, err_msg=name)


def test_which_methods_are_split():
    known = {"apn", "apn-released", "mpn", "convae", "framepred", *SMOOTH.values(), *SMALL.values()}
    assert {*SPLIT} >= known
    assert not {*SPLIT} & {"lmn", "lmn-recon", "amc", "rgan", "zxvad", "framepred[paper]"}


@pytest.mark.parametrize(
    ("method", "devices", "said"),
    [
        ("lmn", 2, "lmn, --devices 2: its training cannot be split: .*; train it on one device"),
        ("framepred[paper]", 2, "cannot be split"),
        ("mdt", 2, "mdt, --devices 2: its training cannot be split"),
        ("framepred", 3, "its batches of 4 clips cannot be split evenly over 3; choose --devices 2 or 4, or train it"),
    ],
)
def test_what_cannot_be_split_is_refused_by_name(method, devices, said):
    chosen = registry.get_method(method)
    with pytest.raises(Refused, match=said):
        check_devices(chosen, chosen.build(BUDGET), BUDGET, devices)


@pytest.mark.parametrize("method", ["framepred", "framediff"])
def test_what_can_be_split_or_learns_nothing_is_not(method):
    chosen = registry.get_method(method)
    check_devices(chosen, chosen.build(BUDGET), BUDGET, 4)


class Summed(Honest):
    """Its loss is a sum over clips."""

    def loss(self, clips):
        return len(clips) * super().loss(clips)


class Dropping(Honest):
    """It draws random numbers as it trains."""

    def loss(self, clips):
        return super().loss(nn.functional.dropout(clips, 0.2, self.training))


class Writing(Honest):
    """It writes a memory as it trains."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("seen", torch.zeros(()))

    def loss(self, clips):
        if self.training:
            self.seen += 1
        return super().loss(clips)


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Summed, "Summed, --devices: its loss of two clips is .*, and not the mean of .*; train it on one device"),
        (Dropping, "its loss of two clips is"),
        (Writing, "its loss writes seen, which each device would do by itself"),
        (Honest, None),
        (Normed, None),
    ],
)
def test_a_plugin_whose_loss_is_no_mean_over_clips_is_found_out(cls, said):
    adapter = build(spec(cls), BUDGET, 0, CPU)
    before = {name: value.clone() for name, value in adapter.state_dict().items()}
    source = ClipSource([moving_squares(SMOKE.size, 60, 0)], adapter.clip, CPU, seed=0)
    with nullcontext() if said is None else pytest.raises(InputError, match=said):
        refuse_coupled(adapter, source)
    assert all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())
    assert not adapter.training


def test_a_plugin_says_that_its_batches_are_not_split():
    class Contrasting(Honest):
        splits_batches = False

    assert not Contrasting(SMOKE).splits_batches and Honest(SMOKE).splits_batches and not TinyGan(SMOKE).splits_batches


def test_too_many_gpus_or_one_of_them_are_refused(monkeypatch):
    assert get_devices("cpu", 3) == [CPU] * 3
    monkeypatch.setattr(device, "get_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert get_devices("cuda", 2) == [torch.device("cuda:0"), torch.device("cuda:1")]
    with pytest.raises(InputError, match="--devices 3: are more than the 2 GPUs of this machine; say at most 2"):
        get_devices("cuda", 3)
    with pytest.raises(InputError, match="--devices 2: cannot be several of --device cuda:1; choose --device cuda"):
        get_devices("cuda:1", 2)

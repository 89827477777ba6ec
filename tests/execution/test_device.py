"""Which device is meant, and that a GPU repeats itself as a CPU does."""

from __future__ import annotations

import os

import pytest
import torch

from crossvad.datasets.clips import ClipSource
from crossvad.execution import device
from crossvad.execution.device import get_device, repeat_exactly
from crossvad.execution.fitting import build
from crossvad.execution.training import train
from crossvad.planning import registry
from crossvad.verification.conformance import moving_squares
from made import SMOKE

LEARNERS = ["framepred", "lmn", "mpn", "apn", "memae", "apn-released", "convae", "zxvad"]


@pytest.fixture
def _as_before(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is put back, whatever it is
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    asked = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(False)
    yield
    torch.use_deterministic_algorithms(asked[0], warn_only=asked[1])
    torch.utils.deterministic.fill_uninitialized_memory = filled


@pytest.mark.usefixtures("_as_before")
def test_torch_is_told_to_repeat_itself_and_only_warns_of_what_it_cannot():
    repeat_exactly()
    assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
    assert (
        os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8" and not torch.utils.deterministic.fill_uninitialized_memory
    )


@pytest.mark.usefixtures("_as_before")
def test_whoever_asks_for_a_gpu_is_given_one_that_repeats_itself(monkeypatch):
    monkeypatch.setattr(device.torch, "empty", lambda *size, device: None)  # as if there were one
    assert get_device("cpu").type == "cpu" and not torch.are_deterministic_algorithms_enabled()
    assert get_device("cuda").type == "cuda" and torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("method", LEARNERS)
def test_two_trainings_on_a_gpu_with_one_seed_are_one(method):
    gpu, ends = get_device("cuda"), []
    for _ in range(2):
        adapter = build(registry.get_method(method), SMOKE, 0, gpu)
        videos = [moving_squares(SMOKE.size, 60, number) for number in range(2)]
        train(adapter, ClipSource(videos, adapter.clip, gpu, seed=0), SMOKE, lambda *log: None)
        ends.append(adapter.state_dict())
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())

"""What is measured of a method, held against what can be counted by hand."""

import math
from dataclasses import replace

import pytest
import torch

from crossvad.adapters.options import Schedule
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution import work_costs
from crossvad.execution.decoding import Decoder
from crossvad.execution.profiling import profile
from crossvad.execution.progress import Reporter
from crossvad.execution.work_costs import Clock, Effort, peak_bytes
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

CPU = torch.device("cpu")
SMOKE = replace(BUDGETS["smoke"], schedule=Schedule(2, 4, 1e-3))
HASTE = Effort(least=1, most=1, seconds=0.0, warm_up=0.0)


@pytest.fixture
def measured(north, south):
    """measured("lmn", …): the profile of a method that is not looked at for long."""

    def measure(method, adapting=((2, 1),), budget=SMOKE):
        tuning = registry.get_tuning("finetune[learning_rate=1e-4]").build()
        source, target, decoder = OwnFolder(north), OwnFolder(south), Decoder(FrameCache(), budget)
        spec, reporter = registry.get_method(method), Reporter(quiet=True)
        return profile(spec, budget, source, target, tuning, adapting, decoder, CPU, reporter, HASTE)

    return measure


def test_a_trained_method_has_every_cost(measured):
    costs = measured("framepred", [(2, 1), (2, 3), (5, 1)])
    assert (costs.method, costs.budget, costs.size, costs.width) == ("framepred", "smoke", 32, 8)
    assert costs.parameters == registry.get_method("framepred").build(SMOKE).parameter_count()
    assert [(cost.shots, cost.steps) for cost in costs.adaptation] == [(2, 1), (2, 3), (5, 1)]
    assert costs.training_batch == 4 and costs.training_bytes > costs.scoring_bytes > 0
    positive = [costs.latency, costs.latency_95, costs.throughput, costs.end_to_end, costs.training_steps]
    assert all(math.isfinite(cost) and cost > 0 for cost in [*positive, *(each.seconds for each in costs.adaptation)])
    assert costs.video.endswith("/a") and costs.machine


def test_multiply_adds_are_those_of_the_layers(measured):
    def convolution(inputs, outputs, kernel, side):
        return inputs * outputs * kernel**2 * side**2

    w, side = 8, 32
    widths = [4, w, 2 * w, 4 * w, 8 * w]
    total = 0
    for level in range(4):  # down
        total += convolution(widths[level], widths[level + 1], 3, side >> level)
        total += convolution(widths[level + 1], widths[level + 1], 3, side >> level)
    for level in (2, 1, 0):  # up by 2 x 2 transposed convolutions, then two convolutions
        total += convolution(2 * widths[level + 1], widths[level + 1], 2, side >> (level + 1))
        total += convolution(2 * widths[level + 1], widths[level + 1], 3, side >> level)
        total += convolution(widths[level + 1], widths[level + 1], 3, side >> level)
    total += convolution(w, 1, 3, side)
    assert measured("framepred").multiply_adds == total


def test_one_in_closed_form_is_fitted_and_takes_no_steps(measured):
    costs = measured("knn[backbone=random]", [(2, 1), (2, 10)])
    assert [(cost.shots, cost.steps) for cost in costs.adaptation] == [(2, 1)]
    assert math.isnan(costs.training_steps) and costs.training_bytes == 0 and costs.throughput > 0


def test_one_that_learns_nothing_has_neither_training_nor_adaptation(measured):
    costs = measured("framediff")
    assert math.isnan(costs.training_steps) and costs.adaptation == () and costs.parameters == 0


def test_one_that_scores_whole_videos_has_no_latency(measured):
    costs = measured("lmn[test_update=true]")
    assert math.isnan(costs.latency) and costs.throughput > 0


def test_the_batch_is_the_fastest_of_those_tried(measured, monkeypatch):
    """By a clock of its own, on which a clip of a batch takes less the more there are, up to eight."""
    taken = {1: 1.0, 2: 1.5, 4: 2.0, 8: 3.0, 16: 7.0, 32: 15.0}

    def seconds(self, work):
        batch = len(work.args[1]) if hasattr(work, "args") else 1
        return [taken[batch]]

    monkeypatch.setattr(Clock, "seconds", seconds)
    costs = measured("framepred")
    assert costs.batch == 8 and costs.throughput == pytest.approx(8 / 3)


def test_the_clock_warms_up_and_stops_when_it_is_time(monkeypatch):
    time, calls = [0.0], []
    monkeypatch.setattr(work_costs, "now", lambda device: time[0])

    def work():
        calls.append(time[0])
        time[0] += 2.0

    assert Clock(CPU, Effort(least=3, most=50, seconds=10.0, warm_up=3.0)).seconds(work) == [2.0] * 5
    assert len(calls) == 2 + 5  # four seconds to warm up, ten that count
    calls.clear()
    assert len(Clock(CPU, Effort(least=3, most=50, seconds=1.0, warm_up=0.0)).seconds(work)) == 3
    assert len(Clock(CPU, Effort(least=1, most=2, seconds=100.0, warm_up=0.0)).seconds(work)) == 2


def test_peak_bytes_are_of_what_lives_at_one_time():
    megabyte = 2**20

    def work():
        for _ in range(3):
            torch.empty(4 * megabyte, dtype=torch.uint8)
        kept = torch.empty(2 * megabyte, dtype=torch.uint8)
        return kept, torch.empty(3 * megabyte, dtype=torch.uint8)

    assert peak_bytes(work, CPU) == 5 * megabyte

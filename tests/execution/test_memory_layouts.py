import copy
import json
import random

import numpy as np
import pytest
import torch
from torch import nn

from crossvad.adapters.base import Frozen
from crossvad.adapters.nets.memory_layout import laid_out_as
from crossvad.execution import memory_layouts
from crossvad.execution.fitting import build
from crossvad.execution.memory_layouts import LAYOUTS, arrange, fastest, features_in, is_laid_out, lay_out, probe, usual
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

CPU, BUDGET = torch.device("cpu"), BUDGETS["smoke"]


@pytest.fixture
def method():
    return registry.get_method("mpn").build(BUDGET).eval()


@pytest.fixture
def probed(monkeypatch, tmp_path):
    """Probe whatever the size, into an empty cache."""
    monkeypatch.setattr(memory_layouts, "PROBED_FROM", 0)
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path))
    monkeypatch.setattr(memory_layouts, "_found", {})
    return tmp_path / "layouts"


def slow_in(layout, clock):
    """Work that takes a second in one layout and none in the other, by a clock of its own."""

    def work(method, given):
        clock[0] += given == layout

    return work


@pytest.fixture
def clock(monkeypatch):
    times = [0.0]
    monkeypatch.setattr(memory_layouts, "now", lambda device: times[0])
    return times


@pytest.mark.parametrize("slow", LAYOUTS)
def test_the_faster_layout_is_taken_and_remembered(method, probed, clock, slow):
    (fast,) = set(LAYOUTS) - {slow}
    assert arrange(method, "learning", BUDGET, CPU, slow_in(slow, clock)) == fast
    (kept,) = probed.iterdir()
    assert json.loads(kept.read_text())["seconds"] == {slow: 1.0, fast: 0.0}
    # Asked again, it is not probed again, by whatever work, in this process or in another.
    assert arrange(method, "learning", BUDGET, CPU, slow_in(fast, clock)) == fast
    memory_layouts._found.clear()
    assert arrange(method, "learning", BUDGET, CPU, slow_in(fast, clock)) == fast
    # Another task is another question.
    assert arrange(method, "adapting", BUDGET, CPU, slow_in(fast, clock)) == slow


def test_what_was_remembered_may_be_lost_or_damaged(method, probed, clock):
    arrange(method, "learning", BUDGET, CPU, slow_in("rows", clock))
    (kept,) = probed.iterdir()
    for damaged in ("", "[]", '{"layout": "sideways"}'):
        kept.write_text(damaged)
        memory_layouts._found.clear()
        assert arrange(method, "learning", BUDGET, CPU, slow_in("channels last", clock)) == "rows"
        assert json.loads(kept.read_text())["layout"] == "rows"


def test_a_cache_that_cannot_be_written_stops_nothing(method, probed, clock):
    probed.parent.joinpath("layouts").write_text("a file where the folder should be")
    for slow in ("channels last", "rows"):  # nor is it probed again
        assert arrange(method, "learning", BUDGET, CPU, slow_in(slow, clock)) == "rows"


def test_ways_to_adapt_are_told_apart(method, probed, clock):
    assert fastest(method, "adapting", BUDGET, CPU, slow_in("rows", clock), "NormTuning") == "channels last"
    assert fastest(method, "adapting", BUDGET, CPU, slow_in("channels last", clock), "FineTune") == "rows"


def test_work_that_cannot_be_done_on_a_few_clips_leaves_the_usual_layout(method, probed):
    def work(trial, layout):
        raise ValueError("takes four clips")

    assert arrange(method, "learning", BUDGET, CPU, work) == "channels last" and not probed.exists()


def test_small_frames_and_methods_without_convolutions_are_not_probed(method, monkeypatch, clock):
    def work(method, layout):
        raise AssertionError("probed")

    assert arrange(method, "learning", BUDGET, CPU, work) == usual(method) == "channels last"
    cubes = registry.get_method("memae").build(BUDGET)
    assert arrange(cubes, "learning", BUDGET, CPU, work) == usual(cubes) == "rows"
    monkeypatch.setattr(memory_layouts, "PROBED_FROM", 0)
    arrange(registry.get_method("framediff").build(BUDGET), "scoring", BUDGET, CPU, work)


def test_a_probe_leaves_the_method_and_the_draws_as_they_were(method):
    before, drawn = copy.deepcopy(method.state_dict()), torch.random.get_rng_state()
    np.random.seed(1)
    random.seed(1)

    def work(trial, layout):
        trial.head[1].weight.data += torch.rand(()) + np.random.rand() + random.random()

    assert set(probe(method, CPU, work)) == set(LAYOUTS)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert (np.random.rand(), random.random()) == (np.random.RandomState(1).rand(), random.Random(1).random())
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("name", ["mpn", "lmn", "memae", "apn"])
def test_scores_and_gradients_are_those_of_any_layout(name):
    torch.manual_seed(0)
    method = registry.get_method(name).build(BUDGET).eval()
    clips = torch.rand(2, method.clip.frames, BUDGET.channels, BUDGET.size, BUDGET.size)
    seen = []
    for layout in LAYOUTS:
        lay_out(method, layout)
        assert [is_laid_out(method, each) for each in LAYOUTS] == [each == layout for each in LAYOUTS]
        method.zero_grad()
        method.loss(clips).backward()
        seen.append([*method.score(clips).values(), *(p.grad for p in method.parameters() if p.grad is not None)])
    for one, other in zip(*seen, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["mpn", "lmn"])
def test_a_method_runs_in_one_layout_from_end_to_end(name, layout):
    """A map that comes of linear algebra over pixels must not turn the convolutions after it."""
    method = lay_out(registry.get_method(name).build(BUDGET).eval(), layout)
    formats = memory_layouts.FORMATS[layout][4]
    turned = []
    for part_name, part in method.named_modules():
        if isinstance(part, nn.Conv2d):
            # Frames come as they are, and are turned by the first convolution.
            part.register_forward_hook(
                lambda _, args, made, part_name=part_name: (
                    turned.append(part_name) if not made.is_contiguous(memory_format=formats) else None
                )
            )
    method.loss(torch.rand(2, 5, BUDGET.channels, BUDGET.size, BUDGET.size))
    assert not turned


def test_features_are_brought_into_a_layout_whatever_holds_them(method):
    clips = torch.rand(2, 5, BUDGET.channels, BUDGET.size, BUDGET.size)
    encoded = method.frozen_features(clips)
    for layout in LAYOUTS:
        moved = features_in(encoded, layout)
        assert type(moved) is type(encoded)
        assert moved.features.is_contiguous(memory_format=memory_layouts.FORMATS[layout][4])
        torch.testing.assert_close(moved, encoded, rtol=0, atol=0)
    assert features_in(clips, "channels last") is clips  # whole clips are the method's to cut
    assert features_in(encoded, None) is encoded


def test_a_frozen_backbone_is_laid_out_with_the_method_that_holds_it():
    method = build(registry.get_method("knn[backbone=random]"), BUDGET, 0, CPU)
    held = [part.network for part in method.modules() if isinstance(part, Frozen)]
    assert held and all(is_laid_out(network, "channels last") for network in held)


def test_a_map_takes_the_layout_of_another():
    rows = torch.rand(2, 3, 4, 5)
    last = rows.contiguous(memory_format=torch.channels_last)
    for made in (rows, last):
        assert laid_out_as(made, rows).is_contiguous()
        assert laid_out_as(made, last).is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(laid_out_as(made, last), rows)

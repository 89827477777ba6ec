"""The rules every tuning is held to: ours keep them, and each is seen broken by one that breaks it."""

from __future__ import annotations

import itertools

import pytest
import torch

from crossvad import check_adapter, check_tuning
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.planning import catalogue
from crossvad.planning.specs import TuningSpec
from crossvad.verification import tuning_conformance
from crossvad.verification.tuning_conformance import tuning_verdicts

GRID = "a grid runs, and again from the store"


@pytest.fixture(autouse=True)
def _no_grid(request, monkeypatch):
    """A grid takes most of the time, and ours go through plenty elsewhere."""
    monkeypatch.setattr(tuning_conformance, "run_twice", lambda *given: (True, "not run"))


@pytest.mark.parametrize("name", catalogue.TUNINGS)
def test_every_tuning_keeps_every_rule(name):
    assert len(check_tuning(name)) == (6 if name == "none" else 7)


def broken(cls):
    spec = TuningSpec(cls.__name__, cls, FineTuneOptions(1e-3))
    return {verdict.rule for verdict in tuning_verdicts(spec) if not verdict.holds}


class Still(FineTune):
    def steps(self, adapter, features):
        return itertools.repeat(0.5)


class Ends(FineTune):
    def steps(self, adapter, features):
        return itertools.islice(super().steps(adapter, features), 2)


class YieldsTensors(FineTune):
    def steps(self, adapter, features):
        return map(torch.tensor, super().steps(adapter, features))


class MovesAll(FineTune):
    def steps(self, adapter, features):
        for loss in super().steps(adapter, features):
            for parameter in adapter.parameters():
                parameter.data += 0.01
            yield loss


class LeavesTraining(FineTune):
    def steps(self, adapter, features):
        adapter.train()
        return super().steps(adapter, features)


class Draws(FineTune):
    def steps(self, adapter, features):
        for loss in super().steps(adapter, features):
            for parameter in self.parameters(adapter).values():
                parameter.data += 0.01 * torch.rand(())
            yield loss


class KeepsForItself(FineTune):
    gain = 0.0

    def prepare(self, adapter, source, episodes, log):
        self.gain = 0.1
        return {}

    def steps(self, adapter, features):
        for loss in super().steps(adapter, features):
            for parameter in self.parameters(adapter).values():
                parameter.data += self.gain
            yield loss


class NoRates(FineTune):
    RATES = ()


class AdaptsNothing(FineTune):
    def unsupported_reason(self, adapter):
        return "is not liked"


@pytest.mark.parametrize(
    ("cls", "rules"),
    [
        (FineTune, set()),
        (Still, {"steps move the method"}),
        (Ends, {"each step yields a finite support loss, without an end"}),
        (YieldsTensors, {"each step yields a finite support loss, without an end"}),
        (MovesAll, {"what must not adapt stays"}),
        (Draws, {"the same steps give the same method", "all that it learned is in what `prepare` returns"}),
        (KeepsForItself, {"all that it learned is in what `prepare` returns"}),
        (NoRates, {"its rate can be chosen on the source"}),
        (AdaptsNothing, {"it can adapt a method that comes with the benchmark"}),
    ],
)
def test_a_broken_rule_is_seen_and_no_other(cls, rules):
    assert broken(cls) == rules


def test_a_mode_that_is_changed_is_seen():
    assert "it leaves eval mode and requires_grad as they were" in broken(LeavesTraining)


def test_a_grid_is_run_with_it(monkeypatch):
    given = []
    monkeypatch.setattr(tuning_conformance, "run_twice", lambda *all_of_it: (given.append(all_of_it), (False, "x"))[1])
    assert broken(FineTune) == {GRID} and given[0][3].cls is FineTune


def test_authors_of_methods_are_told_which_rules_are_broken(plugin):
    by_batch = plugin(('return {"level": (clips', 'return {"level": len(clips) * (clips'))
    with pytest.raises(AssertionError, match=r"Mine breaks \d of 16 rules:\n  the batch size does not matter: "):
        check_adapter(by_batch)
    assert all(verdict.holds for verdict in check_adapter(plugin()))

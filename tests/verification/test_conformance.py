"""The rules every method is held to: ours keep them all, and each is seen broken by an adapter that breaks it."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import NoOptions
from crossvad.planning import catalogue, registry
from crossvad.planning.specs import MethodSpec
from crossvad.verification.conformance import ANOMALY, check_adapter, moving_squares

SHAPE = "one finite score per clip and cue"
BATCH = "the batch size does not matter"
SEED = "the same seed gives the same scores"
OTHERS = "other videos do not matter"
COPY = "adapting returns a new object and leaves this one"
SHOTS = "0 shots change nothing"
STEPS = "0 steps change nothing"
MOVES = "adapting moves the method"
HIGHER = "a planted anomaly scores higher, in one cue at least"
RULES = {SHAPE, BATCH, SEED, OTHERS, COPY, SHOTS, STEPS, MOVES, HIGHER}


class Honest(Adapter):
    """Keeps every rule: predicts a frame as the one before, times a learned factor."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=3)
        self.factor = nn.Parameter(torch.tensor(0.9))

    def loss(self, clips):
        return (self.factor * clips[:, -2] - clips[:, -1]).square().mean()

    @torch.no_grad()
    def score(self, clips):
        return {"prediction": (self.factor * clips[:, -2] - clips[:, -1]).square().mean((1, 2, 3))}


class Nan(Honest):
    def score(self, clips):
        return {"prediction": super().score(clips)["prediction"].log().sqrt()}


class OneScoreTooFew(Honest):
    def score_video(self, batches):
        return {cue: values[1:] for cue, values in super().score_video(batches).items()}


class DependsOnTheBatch(Honest):
    def score(self, clips):
        values = super().score(clips)["prediction"]
        return {"prediction": values / values.mean()}


class Unseeded(Honest):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.factor.data += np.random.default_rng().random()


class RemembersOtherVideos(Honest):
    """Scores rise with every video that is new to it."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.seen = set()

    def score_video(self, batches):
        scores = super().score_video(batches)
        self.seen.add(float(scores["prediction"].sum()))
        return {"prediction": scores["prediction"] + len(self.seen)}


class AdaptsItself(Honest):
    def adapt(self, support, steps, tuning):
        if len(support) and steps:
            tuning.adapt(self, support, steps)
        return self


class HandsItselfBack(Honest):
    def adapt(self, support, steps, tuning):
        return self


class CopiesTooLate(Honest):
    def adapt(self, support, steps, tuning):
        if len(support) and steps:
            tuning.adapt(self, support, steps)
        return copy.deepcopy(self)


class AdaptsToNothing(Honest):
    def adapt(self, support, steps, tuning):
        adapted = super().adapt(support, steps, tuning)
        if not len(support):
            adapted.factor.data += 0.1
        return adapted


class AdaptsInNoStep(Honest):
    def adapt(self, support, steps, tuning):
        adapted = super().adapt(support, steps, tuning)
        if not steps:
            adapted.factor.data += 0.1
        return adapted


class NeverAdapts(Honest):
    def adapt(self, support, steps, tuning):
        return copy.deepcopy(self)


class UpsideDown(Honest):
    def score(self, clips):
        return {"prediction": -super().score(clips)["prediction"]}


def broken(cls: type[Adapter]) -> set[str]:
    """The rules that an adapter breaks; all are looked at, or the first alone where there are no scores to judge."""
    verdicts = list(check_adapter(MethodSpec(cls.__name__, cls, NoOptions())))
    assert len(verdicts) == len(RULES if verdicts[0].holds else {SHAPE})
    assert {verdict.rule for verdict in verdicts} == (RULES if verdicts[0].holds else {SHAPE})
    assert all(verdict.seen for verdict in verdicts)
    return {verdict.rule for verdict in verdicts if not verdict.holds}


@pytest.mark.parametrize("name", catalogue.METHODS)
def test_every_method_keeps_every_rule(name):
    verdicts = list(check_adapter(registry.get_method(name)))
    assert [f"{verdict.rule}: {verdict.seen}" for verdict in verdicts if not verdict.holds] == []
    expected = RULES - ({MOVES} if name in catalogue.BASELINES else set()) - ({HIGHER} if name == "random" else set())
    assert {verdict.rule for verdict in verdicts} == expected


def test_an_honest_adapter_keeps_every_rule():
    assert broken(Honest) == set()


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (OneScoreTooFew, SHAPE),
        (DependsOnTheBatch, BATCH),
        (Unseeded, SEED),
        (AdaptsToNothing, SHOTS),
        (AdaptsInNoStep, STEPS),
        (NeverAdapts, MOVES),
        (UpsideDown, HIGHER),
    ],
)
def test_a_broken_rule_is_seen_and_no_other(cls, rule):
    assert broken(cls) == {rule}


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (Nan, SHAPE),
        (RemembersOtherVideos, OTHERS),
        (AdaptsItself, COPY),
        (CopiesTooLate, COPY),
        (HandsItselfBack, COPY),
    ],
)
def test_a_broken_rule_is_seen_among_those_it_takes_with_it(cls, rule):
    assert rule in broken(cls)


def test_one_cue_that_finds_the_anomaly_is_enough():
    class OneOfTwo(Honest):
        def score(self, clips):
            values = super().score(clips)["prediction"]
            return {"wrong": -values, "right": values}

    assert broken(OneOfTwo) == set()


def test_the_anomaly_starts_when_it_is_said_to():
    plain, planted = moving_squares(32, 60, seed=7), moving_squares(32, 60, seed=7, anomaly=ANOMALY)
    assert planted.shape == (60, 32, 32, 1) and planted.dtype == np.uint8
    differs = (plain != planted).any(axis=(1, 2, 3))
    assert not differs[:ANOMALY].any() and differs[ANOMALY:].all()
    assert not np.array_equal(plain, moving_squares(32, 60, seed=8))


class OneScorePerBatch(Honest):
    def score(self, clips):
        return {"prediction": super().score(clips)["prediction"].mean().view(1)}


def test_an_adapter_that_scores_batches_is_told_so_and_not_crashed():
    assert broken(OneScorePerBatch) == {SHAPE}  # and no more is said: the other rules speak of scores that are there

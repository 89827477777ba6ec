"""The rules every method is held to: ours keep them all, and each is seen broken by an adapter that breaks it."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.specs import MethodSpec
from crossvad.verification.conformance import adapter_verdicts
from crossvad.verification.miniature_grid import ANOMALY, moving_squares
from doubles import (
    Detecting,
    Honest,
    Moving,
    NearestNeighbour,
    OverFrozen,
    PcaInArrays,
    Ranked,
    Rising,
    TinyGan,
    Untrained,
    spec,
)

SHAPE = "one finite score per clip and cue"
BATCH = "the batch size does not matter"
CLIPS = "other clips of the video do not matter"
SCENE = "other videos of the scene do not matter"
OTHERS = "other videos do not matter"
LATER = "what follows in the video does not matter"
SEED = "the same seed gives the same scores"
SEEDS = "seeds make no difference"
SAVED = "a method saved and loaded gives the same scores, adapted or not"
GRID = "a grid runs, and again from the store"
COPY = "adapting returns a new object and leaves this one"
SHOTS = "0 shots change nothing"
STEPS = "0 steps change nothing"
MOVES = "adapting moves the method"
FROZEN = "`frozen_features` is the same before and after adapting"
SHOWN = "clips and their features stay as they are"
MAPS = "maps are (B, h, w), one per clip, and finite"
HIGHER = "a planted anomaly scores higher, in one cue at least"
RULES = {SHAPE, BATCH, CLIPS, SCENE, LATER, OTHERS, SEED, SAVED, COPY, SHOTS, STEPS, MOVES, FROZEN, SHOWN, GRID, HIGHER}


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


class ChangesAsItLooks(Honest):
    def frozen_features(self, clips):
        if len(clips) == 5:  # as a support set has
            self.factor.data += 0.1
        return clips


class HandsItselfBack(Honest):
    def __deepcopy__(self, memo):
        return self


class ForgetsInCopies(Honest):
    def __deepcopy__(self, memo):
        adapted = copy.copy(self)
        adapted._parameters = {"factor": nn.Parameter(self.factor.detach() + 0.1)}
        return adapted


class NeverAdapts(Honest):
    def adaptation_loss(self, clips):
        return 0 * self.factor


class HasNothingToAdapt(Honest):
    def adaptable_parameters(self):
        return {}


class KeepsItsFactorElsewhere(Honest):
    """A number that scores depend on, in a plain attribute."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.gain = 1.0

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        self.gain = float(source.batch(4).std())

    def score(self, clips):
        return {"prediction": self.gain * super().score(clips)["prediction"]}


class KeepsItsFactorInAPassingBuffer(Honest):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("gain", torch.rand(()), persistent=False)

    def score(self, clips):
        return {"prediction": self.gain * super().score(clips)["prediction"]}


class PcaKeptAsAnObject(PcaInArrays):
    def state_arrays(self):
        return {}


class GrowsAParameter(NearestNeighbour):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        del self.bank
        self.bank = nn.Parameter(torch.zeros(0, budget.size**2), requires_grad=False)

    def fit(self, source, budget, log):
        self.bank = nn.Parameter(source.batch(20).flatten(1), requires_grad=False)

    def calibrate(self, support):
        self.bank = nn.Parameter(torch.cat([self.bank, support.flatten(1)]), requires_grad=False)


class FillsABufferOfNothing(NearestNeighbour):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("bank", None)


class TiesItsWeights(Honest):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.same = self.factor
        self.mix = nn.Conv2d(1, 1, 1)
        self.mix_again = self.mix

    def loss(self, clips):
        return super().loss(clips) + self.mix_again(clips[:, 0]).square().mean()


class KeepsAGraph(NearestNeighbour):
    """Its bank was made of a parameter, as if to learn it: no copy can be made of such a tensor."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.gain = nn.Parameter(torch.ones(()))

    def fit(self, source, budget, log):
        self.bank = self.gain * source.batch(20).flatten(1)

    def adaptable_parameters(self):
        return {}


class WeighsInCalibrate(NearestNeighbour):
    """A number that nothing but adapting depends on, in a plain attribute."""

    share = 0.0

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        self.share = 1.0

    def calibrate(self, support):
        self.bank = torch.cat([self.bank, self.share * support.flatten(1)])


class MakesALayerInFit(Honest):
    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        self.late = nn.Linear(2, 2)


class PcaPickled(PcaInArrays):
    def state_arrays(self):
        return {"pca": np.array(self.pca, dtype=object)}


class PcaNotTakenUp(PcaInArrays):
    load_state_arrays = Adapter.load_state_arrays


class InOrderUnsaid(Rising):
    scores_in_order = False


class AheadUnsaid(Honest):
    """It ranks a frame among all of its video, and does not say so."""

    scores_in_order = True

    def score_video(self, batches):
        errors = super().score_video(batches)["prediction"]
        return {"prediction": errors / errors.max()}


class SceneUnsaid(Ranked):
    scores_scene = False


class SaysSeedsDoNotMatter(Honest):
    stochastic = False

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.factor.data += torch.rand(())


class DimsWhatItSees(NearestNeighbour):
    """In place, where its clips share no frame: what is shown them next sees half of it."""

    def score(self, clips):
        return super().score(clips.mul_(0.5))


class DimsItsFeatures(OverFrozen):
    def calibrate(self, features):
        super().calibrate(features.mul_(0.5))


class CalibratesItsFeatures(NearestNeighbour):
    """What it takes from its features was another before it adapted, when they were made."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("level", torch.zeros(()))

    def frozen_features(self, clips):
        return clips - self.level

    def calibrate(self, features):
        self.level = self.level + features.mean()


class AdaptsAtRandom(NearestNeighbour):
    """In closed form, from draws that no seed decides."""

    def calibrate(self, support):
        self.bank = self.bank + float(np.random.default_rng().random())


class UpsideDown(Honest):
    def score(self, clips):
        return {"prediction": -super().score(clips)["prediction"]}


class MapsOneValue(Honest):
    def maps(self, clips):
        return self.score(clips)["prediction"]


class MapsNothing(Honest):
    def maps(self, clips):
        return None


class MapsInfinity(Honest):
    def maps(self, clips):
        return clips[:, -1].mean(1) / 0


def rules(method: MethodSpec) -> set[str]:
    """Those that are asked of a method by what it declares."""
    asked, adapter = set(RULES), method.build(BUDGETS["smoke"])
    asked -= {CLIPS} if adapter.scores_in_order or adapter.scores_scene else set()
    asked -= {SCENE} if adapter.scores_scene else set()
    asked -= {LATER} if adapter.transductive else set()
    asked -= set() if adapter.needs_source else {SAVED}
    asked -= set() if adapter.adapts else {MOVES, FROZEN}
    asked |= {MAPS} if method.maps_version else set()
    return asked | (set() if adapter.stochastic else {SEEDS})


def broken(cls: type[Adapter]) -> set[str]:
    """The rules that an adapter breaks; all are looked at, or the first alone where there are no scores to judge."""
    verdicts = list(adapter_verdicts(spec(cls)))
    asked = rules(spec(cls)) if verdicts[0].holds else {SHAPE}
    if cls is HasNothingToAdapt:
        asked = asked - {COPY, SHOTS, STEPS, FROZEN, SHOWN}
    assert len(verdicts) == len(asked) and {verdict.rule for verdict in verdicts} == asked
    assert all(verdict.measured for verdict in verdicts)
    return {verdict.rule for verdict in verdicts if not verdict.holds}


# Of these, features of hundreds of clips are made at every fit, or layers are much wider than a rule needs them.
SHORTER = {"stackrnn": "stackrnn[clips=8]", "tsc": "tsc[clips=8]", "rgan": "rgan[lstm=small]"}


@pytest.mark.parametrize("name", catalogue.METHODS)
def test_every_method_keeps_every_rule(name):
    method = registry.get_method(SHORTER.get(name, name))
    verdicts = list(adapter_verdicts(method))
    assert [f"{verdict.rule}: {verdict.measured}" for verdict in verdicts if not verdict.holds] == []
    assert {verdict.rule for verdict in verdicts} == rules(method) - ({HIGHER} if name == "random" else set())


def test_scores_in_order_may_depend_on_an_option():
    verdicts = list(adapter_verdicts(registry.get_method("lmn[test_update=true]")))
    assert CLIPS not in {verdict.rule for verdict in verdicts} and all(verdict.holds for verdict in verdicts)


KINDS = [Honest, TinyGan, NearestNeighbour, PcaInArrays, Rising, Ranked, Untrained, Moving, Detecting, OverFrozen]
KINDS += [GrowsAParameter, FillsABufferOfNothing, TiesItsWeights, KeepsAGraph]


@pytest.mark.parametrize("cls", KINDS)
def test_an_honest_adapter_keeps_every_rule(cls):
    assert broken(cls) == set()


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (OneScoreTooFew, SHAPE),
        (Unseeded, SEED),
        (NeverAdapts, MOVES),
        (UpsideDown, HIGHER),
        (MapsOneValue, MAPS),
        (MapsNothing, MAPS),
        (MapsInfinity, MAPS),
        (KeepsItsFactorInAPassingBuffer, SAVED),
        (InOrderUnsaid, CLIPS),
        (AheadUnsaid, LATER),
        (SaysSeedsDoNotMatter, SEEDS),
        (DimsWhatItSees, SHOWN),
        (DimsItsFeatures, SHOWN),
        (CalibratesItsFeatures, FROZEN),
        (AdaptsAtRandom, GRID),
    ],
)
def test_a_broken_rule_is_seen_and_no_other(cls, rule):
    assert broken(cls) == {rule}


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (HasNothingToAdapt, MOVES),
        (HandsItselfBack, COPY),
        (KeepsItsFactorElsewhere, SAVED),
        (PcaKeptAsAnObject, SAVED),
        (PcaNotTakenUp, SAVED),
        (WeighsInCalibrate, SAVED),
        (MakesALayerInFit, SAVED),
    ],
)
def test_a_rule_that_a_run_would_break_at_breaks_the_run(cls, rule):
    assert broken(cls) == {rule, GRID}


@pytest.mark.parametrize(
    ("cls", "named"),
    [
        (KeepsItsFactorElsewhere, "set in fit and lost: gain; keep it in"),
        (KeepsItsFactorInAPassingBuffer, "set in fit and lost: gain; keep it in"),
        (PcaKeptAsAnObject, "set in fit and lost: pca; keep it in"),
        (WeighsInCalibrate, "set in fit and lost: share; keep it in"),
        (MakesALayerInFit, "late.bias, late.weight: not there in a fresh MakesALayerInFit; make in __init__"),
        (PcaPickled, "state array 'pca' holds Python objects"),
    ],
)
def test_what_saving_loses_is_named(cls, named):
    (verdict,) = (verdict for verdict in adapter_verdicts(spec(cls)) if verdict.rule == SAVED)
    assert not verdict.holds and named in verdict.measured


@pytest.mark.parametrize(
    ("cls", "rule"),
    [
        (Nan, SHAPE),
        (DependsOnTheBatch, BATCH),
        (DependsOnTheBatch, CLIPS),
        (RemembersOtherVideos, OTHERS),
        (ForgetsInCopies, SHOTS),
        (ForgetsInCopies, STEPS),
        (SceneUnsaid, SCENE),
        (ChangesAsItLooks, COPY),
        (PcaPickled, SAVED),
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


class GivesATensor(Honest):
    def score(self, clips):
        return super().score(clips)["prediction"]


class GivesArrays(Honest):
    def score(self, clips):
        return {"prediction": super().score(clips)["prediction"].numpy()}


@pytest.mark.parametrize(("cls", "kind"), [(GivesATensor, "a Tensor"), (GivesArrays, "a dict of ndarray")])
def test_scores_of_another_kind_are_told(cls, kind):
    (verdict,) = adapter_verdicts(spec(cls))
    assert (verdict.rule, verdict.holds) == (
        SHAPE,
        False,
    ) and verdict.measured == f"{{cue: tensor}} is wanted, not {kind}"


class Falls(Honest):
    def fit(self, source, budget, log):
        raise RuntimeError("no luck")


class FallsLater(NearestNeighbour):
    def calibrate(self, support):
        raise RuntimeError("no luck")


@pytest.mark.parametrize(("cls", "before"), [(Falls, 0), (FallsLater, 8)])
def test_a_method_that_raises_is_told_where(cls, before):
    *others, verdict = adapter_verdicts(spec(cls))
    assert len(others) == before and all(other.holds for other in others)
    assert verdict.rule == "no call raises an error" and not verdict.holds
    assert verdict.measured.startswith("RuntimeError: no luck (test_conformance.py, line ")


class AdaptsByItself(NearestNeighbour):
    def adapt(self, support, steps, tuning):
        return self


class TunableByProperty(NearestNeighbour):
    @property
    def tunable(self):
        return False


class OneWord(Moving):
    extra_inputs = "difference"


class Unheard(Moving):
    extra_inputs = ("smell",)


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (AdaptsByItself, "has its own `adapt`, which nothing calls; call it calibrate"),
        (TunableByProperty, "tunable is no true or false of the class; cells are named by it"),
        (OneWord, "extra_inputs is 'difference'; write a tuple of names"),
        (Unheard, "extra input smell: is not known; choose from"),
    ],
)
def test_what_nothing_would_heed_is_refused(cls, why):
    with pytest.raises(InputError) as error:
        list(adapter_verdicts(spec(cls)))
    assert why in str(error.value)

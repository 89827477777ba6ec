"""What scores in fewer bits: it learns and adapts as ever, and says what it is."""

from functools import partial

import numpy as np
import pytest
import torch

from crossvad.adapters.base import Adapter
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.tidy import table
from crossvad.execution import memory_layouts
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import build, source_clips
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import lay_out
from crossvad.execution.precision import computing_in
from crossvad.planning import catalogue
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import FAIR
from crossvad.planning.registry import get_method
from crossvad.store.store import Store

pytestmark = pytest.mark.usefixtures("frames_seen_once")
CPU, SMOKE = torch.device("cpu"), BUDGETS["smoke"]
BOTH = ("framepred", "framepred[precision=bf16]")


@pytest.fixture(scope="module")
def run(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("precision"))
    records = run_grid(store, make_grid(*BOTH, shots=[0, 2]))
    return store, {(record.cell.method, record.cell.shots): record for record in records}


def test_it_shares_the_training_and_not_the_scores(run):
    store, records = run
    assert {record.status for record in records.values()} == {"done"}
    assert len(list(store.place("fits", "").glob("[!.]*"))) == 1
    for shots in (0, 2):
        exact, rounded = (store.scores(records[method, shots].cell) for method in BOTH)
        for of in ("cues", "support", "heldout"):
            for cue, values in getattr(exact, of).items():
                other = getattr(rounded, of)[cue]
                assert np.nanmax(np.abs(values - other)) > 0, of
                np.testing.assert_allclose(other, values, rtol=0, atol=0.5)  # dB
    adapted = [records[method, 2].facts["adaptations"] for method in BOTH]
    assert adapted[0] == adapted[1]  # loss for loss


# Rounding moves a score of a target's frames by so much of their standard deviation in the mean, at most. After ten
# steps a memory answers all frames alike, up to 1e-5; and ranks learned of ranks are as sensitive to it as to a seed.
ROUNDING = {("lmn", "feature"): 2.0, ("lmn-recon", "feature"): 2.0, ("sdor", "ordinal"): 2.0}


@pytest.mark.parametrize("name", [name for name in catalogue.METHODS if name not in (*catalogue.BASELINES, "tsc")])
def test_every_method_scores_in_it_about_what_it_scores(name, store, make_grid, run_grid):
    """Cold and adapted; `tsc` is a `stackrnn`."""
    plain = get_method({"stackrnn": "stackrnn[clips=8]", "rgan": "rgan[lstm=small]"}.get(name, name))
    grid = make_grid(methods=[plain, plain.computing(precision="bf16")], shots=[0, 2])
    records = {(record.cell.method == plain.label, record.cell.shots): record for record in run_grid(store, grid)}
    assert {record.status for record in records.values()} == {"done"}, [record.reason for record in records.values()]
    for shots in {shots for _, shots in records}:
        exact, rounded = (store.scores(records[each, shots].cell) for each in (True, False))
        for cue, values in exact.cues.items():
            apart = np.nanmean(np.abs(rounded.cues[cue] - values))
            assert apart <= ROUNDING.get((name, cue), 0.1) * np.nanstd(values), (cue, shots, apart, np.nanstd(values))


def test_tables_have_both_side_by_side(run):
    store, records = run
    rows = table(store, records.values(), FAIR).set_index(["method", "shots"])["auc"]
    assert set(BOTH) <= set(rows.index.get_level_values("method"))


class Seen(Adapter):
    """Says what a convolution gave it."""

    needs_source = adapts = stochastic = False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.layer = torch.nn.Conv2d(budget.channels, 1, 1)

    def score(self, clips):
        made = self.layer(clips[:, 0])
        return {"bits": torch.full((len(clips),), torch.finfo(made.dtype).bits, dtype=torch.float32)}


STEPPED = [name for name in catalogue.METHODS if get_method(name).trains_by_steps]


@pytest.mark.parametrize("name", STEPPED)
def test_a_method_that_trains_by_steps_can_in_bf16(name, north):
    """Gradients reach what they reached, and what is kept is float32."""
    source, decoder = OwnFolder(north), Decoder(FrameCache(), SMOKE)
    weights = {}
    for precision in ("float32", "bf16"):
        method = build(get_method(name), SMOKE, 0, CPU)
        method.arithmetic = partial(computing_in, precision, CPU, steps=True)
        told = []
        method.fit(
            source_clips(source, method, decoder, CPU, 0), SMOKE, lambda step, of, said, to=told: to.append(said)
        )
        assert all(np.isfinite(value) for said in told for value in said.values())
        weights[precision] = {key: value for key, value in method.state_dict().items() if value.is_floating_point()}
    fresh = build(get_method(name), SMOKE, 0, CPU).state_dict()
    for key, value in weights["bf16"].items():
        assert value.dtype == torch.float32
        assert torch.equal(weights["float32"][key], fresh[key]) or not torch.equal(value, fresh[key]), key
    assert any(not torch.equal(weights["float32"][key], value) for key, value in weights["bf16"].items())


def test_another_training_has_another_fit(store, make_grid, run_grid):
    names = ("framepred", "framepred[training_precision=bf16]")
    first, second, *_ = sorted(run_grid(store, make_grid(*names, shots=[0])), key=lambda record: record.cell.method)
    assert (first.cell.method, second.cell.method) == names and first.cell.fit_key != second.cell.fit_key
    assert len(list(store.place("fits", "").glob("[!.]*"))) == 2


@pytest.mark.parametrize(("precision", "bits"), [("float32", 32), ("bf16", 16), ("fp16", 16)])
def test_convolutions_are_made_in_it(precision, bits):
    method = Seen(SMOKE)
    clips = torch.rand(2, 1, 1, 32, 32)
    with torch.no_grad(), computing_in(precision, CPU):
        assert method.score(clips)["bits"].tolist() == [bits, bits]
    with torch.no_grad():
        assert method.score(clips)["bits"].tolist() == [32, 32]


def test_layouts_are_probed_for_each(monkeypatch):
    """What is fastest in one need not be in another; and no name of before there were several has changed."""
    asked = []

    def fastest(adapter, task, budget, device, work, way=""):
        work(adapter, "rows")
        asked.append((task, way))
        return "rows"

    monkeypatch.setattr("crossvad.execution.inference.fastest", fastest)
    method = lay_out(get_method("framepred").build(SMOKE).eval(), "rows")
    for precision in ("float32", "bf16"):
        ready_to_score(method, torch.rand(2, 5, 1, 32, 32), SMOKE, CPU, precision)
    assert asked == [("scoring", ""), ("scoring", "bf16")]
    assert SMOKE.size < memory_layouts.PROBED_FROM

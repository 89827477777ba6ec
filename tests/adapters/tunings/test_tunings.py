"""Tunings: they take the steps that their equations say, on the parameters a method gives them and on no others."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import NoTuning, adapt
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.adapters.tunings.meta import Anil, Maml, MetaOptions, MetaSgd, loss_with
from crossvad.datasets.clips import ClipSource, head
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.verification.conformance import moving_squares

CPU = torch.device("cpu")
SMOKE = BUDGETS["smoke"]


class Line(Adapter):
    """Predicts a frame as gain * (weight * the one before + bias): small enough to write everything out."""

    def __init__(self) -> None:
        super().__init__(SMOKE, frames=2)
        self.gain = nn.Parameter(torch.tensor(0.9, dtype=torch.float64))
        self.weight = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
        self.bias = nn.Parameter(torch.tensor(0.2, dtype=torch.float64))

    def loss(self, clips: Tensor) -> Tensor:
        return line_loss(torch.stack([self.weight, self.bias]), clips, self.gain)

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        return {"weight": self.weight, "bias": self.bias}

    @property
    def values(self) -> Tensor:
        return torch.stack([self.weight, self.bias]).detach()


def line_loss(values: Tensor, clips: Tensor, gain: Tensor | float = 0.9) -> Tensor:
    return (gain * (values[0] * clips[:, 0] + values[1]) - clips[:, 1]).square().mean()


def build(method: str) -> Adapter:
    torch.manual_seed(0)
    return registry.get_method(method).build(SMOKE).eval()


def source(adapter: Adapter) -> ClipSource:
    return ClipSource([moving_squares(SMOKE.size, 60, seed) for seed in range(2)], adapter.clip, CPU, seed=0)


def support(adapter: Adapter, shots: int = 4) -> Tensor:
    return head(moving_squares(SMOKE.size, 40, seed=9), adapter.clip, shots, CPU)


def moved(before: dict[str, Tensor], adapter: Adapter) -> set[str]:
    """Names of the parameters and buffers that are not bit-identical."""
    return {name for name, value in adapter.state_dict().items() if not torch.equal(value, before[name])}


def silent(step: int, of: int, values: dict[str, float]) -> None:
    pass


def meta(**options: float) -> MetaSgd:
    pytest.importorskip("learn2learn", exc_type=ImportError)
    return MetaSgd(MetaOptions(**options))


@pytest.fixture(params=["finetune", "metasgd"])
def tuning(request):
    """A tuning, and what has to happen before it can adapt."""

    def prepared(adapter: Adapter) -> FineTune | MetaSgd:
        if request.param == "finetune":
            return FineTune(FineTuneOptions(1e-4))
        tuning = meta(support=2, query=2)
        tuning.prepare(adapter, source(adapter), 2, silent)
        return tuning

    return prepared


# ---- what holds for every tuning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["apn", "mpn", "lmn", "memae"])
def test_only_adaptable_parameters_move(tuning, method):
    adapter = build(method)
    ready, before = tuning(adapter), copy.deepcopy(adapter.state_dict())
    adapted = adapt(adapter, support(adapter), 2, ready)
    changed = moved(before, adapted)
    assert changed and changed <= set(adapter.adaptable_parameters())
    if method in ("apn", "mpn"):  # the U-Net is frozen, the prototype maps and the whole head adapt
        assert changed == {name for name in before if name.startswith(("prototypes.", "head."))}
    if method == "lmn":  # neither normalisation statistics nor the memory
        assert {"memory.items", "head.0.1.running_mean", "head.0.1.num_batches_tracked"} <= set(before) - changed
    assert not moved(before, adapter)


def test_the_method_is_handed_back_as_it_was(tuning):
    adapter = build("apn")
    ready = tuning(adapter)
    adapter.encoder.blocks[0].requires_grad_(False)
    asked = {name: p.requires_grad for name, p in adapter.named_parameters()}
    ready.adapt(adapter, support(adapter), 1)
    assert {name: p.requires_grad for name, p in adapter.named_parameters()} == asked
    assert len(set(asked.values())) == 2
    assert all(p.grad is None for p in adapter.parameters())
    assert not any(module.training for module in adapter.modules())


def test_the_method_is_handed_back_even_if_its_loss_fails(tuning, monkeypatch):
    adapter = build("apn")
    ready = tuning(adapter)
    monkeypatch.setattr(adapter, "loss", lambda clips: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ready.adapt(adapter, support(adapter), 1)
    assert all(p.requires_grad for p in adapter.parameters())


def test_the_frozen_part_is_not_differentiated(tuning):
    adapter = build("apn")
    ready, seen = tuning(adapter), []
    adapter.decoder.ups[-1].register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    ready.adapt(adapter, support(adapter), 2)
    assert seen == [False, False]


def test_steps_go_down(tuning):
    adapter = build("apn")
    ready, clips = tuning(adapter), support(adapter)
    before = adapter.loss(clips).item()
    assert adapt(adapter, clips, 3, ready).loss(clips).item() < before


# ---- none and finetune -----------------------------------------------------------------------------------------------


def test_no_tuning_changes_nothing():
    adapter = build("lmn")
    before = copy.deepcopy(adapter.state_dict())
    assert not moved(before, adapt(adapter, support(adapter), 5, NoTuning()))


def test_finetune_is_adam():
    adapter, rate = build("apn"), 3e-3
    clips, names = support(adapter), list(adapter.adaptable_parameters())
    adapted = adapt(adapter, clips, 3, FineTune(FineTuneOptions(rate)))
    first, second = {name: 0.0 for name in names}, {name: 0.0 for name in names}
    for step in range(1, 4):
        parameters = adapter.adaptable_parameters()
        gradients = torch.autograd.grad(adapter.loss(clips), list(parameters.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
                first[name] = 0.9 * first[name] + 0.1 * gradient
                second[name] = 0.999 * second[name] + 0.001 * gradient**2
                mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
                parameter -= rate * mean / (square.sqrt() + 1e-8)
    for name in names:
        expected = adapter.get_parameter(name)
        torch.testing.assert_close(adapted.get_parameter(name), expected, rtol=1e-4, atol=1e-6)


class Contrary(Line):
    """Adapts on a loss of its own: the opposite of the one it trains on."""

    def adaptation_loss(self, clips: Tensor) -> Tensor:
        return -2 * self.loss(clips)


def test_a_method_may_adapt_on_a_loss_of_its_own():
    adapter, clips = Contrary(), support(Line()).double()
    gradient = torch.func.grad(line_loss)(adapter.values, clips)
    tuned = adapt(adapter, clips, 1, FineTune(FineTuneOptions(0.1)))
    torch.testing.assert_close(tuned.values, adapter.values + 0.1 * gradient.sign(), atol=1e-6, rtol=0)
    tuning = meta()
    tuning.restore({"weight": torch.tensor(0.3), "bias": torch.tensor(0.1)})
    torch.testing.assert_close(
        adapt(adapter, clips, 1, tuning).values, adapter.values + 2 * torch.tensor([0.3, 0.1]) * gradient
    )


def test_finetune_starts_afresh_each_time():
    adapter, tuning = build("apn"), FineTune(FineTuneOptions(1e-4))
    first = adapt(adapter, support(adapter), 3, tuning)
    assert not moved(first.state_dict(), adapt(adapter, support(adapter), 3, tuning))


# ---- metasgd ---------------------------------------------------------------------------------------------------------


def outer(values: Tensor, sizes: Tensor, support: Tensor, query: Tensor) -> Tensor:
    """Meta-SGD's objective (Li et al. 2017, Eq. 5): the query loss after one inner step."""
    return line_loss(values - sizes * torch.func.grad(line_loss)(values, support), query)


def first_order(values: Tensor, sizes: Tensor, support: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Its gradients where the inner gradient is taken for a constant."""
    inner = torch.func.grad(line_loss)(values, support)
    gradient = torch.func.grad(line_loss)(values - sizes * inner, query)
    return gradient, -inner * gradient


@pytest.mark.parametrize("order", [1, 2])
def test_metasgd_follows_the_gradient_of_its_objective(order, monkeypatch):
    adapter, log, rate = Line(), [], 0.3
    tuning = meta(learning_rate=0.2, meta_learning_rate=rate, support=3, query=2, first_order=order == 1)
    values, sizes = adapter.values, torch.full((2,), 0.2, dtype=torch.float64)
    clips = [part.double() for part in source(adapter).episode(3, 2)]
    monkeypatch.setattr(torch.optim, "Adam", torch.optim.SGD)  # whose step is the gradient itself
    tuning.prepare(adapter, source(adapter), 1, lambda *entry: log.append(entry))

    by_values, by_sizes = torch.func.grad(outer, (0, 1))(values, sizes, *clips)
    for index in range(2):  # the reference, against finite differences
        step = torch.eye(2, dtype=torch.float64)[index] * 1e-6
        slope = (outer(values + step, sizes, *clips) - outer(values - step, sizes, *clips)) / 2e-6
        assert slope.item() == pytest.approx(by_values[index].item(), rel=1e-4)
        slope = (outer(values, sizes + step, *clips) - outer(values, sizes - step, *clips)) / 2e-6
        assert slope.item() == pytest.approx(by_sizes[index].item(), rel=1e-4)
    if order == 1:
        assert not torch.allclose(first_order(values, sizes, *clips)[0], by_values, rtol=1e-2)
        by_values, by_sizes = first_order(values, sizes, *clips)

    learned = torch.stack([tuning.step_sizes["weight"], tuning.step_sizes["bias"]])
    torch.testing.assert_close(adapter.values, values - rate * by_values)
    torch.testing.assert_close(learned, sizes - rate * by_sizes)
    assert by_values.abs().min() > 1e-3 and by_sizes.abs().min() > 1e-4
    assert log == [(1, 1, {"query loss": pytest.approx(outer(values, sizes, *clips).item())})]


def inner_step(values: Tensor, mask: Tensor, clips: Tensor, size: float) -> Tensor:
    """One gradient step on the values that `mask` lets move."""
    return values - size * mask * torch.func.grad(line_loss)(values, clips)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("tuning", "mask"), [(Maml, [1.0, 1.0]), (Anil, [0.0, 1.0])])
def test_maml_and_anil_follow_the_gradient_of_their_objective(tuning, mask, order, monkeypatch):
    """Two inner steps; ANIL's move the head alone, here the bias, and both learn all that adapts."""
    pytest.importorskip("learn2learn", exc_type=ImportError)
    adapter, rate, size = Line(), 0.3, 0.2
    adapter.last_layers = ("bias",)
    mask, values = torch.tensor(mask, dtype=torch.float64), adapter.values
    clips, query = (part.double() for part in next(source(adapter).episodes(1, 3, 2)))

    def objective(start: Tensor) -> Tensor:
        fast = start
        for _ in range(2):
            step = inner_step(fast, mask, clips, size)
            fast = fast + (step - fast).detach() if order == 1 else step
        return line_loss(fast, query)

    expected = torch.func.grad(objective)(values)
    if order == 2:  # the reference, against finite differences
        for index in range(2):
            nudge = torch.eye(2, dtype=torch.float64)[index] * 1e-6
            slope = (objective(values + nudge) - objective(values - nudge)) / 2e-6
            assert slope.item() == pytest.approx(expected[index].item(), rel=1e-4)
    monkeypatch.setattr(torch.optim, "Adam", torch.optim.SGD)  # whose step is the gradient itself
    options = MetaOptions(size, rate, support=3, query=2, steps=2, first_order=order == 1)
    assert tuning(options).prepare(adapter, source(adapter), 1, silent) == {}
    torch.testing.assert_close(adapter.values, values - rate * expected)
    assert expected.abs().min() > 1e-3 and adapter.gain.item() == 0.9


@pytest.mark.parametrize(("tuning", "mask"), [(Maml, [1.0, 1.0]), (Anil, [0.0, 1.0])])
def test_maml_and_anil_adapt_by_plain_gradient_steps(tuning, mask):
    pytest.importorskip("learn2learn", exc_type=ImportError)
    adapter = Line()
    adapter.last_layers = ("bias",)
    clips, values = support(adapter).double(), adapter.values
    for _ in range(3):
        values = inner_step(values, torch.tensor(mask, dtype=torch.float64), clips, 0.1)
    tuning(MetaOptions(learning_rate=0.1)).adapt(adapter, clips, 3)
    torch.testing.assert_close(adapter.values, values)


def test_one_inner_step_of_apn_is_its_gradient():
    """Of the real method, in double precision: against torch.func through the whole network, and finite differences."""
    pytest.importorskip("learn2learn", exc_type=ImportError)
    adapter, size = build("apn").double(), 0.1
    clips = support(adapter).double()
    before = {name: p.detach().clone() for name, p in adapter.adaptable_parameters().items()}

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return loss_with(adapter, parameters, clips)

    expected = torch.func.grad(loss)(before)
    stepped = copy.deepcopy(adapter)
    Maml(MetaOptions(learning_rate=size)).adapt(stepped, adapter.frozen_features(clips), 1)
    for name, parameter in stepped.adaptable_parameters().items():
        torch.testing.assert_close(parameter.detach(), before[name] - size * expected[name], rtol=1e-9, atol=1e-12)
        place = int(expected[name].abs().argmax())
        nudge = torch.zeros(before[name].numel(), dtype=torch.float64)
        nudge[place] = 1e-6
        nudge = nudge.view_as(before[name])
        slope = (loss(before | {name: before[name] + nudge}) - loss(before | {name: before[name] - nudge})) / 2e-6
        assert slope.item() == pytest.approx(expected[name].flatten()[place].item(), rel=1e-3), name


def test_a_meta_step_is_the_mean_over_its_scenes(monkeypatch):
    pytest.importorskip("learn2learn", exc_type=ImportError)
    monkeypatch.setattr(torch.optim, "Adam", torch.optim.SGD)
    adapter, values = Line(), Line().values
    options = MetaOptions(0.2, 0.3, scenes=2, support=3, query=2)
    tasks = [[part.double() for part in task] for task in source(adapter).episodes(2, 3, 2)]
    Maml(options).prepare(adapter, source(adapter), 1, silent)
    gradients = [
        torch.func.grad(lambda v, s, q: line_loss(v - 0.2 * torch.func.grad(line_loss)(v, s), q))(values, *task)
        for task in tasks
    ]
    torch.testing.assert_close(adapter.values, values - 0.3 * (gradients[0] + gradients[1]) / 2)


def test_learned_step_sizes_can_be_told():
    tuning = meta()
    tuning.restore({"weight": torch.tensor([0.3, -0.1, 0.2])})
    assert tuning.described() == {"weight": pytest.approx([-0.1, 0.2, 0.3])}


def test_metasgd_adapts_by_its_step_sizes():
    adapter, tuning = Line(), meta()
    tuning.restore({"weight": torch.tensor(0.3), "bias": torch.tensor(-0.1)})
    clips, values, sizes = support(adapter).double(), adapter.values, torch.tensor([0.3, -0.1])
    for _ in range(2):
        values = values - sizes * torch.func.grad(line_loss)(values, clips)
    tuning.adapt(adapter, clips, 2)
    torch.testing.assert_close(adapter.values, values)


def test_metasgd_learns_a_better_start():
    adapter, losses = Line(), []
    tuning = meta(learning_rate=0.1, meta_learning_rate=0.05)
    tuning.prepare(adapter, source(adapter), 40, lambda step, of, values: losses.append(values["query loss"]))
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert adapter.gain.item() == 0.9


def test_every_element_gets_a_step_size_of_its_own():
    adapter, rate = build("apn"), 1e-2
    tuning = meta(learning_rate=rate, support=2, query=2)
    state = tuning.prepare(adapter, source(adapter), 1, silent)
    parameters = adapter.adaptable_parameters()
    assert {name: size.shape for name, size in state.items()} == {name: p.shape for name, p in parameters.items()}
    for name, size in state.items():
        assert (size != rate).float().mean() > 0.2, name  # an inactive ReLU teaches its weights nothing
        assert not size.requires_grad
    assert state["head.0.0.weight"].unique().numel() > 1


@pytest.mark.parametrize("method", ["apn", "mpn", "mpn[training=frame]", "lmn"])
def test_meta_training_moves_only_adaptable_parameters(method):
    adapter = build(method).train()
    before = copy.deepcopy(adapter.state_dict())
    meta(support=2, query=2).prepare(adapter, source(adapter), 2, silent)
    changed = moved(before, adapter)
    assert changed and changed <= set(adapter.adaptable_parameters())
    if method != "lmn":
        assert changed == set(adapter.adaptable_parameters())
    assert all(p.requires_grad and p.grad is None for p in adapter.parameters())


def test_a_restored_tuning_adapts_the_same():
    adapter, tuning = build("apn"), meta(support=2, query=2)
    state = tuning.prepare(adapter, source(adapter), 3, silent)
    restored = meta()
    restored.restore(state)
    clips = support(adapter)
    adapted = adapt(adapter, clips, 2, tuning)
    assert not moved(adapted.state_dict(), adapt(adapter, clips, 2, restored))
    assert moved(adapter.state_dict(), adapted)


def test_meta_training_is_reproducible():
    states = []
    for _ in range(2):
        adapter = build("apn")
        states.append(meta(support=2, query=2).prepare(adapter, source(adapter), 2, silent) | adapter.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_only_metasgd_changes_a_method_before_it_adapts():
    assert (NoTuning.learns, FineTune.learns, MetaSgd.learns) == (False, False, True)
    adapter = build("apn")
    before = copy.deepcopy(adapter.state_dict())
    assert FineTune(FineTuneOptions(1e-4)).prepare(adapter, source(adapter), 5, silent) == {} and not moved(
        before, adapter
    )


def test_without_learn2learn_the_recipe_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "learn2learn", None)
    with pytest.raises(InputError, match=r"learn2learn: cannot be imported .*make meta .*installing.md"):
        MetaSgd()


def test_learn2learn_is_imported_late_and_quietly():
    meta()
    code = (
        "import sys, crossvad.adapters.tunings.meta as tuning; assert 'learn2learn' not in sys.modules;"
        "tuning.MetaSgd(); assert 'learn2learn' in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_metasgd_passes_over_a_parameter_the_loss_does_not_use():
    pytest.importorskip("learn2learn")
    adapter = build("framepred")
    adapter.idle = nn.Parameter(torch.ones(3))
    tuning = MetaSgd()
    tuning.restore({name: torch.full_like(p, 0.1) for name, p in adapter.named_parameters()})
    adapted = adapt(adapter, support(adapter), 1, tuning)
    assert torch.equal(adapted.idle, adapter.idle)
    assert moved(dict(adapter.state_dict()), adapted) == {n for n, _ in adapter.named_parameters()} - {"idle"}


@pytest.mark.parametrize("order", [1, 2])
def test_metasgd_learns_beside_a_parameter_the_loss_does_not_use(order):
    adapter, plain = Line(), Line()
    adapter.idle = nn.Parameter(torch.ones(3, dtype=torch.float64))
    adapter.adaptable_parameters = lambda: Line.adaptable_parameters(adapter) | {"idle": adapter.idle}
    for method in (adapter, plain):
        meta(support=2, query=2, steps=2, first_order=order == 1).prepare(method, source(method), 3, silent)
    assert torch.equal(adapter.values, plain.values) and adapter.idle.tolist() == [1, 1, 1]


class Tidying(FineTune):
    """Leaves the method as nobody should see it, until its steps are over."""

    def steps(self, adapter, features):
        try:
            for loss in super().steps(adapter, features):
                with torch.no_grad():
                    adapter.bias += 100
                yield loss
                with torch.no_grad():
                    adapter.bias -= 100
        finally:
            with torch.no_grad():
                adapter.bias -= 100


def test_what_a_tuning_tidies_up_is_done_before_its_method_is_judged_and_handed_over():
    clips = torch.rand(3, 2, 1, 4, 4, dtype=torch.float64)
    plain, tidied = (adapt(Line(), clips, 2, kind(FineTuneOptions(1e-2))) for kind in (FineTune, Tidying))
    assert tidied.adaptation.after == pytest.approx(plain.adaptation.after, rel=1e-9) and not tidied.adaptation.reverted
    assert torch.allclose(tidied.values, plain.values)

"""A pretrained part: whatever is done around it, it stays as it is, and nothing takes it for the method's own."""

import copy
import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from crossvad.adapters.base import Frozen
from crossvad.adapters.options import Schedule
from crossvad.adapters.tunings.base import adapt
from crossvad.datasets.clips import ClipSource
from crossvad.execution.model_state import MODEL, load_model, save_model
from crossvad.planning import registry
from crossvad.planning.method_info import describe
from crossvad.verification.conformance import moving_squares
from doubles import OverFrozen, pretrained, spec
from made import CPU, SMOKE, clips_of, noise

HEAD = 4 * 4 + 4


def values(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def unchanged(network, before):
    return all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.fixture
def method():
    torch.manual_seed(0)
    return OverFrozen(SMOKE)


def test_it_is_no_part_that_trains_adapts_counts_or_is_saved(method):
    assert {*dict(method.named_parameters())} == {*method.adaptable_parameters()} == {"head.weight", "head.bias"}
    assert {*method.state_dict()} == {"head.weight", "head.bias"} and method.parameter_count() == HEAD
    known = describe(spec(OverFrozen), SMOKE)
    assert (known.parameters, known.frozen, known.adapted) == (HEAD, 4 * 9 + 4 + 8, {"head": HEAD})


def test_nothing_moves_it(method):
    network = method.backbone.network
    before = values(network)
    source = ClipSource([moving_squares(SMOKE.size, 60, 0)], method.clip, CPU, seed=0)
    start = values(method)
    method.fit(source, dataclasses.replace(SMOKE, schedule=Schedule(3, 2, 1e-2)), lambda *log: None)
    assert not unchanged(method, start) and unchanged(network, before)
    adapted = adapt(method, clips_of(method), 2, registry.get_tuning("finetune[learning_rate=1e-2]").build())
    assert not unchanged(adapted, values(method)) and unchanged(network, before)
    assert adapted.backbone.network is network and copy.deepcopy(method).backbone.network is network
    method.train()
    assert not any(module.training for module in network.modules())
    assert registry.get_tuning("norm").build().unsupported_reason(method) == "has no normalisation statistics"


def test_it_says_what_the_network_says_and_lets_gradients_through():
    images, frozen = noise(2, 1, 8, 8).requires_grad_(), Frozen(pretrained())
    assert torch.equal(frozen(images), pretrained().eval()(images))
    frozen(images).square().sum().backward()
    assert images.grad.any() and all(parameter.grad is None for parameter in frozen.network.parameters())


def test_it_goes_where_the_method_goes(method):
    method.double()
    assert {value.dtype for value in method.backbone.network.parameters()} == {torch.float64}
    assert method.score(clips_of(method).double())["feature"].dtype == torch.float64


def test_a_fit_is_not_loaded_over_other_weights(method, tmp_path):
    save_model(method, tmp_path)
    assert {*load_file(tmp_path / MODEL)} == {"head.weight", "head.bias"}
    load_model(OverFrozen(SMOKE), tmp_path, CPU)
    other = OverFrozen(SMOKE)
    other.backbone = Frozen(pretrained(seed=6))
    with pytest.raises(ValueError, match=r"^backbone: has other weights than when .* was written; remove that folder$"):
        load_model(other, tmp_path, CPU)


def test_parameters_without_a_gradient_do_not_adapt(method):
    """A part that is frozen in torch's own way is saved with every fit, and does not adapt either."""
    method.head.bias.requires_grad_(False)
    assert {*method.adaptable_parameters()} == {"head.weight"}

"""A part that only training needs: neither counted nor saved nor adapted, and made when it is first asked for."""

import copy

import torch
from torch import nn

from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.execution.model_state import lost_state, save_model
from doubles import Honest
from made import SMOKE


class Judged(Honest):
    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.made = []
        self.judge = TrainingOnly(self.make)

    def make(self):
        self.made.append(1)
        return nn.Linear(2, 1)


def test_it_is_no_part_of_the_method():
    method = Judged(SMOKE)
    assert not method.made
    assert method.judge(torch.ones(1, 2)).shape == (1, 1) and method.judge.network is method.judge.network
    assert method.made == [1]
    names = {"factor"}
    assert {*method.state_dict()} == {*dict(method.named_parameters())} == {*method.adaptable_parameters()} == names


def test_it_is_drawn_when_it_is_made():
    method = Judged(SMOKE)
    torch.manual_seed(4)
    drawn = method.judge.network.weight
    torch.manual_seed(4)
    assert torch.equal(drawn, nn.Linear(2, 1).weight)


def test_it_goes_where_the_method_goes():
    before, after = Judged(SMOKE).double(), Judged(SMOKE)
    assert after.judge.network.weight.dtype == torch.float32
    assert before.judge.network.weight.dtype == after.double().judge.network.weight.dtype == torch.float64
    with torch.device("meta"):
        assert Judged(SMOKE).judge.network.weight.device.type == "meta"


def test_a_copy_makes_its_own(tmp_path):
    method = Judged(SMOKE)
    twin = copy.deepcopy(method)
    assert twin.judge.network is not method.judge.network
    save_model(method, tmp_path)
    with torch.no_grad():
        method.judge.network.weight.fill_(5)
    fresh = Judged(SMOKE)
    assert lost_state(method, fresh) == ["made"], "the list of this test, and not what is for training alone"

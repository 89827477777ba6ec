"""How keys and their values are told to a reader, and which methods are told apart as controls."""

import pytest

from crossvad.evaluation.columns import KEYS
from crossvad.planning.catalogue import BASELINES
from crossvad.present.words import CONTROLS, NUMBERS, named, told


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [("shots", 5, "K = 5"), ("shots", 0, "K = 0"), ("steps", 10, "steps = 10"), ("seed", 2, "seed = 2"),
     ("tuning", "finetune", "finetune"), ("target", "ped2", "ped2"), ("tuning", "none", "none")],
)  # fmt: skip
def test_numbers_have_their_keys_name_before_them(key, value, name):
    assert named(key, value) == name


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [("tuning", "none", ""), ("support", "none", ""), ("steps", 0, ""), ("steps", 1, "steps = 1"),
     ("shots", 0, "K = 0"), ("seed", 0, "seed = 0"), ("tuning", "head", "head")],
)  # fmt: skip
def test_what_an_unadapted_method_has_none_of_is_left_out(key, value, text):
    assert told(key, value) == text


def test_they_are_of_keys_and_methods_that_there_are():
    assert {*NUMBERS} < {*KEYS} and {*CONTROLS} < {*BASELINES}

"""How keys and their values are told to a reader, and which methods are told apart as controls."""

import pytest

from crossvad.evaluation.columns import KEYS
from crossvad.planning.catalogue import BASELINES
from crossvad.present.words import CONTROLS, NUMBERS, cell_name, digits, named, steps_differ, told
from tidy_rows import frame, row


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


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.0123"), (0.010049, "0.0100"), (-0.00104, "-0.00104"), (1.5, "1.50"), (-32.14, "-32.1"),
     (1234.5, "1234"), (0.0, "0.00"), (1.23e-12, "1.23e-12"), (float("nan"), "nan")],
)  # fmt: skip
def test_numbers_have_significant_digits(value, text):
    assert digits(value) == text


def test_a_cell_is_named_by_its_method_and_by_how_it_was_adapted_if_it_was():
    lines = [row("m", "none", shots=0, steps=0), row("m", "none", shots=5, steps=1), row("m", "head", shots=5, steps=9)]
    assert [cell_name(line, False) for line in lines] == ["m", "m, K = 5", "m, head, K = 5"]
    assert [cell_name(line, True) for line in lines] == ["m", "m, K = 5", "m, head, K = 5, steps = 9"]
    assert not steps_differ(frame(*lines)) and steps_differ(frame(*lines, row("m", "head", shots=5, steps=10)))


def test_they_are_of_keys_and_methods_that_there_are():
    assert {*NUMBERS} < {*KEYS} and {*CONTROLS} < {*BASELINES}

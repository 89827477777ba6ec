"""Arguments of Python's interface are held to annotations, as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from crossvad.datasets.errors import InputError
from crossvad.planning.arguments import checked


@checked
def ask(
    shots: int | Sequence[int] = 0,
    paths: Iterable[str | Path] = ("a",),
    seed: int = 0,
    share: float | None = None,
    quiet: bool = False,
    retry: Literal["failed", "interrupted"] = "failed",
    cameras: str | Mapping[str, str] = "-",
    time_limit: float | None = None,
    **more: Any,
) -> tuple[Any, ...]:
    """Give back what came."""
    return shots, paths, seed, share, quiet, retry, cameras, time_limit, more


def test_what_fits_comes_as_pythons_own():
    assert ask()[0] == 0
    shots, paths, seed, share, *_ = ask(np.array([0, 5]), (name for name in "ab"), np.int64(3), 1)
    assert (shots, paths, seed, share) == ([0, 5], ["a", "b"], 3, 1.0)
    assert [type(each) for each in (*shots, seed, share)] == [int, int, int, float]
    assert ask(cameras={"gate": "-"}, other=[3])[-3:] == ({"gate": "-"}, None, {"other": [3]})
    assert ask.__doc__ == "Give back what came."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"shots": "10"}, "shots: is '10', of type str; give a whole number or a list of these"),
        ({"shots": True}, "shots: is True, of type bool; give a whole number or a list of these"),
        ({"shots": [0, 1.5]}, r"shots: is \[0, 1.5\], of type list; give a whole number or a list of these"),
        ({"shots": [0, -1]}, "shots: -1 is too small; give 0 or more"),
        ({"paths": "a"}, "paths: is 'a', of type str; give a list, each of it a text or a Path"),
        ({"paths": []}, "paths: is empty; name at least one"),
        ({"seed": 1.5}, "seed: is 1.5, of type float; give a whole number"),
        ({"seed": None}, "seed: is None"),
        ({"share": float("nan"), "seed": -1}, "seed: -1 is too small"),
        ({"quiet": 1}, "quiet: is 1, of type int; give True or False"),
        ({"retry": "never"}, "retry: is 'never', of type str; give 'failed' or 'interrupted'"),
        ({"cameras": {"gate": 5}}, "cameras: is {'gate': 5}, of type dict; give a text or a dictionary"),
        ({"cameras": {5: "-"}}, "cameras: is {5: '-'}"),
        ({"cameras": " "}, "cameras: is an empty text; name one, or leave it out"),
        ({"time_limit": 0}, "time_limit: 0.0 is too small; give more than 0"),
        ({"time_limit": float("nan")}, "time_limit: nan is too small"),
        ({"paths": [b"x" * 200]}, r"paths: is \[b'x{50,54}\.\.\., of type list"),
    ],
)
def test_what_does_not_fit_is_named(given, told):
    with pytest.raises(InputError, match=told):
        ask(**given)


def test_how_a_function_is_called_is_pythons_concern():
    with pytest.raises(TypeError, match="multiple values"):
        ask(0, shots=1)


@checked
def tell(shots: int, *, source: str, target: str, seed: int = 0) -> None:
    """Take all but one by name."""


@pytest.mark.parametrize(
    ("given", "named", "told"),
    [
        ((5, "a", "b"), {}, r"takes 1 positional argument but 3 .*given; write source=…, target=…$"),
        ((5, "a"), {"source": "b"}, r"takes 1 positional argument but 2 .*given; write target=…$"),
        ((5,), {}, r"missing 2 required keyword-only arguments: 'source' and 'target'$"),
        ((5, *"abcd"), {}, r"takes 1 positional argument but 5 were given; write source=…, target=…, seed=…$"),
    ],
)
def test_what_goes_by_name_alone_is_named(given, named, told):
    with pytest.raises(TypeError, match=told):
        tell(*given, **named)
    assert tell(5, source="a", target="b") is None


def test_of_what_is_handed_on_python_is_told_that_it_goes_by_name():
    with pytest.raises(TypeError, match=r"takes 8 positional arguments but 9 were given; write the others by name$"):
        ask(*range(9))

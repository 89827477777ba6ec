"""What errors and captions say of options, in Python's words: where={"budget": "quick"} for --where budget=quick."""

from __future__ import annotations

import json
from collections.abc import Container
from numbers import Real

from crossvad.datasets.errors import InputError, plain
from crossvad.datasets.wording import Conditions, Noun, Option, Part, Wording, number
from crossvad.planning.names import listed


def in_python(text: str, known: Container[str] = ()) -> str:
    """Tell the options that a text speaks of as arguments of a function, whose own are known; all else stays as it is.

    >>> from crossvad.datasets.wording import condition, noun, option
    >>> in_python("choose " + option("shots", 3) + ", or another " + noun("method") + "; drop " + option("rows"))
    'choose shots=3, or another method; drop the argument rows'
    >>> in_python("add " + condition("budget=quick", "method=apn,lmn"))
    'add where={"budget": "quick", "method": ["apn", "lmn"]}'
    >>> in_python(option("method", "apn"), known=("methods", "shots"))
    'methods=["apn"]'
    """
    return "".join(_told(part, known) for part in text.parts) if isinstance(text, Wording) else text


def tell_in_python(error: InputError, known: Container[str] = ()) -> None:
    """Let an error tell its line to callers from Python in their words, those of the function nearest to it."""
    if str(error) == error.line:
        error.args = (plain(in_python(error.wording, known)),)


def _told(part: Part, known: Container[str]) -> str:
    match part:
        case Conditions(typed):
            return f"where={_json(_pairs(typed))}"
        case Option(name, value, _, before):
            # Of several values where there is no argument of one.
            called = f"{name}s" if name not in known and f"{name}s" in known else name
            if value is None:
                return before + called
            return f"{before}{called}={_spelled([value] if called != name and isinstance(value, str) else value)}"
        case Noun(name):
            return name
    return part


def _spelled(value: object) -> str:
    if isinstance(value, Real):
        return str(value) if isinstance(value, bool) else number(value)
    return "…" if value is ... else _json(value)


def _pairs(typed: tuple[str, ...]) -> object:
    """Conditions as `where` takes them: by their keys, or as typed where a key is there twice, or there is none."""
    pairs = [each.partition("=") for each in typed]
    if len({key for key, equals, _ in pairs if equals}) < len(typed):
        return typed if len(typed) > 1 else typed[0]
    return {key: _values(values) for key, _, values in pairs}


def _values(values: str) -> str | list[str]:
    """The values of a condition: one, or a list of them; as typed where one is missing."""
    several = listed(values) if all(value.strip() for value in values.split(",")) else []
    return several if len(several) > 1 else values


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

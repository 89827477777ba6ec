"""Whether what was read of a JSON file fits the dataclass that is made of it: others may have written the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crossvad.datasets.errors import UNSEEN

DEPTH = 20  # of what is nested in a file of ours, at most


def misfits(made: type, told: Mapping[str, Any], apart: str = "") -> list[str]:
    """Tell which fields of a dataclass are given another type than they declare.

    Texts are of one line that can be seen, whole numbers of 64 bits. Types other than plain ones are not looked into.

    Args:
        made: the dataclass.
        told: values by field; those that are not there are left to the class itself.
        apart: a field of any text.
    """
    hints = get_type_hints(made)
    return [
        f"{each.name} is {shown(told[each.name])}"
        for each in fields(made)
        if each.name in told and not (_fits(told[each.name], hints[each.name], each.name == apart))
    ]


def is_number(value: Any) -> bool:
    """Whether a value is a number: NaN and infinite ones are, true is not."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)


def shown(value: Any) -> str:
    """A value as an error shows it: of a long one, the beginning."""
    text = repr(value) if isinstance(value, str | int | float | None) and not _endless(value) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:40]}…"


def unseen(told: Any, depth: int = 0) -> str:
    """What no value may hold, however deep: unseen characters, numbers beyond 64 bits; nothing if all is well."""
    if depth > DEPTH:
        return f"is nested more than {DEPTH} deep"
    if isinstance(told, str):
        return f"holds the text {shown(told)}" if UNSEEN.search(told.replace("\n", "")) else ""
    if type(told) is int and not is_number(told):
        return "holds a number beyond 64 bits"
    parts = [*told, *told.values()] if isinstance(told, dict) else told if isinstance(told, list) else []
    return next((found for part in parts if (found := unseen(part, depth + 1))), "")


def _endless(value: Any) -> bool:
    return type(value) is int and not is_number(value)


def _fits(value: Any, hint: Any, any_text: bool) -> bool:
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if hint is str:
        return isinstance(value, str) and (any_text or not UNSEEN.search(value))
    if hint is int:
        return type(value) is int and is_number(value)
    if hint is float:
        return is_number(value)
    return type(value) is bool if hint is bool else True

"""Whether the facts of a cell's record are such as a run writes, of those that something is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from crossvad.adapters.published import PublishedEvaluation
from crossvad.store.typed import is_number, misfits, unseen

NUMBERS = ("parameters", "fps", "train_seconds", "prepare_seconds", "adapt_seconds")
# Those that every table is made of: they are remembered apart, and read without the others.
SHOWN = (*NUMBERS, "fusion", "published_evaluation", "transductive", "device")


def to_be_read_again(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A record's facts as JSON gives them, such as numbers for those of NumPy.

    Raises:
        TypeError: they hold what JSON cannot.
        ValueError: whoever reads the record would refuse it.
    """
    told: dict[str, Any] = json.loads(json.dumps(facts, default=_plain))
    if wrong := wrong_facts(told):
        raise ValueError(f"its {wrong}, so that nobody could read its cells again")
    return told


def _plain(value: Any) -> Any:
    """A number of NumPy or torch as Python has it."""
    try:
        return value.item()
    except (AttributeError, ValueError, RuntimeError) as error:  # no number, or an array of several
        raise TypeError(f"{type(value).__name__} is nothing that JSON has") from error


def wrong_facts(facts: Mapping[str, Any]) -> str:
    """Tell what of a record's facts cannot be read as what it is called; nothing if all can."""
    if found := unseen(facts):
        return found
    for name in NUMBERS:
        if name in facts and not is_number(facts[name]):
            return f"{name} is no number"
    for name, fits in WRITTEN.items():
        if name in facts and not fits(facts[name]):
            return f"{name} is not as a run writes it"
    return ""


def _numbers(told: Any) -> bool:
    return isinstance(told, dict) and all(map(is_number, told.values()))


def _weights(told: Any) -> bool:
    return _numbers(told) and all(0 <= weight < 2**63 for weight in told.values())


def _evaluation(told: Any) -> bool:
    known = PublishedEvaluation.__dataclass_fields__
    if not isinstance(told, dict) or not told.keys() <= known.keys() or misfits(PublishedEvaluation, told):
        return False
    return all(told.get(name, 0) >= 0 for name in ("head", "tail"))


def _adaptations(told: Any) -> bool:
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        return False
    return all(type(each.get("reverted")) is bool for each in told)


def _search(told: Any) -> bool:
    if not isinstance(told, dict):
        return False
    rates, losses = told.get("rates"), told.get("losses")
    if not isinstance(rates, list) or not isinstance(losses, list) or len(rates) != len(losses):
        return False
    return all(map(is_number, [*rates, *losses, told.get("chosen")]))


WRITTEN: dict[str, Callable[[Any], bool]] = {
    "fusion": _weights,
    "published_evaluation": _evaluation,
    "adaptations": _adaptations,
    "search": _search,
    "diagnostics": _numbers,
    "device": lambda told: isinstance(told, str),
    "training_devices": lambda told: type(told) is int and told > 1,
    "maps_sha256": lambda told: isinstance(told, str),
}

"""The product of a method's options: what is to be chosen from."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from crossvad.datasets import wording
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.planning import registry
from crossvad.planning.names import did_you_mean, listed, members, spelled, split_options


def variants(methods: Sequence[str], options: Sequence[str]) -> list[str]:
    """Write out each method with every combination of the options' values, each once, in order.

    Args:
        methods: name, name[option=value] or file.py:Class; options said here are in all of its combinations.
        options: name=value,value each. A method that has no such option goes without.

    Raises:
        InputError: an option is not written so or has no value, no method has it, a method says it already, or a value
            is not one that it may have.
    """
    choices = [_choice(option) for option in options]
    has = {method: option_names([method]) for method in methods}
    for name, _ in choices:
        if not any(name in fields for fields in has.values()):
            known = sorted(set().union(*has.values()))
            fix = f"{did_you_mean(name, known)}known: {', '.join(known) or 'none'}"
            raise InputError(option("option", name), f"is no option of {', '.join(methods)}", fix)
    labels: dict[str, None] = {}
    for method in methods:
        base, said = split_options(method)
        mine = [(name, values) for name, values in choices if name in has[method]]
        if twice := [name for name, _ in mine if name in said]:
            problem = f"says {twice[0]}, which " + noun("option") + " varies"
            raise InputError(method, problem, "leave one of them out")
        for values in itertools.product(*(values for _, values in mine)):
            chosen = {**said, **dict(zip((name for name, _ in mine), values, strict=True))}
            text = spelled(base, chosen)
            registry.get_method(text)  # refuses what cannot be
            labels[text] = None
    return list(labels)


def _choice(option: str) -> tuple[str, list[str]]:
    """Name and values of `name=value,value`."""
    name, equals, values = option.partition("=")
    if not name.strip() or not equals or not listed(values):
        raise InputError(noun("option") + f" {option!r}", "cannot be read", "write name=value,value")
    return name.strip(), members(values, wording.option("option", name.strip()))


def option_names(methods: Sequence[str]) -> list[str]:
    """Names of the options that some methods have, each once.

    Raises:
        InputError: an unknown method.
    """
    specs = [registry.get_method(name) for name in methods]
    fields = [field.name for spec in specs for field in dataclasses.fields(spec.options)]
    return list(dict.fromkeys([*fields, *(name for spec in specs for name in spec.arithmetic_options)]))

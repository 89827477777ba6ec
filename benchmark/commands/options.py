"""The command line's options and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from crossvad.evaluation.columns import KEYS
from crossvad.planning import catalogue
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import listed
from crossvad.planning.protocol import SUPPORTS


def _completed(incomplete: str, known: Iterable[str], lead: str = "") -> list[CompletionItem]:
    """Complete the last name of a list, before which there is a comma or, where data sets are joined, a +."""
    last = re.split("[,+]", incomplete)[-1]
    lead += incomplete.removesuffix(last)
    return [CompletionItem(lead + name) for name in known if name.startswith(last)]


class Names(click.ParamType):
    """A list of names, comma-separated; commas inside brackets belong to options: apn[prototypes=5,cycles=1],lmn."""

    name = "names"

    def __init__(self, known: Callable[[], Sequence[str]] | None = None) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split at the commas that are not inside brackets."""
        return value if isinstance(value, list) else listed(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the last name of the list."""
        return _completed(incomplete, self.known() if self.known else ())


class Name(click.ParamType):
    """One name, completed from those known; it may be another one, such as path:DIR."""

    name = "name"

    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        self.known = known

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the name, or the last of those that are joined."""
        return _completed(incomplete, self.known())


class Condition(click.ParamType):
    """KEY=VALUE[,VALUE], the key and what is known of its values completed."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the key, or the last of the values."""
        key, equals, values = incomplete.partition("=")
        if not equals:
            return [CompletionItem(f"{name}=") for name in KEYS if name.startswith(key)]
        return _completed(values, VALUES[key]() if key in VALUES else (), lead=f"{key}=")


class Numbers(click.ParamType):
    """A list of whole numbers, comma-separated: 0,1,5,10."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Read the numbers, keep their order, drop repeats."""
        if isinstance(value, list):
            return value
        try:
            return list(dict.fromkeys(int(part) for part in value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is no list of whole numbers such as 0,1,5,10", param, ctx)


VALUES: dict[str, Callable[[], Iterable[str]]] = {  # of the keys whose values have names
    "method": lambda: catalogue.METHODS,
    "source": catalogue.dataset_names,
    "target": catalogue.dataset_names,
    "support": lambda: ("none", *SUPPORTS),
    "tuning": lambda: catalogue.TUNINGS,
    "budget": lambda: BUDGETS,
}
METHODS = Names(lambda: list(catalogue.METHODS))
TUNINGS = Names(lambda: list(catalogue.TUNINGS))
DATASETS = Names(catalogue.dataset_names)
DATASET = click.argument("name", type=Name(catalogue.dataset_names))


def _listed(name: str, kind: Any, default: str, text: str) -> Callable:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


def stacked(*options: Callable) -> Callable:
    """Several options as one decorator, listed by --help in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def where(what: str = "cells") -> Callable:
    """Make the option `--where`, which says what stored results are about."""
    return click.option(
        "--where", type=Condition(), multiple=True, help=f"Keep {what} where KEY=VALUE[,VALUE]. May be repeated."
    )


def stated(context: click.Context) -> dict[str, Any]:
    """The options that were given, by name, without those that are at their default."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }


PATH = click.Path(path_type=Path)
RULES = click.option(
    "--protocol", "rules", default="fair", show_default=True, help="Read stored scores by these rules."
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
BUDGET = click.option(
    "--budget", type=click.Choice(list(BUDGETS)), default="quick", show_default=True, help="How much."
)
QUIET = click.option("--quiet", is_flag=True, help="No progress, only the result.")
STORED = click.option("--stored", is_flag=True, help="Run nothing: read what is stored, which needs no data.")
JOBS = click.option("--jobs", type=click.IntRange(1), help="Files at a time. [one per core]")
DATA = click.option("--data", type=PATH, help="Folder of the archives. [$CROSSVAD_DATA, else ./data]")
RESULTS = click.option("--results", type=PATH, default="results", show_default=True, help="Folder that keeps the runs.")
PLACES = stacked(DATA, RESULTS)
AMOUNTS = stacked(
    _listed("--shots", Numbers(), "0,1,5,10", "Support clips, K; 0 is always run too."),
    _listed("--steps", Numbers(), "1", "Gradient steps on the support set."),
    _listed("--tuning", TUNINGS, "finetune", "How to adapt: none, finetune, head, norm, maml, anil, metasgd."),
    _listed("--seeds", Numbers(), "0", "At least three for a claim."),
    BUDGET,
    _listed("--protocol", str, "fair", "fair, paper, or fair@N for up to N shots."),
    click.option("--support", type=click.Choice(SUPPORTS), help="Where support sets come from. [the protocol's]"),
    _listed("--device", str, "auto", "auto, cpu, cuda, cuda:1, …"),
    click.option("--maps", is_flag=True, help="Keep scores per pixel, for RBDC and TBDC: up to 16 kB a frame."),
    click.option("--skip-bad", is_flag=True, help="Leave out training videos that cannot be read."),
    QUIET,
)

"""`bench tunings`: the ways to adapt, what there is to know of each, whether it keeps the contract, and new ones."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.new import FOLDER, NAME, write_plugin
from crossvad.commands.options import Name
from crossvad.commands.plugin_tables import show_passed_over, show_verdicts
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue, plugins

TUNING = click.argument("tuning", type=Name(catalogue.tuning_names))


@click.group(cls=Group)
def tunings() -> None:
    """How methods adapt: list, info, check, new."""


@tunings.command("list")
def list_tunings() -> None:
    """Every tuning by name, those of installed packages last, and what it does."""
    from crossvad.planning import registry
    from crossvad.present.terminal import console, plain_table

    rows = []
    for name in catalogue.tuning_names():
        try:
            rows.append([name, _summary(registry.get_tuning(name).cls)])
        except InputError as error:
            rows.append([name, f"{error.problem}: {error.fix}"])
    console().print(plain_table(("tuning", "what it does"), rows))
    show_passed_over(plugins.TUNINGS, catalogue.TUNINGS)


@tunings.command()
@TUNING
def info(tuning: str) -> None:
    """All there is to know of a tuning (name, name[option=value] or file.py:Class).

    \b
    bench tunings info metasgd
    bench tunings info my_tuning.py:MyTuning
    """
    from crossvad.planning import registry
    from crossvad.planning.method_info import options_of
    from crossvad.present.terminal import console, plain_table

    spec = registry.get_tuning(tuning)
    tried = ", ".join(f"{rate:g}" for rate in spec.cls.RATES)
    rows = [
        ["what", _summary(spec.cls)],
        ["on the source", "learns how to adapt" if spec.cls.learns else "learns nothing"],
        ["how far it steps", f"{spec.cls.rate}; at 0 it is chosen on the source, of {tried}" if tried else "as it is"],
    ]
    console().print(plain_table(("", spec.label), rows))
    if options := options_of(spec.cls):
        console().print(plain_table(("option", "default", "may be", "what it decides"), options))


@tunings.command("check")
@TUNING
def check_tuning(tuning: str) -> None:
    """Put a tuning (name or file.py:Class) through the tests that every tuning must pass."""
    from crossvad.planning import registry
    from crossvad.verification.tuning_conformance import tuning_verdicts

    show_verdicts(tuning_verdicts(registry.get_tuning(tuning)))


@tunings.command("new")
@NAME
@FOLDER
def new_tuning(name: str, folder: Path) -> None:
    """Write NAME.py, a tuning that works and is yours to change, and its test. Overwrites nothing.

    \b
    bench tunings new my_tuning
    bench tunings new my_tuning --folder my_project
    """
    tell(*write_plugin("tuning", "tuning", name, folder))


def _summary(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]

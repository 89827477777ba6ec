"""`bench methods`: what is benchmarked, and whether it keeps the contract."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from crossvad import registry
from crossvad.budget import BUDGETS
from crossvad.conformance import check_adapter
from crossvad.options import BUDGET
from crossvad.present.tables import MISSING, console


@click.group()
def methods() -> None:
    """What is benchmarked: list, check."""


@methods.command("list")
@BUDGET
def list_methods(budget: str) -> None:
    """Every method by name, with its clip and its size at a budget."""
    shown = Table("method", "clip", "scored frame", "parameters", "adapted", "paper", title=f"at budget {budget}")
    for name in registry.METHODS:
        adapter = registry.method(name).build(BUDGETS[budget])
        adapted = sum(p.numel() for p in adapter.adaptable_parameters().values())
        sizes = [f"{number:,}" if number else MISSING for number in (adapter.parameter_count(), adapted)]
        shown.add_row(name, str(adapter.clip.frames), str(adapter.clip.scored + 1), *sizes, adapter.paper or MISSING)
    console().print(shown)


@methods.command("check")
@click.argument("method")
def check_method(method: str) -> None:
    """Put a method (name or file.py:Class) through the tests that every method must pass."""
    shown, failed = Table("rule", "", "what was seen"), False
    for verdict in check_adapter(registry.method(method)):
        failed |= not verdict.holds
        shown.add_row(verdict.rule, "holds" if verdict.holds else "BROKEN", verdict.seen)
    console().print(shown)
    if failed:
        sys.exit(1)

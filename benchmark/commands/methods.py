"""`bench methods`: what is benchmarked, what there is to know of it, and whether it keeps the contract."""

from __future__ import annotations

import sys

import click

from crossvad.commands.options import BUDGET, Name
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.method_info import MethodInfo, describe
from crossvad.present.tables import MISSING
from crossvad.present.terminal import console, plain_table
from crossvad.verification.conformance import check_adapter

METHOD = click.argument("method", type=Name(lambda: list(catalogue.METHODS)))


@click.group()
def methods() -> None:
    """What is benchmarked: list, info, check."""


@methods.command("list")
@BUDGET
def list_methods(budget: str) -> None:
    """Every method by name, with its clip, its cues and its size at a budget."""
    rows = []
    for name in catalogue.METHODS:
        known = describe(registry.get_method(name), BUDGETS[budget])
        sizes = [f"{number:,}" if number else MISSING for number in (known.parameters, sum(known.adapted.values()))]
        rows.append([name, str(known.frames), ", ".join(known.cues), *sizes, known.paper or MISSING])
    heads = ("method", "frames", "cues", "parameters", "adapted", "paper")
    console().print(plain_table(heads, rows, title=f"at budget {budget}"))


@methods.command()
@METHOD
@BUDGET
def info(method: str, budget: str) -> None:
    """All there is to know of a method (name, name[option=value] or file.py:Class) without training it.

    \b
    bench methods info apn
    bench methods info 'apn[levels=3]' --budget paper
    """
    known = describe(registry.get_method(method), BUDGETS[budget])
    shown = console()
    rows = [[name, text] for name, text in _described(known, budget).items() if text]
    shown.print(plain_table(("", known.name), rows))
    if known.options:
        shown.print(plain_table(("option", "default", "may be", "what it decides"), known.options))


@methods.command("check")
@METHOD
def check_method(method: str) -> None:
    """Put a method (name or file.py:Class) through the tests that every method must pass."""
    rows, failed = [], False
    for verdict in check_adapter(registry.get_method(method)):
        failed |= not verdict.holds
        rows.append([verdict.rule, "holds" if verdict.holds else "BROKEN", verdict.measured])
    console().print(plain_table(("rule", "", "what was seen"), rows))
    if failed:
        sys.exit(1)


def _described(known: MethodInfo, budget: str) -> dict[str, str]:
    schedule = known.schedule
    trained = schedule and (
        f"{schedule.steps:,} steps of {schedule.batch} clips, {schedule.optimizer}, learning rate "
        f"{schedule.learning_rate:g}, {'cosine decay to zero' if schedule.decay == 'cosine' else 'constant'}"
    )
    parts = ", ".join(f"{part} {count:,}" for part, count in known.adapted.items())
    return {
        "what": known.summary,
        "paper": known.paper,
        "authors' code": f"licence: {known.licence}; nothing of it is copied" if known.licence else "",
        "clip": f"{known.frames} frames, number {known.scored + 1} is scored" if known.frames > 1 else "a single frame",
        "cues": ", ".join(f"{cue} ({share:.0%} of the fused score)" for cue, share in known.cues.items()),
        f"size at {budget}": f"{known.parameters:,} parameters",
        "adapts to a scene": f"{sum(known.adapted.values()):,} of them: {parts}" if parts else "",
        f"training at {budget}": trained or "none",
        "known deviations": "\n".join(f"• {text}" for text in known.deviations),
    }

"""`bench methods`: what is benchmarked, what there is to know of it, and whether it keeps the contract."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import BUDGET, Name
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue
from crossvad.planning.budgets import BUDGETS

if TYPE_CHECKING:
    from crossvad.planning.method_info import MethodInfo

METHOD = click.argument("method", type=Name(lambda: list(catalogue.METHODS)))


@click.group(cls=Group)
def methods() -> None:
    """What is benchmarked: list, info, check."""


@methods.command("list")
@BUDGET
def list_methods(budget: str) -> None:
    """Every method by name, with its clip, its cues and its size at a budget."""
    from crossvad.planning import registry
    from crossvad.planning.method_info import describe
    from crossvad.present.tables import MISSING
    from crossvad.present.terminal import console, plain_table

    rows = []
    for name in catalogue.METHODS:
        try:
            facts = describe(registry.get_method(name), BUDGETS[budget])
        except InputError as error:  # such as one whose extra is not installed
            rows.append([name, "", f"{error.problem}: {error.fix}", "", "", ""])
            continue
        sizes = [f"{number:,}" if number else MISSING for number in (facts.parameters, sum(facts.adapted.values()))]
        rows.append([name, str(facts.frames), ", ".join(facts.cues), *sizes, facts.paper or MISSING])
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
    from crossvad.planning import registry
    from crossvad.planning.method_info import describe
    from crossvad.present.terminal import console, plain_table

    facts = describe(registry.get_method(method), BUDGETS[budget])
    terminal = console()
    rows = [[name, text] for name, text in _described(facts, budget).items() if text]
    terminal.print(plain_table(("", facts.name), rows))
    if facts.options:
        terminal.print(plain_table(("option", "default", "may be", "what it decides"), facts.options))


@methods.command("check")
@METHOD
def check_method(method: str) -> None:
    """Put a method (name or file.py:Class) through the tests that every method must pass."""
    from crossvad.planning import registry
    from crossvad.present.terminal import console, plain_table
    from crossvad.verification.conformance import check_adapter

    rows, failed = [], False
    for verdict in check_adapter(registry.get_method(method)):
        failed |= not verdict.holds
        rows.append([verdict.rule, "holds" if verdict.holds else "BROKEN", verdict.measured])
    console().print(plain_table(("rule", "", "what was seen"), rows))
    if failed:
        sys.exit(1)


def _described(facts: MethodInfo, budget: str) -> dict[str, str]:
    schedule = facts.schedule
    trained = schedule and (
        f"{schedule.steps:,} steps of {schedule.batch} clips, {_stepping(facts.optimizers)}, "
        f"{'cosine decay to zero' if schedule.decay == 'cosine' else 'constant'}"
    )
    parts = ", ".join(f"{part} {count:,}" for part, count in facts.adapted.items())
    parts = parts and f"{sum(facts.adapted.values()):,} of them: {parts}"
    return {
        "what": facts.summary,
        "paper": facts.paper,
        "authors' code": f"licence: {facts.licence}; nothing of it is copied" if facts.licence else "",
        "clip": f"{facts.frames} frames, number {facts.scored + 1} is scored" if facts.frames > 1 else "a single frame",
        "cues": ", ".join(f"{cue} ({share:.0%} of the fused score)" for cue, share in facts.cues.items())
        or "not to be seen before it is fitted",
        f"size at {budget}": f"{facts.parameters:,} parameters"
        + (f", and {facts.frozen:,} of pretrained parts, which stay as they are" if facts.frozen else ""),
        "transductive": "ranks frames by the whole test video or scene: tables mark it" if facts.transductive else "",
        "adapts to a scene": "in closed form" if facts.calibrated else parts,
        f"training at {budget}": trained or ("its own way" if facts.own_fit else "none"),
        "by protocol paper": f"each cue stretched to [0, 1] per video; {facts.published_evaluation}",
        "known deviations": "\n".join(f"• {text}" for text in facts.deviations),
        "presets": "\n".join(f"[{preset}] says {said}" for preset, said in facts.presets.items()),
        "as every method": "\n".join(f"[{name}={'|'.join(known)}]" for name, known in facts.arithmetic.items()),
    }


def _stepping(optimizers: dict[str, str]) -> str:
    """Say what steps: adam at 0.0002; of several, which part each moves."""
    if len(optimizers) == 1:
        return next(iter(optimizers.values()))
    return ", ".join(f"{part} by {how}" for part, how in optimizers.items())

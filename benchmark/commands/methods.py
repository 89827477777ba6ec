"""`bench methods`: what is benchmarked, what there is to know of it, whether it keeps the contract, and new ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.new import FOLDER, NAME, write_plugin
from crossvad.commands.options import BUDGET, Name
from crossvad.commands.plugin_tables import show_passed_over, show_verdicts
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue, plugins
from crossvad.planning.budgets import BUDGETS

if TYPE_CHECKING:
    from crossvad.planning.method_info import MethodInfo

KINDS = {"trainable": "trainable", "closed-form": "closed_form", "whole-video": "whole_video"}  # to their templates
METHOD = click.argument("method", type=Name(catalogue.method_names))


@click.group(cls=Group)
def methods() -> None:
    """What is benchmarked: list, info, check, new."""


@methods.command("list")
@BUDGET
def list_methods(budget: str) -> None:
    """Every method by name, those of installed packages last, with its clip, its cues and its size at a budget."""
    from crossvad.planning import registry
    from crossvad.planning.method_info import describe
    from crossvad.present.tables import MISSING
    from crossvad.present.terminal import console, plain_table

    rows = []
    for name in catalogue.method_names():
        try:
            facts = describe(registry.get_method(name), BUDGETS[budget])
        except InputError as error:  # such as one whose extra is not installed
            rows.append([name, "", f"{error.problem}: {error.fix}", "", "", ""])
            continue
        except Exception as error:  # whatever a method of somebody's does
            if name in catalogue.METHODS:
                raise
            rows.append([name, "", f"{type(error).__name__}: {error}: see bench methods check {name}", "", "", ""])
            continue
        sizes = [f"{number:,}" if number else MISSING for number in (facts.parameters, sum(facts.adapted.values()))]
        rows.append([name, str(facts.frames), ", ".join(facts.cues), *sizes, facts.paper or MISSING])
    heads = ("method", "frames", "cues", "parameters", "adapted", "paper")
    console().print(plain_table(heads, rows, title=f"at budget {budget}"))
    show_passed_over(plugins.METHODS, catalogue.METHODS)


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
    from crossvad.verification.conformance import adapter_verdicts

    show_verdicts(adapter_verdicts(registry.get_method(method)))


@methods.command("new")
@NAME
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="trainable",
    show_default=True,
    help="How it comes to know what is normal: by gradients, by a formula, or from the video that it scores.",
)
@FOLDER
def new_method(name: str, kind: str, folder: Path) -> None:
    """Write NAME.py, a method that works and is yours to change, and its test. Overwrites nothing.

    \b
    bench methods new my_method
    bench methods new my_method --kind closed-form --folder my_project
    """
    tell(*write_plugin("method", KINDS[kind], name, folder))


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

"""`bench datasets` and `bench methods`: what there is, and whether it is sound."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table

from crossvad import registry
from crossvad.budget import BUDGETS
from crossvad.conformance import check_adapter
from crossvad.datasets.base import Dataset, InputError
from crossvad.options import BUDGET, DATA, root
from crossvad.present.tables import MISSING, console


@click.group()
def datasets() -> None:
    """What there is to train on and to score: list, info, check."""


@datasets.command("list")
@DATA
def list_datasets(data: Path | None) -> None:
    """Every data set by name, and whether it is at hand."""
    shown = Table("data set", "train videos", "test videos", "at hand")
    for name in registry.dataset_names():
        try:
            found = registry.dataset(name, root(data))
            counts = [str(sum(len(scene.videos) for scene in found.scenes(split))) for split in ("train", "test")]
            shown.add_row(name, *counts, "yes")
        except InputError as error:
            shown.add_row(name, MISSING, MISSING, f"no: {error.problem}")
    console().print(shown)
    console().print("Your own footage: path:DIR", highlight=False)


@datasets.command()
@click.argument("name")
@DATA
def info(name: str, data: Path | None) -> None:
    """Scenes, videos, frames, and how much of the test frames is abnormal."""
    found = registry.dataset(name, root(data))
    shown = Table("split", "scene", "videos", "frames", "abnormal", "all abnormal", "abnormal in first 5", title=name)
    for split in ("train", "test"):
        for scene in found.scenes(split):
            frames = sum(len(video) for video in scene.videos)
            facts = _label_facts(found, [video.name for video in scene.videos]) if split == "test" else [MISSING] * 3
            shown.add_row(split, scene.name, str(len(scene.videos)), str(frames), *facts)
    console().print(shown)
    for attribute in ("directory", "layout"):
        if hasattr(found, attribute):
            console().print(f"{attribute}: {getattr(found, attribute)}", highlight=False, markup=False)


@datasets.command()
@click.argument("name")
@DATA
def check(name: str, data: Path | None) -> None:
    """Every problem of a data set's files at once. Exit code 1 if one is an error."""
    problems = registry.dataset(name, root(data)).check()
    shown = Table("", "where", "problem", "what to do")
    for problem in problems:
        shown.add_row(problem.severity, problem.where, problem.problem, problem.fix)
    console().print(shown if problems else f"{name}: no problems")
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


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


def _label_facts(found: Dataset, names: list[str]) -> list[str]:
    try:
        labels = [found.labels(name) for name in names]
    except InputError as error:
        return [error.problem, MISSING, MISSING]
    share = 100 * sum(int(each.sum()) for each in labels) / sum(map(len, labels))
    return [
        f"{share:.1f} %",
        f"{sum(bool(each.all()) for each in labels)} videos",
        f"{sum(bool(each[:5].any()) for each in labels)} videos",
    ]

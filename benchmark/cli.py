"""The command line: `bench run`, `bench matrix`, `bench table`, `bench datasets`, `bench methods`. Thin on purpose."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from crossvad import __version__, registry
from crossvad.budget import BUDGETS
from crossvad.conformance import check_adapter
from crossvad.datasets.base import Dataset, InputError
from crossvad.datasets.frames import FrameCache
from crossvad.evaluation.rows import KEYS, METRICS, table
from crossvad.plan import Grid
from crossvad.present import tables
from crossvad.progress import Reporter
from crossvad.protocol import SUPPORTS, protocol
from crossvad.runner import Runner, device
from crossvad.store import Record, Store

DEFAULT_METHODS = "apn,memae,lmn"


class Names(click.ParamType):
    """A list of names, comma-separated; commas inside brackets belong to options: apn[prototypes=5,cycles=1],lmn."""

    name = "names"

    def __init__(self, known: Callable[[], Sequence[str]] | None = None) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split at the commas that are not inside brackets."""
        if isinstance(value, list):
            return value
        parts, depth = [""], 0
        for character in value:
            depth += {"[": 1, "]": -1}.get(character, 0)
            if character == "," and depth == 0:
                parts.append("")
            else:
                parts[-1] += character
        return [part.strip() for part in parts if part.strip()]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Complete the last name of the list."""
        done, _, last = incomplete.rpartition(",")
        lead = f"{done}," if done else ""
        known = self.known() if self.known else ()
        return [click.shell_completion.CompletionItem(lead + name) for name in known if name.startswith(last)]


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


METHODS = Names(lambda: list(registry.METHODS))
TUNINGS = Names(lambda: list(registry.TUNINGS))
DATASETS = Names(registry.dataset_names)


def options(*which: Callable) -> Callable:
    """Several options as one decorator, in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(which):
            command = option(command)
        return command

    return decorate


PLACES = options(
    click.option("--data", type=click.Path(path_type=Path), help="Folder of the archives. [$CROSSVAD_DATA, else ./data]"),
    click.option(
        "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Where runs are kept."
    ),
)
AMOUNTS = options(
    click.option("--shots", type=Numbers(), default="0,1,5,10", show_default=True, help="Support clips, K; 0 is always run too."),
    click.option("--steps", type=Numbers(), default="1", show_default=True, help="Gradient steps on the support set."),
    click.option("--tuning", type=TUNINGS, default="finetune", show_default=True, help="How to adapt: none, finetune, metasgd."),
    click.option("--seeds", type=Numbers(), default="0", show_default=True, help="At least three for a claim."),
    click.option("--budget", type=click.Choice(list(BUDGETS)), default="quick", show_default=True, help="How much training."),
    click.option("--protocol", "protocol_name", default="fair", show_default=True, help="fair, paper, or fair@N."),
    click.option("--support", type=click.Choice(SUPPORTS), help="Where support sets come from. [the protocol's]"),
    click.option("--device", "device_name", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …"),
    click.option("--quiet", is_flag=True, help="No progress, only the table."),
)


@dataclass(frozen=True)
class Plan:
    """What `run` and `matrix` both take, still as text."""

    sources: list[str]
    targets: list[str]
    methods: list[str]
    tuning: list[str]
    shots: list[int]
    steps: list[int]
    seeds: list[int]
    budget: str
    protocol: str
    support: str | None

    def grid(self, root: Path) -> Grid:
        """Look every name up. The rows that no table goes without (trivial ones, K = 0) are always part of it.

        Raises:
            InputError: an unknown name, or data that is not there.
        """
        methods = [registry.method(text) for text in [*self.methods, *registry.TRIVIAL]]
        rules = protocol(self.protocol)
        return Grid(
            methods=list({method.label: method for method in methods}.values()),
            sources=[registry.dataset(name, root) for name in self.sources],
            targets=[registry.dataset(name, root) for name in self.targets],
            tunings=[registry.tuning(text) for text in self.tuning],
            shots=list(dict.fromkeys([0, *self.shots])),
            steps=self.steps,
            seeds=self.seeds,
            budget=BUDGETS[self.budget],
            protocol=rules,
            support=self.support or rules.support,
        )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def bench(debug: bool) -> None:
    """Which video anomaly detector still works on a camera it has never seen?

    \b
    bench run --source synthetic-street --target synthetic-plaza      needs no data
    bench run --source ped2 --target ped1 --data DIR --support test-head
    bench matrix --sources ped2,synthetic-street --targets ped2,synthetic-plaza --data DIR
    bench table --rows source --columns target --where method=apn
    """


@bench.command()
@click.option("--source", type=str, required=True, help="Train on this: a data set's name, or path:DIR.")
@click.option("--target", type=str, required=True, help="Adapt to and score this.")
@click.option("--method", type=METHODS, multiple=True, help=f"Name, name[option=value] or file.py:Class. [{DEFAULT_METHODS}]")
@PLACES
@AMOUNTS
def run(source: str, target: str, method: tuple[list[str], ...], data: Path | None, results: Path, **amounts: Any) -> None:
    """Train on a source, adapt to a target, score every test frame, print the table.

    \b
    bench run --source synthetic-street --target synthetic-plaza --budget smoke
    bench run --source ped2 --target ped2 --data DIR --method apn --shots 0,10 --tuning finetune,metasgd
    bench run --source path:my_camera --target ped2 --method 'apn[prototypes=20]' --method my_file.py:MyMethod
    """
    methods = [name for names in method for name in names] or DEFAULT_METHODS.split(",")
    quiet, device_name = amounts.pop("quiet"), amounts.pop("device_name")
    plan = Plan([source], [target], methods, protocol=amounts.pop("protocol_name"), **amounts)
    _execute(plan, data, results, quiet, device_name, leave_out=False)


@bench.command()
@click.argument("suite", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--sources", type=DATASETS, help="Comma-separated.")
@click.option("--targets", type=DATASETS, help="Comma-separated; the sources, if left out.")
@click.option("--methods", type=METHODS, help=f"Comma-separated. [{DEFAULT_METHODS}]")
@PLACES
@AMOUNTS
@click.pass_context
def matrix(
    ctx: click.Context,
    suite: Path | None,
    sources: list[str] | None,
    targets: list[str] | None,
    methods: list[str] | None,
    data: Path | None,
    results: Path,
    **amounts: Any,
) -> None:
    """Run every source/target pair of a list, or of a SUITE file (TOML), whose entries the options override.

    \b
    bench matrix --sources synthetic-street,ped2 --targets synthetic-plaza,ped2 --data DIR
    bench matrix suite.toml        # sources = ["ped2"]  targets = ["ped1"]  methods = ["apn"]  shots = [0, 10]
    """
    quiet, device_name = amounts.pop("quiet"), amounts.pop("device_name")
    amounts["protocol"] = amounts.pop("protocol_name")
    told = {name: value for name, value in (("sources", sources), ("targets", targets), ("methods", methods)) if value}
    default = click.core.ParameterSource.DEFAULT
    told |= {
        name: value
        for name, value in amounts.items()
        if ctx.get_parameter_source("protocol_name" if name == "protocol" else name) != default
    }
    entries = {**amounts, "methods": DEFAULT_METHODS.split(","), **(_suite(suite) if suite else {}), **told}
    if "sources" not in entries:
        raise InputError("bench matrix", "has no sources", "give --sources, or a suite file with sources = […]")
    plan = Plan(**{"targets": entries["sources"], **entries})
    _execute(plan, data, results, quiet, device_name, leave_out=True)


@bench.command("table")
@click.option("--rows", type=Names(lambda: KEYS), default="method,tuning", show_default=True, help="Keys that go down.")
@click.option("--columns", type=Names(lambda: KEYS), default="shots", show_default=True, help="Keys that go across.")
@click.option("--matrix", "as_matrix", is_flag=True, help="Source x target, a block per method.")
@click.option("--where", multiple=True, help="Keep rows where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--metric", type=click.Choice(METRICS), default="auc", show_default=True)
@click.option("--protocol", "protocol_name", default="fair", show_default=True, help="Read stored scores by these rules.")
@click.option(
    "--format", "style", type=click.Choice(["rich", "md", "csv", "long"]), default="rich", show_default=True,
    help="long: one tidy row per cell, as CSV.",
)  # fmt: skip
@PLACES
def table_command(
    rows: list[str], columns: list[str], as_matrix: bool, where: tuple[str, ...], metric: str, protocol_name: str,
    style: str, data: Path | None, results: Path,
) -> None:  # fmt: skip
    """Turn stored scores into a table. Nothing is trained or scored.

    \b
    bench table --matrix --where shots=10
    bench table --rows method --columns target,shots --where budget=quick,method=apn --format md
    bench table --format long > all.csv
    """
    store = Store(results)
    tidy = table(store, store.records(), protocol(protocol_name))
    for condition in where:
        tidy = _filtered(tidy, condition)
    if tidy.empty:
        raise InputError(results, "holds no such cell", "run some with bench run, or loosen --where")
    if style == "long":
        click.echo(tidy.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    budgets = tidy["budget"].unique()
    if len(budgets) > 1:
        raise InputError("this table", f"would mix budgets {', '.join(budgets)}", f"add --where budget={budgets[0]}")
    pivoted = tables.matrix(tidy, metric) if as_matrix else tables.pivot(tidy, rows, columns, metric)
    if style == "csv":
        click.echo(pivoted.to_csv(), nl=False)
    elif style == "md":
        click.echo(tables.markdown(pivoted, tables.caption(tidy, metric)), nl=False)
    else:
        _show(pivoted, tidy, metric)


@bench.group()
def datasets() -> None:
    """What there is to train on and to score: list, info, check."""


@datasets.command("list")
@PLACES
def list_datasets(data: Path | None, results: Path) -> None:
    """Every data set by name, and whether it is at hand."""
    shown = Table("data set", "train videos", "test videos", "at hand")
    for name in registry.dataset_names():
        try:
            found = registry.dataset(name, _root(data))
            counts = [str(sum(len(scene.videos) for scene in found.scenes(split))) for split in ("train", "test")]
            shown.add_row(name, *counts, "yes")
        except InputError as error:
            shown.add_row(name, tables.MISSING, tables.MISSING, f"no: {error.problem}")
    _console().print(shown)
    _console().print("Your own footage: path:DIR", highlight=False)


@datasets.command()
@click.argument("name")
@PLACES
def info(name: str, data: Path | None, results: Path) -> None:
    """Scenes, videos, frames, and how much of the test frames is abnormal."""
    found = registry.dataset(name, _root(data))
    shown = Table("split", "scene", "videos", "frames", "abnormal", "all abnormal", "abnormal in first 5", title=name)
    for split in ("train", "test"):
        for scene in found.scenes(split):
            frames = sum(len(video) for video in scene.videos)
            facts = _label_facts(found, [video.name for video in scene.videos]) if split == "test" else [tables.MISSING] * 3
            shown.add_row(split, scene.name, str(len(scene.videos)), str(frames), *facts)
    _console().print(shown)
    for attribute in ("directory", "layout"):
        if hasattr(found, attribute):
            _console().print(f"{attribute}: {getattr(found, attribute)}", highlight=False, markup=False)


@datasets.command()
@click.argument("name")
@PLACES
def check(name: str, data: Path | None, results: Path) -> None:
    """Every problem of a data set's files at once. Exit code 1 if one is an error."""
    problems = registry.dataset(name, _root(data)).check()
    shown = Table("", "where", "problem", "what to do")
    for problem in problems:
        shown.add_row(problem.severity, problem.where, problem.problem, problem.fix)
    _console().print(shown if problems else f"{name}: no problems")
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


@bench.group()
def methods() -> None:
    """What is benchmarked: list, check."""


@methods.command("list")
@click.option("--budget", type=click.Choice(list(BUDGETS)), default="quick", show_default=True)
def list_methods(budget: str) -> None:
    """Every method by name, with its clip and its size at a budget."""
    shown = Table("method", "clip", "scored frame", "parameters", "adapted", "paper", title=f"at budget {budget}")
    for name in registry.METHODS:
        adapter = registry.method(name).build(BUDGETS[budget])
        adapted = sum(p.numel() for p in adapter.adaptable_parameters().values())
        sizes = [f"{number:,}" if number else tables.MISSING for number in (adapter.parameter_count(), adapted)]
        shown.add_row(name, str(adapter.clip.frames), str(adapter.clip.scored + 1), *sizes, adapter.paper or tables.MISSING)
    _console().print(shown)


@methods.command("check")
@click.argument("method")
def check_method(method: str) -> None:
    """Put a method (name or file.py:Class) through the tests that every method must pass."""
    shown, failed = Table("rule", "", "what was seen"), False
    for verdict in check_adapter(registry.method(method)):
        failed |= not verdict.holds
        shown.add_row(verdict.rule, "holds" if verdict.holds else "BROKEN", verdict.seen)
    _console().print(shown)
    if failed:
        sys.exit(1)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a cell failed or a check found errors, 2 wrong use or bad input."""
    debug = "--debug" in sys.argv[1:]
    try:
        bench(standalone_mode=False)
    except InputError as error:
        if debug:
            raise
        _fail(f"Error: {error}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _fail("Stopped. The same command goes on where this one was.", 1)


def _execute(plan: Plan, data: Path | None, results: Path, quiet: bool, device_name: str, leave_out: bool) -> None:
    """Run a plan and print its table; exit with 1 if a cell failed."""
    chosen = device(device_name)
    grid = plan.grid(_root(data))
    store = Store(results)
    reporter = Reporter(quiet=quiet)
    records = Runner(store, FrameCache(), chosen, reporter).run(grid, leave_out)
    tidy = table(store, records, grid.protocol)
    several = len(grid.sources) * len(grid.targets) > 1
    down, across = (["method", "source"], ["target", "shots"]) if several else (["method", "tuning"], ["shots"])
    for metric in ("auc", "paper_auc") if grid.protocol.common_mask else ("auc",):
        pivoted = tables.pivot(_in_order(tidy, grid), down, across, metric)
        _show(pivoted, tidy, metric)
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        last = record.reason.strip().splitlines()[-1]
        reporter.say(f"failed: {record.cell}: {last} ({store.place('cells', record.cell.key) / 'record.json'})")
    reporter.say(f"Scores of these {len(records)} cells: {store.root / 'cells'}. More tables of them: bench table --help")
    if failed:
        sys.exit(1)


def _in_order(tidy: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Rows in the order the user named things, trivial methods last."""
    order = {method.label: number for number, method in enumerate(grid.methods)}
    return tidy.sort_values("method", key=lambda names: names.map(order), kind="stable")


def _root(data: Path | None) -> Path:
    return data or Path(os.environ.get("CROSSVAD_DATA") or "data")


def _show(pivoted: pd.DataFrame, tidy: pd.DataFrame, metric: str) -> None:
    console = _console()
    console.print(tables.rich_table(pivoted, _title(tidy)))
    console.print(tables.caption(tidy, metric), highlight=False, markup=False)


def _title(tidy: pd.DataFrame) -> str:
    sources, targets = tidy["source"].unique(), tidy["target"].unique()
    return f"{', '.join(sources)} -> {', '.join(targets)}"


def _console() -> Console:
    # Wide enough for a table even where there is no terminal to ask for its width.
    return Console() if sys.stdout.isatty() else Console(width=150)


def _filtered(tidy: pd.DataFrame, condition: str) -> pd.DataFrame:
    key, equals, values = condition.partition("=")
    if not equals or key not in KEYS:
        raise InputError(f"--where {condition}", "cannot be read", f"write KEY=VALUE with a key of {', '.join(KEYS)}")
    return tidy[tidy[key].astype(str).isin(values.split(","))]


def _suite(path: Path) -> dict[str, Any]:
    """The entries of a suite file.

    Raises:
        InputError: it is not there, is not TOML, or has an entry of an unknown name or type.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "write a TOML file; see bench matrix --help") from error
    kinds: dict[str, type] = {name: list for name in ("sources", "targets", "methods", "tuning", "shots", "steps", "seeds")}
    kinds |= {"budget": str, "protocol": str, "support": str}
    for name, value in entries.items():
        if name not in kinds:
            raise InputError(path, f"has an unknown entry {name!r}", f"known: {', '.join(kinds)}")
        whole = int if name in ("shots", "steps", "seeds") else str
        if not isinstance(value, kinds[name]) or (kinds[name] is list and not all(type(v) is whole for v in value)):
            raise InputError(path, f"{name} = {value!r} is of the wrong type", f"write a {kinds[name].__name__} of {whole.__name__}")
    if entries.get("budget", "quick") not in BUDGETS:
        raise InputError(path, f"budget {entries['budget']!r} is unknown", f"choose from {', '.join(BUDGETS)}")
    return entries


def _label_facts(found: Dataset, names: list[str]) -> list[str]:
    try:
        labels = [found.labels(name) for name in names]
    except InputError as error:
        return [error.problem, tables.MISSING, tables.MISSING]
    share = 100 * sum(int(each.sum()) for each in labels) / sum(map(len, labels))
    return [f"{share:.1f} %", f"{sum(bool(each.all()) for each in labels)} videos", f"{sum(bool(each[:5].any()) for each in labels)} videos"]


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)


__all__ = ["Record", "bench", "main"]
